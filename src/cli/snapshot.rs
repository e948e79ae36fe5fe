//! The command's own work: read, run, write, tell.

use std::fmt::Display;

use anyhow::Context;
use preinit::audit::refusal_page;
use preinit::host::{DescriptorKind, Ledger};
use preinit::report::{HostCalls, host_calls};
use serde::Serialize;

use super::args::SnapshotArgs;
use super::convert::Job;
use super::output::{Output, Staged};
use super::progress::Progress;
use super::result_cache::{self, Kept};
use super::verify::{self, Unverified};
use super::watchdog::{Keeper, Watchdog};
use super::{advice, stderr, summary};
use preinit::verify::Outcome;

/// Makes a snapshot.
pub fn run(args: SnapshotArgs) -> anyhow::Result<()> {
    let mut job = Job::new(args)?;
    if !job.quiet {
        stderr::warn(&job.warnings);
    }
    let results = job.results.take();
    let wasm = job.input.read()?;
    let say = |what: &str, reason: &dyn Display| {
        if job.verbose {
            stderr::print(&format!("{what}: {reason}\n"));
        }
    };
    if let Some(obstacle) = &job.cache_obstacle {
        say("cache not used", obstacle);
    }
    let place = results.and_then(|section| {
        let place = result_cache::Place::of(&job, section, &wasm);
        place.inspect_err(|reason| say("result cache not used", reason)).ok()
    });
    if let Some(kept) = place.as_ref().and_then(result_cache::Place::get) {
        return reuse(job, kept);
    }
    let mut ledger = Ledger::default();
    let made = match supervised(&job, &wasm, &mut ledger) {
        Ok(made) => made,
        Err(error) => return Err(refused(job, &ledger, error)),
    };
    if job.guest_stdout_captured {
        stderr::print(&String::from_utf8_lossy(&made.stdout));
    }

    let verdict = match job.verify {
        true => Some(verify::made(&wasm, &made.wasm, made.ledger.clone(), &job.options)?),
        false => None,
    };
    if let Some(verdict) = verdict.filter(|verdict| verdict.outcome != Outcome::Equal) {
        stderr::print(&verdict.to_string());
        return Err(Unverified(verdict.outcome).into());
    }

    let json = report(&made.report)?;
    if let Some(place) = place {
        let summaries = [false, true].map(|verbose| summary::details(&made.report, verbose));
        let kept = Kept {
            report: json.clone(),
            warnings: advice::warnings(&made.report.warnings),
            summaries,
            wasm: made.wasm.clone(),
        };
        if let Err(reason) = place.put(&job.options.host, &made.ledger, kept) {
            say("result not kept", &reason);
        }
    }
    let mut staged = Vec::new();
    if let Some(output) = job.report {
        let text = if job.report_is_page { made.page(&job.input.name()) } else { json };
        staged.push(output.stage(text.into_bytes())?);
    }
    if let Some(output) = job.ledger {
        let mut lines = Vec::new();
        made.ledger.write_json_lines(&mut lines).context("cannot write the ledger")?;
        staged.push(output.stage(lines)?);
    }
    for (output, bytes) in captured(job.captured, &made.ledger) {
        staged.push(output.stage(bytes)?);
    }
    let name = job.output.name().to_owned();
    staged.push(job.output.stage(made.wasm)?);
    // The snapshot comes last: once it is there, everything is.
    for staged in staged {
        staged.commit()?;
    }

    if !job.quiet {
        stderr::warn(&advice::warnings(&made.report.warnings));
        stderr::print(&summary::headline(&name));
        stderr::print(&summary::details(&made.report, job.verbose));
    }
    Ok(())
}

/// Writes and says what an earlier run did.
fn reuse(job: Job, kept: Kept) -> anyhow::Result<()> {
    let name = job.output.name().to_owned();
    let mut staged = Vec::new();
    if let Some(output) = job.report {
        staged.push(output.stage(kept.report.into_bytes())?);
    }
    staged.push(job.output.stage(kept.wasm)?);
    for staged in staged {
        staged.commit()?;
    }
    if !job.quiet {
        stderr::warn(&kept.warnings);
        stderr::print(&summary::headline(&name));
        stderr::print(&kept.summaries[usize::from(job.verbose)]);
        stderr::print("cache     an earlier run made it; the times are that run's\n");
    }
    Ok(())
}

fn report(report: &preinit::Report) -> anyhow::Result<String> {
    let mut json = serde_json::to_string_pretty(report).context("cannot write the report")?;
    json.push('\n');
    Ok(json)
}

/// What init printed, and where it goes.
fn captured(outputs: [Option<Output>; 2], ledger: &Ledger) -> impl Iterator<Item = (Output, Vec<u8>)> {
    let streams = [DescriptorKind::Stdout, DescriptorKind::Stderr];
    outputs.into_iter().zip(streams).filter_map(|(output, stream)| Some((output?, ledger.output(stream))))
}

/// Writes what is known of a run that made no snapshot, and gives back why.
fn refused(job: Job, ledger: &Ledger, error: preinit::Error) -> anyhow::Error {
    let mut staged = Vec::new();
    if let Some(output) = job.report {
        let text = match job.report_is_page {
            true => refusal_page(&job.input.name(), &error.to_string(), ledger),
            false => {
                let (refused, host_calls) = (error.is_refusal(), host_calls(ledger));
                let report = Refusal { error: error.to_string(), refused, host_calls };
                serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"
            }
        };
        staged.push((output, text.into_bytes()));
    }
    if let Some(output) = job.ledger {
        let mut lines = Vec::new();
        // Into memory: it cannot fail.
        let _ = ledger.write_json_lines(&mut lines);
        staged.push((output, lines));
    }
    staged.extend(captured(job.captured, ledger));
    for (output, bytes) in staged {
        if let Err(second) = output.stage(bytes).and_then(Staged::commit) {
            stderr::warn(&[format!("{second:#}")]);
        }
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

/// The library's run, with its time limit and something to look at.
fn supervised(job: &Job, wasm: &[u8], ledger: &mut Ledger) -> Result<preinit::Output, preinit::Error> {
    let no_thread = preinit::Error::Thread;
    let progress = match job.show_progress {
        true => Progress::start(&format!("running {}", job.input.name())).map_err(no_thread)?,
        false => Progress::hidden(),
    };
    let mut options = job.options.clone();
    let watchdog = match options.limits.timeout {
        Some(limit) => {
            let progress = progress.clone();
            let keeper = if options.optimize { Keeper::Watchdog } else { Keeper::Library };
            Some(Watchdog::start(limit, keeper, move || progress.stop()).map_err(no_thread)?)
        }
        None => None,
    };
    if options.optimize {
        // Looking at the time in every loop slows optimized code by a fifth.
        options.limits.timeout = None;
    }
    let result = preinit::Preinit::from(options).run_recorded(wasm, ledger);
    if let Some(watchdog) = watchdog {
        watchdog.dismiss();
    }
    progress.stop();
    result
}
