use super::other_engines::OtherEngine;
use super::pattern::Pattern;
use super::script::Script;
use crate::cache::CompileCache;
use crate::engine::{self, Compiler};
use crate::execute::{InitNames, default_init_functions};
use crate::freeze::Trigger;
use crate::host::{Clock, HostOptions, Ledger, Limits, Output, Random, Stdin, WasiOptions};
use preinit_core::module::{Module, ModuleError};
use preinit_core::plan::Rename;
use std::sync::Arc;
use std::time::Duration;

/// What a verification compares, and how long it may take.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// Exports that init calls, as when the snapshot was made.
    pub init_functions: Vec<String>,
    /// Exports of the original that are looked for if none is named, as for the making of the snapshot.
    pub default_init_functions: Vec<String>,
    /// The point at which the original was frozen. It runs to that point, and both sides continue from there. No sequences are
    /// generated.
    pub at: Option<Trigger>,
    /// Exports that have another name in the snapshot.
    pub renames: Vec<Rename>,
    /// Imports of a component that trap in the snapshot, as for the making of the snapshot.
    pub cut_imports: Vec<String>,
    /// The snapshot of a component may hold resources, streams or files that no instance has, as for its making. Calls that use them
    /// are different.
    pub allow_live_handles: bool,
    /// The adapter from WASI preview 1 of a component has kept its state, as for the making of the snapshot.
    pub keep_adapter_state: bool,
    /// Imported memories hold nothing but zeros when an instance of the snapshot gets them, as for the making of the snapshot.
    /// If that is not said, a snapshot that is right only then is not called equal.
    pub fresh_imports: bool,
    /// Memories, tables and globals that the snapshot defines instead of importing them are shared with nobody, as for the making
    /// of the snapshot. If that is not said, a snapshot that has such ones is not called equal.
    pub internalize: bool,
    /// What init can see. WASI is always allowed, hermetically.
    pub host: HostOptions,
    /// What init may use.
    pub limits: Limits,
    /// The host calls of the run that made the snapshot. With them, init is answered from this record, and nothing outside is
    /// touched. Without them, init runs again, and the verification fails where init would change a file.
    pub ledger: Option<Arc<Ledger>>,
    /// Arguments, environment, standard input and directories for the calls in scripts; `None` for those of init. The calls
    /// run as in a new process: descriptors, clocks and random numbers start again.
    pub run: Option<WasiOptions>,
    /// Also compares with an original that was started in another world: at another time, with other random numbers, another
    /// environment, other directories, as far as init has asked for them. The state is not compared there, but what calls
    /// return and print.
    pub fresh: bool,
    /// Scripts that run before generated sequences, each on fresh instances.
    pub scripts: Vec<Script>,
    /// The engines that run both sides in lock step; empty for Cranelift, Winch and, for a small module, Pulley.
    pub engines: Vec<Compiler>,
    /// Engines other than wasmtime, which do with the snapshot what was done with the original. If none is named here or in
    /// `engines`, wasmi for a small module.
    pub other_engines: Vec<OtherEngine>,
    /// The maximum number of generated sequences per engine.
    pub sequences: usize,
    /// The maximum number of calls in a generated sequence.
    pub depth: usize,
    /// Time for generated sequences, on all engines together. A sequence that has begun runs to its end.
    pub time: Duration,
    /// Fuel for one call (about one unit per instruction).
    pub fuel: u64,
    /// Bytes by which memories and tables may grow during a sequence.
    pub growth: u64,
    /// The seed of generated sequences.
    pub seed: u64,
    /// The maximum number of differences that are listed.
    pub max_differences: usize,
    /// Differences that are not counted.
    pub ignore: Vec<Pattern>,
    /// Refuse modules that use proposals which the engine has off by default, such as stack switching.
    pub default_proposals: bool,
    /// Where compiled code of the original is kept between runs: with the feature `cache`.
    #[cfg(feature = "cache")]
    pub compile_cache: Option<CompileCache>,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        VerifyOptions {
            init_functions: Vec::new(),
            default_init_functions: default_init_functions(),
            at: None,
            renames: Vec::new(),
            cut_imports: Vec::new(),
            allow_live_handles: false,
            keep_adapter_state: false,
            fresh_imports: false,
            internalize: false,
            host: HostOptions::default(),
            limits: Limits { timeout: Some(Duration::from_secs(60)), max_memory: 4 << 30, fuel: None },
            ledger: None,
            run: None,
            fresh: false,
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
            default_proposals: false,
            #[cfg(feature = "cache")]
            compile_cache: None,
        }
    }
}

impl VerifyOptions {
    /// The names of the init functions.
    pub(super) fn init_names(&self) -> InitNames<'_> {
        InitNames { named: &self.init_functions, default: &self.default_init_functions }
    }

    /// The module, if these options accept it.
    pub(super) fn parse<'a>(&self, wasm: &'a [u8]) -> Result<Module<'a>, ModuleError> {
        let module = Module::parse(wasm)?;
        if self.default_proposals {
            module.check_features(engine::default_features())?;
        }
        Ok(module)
    }

    /// The cache. No guest can change it: nothing outside is changed.
    pub(super) fn compile_cache(&self) -> Option<&CompileCache> {
        #[cfg(feature = "cache")]
        let cache = self.compile_cache.as_ref();
        #[cfg(not(feature = "cache"))]
        let cache = None;
        cache
    }

    /// Whether a difference with this key is not counted.
    pub(super) fn ignores(&self, key: &str) -> bool {
        // Each is asked, so that each knows whether it has matched.
        self.ignore.iter().filter(|pattern| pattern.matches_key(key)).count() > 0
    }

    /// The same, of a run of their own.
    pub(super) fn of_one_run(&self) -> VerifyOptions {
        VerifyOptions { ignore: self.ignore.iter().map(Pattern::anew).collect(), ..self.clone() }
    }

    /// The patterns of what is not counted that no difference has matched.
    pub(super) fn unmatched(&self) -> Vec<String> {
        self.ignore.iter().filter_map(Pattern::unmatched).map(str::to_owned).collect()
    }

    /// The other engines that were asked for, or wasmi for a small module.
    pub(super) fn other_engines(&self, is_small: bool) -> Vec<OtherEngine> {
        let asked = !self.engines.is_empty() || !self.other_engines.is_empty();
        match !asked && is_small {
            true => vec![OtherEngine::Wasmi],
            false => self.other_engines.clone(),
        }
    }

    /// The host for init: nothing is printed, nothing outside is changed.
    pub(super) fn init_host(&self, replay: Option<Arc<Ledger>>) -> HostOptions {
        let mut host = self.host.clone();
        host.replay = replay;
        host.refuse_changes = true;
        host.ledger_backtraces = false;
        host.tells_preloaded_apart = true;
        if let Some(wasi) = self.wasi(host.wasi.take()) {
            host.wasi = Some(WasiOptions { stdout: Output::Discard, stderr: Output::Discard, ..wasi });
        }
        host
    }

    /// The host for the calls of a script. What init was given from outside (real clocks, standard input) is not read again:
    /// both sides only have to get the same answers.
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
            if wasi.stdin.is_inherited() && self.run.is_none() {
                wasi.stdin = Stdin::Empty;
            }
        }
        host
    }

    /// Stubs for all imports include WASI.
    fn wasi(&self, given: Option<WasiOptions>) -> Option<WasiOptions> {
        given.or_else(|| (!self.host.stub_all).then(WasiOptions::default))
    }
}
