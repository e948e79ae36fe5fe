//! From what was typed to what will be done.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use preinit::Options;
use preinit::cache::{CacheError, Section};
use preinit::host::{
    Class, Directory, HostOptions, ImportName, Limits, Output as GuestOutput, Policies, Preload, Stdin,
    WasiOptions,
};

use super::args::{HostArgs, LimitArgs, SnapshotArgs, definition};
use super::caches::Caches;
use super::input::{self, Input};
use super::output::Output;
use super::stderr;
use super::value::pair::{Mapping, Variable};

/// The command line has no effect in part, and `--strict` makes that an error.
#[derive(Debug, thiserror::Error)]
#[error("refused, since warnings are errors (--strict):{}", .0.iter().map(|warning| format!("\n  {warning}")).collect::<String>())]
pub struct Refused(pub Vec<String>);

/// A snapshot to be made: everything is checked that can be checked before the module is read.
pub struct Job {
    /// The module.
    pub input: Input,
    /// Where the snapshot goes.
    pub output: Output,
    /// Where the report goes.
    pub report: Option<Output>,
    /// Whether the report is a page of HTML.
    pub report_is_page: bool,
    /// Where the ledger goes.
    pub ledger: Option<Output>,
    /// Where standard output and standard error of init go, if into files.
    pub captured: [Option<Output>; 2],
    /// How to run it.
    pub options: Options,
    /// Whether what init writes to standard output is held back, because something else goes there.
    pub guest_stdout_captured: bool,
    /// Whether to draw the progress line.
    pub show_progress: bool,
    /// Where snapshots are kept between runs.
    pub results: Option<Section>,
    /// Why the cache of the platform is not used, if it should be.
    pub cache_obstacle: Option<CacheError>,
    /// Whether the snapshot must be verified before it is written.
    pub verify: bool,
    /// Print nothing but errors.
    pub quiet: bool,
    /// Print more.
    pub verbose: bool,
    /// What was typed and will have no effect.
    pub warnings: Vec<String>,
}

impl Job {
    /// Opens and reads what the arguments name, except for the module.
    pub fn new(args: SnapshotArgs) -> anyhow::Result<Self> {
        if args.verify && (args.zero_stack || args.reset_libc) {
            return Err(usage(
                "--verify compares with what init has left, which --zero-stack and --reset-libc change",
            ));
        }
        let input = Input::new(args.input);
        if input.is_terminal() {
            return Err(usage("no INPUT is given, and standard input is a terminal"));
        }
        let output = Output::new(args.output.as_deref())?;
        if output.is_terminal() {
            return Err(usage("the snapshot is binary and does not go to a terminal; give a file with -o"));
        }
        let report_is_page = args.messages.report.as_deref().is_some_and(is_page);
        let report = args.messages.report.map(|path| Output::new(Some(&path))).transpose()?;
        let ledger = args.messages.ledger.map(|path| Output::private(&path)).transpose()?;
        let capture = |path: Option<PathBuf>| path.map(|path| Output::new(Some(&path))).transpose();
        let captured_stdout = capture(args.messages.capture_stdout)?;
        let captured_stderr = capture(args.messages.capture_stderr)?;
        let side_files = [&report, &ledger, &captured_stdout, &captured_stderr].map(Option::as_ref);
        spares_input(&input, side_files.into_iter().flatten())?;
        let outputs: Vec<&Output> = [Some(&output)].into_iter().chain(side_files).flatten().collect();
        for (at, output) in outputs.iter().enumerate() {
            if outputs[..at].iter().any(|other| other.collides(output)) {
                return Err(usage(&format!("two outputs go to {}", output.name())));
            }
        }

        let guest_stdout_captured = outputs.iter().any(|output| matches!(output, Output::Stdout));
        let guest_on_terminal = args.host.allow_wasi && args.host.inherit_stdio != Some(false);
        let mut warnings = Vec::new();
        let host = HostOptions {
            ledger_backtraces: ledger.is_some() || report_is_page,
            ..host_options(args.host, guest_stdout_captured, &mut warnings)?
        };
        let mut host = host;
        if let Some(wasi) = &mut host.wasi {
            // It is taken from the ledger, which also a run has that is refused.
            if captured_stdout.is_some() {
                wasi.stdout = GuestOutput::Discard;
            }
            if captured_stderr.is_some() {
                wasi.stderr = GuestOutput::Discard;
            }
        }
        let mut options = Options {
            init_functions: args.init_functions,
            keep_init: args.keep_init_func,
            renames: args.renames,
            internalize: args.internalize,
            layout: args.layout,
            strip_init: args.strip_init,
            optimize: args.optimize,
            at: args.at,
            frames: args.frames.unwrap_or_default(),
            cache: None,
            host,
            limits: limits(&args.limits),
            reset_libc: args.reset_libc,
            zero_stack: args.zero_stack,
            strict: args.strict,
            maps: report_is_page,
        };
        if options.strict && !warnings.is_empty() {
            return Err(Refused(warnings).into());
        }
        let caches = Caches::open(&args.cache, options.writable_directories())?;
        options.cache = caches.compiled;
        Ok(Self {
            input,
            output,
            report,
            report_is_page,
            ledger,
            captured: [captured_stdout, captured_stderr],
            options,
            results: caches.results,
            cache_obstacle: caches.obstacle,
            guest_stdout_captured,
            // What the guest prints would run into the line.
            show_progress: !args.messages.quiet && stderr::is_terminal() && !guest_on_terminal,
            verify: args.verify,
            quiet: args.messages.quiet,
            verbose: args.messages.verbose,
            warnings,
        })
    }
}

