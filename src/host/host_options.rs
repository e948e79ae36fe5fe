//! What init may see, as plain data.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use preinit_core::module::ImportName;

use super::HostState;
use super::ledger::{Entry, Ledger};
use super::policy::Policies;

/// Everything that decides which host calls are answered, and how. The default lets nothing in: every imported
/// function traps when it is called.
#[derive(Clone, Debug, Default)]
pub struct HostOptions {
    /// WASI preview 1, if it is allowed.
    pub wasi: Option<WasiOptions>,
    /// Modules that provide imports, instantiated in this order.
    pub preloads: Vec<Preload>,
    /// Imports that do nothing: functions return zero or null; memories, tables and globals are fresh.
    pub stubs: Vec<ImportName>,
    /// Stub every import that nothing else provides.
    pub stub_all: bool,
    /// Stubs, as `module.name`, that answer with ones instead of zeros: to see what depends on their answers.
    pub stubs_of_ones: Vec<String>,
    /// Imports from a library user's linker.
    pub linker: Option<LinkerHook>,
    /// Answer from this recording and touch nothing outside. The calls must be the recorded ones.
    pub replay: Option<Arc<Ledger>>,
    /// Keep the wasm call stack (function names) of every host call.
    pub ledger_backtraces: bool,
    /// Show in messages the bytes that host calls passed, which may be secret. Otherwise messages have their lengths and
    /// addresses, and the names of files.
    pub show_values: bool,
    /// End the run with [`super::ChangeRefused`] at a call that would change a file: a run that repeats another must
    /// not repeat what that did outside.
    pub refuse_changes: bool,
    /// In a replay: answer anew from these options what they decide (arguments, environment, clocks, randomness, standard
    /// streams), and from the recording only what lies outside. Pointers may be others than in the recording.
    pub replay_outside_only: bool,
    /// What init may ask for.
    pub policies: Policies,
    /// Tell functions of preloaded modules apart, wherever they are found, so that states can be compared. They are instrumented for
    /// that.
    pub tells_preloaded_apart: bool,
    /// Where the record of host calls can be read while the run goes on.
    pub live_ledger: Option<LiveLedger>,
}

/// A record of host calls that can be read from other threads, also of a run that never returns. No example: that of
/// [`Preinit::repeat`](crate::Preinit::repeat) says what it is for.
#[derive(Clone, Debug, Default)]
pub struct LiveLedger(Arc<Mutex<Ledger>>);

impl LiveLedger {
    /// Every call that was answered so far. No example: see [`LiveLedger`].
    pub fn so_far(&self) -> Ledger {
        self.lock().clone()
    }

    /// Begins with this record.
    pub(crate) fn begin(&self, ledger: &Ledger) {
        self.lock().clone_from(ledger);
    }

    pub(super) fn push(&self, entry: &Arc<Entry>) {
        self.lock().entries.push(Arc::clone(entry));
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HostOptions {
    /// Whether a change has to be looked for; where nothing is writable the call itself fails, as it did before.
    pub(super) fn refuses_changes(&self) -> bool {
        self.refuse_changes
            && self
                .wasi
                .as_ref()
                .is_some_and(|wasi| wasi.dirs.iter().any(|directory| directory.access == Access::ReadWrite))
    }
}

/// A module whose exports are importable under `name`.
#[derive(Clone, Debug)]
pub struct Preload {
    /// The module name that imports use.
    pub name: String,
    /// The module's binary.
    pub wasm: Vec<u8>,
}

/// Adds a library user's definitions to a linker.
pub type Define = dyn Fn(&mut wasmtime::Linker<HostState>) -> wasmtime::Result<()> + Send + Sync;

/// A library user's own imports. They are called as they are: their calls are not recorded and not replayed.
#[derive(Clone)]
pub struct LinkerHook(pub Arc<Define>);

impl LinkerHook {
    /// A hook that runs `define` once for every store.
    pub fn new(
        define: impl Fn(&mut wasmtime::Linker<HostState>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(define))
    }
}

impl fmt::Debug for LinkerHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkerHook(..)")
    }
}

