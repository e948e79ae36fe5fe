//! Compares a program that was frozen in the middle with its original: the state at the place, and everything that happens
//! from there on.

use super::elsewhere::{Original, Watched};
use super::foreign::OtherEngine;
use super::play::{Duel, Played};
use super::script::{Script, Step};
use super::side::{Program, Side};
use super::verdict::{Coverage, Difference, EngineCoverage, Findings, Outcome, Verdict};
use super::{VerifyError, VerifyOptions, start, state, structure};
use crate::engine::{self, Compiler, EngineOptions};
use crate::execute::{ExecuteError, Execution, REACTOR_INITIALIZE};
use crate::freeze::{OriginalEnded, OriginalRun, Trigger};
use crate::host::Limits;
use crate::report::seconds;
use preinit_core::module::Module;
use std::sync::Arc;
use std::time::Instant;

/// Compares `snapshot` with `original` as it is at `trigger`.
///
/// # Errors
/// [`VerifyError`], if the original does not come there.
pub(super) fn verify(
    original: &[u8],
    snapshot: &[u8],
    trigger: &Trigger,
    options: &VerifyOptions,
) -> Result<Verdict, VerifyError> {
    let started = Instant::now();
    let mut findings = Findings::new(&options.ignore, options.max_differences);
    let mut coverage = Coverage::default();
    let mut played = Played::default();
    let program = Arc::new(Program::new(Module::parse(original)?)?);
    match Module::parse(snapshot) {
        Err(error) => findings.add(Difference::new("snapshot", "a valid module", error)),
        Ok(module) => {
            let frozen = Arc::new(Program::new(module)?);
            let engines = match &options.engines[..] {
                [] => &[Compiler::Cranelift],
                engines => engines,
            };
            for &engine in engines {
                let mut duel = Match {
                    original: &program,
                    frozen: &frozen,
                    trigger,
                    options,
                    findings: &mut findings,
                    coverage: &mut coverage,
                };
                let this = duel.play(engine)?;
                played.undecided = played.undecided.or(this);
            }
        }
    }
    // The same on every engine.
    let mut known = std::collections::HashSet::new();
    coverage.not_compared.retain(|what| known.insert(what.clone()));
    coverage.not_compared.push("calls of other exports than the one that was in progress".to_string());
    coverage.seconds = seconds(started.elapsed());
    let undecided: Vec<String> = played.undecided.into_iter().collect();
    let outcome = match (findings.is_empty(), undecided.is_empty()) {
        (false, _) => Outcome::Different,
        (true, true) => Outcome::Equal,
        (true, false) => Outcome::CouldNotTell,
    };
    Ok(Verdict {
        outcome,
        differences_found: findings.found,
        differences_ignored: findings.ignored,
        differences: findings.kept,
        script: None,
        undecided,
        coverage,
    })
}

struct Match<'m, 'a, 's, 'o> {
    original: &'m Arc<Program<'a>>,
    frozen: &'m Arc<Program<'s>>,
    trigger: &'m Trigger,
    options: &'m VerifyOptions,
    findings: &'m mut Findings<'o>,
    coverage: &'m mut Coverage,
}