/// The snapshot may replace its input; nothing else may.
pub fn spares_input<'o>(input: &Input, mut outputs: impl Iterator<Item = &'o Output>) -> anyhow::Result<()> {
    let Input::File(path) = input else { return Ok(()) };
    match outputs.find(|output| output.replaces(path)) {
        Some(output) => Err(usage(&format!("{} is the input, and would be replaced", output.name()))),
        None => Ok(()),
    }
}

/// Whether a report of this name is a page of HTML.
pub fn is_page(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| ["html", "htm"].iter().any(|page| extension.eq_ignore_ascii_case(page)))
}

/// What was typed is wrong.
pub fn usage(message: &str) -> anyhow::Error {
    definition().error(ErrorKind::MissingRequiredArgument, message).into()
}

/// The bounds that were typed.
pub fn limits(args: &LimitArgs) -> Limits {
    Limits { timeout: args.timeout, max_memory: args.max_memory, fuel: args.fuel }
}

/// The host that was typed. `capture_stdout` holds back what the guest prints there.
pub fn host_options(
    args: HostArgs,
    capture_stdout: bool,
    warnings: &mut Vec<String>,
) -> anyhow::Result<HostOptions> {
    let mut preloads = Vec::new();
    for preload in &args.preloads {
        preloads.push(Preload { name: preload.name.clone(), wasm: input::read(&preload.file)? });
    }
    let stubs = args.stubs.iter().flat_map(|stub| readings(stub)).collect();
    let stub_all = args.stub_all;
    let mut policies = Policies::default();
    for &(class, policy) in &args.policies {
        let chosen = Class::ALL.into_iter().filter(|other| class.is_none_or(|class| class == *other));
        chosen.for_each(|class| policies.set(class, policy));
    }
    let wasi = if args.allow_wasi {
        Some(wasi_options(args, capture_stdout, warnings))
    } else {
        let idle = args.wasi_only();
        if !idle.is_empty() {
            warnings.push(format!("without --allow-wasi, no effect: {}", idle.join(", ")));
        }
        None
    };
    Ok(HostOptions { wasi, preloads, stubs, stub_all, policies, ..HostOptions::default() })
}

