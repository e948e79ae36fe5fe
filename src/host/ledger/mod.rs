//! The record of every host call, in order: plain data that can be compared, replayed and written down.

mod component_call;
mod descriptors;
mod json;
mod query;
mod start_descriptors;
mod stub_calls;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use preinit_core::wasi_version::WasiVersion;

use super::error::Denied;
use super::host_options::{Clock, ImportName, Random};
use super::host_value::HostValue;
use super::wasi;
use crate::wording::counted;

pub use component_call::ComponentCall;
pub use descriptors::{Descriptor, DescriptorKind, Descriptors};
pub use json::LedgerHash;
pub use query::{FileChange, ImportCount, Input};
pub use start_descriptors::ChangedDescriptor;
pub use stub_calls::StubCalls;

/// Every host call of one run, with what went in and what came out.
///
/// Two ledgers are equal if the guest saw and did the same in both; backtraces do not count.
///
/// ```
/// use preinit::Preinit;
/// use preinit::host::{
///     Access, DescriptorKind, Directory, HostValue, Ledger, LedgerHash, Output, Policies, Stdin, WasiOptions,
/// };
///
/// let wasm = preinit::wat_to_wasm(br#"(module
///     (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
///     (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
///     (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
///     (import "wasi_snapshot_preview1" "path_create_directory" (func $make (param i32 i32 i32) (result i32)))
///     (memory (export "memory") 1)
///     (data (i32.const 0) "\40\00\00\00\05\00\00\00") ;; five bytes at address 64
///     (data (i32.const 16) "new")
///     (func (export "preinit")
///         (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 12)))
///         (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
///         (drop (call $random (i32.const 128) (i32.const 8)))
///         (drop (call $make (i32.const 3) (i32.const 16) (i32.const 3)))))"#)?;
/// let directory = tempfile::tempdir()?;
/// let mut wasi = WasiOptions::default();
/// (wasi.stdin, wasi.stdout) = (Stdin::Bytes(b"hello".to_vec()), Output::Discard);
/// wasi.dirs = vec![Directory {
///     guest: "/work".to_string(),
///     host: directory.path().into(),
///     access: Access::Overlay,
/// }];
/// let ledger: Ledger = Preinit::new().wasi(wasi).run(&wasm)?.ledger;
///
/// // What was called, and what went in and out.
/// let names: Vec<&str> = ledger.entries().map(|entry| entry.call.import.name.as_str()).collect();
/// assert_eq!(names, ["fd_read", "fd_write", "random_get", "path_create_directory"]);
/// assert!(ledger.entries().all(|entry| entry.results() == Some(&[HostValue::I32(0)])));
/// assert_eq!((ledger.len(), ledger.is_empty(), ledger.counts().len()), (4, false, 4));
/// assert_eq!(ledger.wasi_calls("fd_read").count(), 1);
/// assert!(ledger.stubs().is_empty() && ledger.unrecorded().is_empty());
///
/// // Standard streams, randomness, clocks, files.
/// assert_eq!((ledger.stdin(), ledger.output(DescriptorKind::Stdout)), (b"hello".to_vec(), b"hello".to_vec()));
/// assert!(ledger.reads_stdin() && !ledger.stdin_ended() && ledger.inputs()[0].path.is_none());
/// assert!(ledger.random_bytes() == 8 && !ledger.used_os_randomness() && ledger.sources().random.is_some());
/// assert!(!ledger.used_clock() && !ledger.used_real_clock() && !ledger.slept());
/// assert!(ledger.clock_start().is_none() && ledger.monotonic_clock().is_none());
/// assert_eq!(ledger.files_written()[0].path, "/work/new");
/// assert_eq!(ledger.files_lost(), ["/work/new"]);
/// assert!(ledger.files_opened().is_empty() && !directory.path().join("new").exists());
/// assert!(ledger.preopens() == ["/work"] && ledger.overlaid().eq(["/work"]));
/// assert!(ledger.preopens_seen().is_empty() && !ledger.preopens_exhausted());
/// assert_eq!(ledger.descriptors().iter().count(), 4);
///
/// // Classes of calls, and what of them is worth a warning.
/// let classes: Vec<&str> = ledger.classes().iter().map(|used| used.class.name()).collect();
/// assert_eq!(classes, ["random", "stdin", "output", "files"]);
/// assert_eq!(ledger.warnings(&Policies::default()).len(), 1);
///
/// // As text, and against another one.
/// let mut lines = Vec::new();
/// ledger.write_json_lines(&mut lines, LedgerHash::Plain)?;
/// assert!(String::from_utf8(lines)?.contains("random_get"));
/// assert!(ledger.first_difference(&ledger.clone()).is_none() && ledger.unreplayed().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub(super) sources: Sources,
    pub(super) preopens: Vec<String>,
    /// Which of them are changed in memory only.
    pub(super) overlaid: Vec<bool>,
    pub(super) unrecorded: Vec<ImportName>,
    pub(super) entries: Vec<Arc<Entry>>,
    /// Of a component, what it called, and which entries answered that.
    pub(super) component_calls: Vec<ComponentCall>,
    pub(super) unreplayed: Option<usize>,
    /// Of a component, descriptors of the start that its adapter from preview 1 has closed, which no call shows.
    pub(crate) closed_by_adapters: BTreeSet<u32>,
    /// Whether messages may have the bytes that calls passed.
    pub(crate) show_values: bool,
    /// What the guest would have read next of the monotonic clock, in nanoseconds, if there was one.
    pub(super) monotonic: Option<u64>,
}

