//! Everything that init can see or do: imports, WASI, clocks, randomness, limits; and the ledger of all of it.
//!
//! [`new_store`] opens what the options let in; [`resolve_imports`] gives the externs to instantiate a module with.
//! After the run, [`HostState::ledger`] holds every call. The same options with [`HostOptions::replay`] give a store
//! that answers from that ledger and touches nothing outside.
//!
//! ```
//! use preinit::host::{
//!     Access, Class, Clock, Directory, FileTimes, HostOptions, Output, Policies, Policy, Random, Stdin, WasiOptions,
//! };
//! use preinit::{Error, Options, Preinit};
//!
//! let wasm = preinit::wat_to_wasm(br#"(module
//!     (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
//!     (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
//!     (memory (export "memory") 1)
//!     (func (export "preinit") (drop (call $time (i32.const 0) (i64.const 1) (i32.const 16))))
//!     (func (export "seed") (drop (call $random (i32.const 32) (i32.const 4)))))"#)?;
//! let directory = tempfile::tempdir()?;
//! let mut wasi = WasiOptions::default();
//! wasi.args = vec!["program".to_string()];
//! wasi.env = vec![("LANG".to_string(), "C".to_string())];
//! (wasi.stdin, wasi.stdout, wasi.stderr) = (Stdin::Empty, Output::Capture, Output::Discard);
//! wasi.dirs = vec![Directory {
//!     guest: "/data".to_string(),
//!     host: directory.path().into(),
//!     access: Access::ReadOnly,
//! }];
//! (wasi.clock, wasi.random, wasi.file_times) = (Clock::Fixed(0), Random::Seed(1), FileTimes::Fixed);
//! let mut policies = Policies::default();
//! policies.set(Class::Random, Policy::Deny);
//! assert_eq!(policies.get(Class::Clock), Policy::Allow);
//! let host = HostOptions { wasi: Some(wasi), policies, ..HostOptions::default() };
//! let mut options = Options { host: host.clone(), ..Options::default() };
//! options.limits.fuel = Some(1_000);
//!
//! let output = Preinit::from(options).run(&wasm)?;
//! assert_eq!(output.report.clock_start, Some(0));
//! let denied = Preinit::from(Options { host, init_functions: vec!["seed".to_string()], ..Options::default() });
//! assert!(matches!(denied.run(&wasm), Err(Error::Execute(_))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! No example: the other types are what the options, the [`Ledger`] and errors hold.

mod component;
mod component_value;
mod error;
mod host_options;
mod host_value;
mod interceptor;
mod js_string;
mod ledger;
mod no_memory;
mod partial_replay;
mod policy;
mod preload;
mod recorder;
mod resolve;
mod run_limits;
mod sealed;
mod stub;
mod wasi;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::{Engine, Extern, Store};

use partial_replay::PartialReplay;
use recorder::Recorder;
use run_limits::Limiter;
use sealed::Seal;
use wasi::Wasi;

#[cfg(feature = "component-calls")]
pub(crate) use component::Timers;
pub(crate) use component::{ComponentHost, component_linker, new_component_store};
pub use component_value::{ComponentValue, Handle};
pub use error::{
    ChangeRefused, ComponentImportCalled, Denied, GuestExit, HostError, ImportCalled, InstanceLimit,
    LedgerLimit, MemoryLimit, ReplayDiverged, TaskLimit, Unprovided, WasiImport,
};
pub use host_options::{
    Access, Clock, Define, Directory, FileTimes, HostOptions, ImportName, LinkerHook, LiveLedger, Output,
    Preload, Random, Stdin, WasiOptions,
};
pub use host_value::HostValue;
pub(crate) use interceptor::{Seen, Watch};
pub(crate) use js_string::JsString;
pub use ledger::{
    Call, ChangedDescriptor, ComponentCall, Descriptor, DescriptorKind, Descriptors, Entry, FileChange,
    ImportCount, Input, Ledger, LedgerHash, Outcome, Region, Sources, StubCalls,
};
pub use no_memory::NoMemory;
pub use policy::{Class, ClassUse, Policies, Policy};
pub(crate) use preload::{Form as PreloadForm, Preloaded};
pub use resolve::resolve_imports;
pub use run_limits::Limits;
pub(crate) use sealed::Sealed;

/// The data of a store in which init runs.
pub struct HostState {
    limiter: Limiter,
    recorder: Recorder,
    /// `None` without WASI, and in a replay.
    wasi: Option<Wasi>,
    /// Answers what lies outside, if this run rehearses another.
    partial_replay: Option<PartialReplay>,
    refuse_changes: bool,
    /// Bytes that files in memory may hold.
    capacity: u64,
    seal: Option<Seal>,
    watch: Option<Watch>,
    policies: Policies,
    preloaded: Vec<Preloaded>,
    /// Functions that can be in references of preloaded modules, in the same order in every run; empty unless
    /// [`HostOptions::tells_preloaded_apart`].
    preloaded_functions: Vec<wasmtime::Func>,
    /// How the run goes on when all of a replay has been made, and the digest of the module.
    #[cfg(feature = "verify")]
    after_replay: Option<(HostOptions, [u8; 32])>,
}