/// Both names of an import may hold dots, so there are as many imports to stub as there are dots.
fn readings(stub: &str) -> impl Iterator<Item = ImportName> {
    stub.match_indices('.').map(|(dot, _)| ImportName::new(&stub[..dot], &stub[dot + 1..]))
}

fn wasi_options(args: HostArgs, capture_stdout: bool, warnings: &mut Vec<String>) -> WasiOptions {
    let inherit = args.inherit_stdio.unwrap_or(true);
    let defaults = WasiOptions::default();
    WasiOptions {
        env: environment(args.inherit_env == Some(true), args.env, warnings),
        args: args.args,
        stdin: if inherit { Stdin::Inherit } else { Stdin::Empty },
        stdout: match inherit {
            true if capture_stdout => GuestOutput::Capture,
            true => GuestOutput::Inherit,
            false => GuestOutput::Discard,
        },
        stderr: if inherit { GuestOutput::Inherit } else { GuestOutput::Discard },
        dirs: directories(args.dirs, args.mapdirs, args.writable_dirs),
        clock: args.clock.unwrap_or(defaults.clock),
        random: args.random.unwrap_or(defaults.random),
        file_times: args.file_times.unwrap_or(defaults.file_times),
    }
}

/// A directory that was already given under the same name is replaced: what is read-only becomes writable.
fn directories(dirs: Vec<Mapping>, mapdirs: Vec<Mapping>, writable: Vec<Mapping>) -> Vec<Directory> {
    let readable = dirs.into_iter().chain(mapdirs).map(|mapping| (mapping, false));
    let mut directories: Vec<Directory> = Vec::new();
    for (Mapping { guest, host }, writable) in
        readable.chain(writable.into_iter().map(|mapping| (mapping, true)))
    {
        directories.retain(|other| other.guest != guest);
        directories.push(Directory { guest, host, writable });
    }
    directories
}

/// Later variables replace earlier ones. Those of this process are sorted, so that their order decides nothing.
pub fn environment(
    inherit: bool,
    variables: Vec<Variable>,
    warnings: &mut Vec<String>,
) -> Vec<(String, String)> {
    let mut environment: Vec<(String, String)> = Vec::new();
    if inherit {
        for (key, value) in std::env::vars_os() {
            match (key.into_string(), value.into_string()) {
                (Ok(key), Ok(value)) => environment.push((key, value)),
                (Ok(key), Err(_)) => {
                    warnings.push(format!("environment variable `{key}` is not Unicode: left out"))
                }
                (Err(key), _) => {
                    warnings.push(format!("environment variable {key:?} is not Unicode: left out"));
                }
            }
        }
        environment.sort();
    }
    for Variable { key, value } in variables {
        environment.retain(|(other, _)| *other != key);
        match value.or_else(|| std::env::var(&key).ok()) {
            Some(value) => environment.push((key, value)),
            None => warnings
                .push(format!("environment variable `{key}` is not set here, or not Unicode: left out")),
        }
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::{Options, environment, limits, readings};
    use crate::cli::args;
    use crate::cli::value::pair::variable;

    #[test]
    fn the_last_value_counts() {
        let mut warnings = Vec::new();
        let variables = ["A=1", "B=2", "A=3"].map(|text| variable(text).unwrap());
        let environment = environment(false, variables.into(), &mut warnings);
        assert_eq!(environment, [("B".into(), "2".into()), ("A".into(), "3".into())]);
        assert!(warnings.is_empty());
    }

    #[test]
    fn the_limits_that_help_names_are_the_library_s() {
        let cli = args::parse(["preinit".into()]).unwrap();
        assert_eq!(limits(&cli.snapshot.limits), Options::default().limits);
    }

    #[test]
    fn dots_in_names() {
        let readings: Vec<_> =
            readings("gojs.runtime.ticks").map(|import| (import.module, import.name)).collect();
        assert_eq!(
            readings,
            [("gojs".into(), "runtime.ticks".into()), ("gojs.runtime".into(), "ticks".into())]
        );
    }
}
