use super::foreign::OtherEngine;
use super::pattern::Pattern;
use super::script::Script;
use crate::engine::Compiler;
use crate::freeze::Trigger;
use crate::host::{Clock, HostOptions, Ledger, Limits, Output, Random, Stdin, WasiOptions};
use preinit_core::plan::Rename;
use std::sync::Arc;
use std::time::Duration;

/// What a verification compares, and how long it takes.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// Exports that init consists of, as for the making of the snapshot.
    pub init_functions: Vec<String>,
    /// The place at which the original was frozen; it is played until there, and both sides go on from there. Generated
    /// sequences are left out.
    pub at: Option<Trigger>,
    /// Exports that have another name in the snapshot.
    pub renames: Vec<Rename>,
    /// What init saw. WASI is allowed in any case, hermetically.
    pub host: HostOptions,
    /// What init may use.
    pub limits: Limits,
    /// The host calls of the run that made the snapshot. With them init is replayed and nothing outside is touched;
    /// without them init runs once more, and ends the verification where it would change a file.
    pub ledger: Option<Arc<Ledger>>,
    /// Arguments, environment, standard input and directories of the calls in scripts; `None` for those of init. They
    /// run as in a new process: with descriptors, clocks and random numbers that begin anew.
    pub run: Option<WasiOptions>,
    /// Scripts that are played first, each on an instance of its own.
    pub scripts: Vec<Script>,
    /// The engines to run on; empty for Cranelift, Winch, and for a small module Pulley.
    pub engines: Vec<Compiler>,
    /// Engines by other people that play along. If none is named here or in `engines`: for a small module wasmi.
    pub other_engines: Vec<OtherEngine>,
    /// Generated sequences for each engine, at most.
    pub sequences: usize,
    /// Calls in a generated sequence, at most.
    pub depth: usize,
    /// Time for playing generated sequences, on all engines together. A sequence that has begun is played to its end.
    pub time: Duration,
    /// Fuel for one call (about one for each instruction).
    pub fuel: u64,
    /// Bytes that memories and tables may grow by while a sequence is played.
    pub growth: u64,
    /// What sequences are generated from.
    pub seed: u64,
    /// Differences that are listed, at most.
    pub max_differences: usize,
    /// Differences that do not count.
    pub ignore: Vec<Pattern>,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        VerifyOptions {
            init_functions: Vec::new(),
            at: None,
            renames: Vec::new(),
            host: HostOptions::default(),
            limits: Limits { timeout: Some(Duration::from_secs(60)), max_memory: 4 << 30, fuel: None },
            ledger: None,
            run: None,
            scripts: Vec::new(),
            engines: Vec::new(),
            other_engines: Vec::new(),
            sequences: 64,
            depth: 12,
            time: Duration::from_secs(3),
            fuel: 20_000_000,
            growth: 256 << 20,
            seed: 0,
            max_differences: 100,
            ignore: Vec::new(),
        }
    }
}

impl VerifyOptions {
    /// The host for init: nothing is printed, nothing outside is changed.
    pub(super) fn init_host(&self, replay: Option<Arc<Ledger>>) -> HostOptions {
        let mut host = self.host.clone();
        host.replay = replay;
        host.refuse_changes = true;
        host.ledger_backtraces = false;
        if let Some(wasi) = self.wasi(host.wasi.take()) {
            host.wasi = Some(WasiOptions { stdout: Output::Discard, stderr: Output::Discard, ..wasi });
        }
        host
    }

    /// The host for the calls of a script. What init was given from outside (real clocks, standard input) is not asked
    /// for again: the two sides only have to get the same answers.
    pub(super) fn run_host(&self) -> HostOptions {
        let mut host = self.init_host(None);
        if let Some(run) = &self.run {
            host.wasi = Some(WasiOptions { stdout: Output::Discard, stderr: Output::Discard, ..run.clone() });
        }
        if let Some(wasi) = &mut host.wasi {
            if !matches!(wasi.clock, Clock::Fixed(_)) {
                wasi.clock = Clock::default();
            }
            if !matches!(wasi.random, Random::Module | Random::Seed(_)) {
                wasi.random = Random::default();
            }
            if wasi.stdin == Stdin::Inherit && self.run.is_none() {
                wasi.stdin = Stdin::Empty;
            }
        }
        host
    }

    /// Stubs for everything are stubs for WASI too.
    fn wasi(&self, given: Option<WasiOptions>) -> Option<WasiOptions> {
        given.or_else(|| (!self.host.stub_all).then(WasiOptions::default))
    }
}