/// A store with nothing in it yet. Opens the preopened directories, unless this is a replay.
///
/// `module_digest` seeds [`Random::Module`]; it must depend on the module's bytes and on nothing else. Run the store
/// on a thread of its own, not inside an async runtime: file operations block on one.
///
/// # Errors
///
/// If a directory cannot be opened, or fuel is asked of an engine that has none.
pub fn new_store(
    engine: &Engine,
    options: &HostOptions,
    limits: &Limits,
    module_digest: [u8; 32],
) -> Result<Store<HostState>, HostError> {
    let state = HostState::new(options, limits, module_digest)?;
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    if let Some(fuel) = limits.fuel {
        store.set_fuel(fuel).map_err(|source| HostError::Engine { action: "count fuel", source })?;
    }
    Ok(store)
}

impl HostState {
    fn new(options: &HostOptions, limits: &Limits, module_digest: [u8; 32]) -> Result<HostState, HostError> {
        let mut ledger = Ledger { show_values: options.show_values, ..Ledger::default() };
        if let Some(wasi) = &options.wasi {
            ledger.sources = Sources { clock: Some(wasi.clock), random: Some(wasi.random) };
            ledger.preopens = wasi.dirs.iter().map(|directory| directory.guest.clone()).collect();
            ledger.overlaid = wasi.dirs.iter().map(|directory| directory.access == Access::Overlay).collect();
        }
        let partial_replay = match &options.replay {
            Some(recording) if options.replay_outside_only => Some(PartialReplay::of(recording)),
            _ => None,
        };
        let wasi = match &options.wasi {
            Some(wasi) if partial_replay.is_some() => Some(Wasi::inside(wasi, module_digest)),
            Some(wasi) if options.replay.is_none() => {
                Some(Wasi::new(wasi, module_digest, limits.max_memory)?)
            }
            _ => None,
        };
        let replay = options.replay.clone().filter(|_| partial_replay.is_none());
        let recorder = Recorder::new(ledger, replay, options.ledger_backtraces, limits.max_memory)
            .shared_with(options.live_ledger.clone());
        let refuse_changes = options.refuses_changes();
        Ok(HostState {
            limiter: Limiter::new(limits.max_memory),
            recorder,
            wasi,
            partial_replay,
            refuse_changes,
            capacity: limits.max_memory,
            seal: None,
            watch: None,
            policies: options.policies.clone(),
            preloaded: Vec::new(),
            preloaded_functions: Vec::new(),
            #[cfg(feature = "verify")]
            after_replay: None,
        })
    }

    /// Gives the functions of `module` for which the engine has no name these, in backtraces.
    pub(crate) fn name_functions(
        &mut self,
        module: &wasmtime::Module,
        names: impl FnOnce() -> HashMap<u32, String>,
    ) {
        if self.recorder.backtraces {
            self.recorder.names = Some((module.clone(), names()));
        }
    }

    /// The preloaded module that has this code.
    pub(crate) fn preloaded(&self, code: &wasmtime::Module) -> Option<&Preloaded> {
        self.preloaded.iter().find(|preloaded| preloaded.has(code))
    }

    /// What a preloaded module provides as this import.
    fn preloaded_export(store: &mut Store<HostState>, import: &ImportName) -> Option<Extern> {
        let all = std::mem::take(&mut store.data_mut().preloaded);
        let provider = all.iter().find(|preloaded| preloaded.name == import.module);
        let export = provider.and_then(|provider| provider.export(store, &import.name));
        store.data_mut().preloaded = all;
        export
    }

    /// The preloaded modules, in order.
    pub(crate) fn all_preloaded(&self) -> &[Preloaded] {
        &self.preloaded
    }

    /// Functions of preloaded modules that can be in references, in the same order in every run with the same ones.
    #[cfg(feature = "verify")]
    pub(crate) fn preloaded_functions(&self) -> &[wasmtime::Func] {
        &self.preloaded_functions
    }

    /// Every host call so far.
    pub fn ledger(&self) -> &Ledger {
        &self.recorder.ledger
    }

    /// Every host call so far; the state's own ledger is empty afterwards, so this is for the end of a run.
    pub fn take_ledger(&mut self) -> Ledger {
        self.note_clock();
        std::mem::take(&mut self.recorder.ledger)
    }

    /// Every host call so far, which stay in the state too.
    #[cfg(feature = "verify")]
    pub(crate) fn ledger_now(&mut self) -> Ledger {
        self.note_clock();
        self.recorder.ledger.clone()
    }

    /// Where the monotonic clock stands, if the guest has read it.
    pub(crate) fn monotonic_clock(&mut self) -> Option<u64> {
        self.note_clock();
        self.ledger().monotonic_clock()
    }

