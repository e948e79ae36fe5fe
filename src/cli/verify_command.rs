//! Compares a snapshot with its original, and says so.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use preinit::host::{Access, Directory, Ledger, Limits, Output as GuestOutput, Stdin, WasiOptions};
use preinit::stages::PrintablePath;
use preinit::stages::printable::Printable;
use preinit::verify::{Outcome, Script, Verdict, VerifyOptions, verify};
use preinit::{Options, wat_to_wasm};

use super::args::{Engine, PlayArgs, VerifyArgs};
use super::caches::Caches;
use super::embedding::Embedding;
use super::exit::Exit;
use super::host_conversion::{environment, host_options, limits};
use super::import_names::{ImportNames, vain_renames};
use super::input::{self, Reading};
use super::output::{InputFiles, Output};
use super::parse::name_pair::Mapping;
use super::side_outputs::{json, optional};
use super::snapshot_request::said;
use super::watchdog::{Bounds, Phase, VERIFYING, Watchdog};
use super::{advice, terminal};

/// A snapshot was made but not written.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot was not written: {}", if *.0 == Outcome::Different { "it is not the module after init" } else { "it could not be verified" })]
pub struct Unverified(pub Outcome);

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Exit {
        match outcome {
            Outcome::Equal => Exit::Done,
            Outcome::Different => Exit::Refused,
            Outcome::CouldNotTell => Exit::CouldNot,
        }
    }
}

/// The command `verify`.
pub fn run(args: &VerifyArgs) -> anyhow::Result<Exit> {
    let watchdog = Watchdog::start(Bounds::of(&args.limits))?;
    let writable = args.host.writable();
    let report = optional(args.report.as_deref(), &writable)?;
    let play = args.play.scripts.iter().chain(&args.play.run_stdin);
    let modules = [&args.original, &args.snapshot];
    let read = InputFiles::of(args.host.files().chain(modules.into_iter().chain(play).map(PathBuf::as_path)));
    report.iter().try_for_each(|report| read.check(report))?;
    let mut warnings = Vec::new();
    let reading = Reading::within(args.limits.max_memory).beside(&writable);
    let embedding = Embedding::new(&args.host, reading, &mut warnings)?;
    let mut options = options(args, reading, &mut warnings)?;
    let (no_cache, cache_dir) = (args.no_cache, args.cache_dir.clone());
    options.compile_cache = Caches::of_code(no_cache, cache_dir, &writable)?;
    said(warnings, &args.limits, args.quiet)?;
    let original = embedding.applied(input::read(&args.original, reading)?)?;
    ImportNames::of(&args.host).check(&original, &options.host.preloads)?;
    said(vain_renames(&original, &args.renames), &args.limits, args.quiet)?;
    let snapshot = input::read(&args.snapshot, reading)?;
    watchdog.enter(Phase::Verifying);
    let verdict = verify(&original, &snapshot, &options)?;
    watchdog.enter(Phase::Writing);
    let text_to_stderr = matches!(report, Some(Output::Stdout));
    if let Some(report) = report {
        report.stage(json(&verdict)?.into_bytes())?.commit()?;
    }
    if args.quiet == 0 {
        terminal::answer(&advice::verdict(&verdict), text_to_stderr)?;
    }
    Ok(verdict.outcome.into())
}

fn options(
    args: &VerifyArgs,
    reading: Reading<'_>,
    warnings: &mut Vec<String>,
) -> anyhow::Result<VerifyOptions> {
    // What init reads from here is read once: all further runs are answered from the record of the first.
    let inherit = args.host.inherit_stdio == Some(true);
    let mut host = host_options(&args.host, reading, true, warnings)?;
    if let Some(wasi) = &mut host.wasi
        && !inherit
        && args.host.stdin.is_none()
    {
        wasi.stdin = Stdin::Empty;
    }
    let play = &args.play;
    let run = run_options(play, host.wasi.as_ref(), reading, warnings)?;
    let (mut engines, mut other_engines) = (Vec::new(), Vec::new());
    for engine in &play.engines {
        match engine {
            Engine::Wasmtime(compiler) => engines.push(*compiler),
            Engine::Other(other) => other_engines.push(*other),
        }
    }
    Ok(VerifyOptions {
        init_functions: args.init_functions.clone(),
        at: args.at.clone(),
        renames: args.renames.clone(),
        cut_imports: args.cut_imports.clone(),
        allow_live_handles: args.allow_live_handles,
        keep_adapter_state: args.keep_adapter_state,
        fresh_imports: args.fresh_imports,
        internalize: args.internalize,
        host,
        limits: limits(&args.limits),
        ledger: None,
        run,
        fresh: args.fresh,
        scripts: scripts(play, reading)?,
        engines,
        other_engines,
        sequences: play.sequences,
        depth: play.depth,
        time: play.time.unwrap_or(Duration::MAX),
        fuel: play.call_fuel,
        growth: play.call_memory,
        seed: play.seed,
        max_differences: args.max_differences,
        ignore: args.ignore.clone(),
        default_proposals: args.limits.untrusted,
        ..VerifyOptions::default()
    })
}

