//! From the arguments of a snapshot to what will be done.

use std::path::PathBuf;

use preinit::Options;
use preinit::host::{HostOptions, Output as GuestOutput};
use preinit::stages::cache::{CacheError, CacheSection};

use super::args::{LimitArgs, MessageArgs, SnapshotArgs, usage_error};
use super::caches::Caches;
use super::called_as::{CalledAs, WIZER_INIT_FUNCTIONS};
use super::embedding::Embedding;
use super::host_conversion::{host_options, limits};
use super::import_names::ImportNames;
use super::input::{Input, Reading};
use super::messages::{Level, Messages};
use super::output::{InputFiles, Output};
use super::side_outputs::{ReportOutput, SideOutputs, optional};
use super::terminal;

/// Part of the command line has no effect, and `--strict` makes that an error.
#[derive(Debug, thiserror::Error)]
#[error("refused, since warnings are errors (--strict):{}", .0.iter().map(|warning| format!("\n  {warning}")).collect::<String>())]
pub struct Refused(pub Vec<String>);

/// Says what of a command line other than a snapshot's has no effect, and ends there with --untrusted.
pub fn said(warnings: Vec<String>, limits: &LimitArgs, quiet: u8) -> Result<(), Refused> {
    if limits.untrusted && !warnings.is_empty() {
        return Err(Refused(warnings));
    }
    terminal::warn(if quiet > 1 { &[] } else { &warnings });
    Ok(())
}

/// A snapshot to be made: everything is checked that can be checked before the module is read.
pub struct SnapshotRequest {
    /// The module.
    pub input: Input,
    /// The directories that the module may write to.
    pub writable: Vec<PathBuf>,
    /// Files that go into it before anything else.
    pub embedding: Embedding,
    /// Where the snapshot goes.
    pub output: Output,
    /// What else is written.
    pub side_outputs: SideOutputs,
    /// How to run it.
    pub options: Options,
    /// Whether what init writes to standard output is held back, because something else goes there.
    pub guest_stdout_captured: bool,
    /// Whether a terminal gets what init prints as it is.
    pub guest_output_asked_for: bool,
    /// Where snapshots are kept between runs.
    pub results: Option<CacheSection>,
    /// Why the platform's cache directory is not used, if it should be.
    pub cache_obstacle: Option<CacheError>,
    /// Names of imports that options name, which must exist; `None` where it does not matter.
    pub names: Option<ImportNames>,
    /// Code that was compiled before.
    pub prepared: Option<PathBuf>,
    /// Whether the module is one that nobody trusts.
    pub is_untrusted: bool,
    /// Whether the snapshot must be verified before it is written.
    pub verify: bool,
    /// What to print.
    pub messages: Messages,
}