/// What the answers of WASI were made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The clock; `None` if WASI was not allowed.
    pub clock: Option<Clock>,
    /// The random bytes; `None` if WASI was not allowed.
    pub random: Option<Random>,
}

/// A call and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the guest asked.
    pub call: Call,
    /// How the host answered.
    pub outcome: Outcome,
    /// What the host wrote into the guest's memory.
    pub writes: Vec<Region>,
}

/// A host call, as the guest made it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function.
    pub import: Arc<ImportName>,
    /// Whether a stub answers, whatever the function is called.
    pub stubbed: bool,
    /// Its arguments.
    pub args: Vec<HostValue>,
    /// What the host read from the guest's memory. Ranges that are out of bounds are left out; the call itself traps.
    pub reads: Vec<Region>,
    /// The names of the wasm functions in progress, innermost first, if they were asked for.
    pub backtrace: Option<Vec<String>>,
}

/// Bytes at an address of the calling instance's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The address of the first byte.
    pub address: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned.
    Results(Vec<HostValue>),
    /// `proc_exit` with this code.
    Exit(u32),
    /// Nothing provides the import.
    ImportCalled,
    /// The options deny this.
    Denied(Denied),
    /// It trapped with this message.
    Trap(String),
}

impl Ledger {
    /// The calls, in order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> + DoubleEndedIterator {
        self.entries.iter().map(|entry| &**entry)
    }

    /// The calls, in order, to keep.
    pub(crate) fn shared(&self) -> Vec<Arc<Entry>> {
        self.entries.clone()
    }

    /// A recording of the first `calls` calls only.
    pub(crate) fn first(&self, calls: usize) -> Ledger {
        let component_calls =
            self.component_calls.iter().take_while(|call| call.answered_by.end <= calls).cloned().collect();
        Ledger {
            entries: self.entries.iter().take(calls).cloned().collect(),
            component_calls,
            ..self.clone()
        }
    }

    /// The number of calls.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the guest never called the host.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What the answers of WASI were made from.
    pub fn sources(&self) -> Sources {
        self.sources
    }

    /// The guest's names of the preopened directories, by descriptor from 3 on.
    pub fn preopens(&self) -> &[String] {
        &self.preopens
    }

    /// Imports from a library user's linker: calls to them are missing here, and a replay calls them again.
    pub fn unrecorded(&self) -> &[ImportName] {
        &self.unrecorded
    }

    /// For a replayed run: the number of recorded calls that it has not made (yet). 0 means that it made them all.
    pub fn unreplayed(&self) -> Option<usize> {
        self.unreplayed
    }

    /// The index of the first call that differs between two runs; `None` if the runs are equal.
    pub fn first_difference(&self, other: &Self) -> Option<usize> {
        let both = self.entries.iter().zip(&other.entries);
        let shorter = self.len().min(other.len());
        let differs = both.take_while(|(left, right)| left == right).count();
        (differs < shorter || self.len() != other.len()).then_some(differs)
    }
}

