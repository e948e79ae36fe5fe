use super::compared_instance::ComparedInstance;
use super::probed_module::ProbedModule;
use super::start::{self, InitRecord, InitRun};
use super::verdict::Skipped;
use super::{VerifyError, VerifyOptions};
use crate::engine::{Compiled, Compiler};
use crate::execute::{ExecuteError, InitCall};
use crate::host::Ledger;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The original on one engine.
pub(super) struct EngineRun<'a> {
    program: Arc<ProbedModule<'a>>,
    pub compiler: Compiler,
    compiled: Compiled,
    pub compile_time: Duration,
    /// Time to run init.
    pub init_time: Duration,
    /// What init calls.
    init_calls: Vec<InitCall>,
    pub record: InitRecord,
    /// An instance after init on which no call was made.
    fresh: Option<ComparedInstance<'a>>,
}

impl<'a> EngineRun<'a> {
    /// Compiles the original and runs its init, answered from `replay` if there is one. An engine that does not support the
    /// module is skipped.
    pub fn new(
        program: &Arc<ProbedModule<'a>>,
        compiler: Compiler,
        init_calls: &[InitCall],
        replay: Option<Arc<Ledger>>,
        options: &VerifyOptions,
    ) -> Result<Result<Self, Skipped>, VerifyError> {
        let started = Instant::now();
        let compiled = match start::compile_original(program, compiler, options) {
            Ok(compiled) => compiled,
            // Cranelift supports everything that the validator accepts.
            Err(error) if matches!(compiler, Compiler::Cranelift | Compiler::OptimizingCranelift) => {
                return Err(ExecuteError::Compile(error).into());
            }
            Err(error) => return Ok(Err(Skipped::new(compiler.name(), format!("{error:#}")))),
        };
        let compile_time = started.elapsed();
        let initializing = Instant::now();
        let InitRun { original, record } = start::run_init(program, &compiled, init_calls, replay, options)?;
        Ok(Ok(EngineRun {
            program: Arc::clone(program),
            compiler,
            compiled,
            compile_time,
            init_time: initializing.elapsed(),
            init_calls: init_calls.to_vec(),
            record,
            fresh: Some(original),
        }))
    }

    /// An instance after init on which no call was made.
    pub fn fresh(&mut self, options: &VerifyOptions) -> Result<ComparedInstance<'a>, VerifyError> {
        if let Some(fresh) = self.fresh.take() {
            return Ok(fresh);
        }
        let replay = Some(Arc::clone(&self.record.ledger));
        Ok(start::run_init(&self.program, &self.compiled, &self.init_calls, replay, options)?.original)
    }

    /// The original as it was compiled.
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// Takes back an instance on which no call was made.
    pub fn keep(&mut self, fresh: ComparedInstance<'a>) {
        self.fresh = Some(fresh);
    }
}