impl SnapshotRequest {
    /// Opens and reads what the arguments name, except for the module.
    pub fn new(mut args: SnapshotArgs, called_as: CalledAs) -> anyhow::Result<Self> {
        let mut warnings = std::mem::take(&mut args.wasmtime).apply(&mut args)?;
        let calls_more = args.scrub || !args.before_capture.is_empty();
        if args.verify && (args.zero_stack || args.reset_libc || calls_more) {
            return Err(usage_error(
                "--verify compares with what init has left, which --zero-stack, --reset-libc, --scrub and --before-capture change",
            ));
        }
        let input = Input::new(args.input.clone());
        if input.is_terminal() {
            return Err(usage_error("no INPUT is given, and standard input is a terminal"));
        }
        let writable = args.host.writable();
        let output = Output::new(args.output.as_deref(), &writable)?;
        if output.is_terminal() {
            return Err(usage_error(
                "the snapshot is binary and does not go to a terminal; give a file with -o",
            ));
        }
        let side_outputs = side_outputs(&args.messages, &writable)?;
        let read = InputFiles::of(args.host.files().chain(args.cache.prepared.as_deref()));
        side_outputs.check(&input, &read, Some(&output))?;

        let guest_stdout_captured = matches!(output, Output::Stdout) || side_outputs.use_stdout();
        // What the guest prints would run into the progress line.
        let guest_on_terminal = args.host.allow_wasi && args.host.inherit_stdio != Some(false);
        let watched = terminal::is_watched();
        let guest_output_asked_for = args.host.inherit_stdio == Some(true);
        let level = Level::of(args.messages.verbose, args.messages.quiet, watched, called_as);
        let (cache, verify, is_untrusted) = (args.cache.clone(), args.verify, args.limits.untrusted);
        let names = (called_as == CalledAs::Preinit).then(|| ImportNames::of(&args.host));
        let reading = Reading::within(args.limits.max_memory).beside(&writable);
        let embedding = Embedding::new(&args.host, reading, &mut warnings)?;
        let host = host_options(&args.host, reading, guest_stdout_captured, &mut warnings)?;
        let mut options = options(args, recording(host, &side_outputs), side_outputs.has_page());
        if called_as == CalledAs::Wizer {
            options.default_init_functions = WIZER_INIT_FUNCTIONS.map(String::from).to_vec();
        }
        if options.strict && !warnings.is_empty() {
            return Err(Refused(warnings).into());
        }
        let progress = level >= Level::Summary && watched && !guest_on_terminal;
        let messages = Messages { level, progress, warnings };
        let Caches { compiled, results, obstacle: cache_obstacle } =
            Caches::open(&cache, options.writable_directories())?;
        options.compile_cache = compiled;
        Ok(Self {
            input,
            writable,
            embedding,
            output,
            side_outputs,
            options,
            guest_stdout_captured,
            guest_output_asked_for,
            results,
            cache_obstacle,
            names,
            prepared: cache.prepared,
            is_untrusted,
            verify,
            messages,
        })
    }
}

fn side_outputs(args: &MessageArgs, writable: &[PathBuf]) -> anyhow::Result<SideOutputs> {
    Ok(SideOutputs {
        report: args.report.as_deref().map(|path| ReportOutput::new(path, writable)).transpose()?,
        ledger: args.ledger.as_deref().map(|path| Output::private(path, writable)).transpose()?,
        ledger_hash: args.ledger_hash,
        captured_stdout: optional(args.capture_stdout.as_deref(), writable)?,
        captured_stderr: optional(args.capture_stderr.as_deref(), writable)?,
    })
}

/// The host, with everything recorded that the side outputs need.
fn recording(mut host: HostOptions, outputs: &SideOutputs) -> HostOptions {
    host.ledger_backtraces = outputs.ledger.is_some() || outputs.has_page();
    if let Some(wasi) = &mut host.wasi {
        // What init prints is taken from the ledger, which a refused run has too.
        if outputs.captured_stdout.is_some() {
            wasi.stdout = GuestOutput::Discard;
        }
        if outputs.captured_stderr.is_some() {
            wasi.stderr = GuestOutput::Discard;
        }
    }
    host
}

fn options(args: SnapshotArgs, host: HostOptions, maps: bool) -> Options {
    Options {
        init_functions: args.init_functions,
        init_result: args.init_result.unwrap_or_default(),
        keep_init_functions: args.keep_init_func,
        renames: args.renames,
        internalize: args.form.internalize,
        fresh_imports: args.form.fresh_imports,
        layout: args.form.layout,
        cut_imports: args.cut_imports,
        allow_live_handles: args.allow_live_handles,
        keep_adapter_state: args.keep_adapter_state,
        strip_init: args.strip_init,
        optimize: args.optimize.or(args.no_optimize.then_some(false)),
        at: args.at,
        frames: args.frames.unwrap_or_default(),
        compile_cache: None,
        host,
        limits: limits(&args.limits),
        reset_libc: args.reset_libc,
        rebase_clock: args.rebase_clock,
        zero_stack: args.zero_stack,
        scrub: args.scrub,
        before_capture: args.before_capture,
        strict: args.strict,
        maps,
        default_proposals: args.limits.untrusted,
        ..Options::default()
    }
}
