//! Makes a snapshot: reads, runs, writes and says what was done.

use std::sync::Arc;

use anyhow::bail;
use preinit::host::Ledger;
use preinit::report::{HostCalls, host_calls};
use preinit::stages::cache::CacheSection;
use preinit::stages::component::is_component;
use preinit::stages::page::refusal_page;
use preinit::verify::Outcome;
use serde::Serialize;

use super::args::SnapshotArgs;
use super::called_as::CalledAs;
use super::compile_ahead::CompilingAhead;
use super::input::Reading;
use super::messages::Account;
use super::output::Staged;
use super::prepare_command;
use super::result_cache::{self, Kept};
use super::side_outputs::json;
use super::snapshot_request::SnapshotRequest;
use super::supervised_run::supervised;
use super::verify_command::{Unverified, verify_made};
use super::watchdog::{Bounds, Phase, VERIFYING, Watchdog};
use super::{advice, terminal};

/// The command without a name of its own.
pub fn run(args: SnapshotArgs, called_as: CalledAs) -> anyhow::Result<()> {
    let bounds = Bounds::of(&args.limits);
    let watchdog = Watchdog::start(bounds)?;
    let mut request = SnapshotRequest::new(args, called_as)?;
    request.messages.print_warnings();
    let wasm =
        request.input.read(Reading::within(request.options.limits.max_memory).beside(&request.writable))?;
    let wasm = Arc::new(request.embedding.applied(wasm)?);
    if let Some(names) = &request.names {
        names.check(&wasm, &request.options.host.preloads)?;
    }
    let is_component = is_component(&wasm);
    if is_component && let Some(typed) = not_for_components(&request) {
        bail!("{typed} is not there for components yet");
    }
    if let Some(path) = &request.prepared {
        let code = prepare_command::open(path, &wasm, request.options.writable_directories())?;
        request.options.prepared = Some(code);
    }
    if let Some(obstacle) = &request.cache_obstacle {
        request.messages.note("cache not used", &obstacle.to_string());
    }
    let entry = request.results.take().and_then(|section| cached_result(&request, section, &wasm));
    if let Some(kept) = entry.as_ref().and_then(result_cache::ResultEntry::get) {
        return reuse(request, kept);
    }
    let mut ledger = Ledger::default();
    let mut made = match supervised(&request, &wasm, &watchdog, &mut ledger) {
        Ok(made) => made,
        Err(error) => return Err(refused(request, &ledger, error)),
    };
    advice::reword(&mut made.report.findings);
    if request.guest_stdout_captured {
        terminal::guest_output(&made.stdout, request.guest_output_asked_for);
    }
    if request.verify {
        watchdog.enter_longer(Phase::Verifying, VERIFYING);
        let verdict = verify_made(&wasm, &made.wasm, made.ledger.clone(), &request.options)?;
        if verdict.outcome != Outcome::Equal {
            terminal::message(&advice::verdict(&verdict));
            return Err(Unverified(verdict.outcome).into());
        }
    }
    watchdog.enter(Phase::Writing);
    let ahead = made.wanted_code.take().filter(|_| !request.is_untrusted);
    let ahead = ahead.and_then(|wanted| CompilingAhead::start(wanted, bounds));
    if let Some(entry) = entry {
        keep(&entry, &request, &made)?;
    }
    write(request, made)?;
    if let Some(ahead) = ahead {
        ahead.leave();
    }
    Ok(())
}

/// The first option of the command that components do not have.
fn not_for_components(request: &SnapshotRequest) -> Option<&'static str> {
    request.prepared.as_ref().map(|_| "--prepared")
}

/// Where the result of this run is kept, if it can be.
fn cached_result(
    request: &SnapshotRequest,
    section: CacheSection,
    wasm: &[u8],
) -> Option<result_cache::ResultEntry> {
    match result_cache::ResultEntry::of(request, section, wasm) {
        Ok(entry) => Some(entry),
        Err(reason) => {
            request.messages.note("result cache not used", &reason);
            None
        }
    }
}

fn keep(
    entry: &result_cache::ResultEntry,
    request: &SnapshotRequest,
    made: &preinit::Output,
) -> anyhow::Result<()> {
    let kept =
        Kept { report: json(&made.report)?, account: Account::of(&made.report), wasm: made.wasm.clone() };
    if let Err(reason) = entry.put(&request.options.host, &made.ledger, kept) {
        request.messages.note("result not kept", &reason);
    }
    Ok(())
}

/// Writes all outputs of a run and prints its summary.
fn write(request: SnapshotRequest, made: preinit::Output) -> anyhow::Result<()> {
    let SnapshotRequest { input, output, side_outputs, messages, .. } = request;
    let report = |is_page| if is_page { Ok(made.page(&input.name())) } else { json(&made.report) };
    let mut staged = side_outputs.stage(&made.ledger, report)?;
    let name = output.name().to_owned();
    // The snapshot comes last: once it is there, everything is.
    staged.push(output.stage(made.wasm)?);
    commit(staged)?;
    messages.print(&name, &Account::of(&made.report), "");
    Ok(())
}

/// Writes the result of an earlier run and prints its summary.
fn reuse(request: SnapshotRequest, kept: Kept) -> anyhow::Result<()> {
    let SnapshotRequest { output, side_outputs, messages, .. } = request;
    let name = output.name().to_owned();
    let mut staged = side_outputs.stage(&Ledger::default(), |_| Ok(kept.report))?;
    staged.push(output.stage(kept.wasm)?);
    commit(staged)?;
    messages.print(&name, &kept.account, "cache     an earlier run made it; the times are that run's\n");
    Ok(())
}

fn commit(staged: Vec<Staged>) -> anyhow::Result<()> {
    staged.into_iter().try_for_each(Staged::commit)
}

/// Writes what is known of a run that made no snapshot, and gives back why.
fn refused(request: SnapshotRequest, ledger: &Ledger, error: preinit::Error) -> anyhow::Error {
    let report = |is_page| {
        if is_page {
            return Ok(refusal_page(&request.input.name(), &error.to_string(), ledger));
        }
        let (refused, host_calls) = (error.is_refusal(), host_calls(ledger));
        json(&Refusal { error: error.to_string(), refused, host_calls })
    };
    if let Err(second) = request.side_outputs.stage(ledger, report).and_then(commit) {
        terminal::warn(&[format!("{second:#}")]);
    }
    error.into()
}

/// The report of a run that made no snapshot.
#[derive(Serialize)]
struct Refusal {
    error: String,
    refused: bool,
    host_calls: Vec<HostCalls>,
}