impl Match<'_, '_, '_, '_> {
    /// Plays both sides on one engine. Gives the reason why it is not known whether they are the same.
    fn play(&mut self, engine: Compiler) -> Result<Option<String>, VerifyError> {
        let options = self.options;
        let playing = Instant::now();
        let fuel = Some(options.limits.fuel.unwrap_or(u64::MAX));
        let limits = Limits { fuel, ..start::timed(&options.limits) };
        let host = options.init_host(options.ledger.clone());
        let execution = start::execution(self.original, &host, &limits);
        let execution = Execution { init_functions: &options.init_functions, ..execution };
        let original = OriginalRun { trigger: self.trigger, execution };
        let settings = EngineOptions { fuel: true, epochs: true, optimize: false, plain_traces: false };
        let (stopped, ledger, ended) =
            original.run(&options.run_host(), |wasm| engine::compile_with(engine, wasm, settings))?;
        let OriginalEnded { initialized, entry, consumed, error, results } = ended;

        self.structure(&entry, &consumed);
        let compiled = engine::compile_with(engine, &self.frozen.probed.wasm, settings);
        let compiled = compiled.map_err(ExecuteError::Compile)?;
        let preload_calls = ledger.first(initialized.preload_calls);
        let follower = start::follower(self.frozen, &compiled, preload_calls, options)?;
        let mut follower = match follower {
            Ok(follower) => follower,
            Err(error) => {
                self.findings.add(Difference::new("instantiate", "no error", error));
                return Ok(None);
            }
        };
        // Those behind them hold what the calls in progress do.
        follower.num_tables = self.original.module.tables.len();
        let mut stopped = Side::new(Arc::clone(self.original), stopped)?;
        let at_the_place = state::compare(&mut stopped, &mut follower)?;
        self.findings.extend(at_the_place, Some(engine.name()));
        let (covered, not_compared) = state::coverage(&mut stopped)?;
        self.coverage.state = covered;
        self.coverage.not_compared.extend(not_compared);
        drop(stopped);
        if !self.findings.is_empty() {
            return Ok(None);
        }

        let mut leader = Side::new(Arc::clone(self.original), initialized)?;
        let ending = leader.ended(error, &results)?;
        let mut played = Played::default();
        let mut others = Vec::new();
        let renamed = options.renames.iter().find(|rename| rename.src == entry);
        let name = renamed.map_or(&entry, |rename| &rename.dst).clone();
        let mut duel = Duel {
            leader,
            follower,
            renames: &options.renames,
            ignore: &options.ignore,
            // The leader had no other limit either.
            fuel: u64::MAX,
        };
        let goes_on = duel.catch_up("resumed", &name, ending, &mut played)?;
        if goes_on && played.differences.is_empty() && played.undecided.is_none() {
            // What is left of the entry is the original's.
            duel.fuel = options.fuel;
            let again = Step { export: name.clone(), arguments: Vec::new(), expected: None };
            let mut scripts = vec![Script { steps: vec![again] }];
            scripts.extend(options.scripts.iter().cloned());
            for script in scripts {
                duel.play(&script, &mut played)?;
            }
        }
        self.findings.extend(std::mem::take(&mut played.differences), Some(engine.name()));
        if self.coverage.engines.is_empty() && self.findings.is_empty() {
            let original = Original {
                module: &self.original.module,
                consumed: &consumed,
                before: ledger.shared(),
                renames: &options.renames,
                ignore: &options.ignore,
            };
            for other in self.other_engines() {
                match original.watch(other, &self.frozen.module, &played, &mut duel.leader)? {
                    Watched::Played(coverage, difference) => {
                        self.findings.extend(difference, Some(other.name()));
                        others.push(coverage);
                    }
                    Watched::Skipped(skipped) => self.coverage.engines_skipped.push(skipped),
                    Watched::Withdrawn(skipped) => {
                        if options.other_engines.contains(&other) {
                            played.undecided.get_or_insert(format!("{}: {}", skipped.name, skipped.why));
                        }
                        self.coverage.engines_skipped.push(skipped);
                    }
                }
            }
        }
        self.coverage.exports_called = vec![name];
        self.coverage.engines.push(EngineCoverage {
            name: engine.name().to_string(),
            sequences: 1,
            calls: played.calls,
            returned: played.returned,
            cut_short: played.cut_short,
            host_calls: played.host_calls,
            seconds: seconds(playing.elapsed()),
            ..EngineCoverage::default()
        });
        self.coverage.engines.append(&mut others);
        Ok(played.undecided)
    }

    /// The engines by other people that were asked for, or the one that is fast enough for a small module.
    fn other_engines(&self) -> Vec<OtherEngine> {
        let asked = !self.options.engines.is_empty() || !self.options.other_engines.is_empty();
        match !asked && self.original.is_small() {
            true => vec![OtherEngine::Wasmi],
            false => self.options.other_engines.clone(),
        }
    }

    /// What the files say. The entry is there, also where an init function would have gone.
    fn structure(&mut self, entry: &str, consumed: &[String]) {
        let mut differences = Findings::new(&[], usize::MAX);
        structure::compare(
            &self.original.module,
            &self.frozen.module,
            consumed,
            self.options,
            &mut differences,
            self.coverage,
        );
        let reactor = format!("export.{REACTOR_INITIALIZE}");
        // Whether it has been resumed.
        let flag = self.frozen.module.globals.len() == self.original.module.globals.len() + 1;
        // What the calls in progress hold: objects, what was externalized, exceptions.
        let added = self.frozen.module.tables.len().checked_sub(self.original.module.tables.len());
        let roots = added.is_some_and(|added| added <= 3);
        let expected = |difference: &Difference| {
            entry == REACTOR_INITIALIZE && difference.key == reactor
                || flag && difference.key == "globals.count"
                || flag && roots && difference.key == "tables.count"
        };
        self.findings.extend(differences.kept.into_iter().filter(|difference| !expected(difference)), None);
    }
}