impl PartialEq for Ledger {
    fn eq(&self, other: &Self) -> bool {
        self.sources == other.sources
            && self.preopens == other.preopens
            && self.unrecorded == other.unrecorded
            && self.entries == other.entries
            && self.component_calls == other.component_calls
    }
}

impl Eq for Ledger {}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.import == other.import && self.args == other.args && self.reads == other.reads
    }
}

impl Eq for Call {}

impl Entry {
    /// The results, if the call returned.
    pub fn results(&self) -> Option<&[HostValue]> {
        match &self.outcome {
            Outcome::Results(results) => Some(results),
            _ => None,
        }
    }

    /// The host memory that this entry takes, in bytes, roughly.
    pub(super) fn cost(&self) -> u64 {
        let regions = self.call.reads.iter().chain(&self.writes);
        let bytes: usize = regions.map(|region| region.bytes.len() + size_of::<Region>()).sum();
        let names: usize =
            self.call.backtrace.iter().flatten().map(|name| name.len() + size_of::<String>()).sum();
        (size_of::<Self>() + self.call.args.len() * size_of::<HostValue>() + bytes + names) as u64
    }
}

impl Call {
    /// The WASI function that was called, if it was one, of whichever version, and WASI has answered.
    pub fn wasi(&self) -> Option<&str> {
        self.wasi_version().map(|_| &*self.import.name)
    }

    /// The version of WASI that the function is of, if it is of WASI and not stubbed.
    pub(crate) fn wasi_version(&self) -> Option<WasiVersion> {
        WasiVersion::of_module(&self.import.module).filter(|_| !self.stubbed)
    }

    /// The standard stream that this call writes to: `stdout` or `stderr`.
    pub fn stream(&self) -> Option<&'static str> {
        match (self.wasi(), self.word(0)) {
            (Some("fd_write"), Some(1)) => Some("stdout"),
            (Some("fd_write"), Some(2)) => Some("stderr"),
            _ => None,
        }
    }

    /// The argument `index` as an unsigned 32-bit number: a descriptor, an address, a length.
    pub(crate) fn word(&self, index: usize) -> Option<u32> {
        match self.args.get(index) {
            Some(HostValue::I32(value)) => Some(value.cast_unsigned()),
            _ => None,
        }
    }

    /// The bytes that were read at the address in argument `index`, as text.
    pub(super) fn text(&self, index: usize) -> Option<String> {
        let address = self.word(index)?;
        let region = self.reads.iter().find(|region| region.address == address);
        Some(region.map(|region| String::from_utf8_lossy(&region.bytes).into_owned()).unwrap_or_default())
    }
}

impl Call {
    /// The call in words, with the bytes that it passed if those may be shown.
    pub(crate) fn in_words(&self, show_values: bool) -> String {
        if show_values { format!("{self:#}") } else { self.to_string() }
    }

    /// Whether what was read at this address is the name of a file.
    fn is_path(&self, address: u32) -> bool {
        let params = wasi::function(&self.import).map_or(&[][..], |function| function.params);
        let mut named = params.iter().zip(0..).filter(|((name, _), _)| name.ends_with("path"));
        named.any(|(_, index)| self.word(index) == Some(address))
    }
}

/// The call with its arguments, and what was read of the guest's memory: how much, and where. The alternate form `{:#}` has the
/// bytes themselves.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.import)?;
        for (index, value) in self.args.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{value}")?;
        }
        f.write_str(")")?;
        for (index, region) in self.reads.iter().enumerate() {
            let with = if index == 0 { " with" } else { "," };
            match f.alternate() || self.is_path(region.address) {
                true => write!(f, "{with} {region:#}")?,
                false => write!(f, "{with} {region}")?,
            }
        }
        Ok(())
    }
}

/// How many bytes there are, and where. The alternate form `{:#}` has the first ones, too.
impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 40;
        let Region { address, bytes } = self;
        if !f.alternate() {
            return write!(f, "{} at {address:#x}", counted(bytes.len() as u64, "byte"));
        }
        let more = if bytes.len() > SHOWN { "…" } else { "" };
        let shown = &bytes[..bytes.len().min(SHOWN)];
        write!(f, "\"{}\"{more} ({} bytes at {address:#x})", shown.escape_ascii(), bytes.len())
    }
}
