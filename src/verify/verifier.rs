use super::foreign::OtherEngine;
use super::round::Round;
use super::side::{Program, Side};
use super::start::{self, Led};
use super::verdict::{Coverage, Difference, Findings, Outcome, Skipped, Verdict};
use super::{VerifyError, VerifyOptions, structure};
use crate::engine::{Compiled, Compiler};
use crate::execute;
use crate::host::{Entry, Ledger};
use crate::report::seconds;
use preinit_core::module::Module;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The original, ready to be compared with any number of snapshots.
///
/// It must be used on a thread with room for the guest's stack: [`crate::engine::on_guest_thread`].
pub struct Verifier<'a> {
    pub(super) program: Arc<Program<'a>>,
    pub(super) options: &'a VerifyOptions,
    calls: Vec<String>,
    ledger: Option<Arc<Ledger>>,
    preload_calls: usize,
    pub(super) lanes: Vec<Lane<'a>>,
    skipped: Vec<Skipped>,
}

/// The original on one engine.
pub(super) struct Lane<'a> {
    pub compiler: Compiler,
    compiled: Compiled,
    pub compile_time: Duration,
    /// Time to bring an instance behind init.
    pub lead_time: Duration,
    /// An instance behind init that nothing was played on.
    resting: Option<Side<'a>>,
}

impl<'a> Verifier<'a> {
    /// Compiles the original and runs its init.
    ///
    /// # Errors
    /// [`VerifyError`], if no engine runs init to its end.
    pub fn new(original: &'a [u8], options: &'a VerifyOptions) -> Result<Verifier<'a>, VerifyError> {
        let module = Module::parse(original)?;
        let calls = execute::init_calls(&module, &options.init_functions)?;
        let mut verifier = Verifier {
            program: Arc::new(Program::new(module)?),
            options,
            calls,
            ledger: options.ledger.clone(),
            preload_calls: 0,
            lanes: Vec::new(),
            skipped: Vec::new(),
        };
        for compiler in verifier.engines() {
            verifier.add_lane(compiler)?;
        }
        Ok(verifier)
    }

    /// The engines that were asked for, or all that take seconds.
    fn engines(&mut self) -> Vec<Compiler> {
        match (self.options.engines.is_empty(), self.options.other_engines.is_empty()) {
            (false, _) => return self.options.engines.clone(),
            // They need somebody to follow.
            (true, false) => return vec![Compiler::Cranelift],
            (true, true) => {}
        }
        let mut engines = vec![Compiler::Cranelift, Compiler::Winch];
        if self.program.is_small() {
            engines.push(Compiler::Pulley);
        } else {
            let why = "an interpreter takes long on a module of this size, unless it is asked for";
            let interpreters = [Compiler::Pulley.name(), OtherEngine::Wasmi.name()];
            self.skipped.extend(interpreters.map(|name| Skipped::new(name, why)));
        }
        engines
    }

    /// The engines by other people.
    pub(super) fn other_engines(&self) -> Vec<OtherEngine> {
        let asked = !self.options.engines.is_empty() || !self.options.other_engines.is_empty();
        match !asked && self.program.is_small() {
            true => vec![OtherEngine::Wasmi],
            false => self.options.other_engines.clone(),
        }
    }

    /// What init consists of.
    pub(super) fn calls(&self) -> &[String] {
        &self.calls
    }

    /// The host calls of init.
    pub(super) fn recorded(&self) -> Vec<Arc<Entry>> {
        self.ledger.as_ref().map(|ledger| ledger.shared()).unwrap_or_default()
    }

    fn add_lane(&mut self, compiler: Compiler) -> Result<(), VerifyError> {
        let started = Instant::now();
        let compiled = match start::compile(&self.program, compiler) {
            Ok(compiled) => compiled,
            // Cranelift supports everything that the validator lets through.
            Err(error) if matches!(compiler, Compiler::Cranelift | Compiler::OptimizingCranelift) => {
                return Err(execute::ExecuteError::Compile(error).into());
            }
            Err(error) => {
                self.skipped.push(Skipped::new(compiler.name(), format!("{error:#}")));
                return Ok(());
            }
        };
        let compile_time = started.elapsed();
        let leading = Instant::now();
        let resting = Some(self.lead(&compiled)?);
        self.lanes.push(Lane { compiler, compiled, compile_time, lead_time: leading.elapsed(), resting });
        Ok(())
    }

    /// A fresh instance of the original behind init.
    fn lead(&mut self, compiled: &Compiled) -> Result<Side<'a>, VerifyError> {
        let Led { side, ledger, preload_calls } =
            start::leader(&self.program, compiled, &self.calls, self.ledger.clone(), self.options)?;
        self.ledger = Some(ledger);
        self.preload_calls = preload_calls;
        Ok(side)
    }

    /// An instance of the original behind init on which nothing was played.
    pub(super) fn leader(&mut self, lane: usize) -> Result<Side<'a>, VerifyError> {
        match self.lanes[lane].resting.take() {
            Some(side) => Ok(side),
            None => {
                let compiled = self.lanes[lane].compiled.clone();
                self.lead(&compiled)
            }
        }
    }

    /// Gives back an instance on which nothing was played.
    pub(super) fn rest(&mut self, lane: usize, leader: Side<'a>) {
        self.lanes[lane].resting = Some(leader);
    }

    /// A fresh instance of the snapshot, or the difference that keeps it from being made.
    pub(super) fn follower<'s>(
        &self,
        program: &Arc<Program<'s>>,
        compiled: &Compiled,
    ) -> Result<Result<Side<'s>, Difference>, VerifyError> {
        let ledger = self.ledger.as_ref();
        let preload_calls = ledger.map(|ledger| ledger.first(self.preload_calls)).unwrap_or_default();
        let side = start::follower(program, compiled, preload_calls, self.options)?;
        Ok(side.map_err(|error| Difference::new("instantiate", "no error", error)))
    }

    /// Compares a snapshot with the original.
    ///
    /// # Errors
    /// [`VerifyError`], if an engine fails in a way that says nothing about the snapshot.
    pub fn verify(&mut self, snapshot: &[u8]) -> Result<Verdict, VerifyError> {
        let started = Instant::now();
        let options = self.options;
        let mut findings = Findings::new(&options.ignore, options.max_differences);
        let mut coverage = Coverage { engines_skipped: self.skipped.clone(), ..Coverage::default() };
        let mut undecided = Vec::new();
        let mut script = None;
        match Module::parse(snapshot) {
            Err(error) => findings.add(Difference::new("snapshot", "a valid module", error)),
            Ok(module) => {
                structure::compare(
                    &self.program.module,
                    &module,
                    &self.calls,
                    options,
                    &mut findings,
                    &mut coverage,
                );
                let program = Arc::new(Program::new(module)?);
                let mut round = Round::new(self, program, &mut findings, &mut coverage);
                round.run()?;
                (script, undecided) = (round.script, round.undecided);
            }
        }
        coverage.seconds = seconds(started.elapsed());
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
            script,
            undecided,
            coverage,
        })
    }
}