/// What a WASI guest sees. The default is the hermetic one: nothing but its own standard output and error.
#[derive(Clone, Debug, Default)]
pub struct WasiOptions {
    /// Arguments, the program's name first.
    pub args: Vec<String>,
    /// Environment variables, in this order.
    pub env: Vec<(String, String)>,
    /// Standard input.
    pub stdin: Stdin,
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
    /// Preopened directories, in this order.
    pub dirs: Vec<Directory>,
    /// All clocks.
    pub clock: Clock,
    /// `random_get`.
    pub random: Random,
    /// Every random bit is the other one than `random` gives: to see what depends on a single bit.
    pub complement_random: bool,
    /// The modification times of files.
    pub file_times: FileTimes,
}

/// Where standard input comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stdin {
    /// At its end from the start.
    #[default]
    Empty,
    /// This process's. Unless it is a terminal, a read waits until the guest's buffer is full or the input ends,
    /// so that the guest does not see in what pieces a pipe delivers.
    Inherit,
    /// The same, without having been asked for: what init leaves of it in the state is warned of.
    InheritUnasked,
    /// These bytes.
    Bytes(Vec<u8>),
}

impl Stdin {
    /// Whether it is this process's. No example: it is what it says.
    pub fn is_inherited(&self) -> bool {
        matches!(self, Stdin::Inherit | Stdin::InheritUnasked)
    }

    /// Whether somebody has given it to init on purpose: as its program, for example, whose text may stay in the state. No example:
    /// reports and warnings go by it.
    pub fn is_given(&self) -> bool {
        matches!(self, Stdin::Inherit | Stdin::Bytes(_))
    }
}

/// Where an output stream goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// To the same stream of this process, as it is.
    #[default]
    Inherit,
    /// To the same stream of this process. If that is a terminal, whatever could act on it is escaped, as
    /// [`preinit_core::terminal_output::TerminalOutput`] does it.
    InheritEscaped,
    /// Into the [`HostState`].
    Capture,
    /// Nowhere.
    Discard,
}

/// A preopened directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The name that the guest sees.
    pub guest: String,
    /// The directory that it is.
    pub host: PathBuf,
    /// What the guest may do in it.
    pub access: Access,
}

/// What a guest may do in a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Read. Everything else fails.
    ReadOnly,
    /// Read and change. Changes stay in memory: the directory itself never changes, and they are gone after the run.
    #[default]
    Overlay,
    /// Read and change the directory itself.
    ReadWrite,
}

/// What the clocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clock {
    /// They start at this many nanoseconds after 1970-01-01T00:00:00Z and advance by a fixed step at each reading;
    /// a sleep advances them and returns at once.
    Fixed(u64),
    /// The same, with the start of the monotonic clock given too, in nanoseconds.
    Shifted {
        /// Nanoseconds after 1970-01-01T00:00:00Z.
        start: u64,
        /// The monotonic clock's first reading.
        monotonic: u64,
    },
    /// This machine's clocks; sleeps take their time.
    Real,
    /// Reading a clock, or sleeping, ends the run.
    Deny,
}

impl Clock {
    /// 2000-01-01T00:00:00Z, the start of the default clock.
    pub const DEFAULT_START: u64 = 946_684_800_000_000_000;

    /// The start of the monotonic clock, in nanoseconds: as early as possible, because that of an instance begins anew. Not 0:
    /// the Go runtime takes that for a broken clock.
    pub const MONOTONIC_START: u64 = 1;
}

impl Default for Clock {
    fn default() -> Self {
        Self::Fixed(Self::DEFAULT_START)
    }
}

/// Where random bytes come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Random {
    /// A generator seeded from the module's own digest, so that two modules do not share their "random" keys.
    #[default]
    Module,
    /// A generator with this seed, the same for every module.
    Seed(u64),
    /// The operating system.
    Os,
    /// Asking for random bytes ends the run.
    Deny,
}

/// Which modification times the guest sees. Access and change times are always equal to the modification time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileTimes {
    /// The real ones. Under a fixed clock, files changed during the run have the clock's start instead.
    #[default]
    Real,
    /// The start of a fixed clock, 0 under any other, for every file.
    Fixed,
}