/// The calls that were typed, and those in files.
fn scripts(play: &PlayArgs, reading: Reading<'_>) -> anyhow::Result<Vec<Script>> {
    let mut scripts = Vec::new();
    if !play.calls.is_empty() {
        scripts.push(Script::parse(&play.calls.join("\n")).context("cannot read --call")?);
    }
    for path in &play.scripts {
        let cannot_read = || format!("cannot read `{}`", PrintablePath(path));
        let text = String::from_utf8(reading.read_file(path)?).with_context(cannot_read)?;
        scripts.push(Script::parse(&text).with_context(cannot_read)?);
    }
    Ok(scripts)
}

/// What the calls see, if something was said about it.
fn run_options(
    play: &PlayArgs,
    init: Option<&WasiOptions>,
    reading: Reading<'_>,
    warnings: &mut Vec<String>,
) -> anyhow::Result<Option<WasiOptions>> {
    let says_nothing = play.run_args.is_empty() && play.run_env.is_empty() && play.run_dirs.is_empty();
    if says_nothing && play.run_stdin.is_none() {
        return Ok(None);
    }
    let stdin = match &play.run_stdin {
        Some(path) => Stdin::Bytes(reading.read_file(path)?),
        None => Stdin::Empty,
    };
    let init = init.cloned().unwrap_or_default();
    let dirs = match play.run_dirs.is_empty() {
        true => init.dirs.clone(),
        false => {
            play.run_dirs.iter().map(|mapping| run_directory(mapping, reading)).collect::<Result<_, _>>()?
        }
    };
    Ok(Some(WasiOptions {
        args: play.run_args.clone(),
        env: environment(false, &play.run_env, warnings),
        stdin,
        stdout: GuestOutput::Discard,
        stderr: GuestOutput::Discard,
        dirs,
        ..init
    }))
}

/// A directory that the calls see.
fn run_directory(mapping: &Mapping, reading: Reading<'_>) -> anyhow::Result<Directory> {
    let Mapping { guest, host } = mapping;
    reading.check_way(host).with_context(|| {
        format!("cannot give `{}` to the calls as `{}`", PrintablePath(host), Printable(guest))
    })?;
    Ok(Directory { guest: guest.clone(), host: host.clone(), access: Access::ReadOnly })
}

/// Init may take as long as the verification.
fn of_verification(limits: Limits) -> Limits {
    Limits { timeout: limits.timeout.map(|timeout| timeout.saturating_mul(VERIFYING)), ..limits }
}

/// Verifies a snapshot that was just made, without anything outside being touched again.
pub fn verify_made(
    original: &[u8],
    snapshot: &[u8],
    ledger: Ledger,
    options: &Options,
) -> anyhow::Result<Verdict> {
    let original = wat_to_wasm(original)?;
    let options = VerifyOptions {
        init_functions: options.init_functions.clone(),
        default_init_functions: options.default_init_functions.clone(),
        at: options.at.clone(),
        renames: options.renames.clone(),
        cut_imports: options.cut_imports.clone(),
        allow_live_handles: options.allow_live_handles,
        keep_adapter_state: options.keep_adapter_state,
        fresh_imports: options.fresh_imports,
        internalize: options.internalize,
        host: options.host.clone(),
        limits: of_verification(options.limits),
        compile_cache: options.compile_cache.clone(),
        ledger: Some(Arc::new(ledger)),
        ..VerifyOptions::default()
    };
    Ok(verify(&original, snapshot, &options)?)
}

#[cfg(test)]
mod tests {
    use super::of_verification;
    use preinit::host::Limits;
    use std::time::Duration;

    #[test]
    fn init_of_a_verification_has_its_time() {
        for (given, expected) in [(None, None), (Some(2), Some(10)), (Some(u64::MAX), Some(u64::MAX))] {
            let timeout = given.map(Duration::from_secs);
            let limits = of_verification(Limits { timeout, max_memory: 1 << 30, fuel: None });
            assert_eq!(limits.timeout.map(|limit| limit.as_secs()), expected);
            assert_eq!(limits.max_memory, 1 << 30);
        }
    }
}
