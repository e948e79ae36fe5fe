//! Says what a snapshot would freeze of the build.

use preinit::Options;
use preinit::host::{HostOptions, Output as GuestOutput, Stdin};

use super::args::{AuditArgs, usage_error};
use super::caches::Caches;
use super::embedding::Embedding;
use super::exit::Exit;
use super::host_conversion::{host_options, limits};
use super::import_names::{ImportNames, vain_renames};
use super::input::{Input, Reading};
use super::output::{InputFiles, Output, Staged};
use super::side_outputs::{ReportOutput, SideOutputs, json};
use super::snapshot_request::said;
use super::supervised_audit::supervised;
use super::watchdog::{Bounds, COMPILING, Phase, Watchdog};
use super::{advice, terminal};

/// The command `audit`.
pub fn run(args: &AuditArgs) -> anyhow::Result<Exit> {
    let watchdog = Watchdog::start(Bounds::of(&args.limits))?;
    let input = Input::new(args.input.clone());
    if input.is_terminal() {
        return Err(usage_error("no INPUT is given, and standard input is a terminal"));
    }
    let writable = args.host.writable();
    let side_outputs = SideOutputs {
        report: args.report.as_deref().map(|path| ReportOutput::new(path, &writable)).transpose()?,
        ledger: args.ledger.as_deref().map(|path| Output::private(path, &writable)).transpose()?,
        ledger_hash: args.ledger_hash,
        ..SideOutputs::default()
    };
    side_outputs.check(&input, &InputFiles::of(args.host.files()), None)?;
    let mut warnings = Vec::new();
    let reading = Reading::within(args.limits.max_memory).beside(&writable);
    let embedding = Embedding::new(&args.host, reading, &mut warnings)?;
    let host = quiet_host(args, reading, &mut warnings)?;
    said(warnings, &args.limits, args.quiet)?;
    let wasm = embedding.applied(input.read(reading)?)?;
    ImportNames::of(&args.host).check(&wasm, &host.preloads)?;
    said(vain_renames(&wasm, &args.renames), &args.limits, args.quiet)?;
    watchdog.enter_longer(Phase::Compiling, COMPILING);
    let compile_cache = Caches::of_code(args.no_cache, args.cache_dir.clone(), &writable)?;
    let options = Options { compile_cache, ..options(args, host) };
    let mut audit = match supervised(wasm, &options, &watchdog) {
        Ok(audit) => audit,
        Err(error) => {
            watchdog.enter(Phase::Writing);
            if let Some(calls) = error.ledger() {
                let calls_only = SideOutputs {
                    ledger: side_outputs.ledger,
                    ledger_hash: side_outputs.ledger_hash,
                    ..SideOutputs::default()
                };
                commit(calls_only.stage(calls, |_| Ok(String::new()))?)?;
            }
            return Err(error.into());
        }
    };
    watchdog.enter(Phase::Writing);
    advice::reword(&mut audit.findings);
    terminal::guest_output(&audit.stdout, args.host.inherit_stdio == Some(true));
    let text_to_stderr = side_outputs.use_stdout();
    let report = |is_page| if is_page { Ok(audit.page(&input.name())) } else { json(&audit) };
    commit(side_outputs.stage(&audit.ledger, report)?)?;
    if args.quiet == 0 {
        terminal::answer(&audit.text(args.verbose), text_to_stderr)?;
    }
    Ok(if args.strict && !audit.is_clean() { Exit::Refused } else { Exit::Done })
}

/// The host that was typed, without this process's standard streams unless they were asked for.
fn quiet_host(
    args: &AuditArgs,
    reading: Reading<'_>,
    warnings: &mut Vec<String>,
) -> anyhow::Result<HostOptions> {
    let mut host = host_options(&args.host, reading, true, warnings)?;
    if let Some(wasi) = &mut host.wasi
        && args.host.inherit_stdio != Some(true)
    {
        if args.host.stdin.is_none() {
            wasi.stdin = Stdin::Empty;
        }
        wasi.stdout = GuestOutput::Discard;
        wasi.stderr = GuestOutput::Discard;
    }
    Ok(host)
}

fn options(args: &AuditArgs, host: HostOptions) -> Options {
    Options {
        init_functions: args.init_functions.clone(),
        init_result: args.init_result.unwrap_or_default(),
        at: args.at.clone(),
        keep_init_functions: args.keep_init_func,
        renames: args.renames.clone(),
        optimize: args.optimize,
        reset_libc: args.reset_libc,
        host,
        limits: limits(&args.limits),
        default_proposals: args.limits.untrusted,
        ..Options::default()
    }
}

fn commit(staged: Vec<Staged>) -> anyhow::Result<()> {
    staged.into_iter().try_for_each(Staged::commit)
}
