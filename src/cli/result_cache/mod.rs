//! Snapshots that were made before, for build systems that ask again.
//!
//! The key is everything that decides the output: this program, the module, all options, and what can be seen of the
//! files in the directories that init is given without reading them. What init read of them is kept with the result, and
//! compared when it is taken: contents can change without a trace.

mod reads;
mod visible;

use std::fs;

use preinit::host::{HostOptions, Ledger};
use preinit::stages::cache::{CacheSection, EntryName};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::messages::Account;
use super::snapshot_request::SnapshotRequest;
use reads::FileRead;
use visible::Visible;

/// All entries together, in bytes. The oldest go first.
const MAX_BYTES: u64 = 1 << 30;

/// Where the result of one request is kept.
pub struct ResultEntry {
    section: CacheSection,
    name: EntryName,
    visible: Visible,
}

/// What a run wrote and said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The report, as JSON.
    pub report: String,
    /// What is said about it.
    pub account: Account,
    /// The snapshot; after the rest in the file.
    #[serde(skip)]
    pub wasm: Vec<u8>,
}

/// The first line of an entry.
#[derive(Serialize, Deserialize)]
struct Head {
    reads: Vec<FileRead>,
    kept: Kept,
}

/// Why nothing is taken from the cache or put into it.
pub type Reason = String;

impl ResultEntry {
    /// The place for the result of `request` on `wasm`.
    pub fn of(request: &SnapshotRequest, section: CacheSection, wasm: &[u8]) -> Result<ResultEntry, Reason> {
        let outputs = &request.side_outputs;
        if request.verify
            || outputs.ledger.is_some()
            || outputs.has_page()
            || outputs.captured_stdout.is_some()
            || outputs.captured_stderr.is_some()
        {
            return Err("--verify, --ledger, --capture-… and a page of HTML need a run".to_owned());
        }
        let dirs = request.options.host.wasi.iter().flat_map(|wasi| &wasi.dirs);
        let visible = Visible::look(dirs.cloned().collect()).map_err(|error| error.to_string())?;
        let mut hash = Sha256::new();
        hash.update(this_program());
        // Every option, whatever options there will be.
        hash.update(format!("{:?}", request.options));
        hash.update(visible.fingerprint());
        hash.update(Sha256::digest(wasm));
        Ok(ResultEntry { section, name: EntryName::of(hash), visible })
    }

    /// What is kept there, if what init read is still the same.
    pub fn get(&self) -> Option<Kept> {
        let mut bytes = self.section.read(&self.name)?;
        let wasm = bytes.split_off(bytes.iter().position(|&byte| byte == b'\n')? + 1);
        let Head { reads, kept } = serde_json::from_slice(&bytes).ok()?;
        let unchanged = reads.iter().all(|read| read.is_current(&self.visible));
        unchanged.then_some(Kept { wasm, ..kept })
    }

    /// Keeps the result of a run.
    pub fn put(&self, host: &HostOptions, ledger: &Ledger, kept: Kept) -> Result<(), Reason> {
        if let Some(reason) = obstacle(host, ledger) {
            return Err(reason.to_owned());
        }
        if !self.visible.is_current() {
            return Err("a visible file changed during the run".to_owned());
        }
        let reads = reads::of(ledger, &self.visible)?;
        let wasm = kept.wasm.clone();
        let mut content = serde_json::to_vec(&Head { reads, kept }).map_err(|error| error.to_string())?;
        content.push(b'\n');
        content.extend(wasm);
        self.section.write(&self.name, content).map_err(|error| error.to_string())?;
        self.section.evict(MAX_BYTES);
        Ok(())
    }
}

/// What makes a run one of a kind.
fn obstacle(host: &HostOptions, ledger: &Ledger) -> Option<&'static str> {
    let called = |names: &[&str]| names.iter().any(|name| ledger.wasi_calls(name).next().is_some());
    let inherits_stdin = host.wasi.as_ref().is_some_and(|wasi| wasi.stdin.is_inherited());
    if ledger.used_real_clock() {
        Some("init read the real clock")
    } else if ledger.used_os_randomness() {
        Some("init used the operating system's random numbers")
    } else if inherits_stdin && ledger.reads_stdin() {
        Some("init read standard input")
    } else if called(&["fd_write", "fd_pwrite"]) || !ledger.files_written().is_empty() {
        Some("init printed or wrote files")
    } else if host.linker.is_some() || !ledger.unrecorded().is_empty() {
        Some("not all host calls are recorded")
    } else {
        None
    }
}

/// Version and file of this program, which differs between two builds of one version.
fn this_program() -> String {
    let path = std::env::current_exe().and_then(fs::canonicalize).ok();
    let file = path.as_ref().and_then(|path| fs::metadata(path).ok());
    let build = file.map(|file| (file.len(), file.modified().ok()));
    format!("{} {path:?} {build:?}", env!("CARGO_PKG_VERSION"))
}
