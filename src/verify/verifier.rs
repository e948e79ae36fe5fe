use super::comparison::Comparison;
use super::differences::Sink;
use super::engine_run::EngineRun;
use super::fresh_comparison;
use super::module_comparison;
use super::other_engines::OtherEngine;
use super::probed_module::ProbedModule;
use super::verdict::{Difference, Skipped, Verdict};
use super::verdict_builder::VerdictBuilder;
use super::{VerifyError, VerifyOptions};
use crate::engine::{Compiler, is_for_winch};
use crate::execute::{self, InitCall};
use preinit_core::printable::Printable;
use std::sync::Arc;

/// The original after init, ready to be compared with any number of snapshots.
///
/// It must be used on a thread with enough stack for the guest: [`crate::engine::on_guest_thread`].
pub struct Verifier<'a> {
    pub(super) program: Arc<ProbedModule<'a>>,
    pub(super) options: &'a VerifyOptions,
    /// What init calls.
    pub(super) init_calls: Vec<InitCall>,
    /// The exports that it calls.
    pub(super) init_exports: Vec<String>,
    pub(super) runs: Vec<EngineRun<'a>>,
    skipped: Vec<Skipped>,
}

impl<'a> Verifier<'a> {
    /// Compiles the original and runs its init.
    ///
    /// # Errors
    /// [`VerifyError`], if init does not complete on an engine.
    pub fn new(original: &'a [u8], options: &'a VerifyOptions) -> Result<Verifier<'a>, VerifyError> {
        let module = options.parse(original)?;
        let init_calls = execute::init_calls(&module, options.init_names())?;
        let program = Arc::new(ProbedModule::new(module, &options.host.preloads)?);
        let (engines, mut skipped) = engines(&program, options);
        let mut runs: Vec<EngineRun<'a>> = Vec::new();
        for compiler in engines {
            let first = runs.first().map(|run| Arc::clone(&run.record.ledger));
            let replay = first.or_else(|| options.ledger.clone());
            match EngineRun::new(&program, compiler, &init_calls, replay, options)? {
                Ok(run) => runs.push(run),
                Err(engine) => skipped.push(engine),
            }
        }
        let init_exports = init_calls.iter().map(|call| call.export.clone()).collect();
        Ok(Verifier { program, options, init_calls, init_exports, runs, skipped })
    }

    /// Compares a snapshot with the original.
    ///
    /// # Errors
    /// [`VerifyError`], if an engine fails in a way that says nothing about the snapshot.
    pub fn verify(&mut self, snapshot: &[u8]) -> Result<Verdict, VerifyError> {
        let mut verdict = VerdictBuilder::new(self.options);
        verdict.coverage.engines_skipped = self.skipped.clone();
        match self.options.parse(snapshot) {
            Err(error) => verdict.add(Difference::new("snapshot", "a valid module", error)),
            Ok(module) => {
                let (called, renames) = (&self.init_exports[..], &self.options.renames[..]);
                let sink = Sink::new(self.options);
                let compared =
                    module_comparison::compare(&self.program.module, &module, (called, renames), sink);
                verdict.add_modules(compared);
                let program = Arc::new(ProbedModule::new(module, &self.options.host.preloads)?);
                Comparison::new(self, Arc::clone(&program), &mut verdict).run()?;
                if self.options.fresh && !verdict.is_different() {
                    fresh_comparison::compare(self, &program, &mut verdict)?;
                }
            }
        }
        Ok(verdict.finish())
    }
}

/// The engines that were asked for, or those that take seconds; and those that are left out.
fn engines(program: &ProbedModule<'_>, options: &VerifyOptions) -> (Vec<Compiler>, Vec<Skipped>) {
    match (options.engines.is_empty(), options.other_engines.is_empty()) {
        (false, _) => return (options.engines.clone(), Vec::new()),
        // They do what was done on an engine in lock step.
        (true, false) => return (vec![Compiler::Cranelift], Vec::new()),
        (true, true) => {}
    }
    let mut engines = vec![Compiler::Cranelift];
    let mut skipped = Vec::new();
    match options.host.preloads.iter().find(|preload| !is_for_winch(&preload.wasm)) {
        None => engines.push(Compiler::Winch),
        Some(preload) => {
            let why =
                format!("it does not support what the preloaded module `{}` uses", Printable(&preload.name));
            skipped.push(Skipped::new(Compiler::Winch.name(), why));
        }
    }
    if program.is_small() {
        engines.push(Compiler::Pulley);
    } else {
        let why = "interpreters are slow on a module of this size; they run only if they are asked for";
        let interpreters = [Compiler::Pulley.name(), OtherEngine::Wasmi.name()];
        skipped.extend(interpreters.map(|name| Skipped::new(name, why)));
    }
    (engines, skipped)
}
