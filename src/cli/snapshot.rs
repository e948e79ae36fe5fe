//! The command's own work: read, run, write, tell.

use anyhow::Context;

use super::args::SnapshotArgs;
use super::convert::Job;
use super::progress::Progress;
use super::result_cache::{self, Kept};
use super::verify::{self, Unverified};
use super::watchdog::Watchdog;
use super::{stderr, summary};
use preinit::verify::Outcome;

/// Makes a snapshot.
pub fn run(args: SnapshotArgs) -> anyhow::Result<()> {
    let job = Job::new(args)?;
    if !job.quiet {
        stderr::warn(&job.warnings);
    }
    let wasm = job.input.read()?;
    let place = job.results.as_deref().map(|directory| result_cache::Place::of(&job, directory, &wasm));
    let told = |what: &str, reason: &str| {
        if job.verbose {
            stderr::print(&format!("{what}: {reason}\n"));
        }
    };
    let place = match place {
        Some(Ok(place)) => Some(place),
        Some(Err(reason)) => {
            told("result cache not used", &reason);
            None
        }
        None => None,
    };
    if let Some(kept) = place.as_ref().and_then(result_cache::Place::get) {
        return reuse(job, kept);
    }
    let made = supervised(&job, &wasm)?;
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
            warnings: made.report.warnings.clone(),
            summaries,
            wasm: made.wasm.clone(),
        };
        if let Err(reason) = place.put(&job.options.host, &made.ledger, &kept) {
            told("result not kept", &reason);
        }
    }
    let mut staged = Vec::new();
    if let Some(output) = job.report {
        staged.push(output.stage(json.into_bytes())?);
    }
    if let Some(output) = job.ledger {
        let mut lines = Vec::new();
        made.ledger.write_json_lines(&mut lines).context("cannot write the ledger")?;
        staged.push(output.stage(lines)?);
    }
    let name = job.output.name().to_owned();
    staged.push(job.output.stage(made.wasm)?);
    // The snapshot comes last: once it is there, everything is.
    for staged in staged {
        staged.commit()?;
    }

    if !job.quiet {
        stderr::warn(&made.report.warnings);
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

/// The library's run, with its time limit and something to look at.
fn supervised(job: &Job, wasm: &[u8]) -> anyhow::Result<preinit::Output> {
    let progress = match job.show_progress {
        true => Progress::start(&format!("running {}", job.input.name())).context("cannot start a thread")?,
        false => Progress::hidden(),
    };
    let watchdog = match job.options.limits.timeout {
        Some(limit) => {
            let progress = progress.clone();
            Some(Watchdog::start(limit, move || progress.stop()).context("cannot start a thread")?)
        }
        None => None,
    };
    let result = preinit::Preinit::from(job.options.clone()).run(wasm);
    if let Some(watchdog) = watchdog {
        watchdog.dismiss();
    }
    progress.stop();
    Ok(result?)
}
