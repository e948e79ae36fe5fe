use super::compared_instance::ComparedInstance;
use super::engine_run::EngineRun;
use super::lock_step::{Answers, LockStep, ScriptResult};
use super::probed_module::ProbedModule;
use super::script::Script;
use super::snapshot_clock::SnapshotClock;
use super::start;
use super::verdict::{Difference, EngineCoverage};
use super::{VerifyError, VerifyOptions, failure};
use crate::engine::Compiled;
use crate::report::seconds;
use std::sync::Arc;
use std::time::Instant;

/// The snapshot on one engine.
pub(super) struct SnapshotRun<'s> {
    program: Arc<ProbedModule<'s>>,
    compiled: Compiled,
    /// An instance on which no call was made.
    pub fresh: Option<ComparedInstance<'s>>,
    pub coverage: EngineCoverage,
}

impl<'s> SnapshotRun<'s> {
    /// Compiles the snapshot for the engine of `run`, or says why that is impossible.
    pub fn new(
        program: &Arc<ProbedModule<'s>>,
        run: &EngineRun<'_>,
    ) -> Result<Result<Self, Difference>, VerifyError> {
        let started = Instant::now();
        let compiled = match start::compile(program, run.compiler) {
            Ok(compiled) => compiled,
            Err(error) => return failure::difference("compile", &error).map(Err),
        };
        let coverage = EngineCoverage {
            name: run.compiler.name().to_string(),
            compile_seconds: seconds(started.elapsed() + run.compile_time),
            ..EngineCoverage::default()
        };
        Ok(Ok(SnapshotRun { program: Arc::clone(program), compiled, fresh: None, coverage }))
    }

    /// An instance on which no call was made, or the difference that prevents it.
    pub fn fresh(
        &mut self,
        run: &EngineRun<'_>,
        options: &VerifyOptions,
    ) -> Result<Result<ComparedInstance<'s>, Difference>, VerifyError> {
        if let Some(fresh) = self.fresh.take() {
            return Ok(Ok(fresh));
        }
        match start::instantiate(&self.program, &self.compiled, &run.record, options)? {
            Ok(instance) => Ok(Ok(instance)),
            Err(error) => failure::difference("instantiate", &error).map(Err),
        }
    }

    /// The snapshot as it was compiled.
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// Runs a script on fresh instances. The original comes back as it is afterward.
    pub fn run<'a>(
        &mut self,
        run: &mut EngineRun<'a>,
        script: &Script,
        options: &VerifyOptions,
    ) -> Result<(ScriptResult, Option<ComparedInstance<'a>>), VerifyError> {
        let mut result = ScriptResult::default();
        match self.fresh(run, options)? {
            Ok(snapshot) => {
                let original = run.fresh(options)?;
                let clock =
                    SnapshotClock::new(&run.record.ledger, &original.program.module, &self.program.module);
                let answers = Answers::Recorded(clock);
                let mut lock_step = LockStep { original, snapshot, options, fuel: options.fuel, answers };
                lock_step.run(script, &mut result)?;
                Ok((result, Some(lock_step.original)))
            }
            Err(difference) => {
                result.differences.push(difference);
                Ok((result, None))
            }
        }
    }

    /// Counts what a script covers.
    pub fn count(&mut self, result: &ScriptResult) {
        self.coverage.sequences += 1;
        self.coverage.calls += result.calls;
        self.coverage.returned += result.returned;
        self.coverage.cut_short += result.limited.len() as u64;
        self.coverage.host_calls += result.host_calls;
    }
}
