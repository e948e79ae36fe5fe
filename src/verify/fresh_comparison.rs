//! Compares a snapshot of init with an original that was started in another world.

use super::fresh::{self, Source};
use super::lock_step::{Answers, LockStep, ScriptResult};
use super::probed_module::ProbedModule;
use super::start::{self, InitRun};
use super::verdict_builder::VerdictBuilder;
use super::verifier::Verifier;
use super::{VerifyError, VerifyOptions};
use crate::engine::{Compiled, Compiler, is_for_winch};
use crate::execute::ExecuteError;
use crate::temporary::TemporaryDirectory;
use std::sync::Arc;

/// Both modules, compiled.
struct FreshComparison<'c, 'a, 's> {
    verifier: &'c Verifier<'a>,
    snapshot: Arc<ProbedModule<'s>>,
    original_code: Compiled,
    snapshot_code: Compiled,
}

/// Makes the calls in each world.
pub(super) fn compare(
    verifier: &Verifier<'_>,
    snapshot: &Arc<ProbedModule<'_>>,
    verdict: &mut VerdictBuilder<'_>,
) -> Result<(), VerifyError> {
    let Some(run) = verifier.runs.first() else { return Ok(()) };
    let folder = match TemporaryDirectory::new() {
        Ok(folder) => folder,
        Err(error) => {
            verdict.undecided(format!("no other directory could be made: {error}"));
            return Ok(());
        }
    };
    let is_for_winch = verifier.options.host.preloads.iter().all(|preload| is_for_winch(&preload.wasm));
    let compiler = if is_for_winch { Compiler::Winch } else { Compiler::Cranelift };
    let compile = |program: &ProbedModule<'_>| {
        let compiled = start::compile(program, compiler);
        compiled.or_else(|_| start::compile(program, Compiler::Cranelift)).map_err(ExecuteError::Compile)
    };
    let comparison = FreshComparison {
        verifier,
        snapshot: Arc::clone(snapshot),
        original_code: compile(&verifier.program)?,
        snapshot_code: compile(snapshot)?,
    };
    for source in Source::asked(&run.record.ledger, verifier.options) {
        verdict.coverage.fresh.push(source.describe().to_string());
        let varied = source.varied(verifier.options, folder.path());
        comparison.run(source, &varied, verdict)?;
    }
    Ok(())
}

impl FreshComparison<'_, '_, '_> {
    fn run(
        &self,
        source: Source,
        varied: &VerifyOptions,
        verdict: &mut VerdictBuilder<'_>,
    ) -> Result<(), VerifyError> {
        let Verifier { program, options, init_calls, .. } = self.verifier;
        let mut recorded = None;
        for script in fresh::scripts(options, &self.snapshot.module) {
            let started = start::run_init(program, &self.original_code, init_calls, recorded, varied);
            let InitRun { original, record } = match started {
                Ok(started) => started,
                Err(error @ VerifyError::Init(_)) => {
                    fresh::add_stopped(source, &error, verdict);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            let instance = start::instantiate(&self.snapshot, &self.snapshot_code, &record, varied)?;
            let mut snapshot = match instance {
                Ok(snapshot) => snapshot,
                Err(error) => {
                    fresh::add_stopped(source, &error, verdict);
                    return Ok(());
                }
            };
            // The same seeds as the original's.
            snapshot.host().restart(&varied.run_host(), program.module.digest(), None)?;
            let answers = Answers::Own;
            let mut lock_step = LockStep { original, snapshot, options, fuel: options.fuel, answers };
            let mut result = ScriptResult::default();
            lock_step.run(&script, &mut result)?;
            fresh::add(source, result.into(), verdict);
            recorded = Some(record.ledger);
        }
        Ok(())
    }
}