    /// In a replay, the record knows where the clock stood.
    fn note_clock(&mut self) {
        if let Some(wasi) = &self.wasi {
            self.recorder.ledger.monotonic = wasi.monotonic_clock();
        }
    }

    /// Whether a call of `import` with `fd` as its first argument, if it were made now, would read standard input.
    pub(crate) fn reads_stdin(&self, import: &ImportName, fd: u32) -> bool {
        self.recorder.descriptors.reads_stdin(import, fd)
    }

    /// The path that the guest means now by `path`, relative to the directory `fd`.
    pub(crate) fn path(&self, fd: u32, path: &str) -> String {
        self.recorder.descriptors.path(fd, path)
    }

    /// Takes the calls since the last time out of the ledger.
    pub(crate) fn take_calls(&mut self) -> Vec<Arc<Entry>> {
        self.recorder.take()
    }

    /// From now on every call must be the next of `calls`, and is answered as that was. Afterwards
    /// [`Ledger::unreplayed`] tells how many were not made.
    pub(crate) fn replay_next(&mut self, calls: Vec<Arc<Entry>>) {
        self.recorder.replay_next(calls);
    }

    /// From now on a replay answers questions for preopened directories that are not in the recording.
    #[cfg(feature = "verify")]
    pub(crate) fn answer_preopens(&mut self) {
        self.recorder.answered_preopens = Some(false);
    }

    /// Whether it has.
    #[cfg(feature = "verify")]
    pub(crate) fn answered_preopens(&self) -> bool {
        self.recorder.answered_preopens == Some(true)
    }

    /// Goes on as in a new process: descriptors, randomness and standard streams begin anew. Only the monotonic clock goes on,
    /// from here if that is given.
    pub(crate) fn restart(
        &mut self,
        options: &HostOptions,
        module_digest: [u8; 32],
        monotonic: Option<u64>,
    ) -> Result<(), HostError> {
        self.wasi =
            options.wasi.as_ref().map(|wasi| Wasi::new(wasi, module_digest, self.capacity)).transpose()?;
        if let (Some(wasi), Some(monotonic)) = (&mut self.wasi, monotonic) {
            wasi.go_on_from(monotonic);
        }
        self.refuse_changes = options.refuses_changes();
        self.recorder.answer_live();
        Ok(())
    }

    /// Lets the run go on like that before the first host call that its replay does not have.
    #[cfg(feature = "verify")]
    pub(crate) fn restart_after_replay(&mut self, options: &HostOptions, module_digest: [u8; 32]) {
        self.after_replay = Some((options.clone(), module_digest));
    }

    /// Begins anew if a replay is over that is to end so. The calls of a component are kept.
    pub(crate) fn end_replay(&mut self) -> Result<(), HostError> {
        #[cfg(feature = "verify")]
        if self.recorder.ledger.unreplayed == Some(0)
            && let Some((options, digest)) = self.after_replay.take()
        {
            let calls = std::mem::take(&mut self.recorder.ledger.component_calls);
            let monotonic = self.monotonic_clock();
            self.restart(&options, digest, monotonic)?;
            self.recorder.ledger.component_calls = calls;
        }
        Ok(())
    }

    /// From now on nothing outside is touched: whoever asks for something there is ended by [`Sealed`]. There seem to be this
    /// many preopened directories. A replay ends.
    pub(crate) fn seal(&mut self, directories: u32) {
        self.seal = Some(Seal { directories });
        self.recorder.answer_live();
    }

    /// While it is closed, every host call is refused, and memory does not grow: the guest's functions are called by preinit.
    pub(crate) fn close(&mut self, is_closed: bool) {
        self.limiter.closed = is_closed;
    }

    /// How often something did not grow because this was closed.
    pub(crate) fn denied_growths(&self) -> u64 {
        self.limiter.denied
    }

    /// From now on shows every host call to `watch` before it is answered.
    pub(crate) fn watch(&mut self, watch: Watch) {
        self.watch = Some(watch);
    }

    /// Lets the guest use `more` bytes on top of what it has now.
    pub(crate) fn allow_growth(&mut self, more: u64) {
        self.limiter.allow(more);
    }

    /// The first growth that was over the limit. It is the cause of the trap too, except where a GC heap had to grow:
    /// there the trap only says that the heap is out of memory.
    pub fn memory_limit(&self) -> Option<MemoryLimit> {
        self.limiter.refused
    }

    /// What the guest wrote to standard output, if that is captured. Empty in a replay.
    pub fn stdout(&self) -> &[u8] {
        self.wasi.as_ref().map_or(&[], Wasi::stdout)
    }

    /// What the guest wrote to standard error, if that is captured. Empty in a replay.
    pub fn stderr(&self) -> &[u8] {
        self.wasi.as_ref().map_or(&[], Wasi::stderr)
    }
}
