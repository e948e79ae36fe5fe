//! Questions that the report and the audit ask.

use std::collections::{BTreeMap, HashMap, HashSet};

use preinit_core::wasi_version::WasiVersion;

use super::{Call, DescriptorKind, Descriptors, Entry, Ledger, Region};
use crate::host::host_options::{Clock, ImportName, Random};
use crate::host::host_value::HostValue;

/// How often an import was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportCount {
    /// The import.
    pub import: ImportName,
    /// Calls.
    pub calls: u64,
}

/// A successful call that changed something in a preopened directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileChange {
    /// What was changed, as the guest names it. For links and renames, the new name.
    pub path: String,
    /// The WASI function that did it first.
    pub by: String,
}

/// Bytes that the guest read from a file or from standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input<'a> {
    /// The index of the call.
    pub call: usize,
    /// The file as the guest names it; `None` for standard input.
    pub path: Option<String>,
    /// Where in the file they are, if the calls show it.
    pub position: Option<u64>,
    /// The bytes, and where they went.
    pub region: &'a Region,
}

const O_CREAT: u32 = 1 << 0;
const O_TRUNC: u32 = 1 << 3;

impl Ledger {
    /// Calls by import, in the order of the imports' names.
    pub fn counts(&self) -> Vec<ImportCount> {
        let mut counts = BTreeMap::<&ImportName, u64>::new();
        let core = self.entries().map(|entry| &*entry.call.import);
        let component = self.component_calls.iter().map(|call| &*call.import);
        let calls: Vec<&ImportName> =
            if self.component_calls.is_empty() { core.collect() } else { component.collect() };
        for import in calls {
            *counts.entry(import).or_default() += 1;
        }
        counts.into_iter().map(|(import, calls)| ImportCount { import: import.clone(), calls }).collect()
    }

    /// The calls of the WASI function `name`.
    pub fn wasi_calls<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries().filter(move |entry| entry.call.wasi() == Some(name))
    }

    /// The number of random bytes that the guest got.
    pub fn random_bytes(&self) -> u64 {
        let calls = self.wasi_calls("random_get").filter(|entry| entry.succeeded());
        calls.filter_map(|entry| entry.call.word(1)).map(u64::from).sum()
    }

    /// Whether the guest got random bytes from the operating system.
    pub fn used_os_randomness(&self) -> bool {
        self.sources.random == Some(Random::Os) && self.random_bytes() > 0
    }

    /// Whether the guest read a clock, or slept, whatever the clock was.
    pub fn used_clock(&self) -> bool {
        let clock = ["clock_time_get", "poll_oneoff"];
        clock.iter().any(|name| self.wasi_calls(name).any(Entry::succeeded))
    }

    /// What the real-time clock said first, in nanoseconds since 1970, if the guest read one that is not this machine's.
    pub fn clock_start(&self) -> Option<u64> {
        match self.sources.clock? {
            Clock::Fixed(start) | Clock::Shifted { start, .. } if self.used_clock() => Some(start),
            _ => None,
        }
    }

    /// Where the monotonic clock stood at the end, in nanoseconds; `None` if the guest has not read it.
    pub fn monotonic_clock(&self) -> Option<u64> {
        let was_read = self.entries().any(|entry| entry.monotonic_reading().is_some());
        self.monotonic.filter(|_| was_read)
    }

    /// Whether the guest slept, or waited for a time.
    pub fn slept(&self) -> bool {
        self.wasi_calls("poll_oneoff").any(Entry::succeeded)
    }

    /// Whether the guest read this machine's clock.
    pub fn used_real_clock(&self) -> bool {
        self.sources.clock == Some(Clock::Real) && self.used_clock()
    }

    /// The preopened directories that the guest asked about with `fd_prestat_get`: its libc knows them now.
    pub fn preopens_seen(&self) -> Vec<String> {
        let mut seen = Vec::new();
        self.follow(|descriptors, entry| {
            if entry.call.wasi() == Some("fd_prestat_get")
                && entry.succeeded()
                && let Some(directory) = entry.call.word(0).and_then(|fd| descriptors.get(fd))
                && !seen.contains(&directory.path)
            {
                seen.push(directory.path.clone());
            }
        });
        seen
    }

    /// Whether the guest looked for preopened directories until there were no more, as libc does once and for all.
    pub fn preopens_exhausted(&self) -> bool {
        self.wasi_calls("fd_prestat_get").any(|entry| !entry.succeeded())
    }

    /// Files and directories that the guest opened, in the order of their first opening.
    pub fn files_opened(&self) -> Vec<String> {
        let (mut opened, mut known) = (Vec::new(), HashSet::new());
        self.follow(|descriptors, entry| {
            if entry.call.wasi() == Some("path_open") && entry.succeeded() {
                let path = target(descriptors, &entry.call, 0, 2);
                if known.insert(path.clone()) {
                    opened.push(path);
                }
            }
        });
        opened
    }

    /// What the guest read from files and standard input, in order.
    pub fn inputs(&self) -> Vec<Input<'_>> {
        let mut inputs = Vec::new();
        self.each_input(|call, path, position, region| {
            inputs.push(Input { call, path: path.map(str::to_string), position, region });
        });
        inputs
    }

    /// The same one by one: of a call, its index, and of each of its regions the path, where it is in the file, and the bytes.
    pub(crate) fn each_input<'l>(
        &'l self,
        mut found: impl FnMut(usize, Option<&str>, Option<u64>, &'l Region),
    ) {
        let mut descriptors = Descriptors::new(&self.preopens);
        for (call, entry) in self.entries().enumerate() {
            if let Some("fd_read" | "fd_pread") = entry.call.wasi()
                && entry.succeeded()
                && let Some(file) = entry.call.word(0).and_then(|fd| descriptors.get(fd))
            {
                let path = (!entry.call.reads_stdin(&descriptors)).then_some(file.path.as_str());
                let mut position = match entry.call.args.get(3) {
                    Some(HostValue::I64(offset)) => Some(offset.cast_unsigned()),
                    _ => file.position,
                };
                // The first region is the number of bytes.
                for region in entry.writes.iter().skip(1) {
                    found(call, path, position, region);
                    position = position.map(|position| position.saturating_add(region.bytes.len() as u64));
                }
            }
            descriptors.apply(entry);
        }
    }

    /// What the guest read of standard input.
    pub fn stdin(&self) -> Vec<u8> {
        let mut stdin = Vec::new();
        self.each_input(|_, path, _, region| {
            if path.is_none() {
                stdin.extend_from_slice(&region.bytes);
            }
        });
        stdin
    }

    /// Whether the guest read standard input, even if nothing was there.
    pub fn reads_stdin(&self) -> bool {
        let mut reads = false;
        self.follow(|descriptors, entry| reads |= entry.call.reads_stdin(descriptors));
        reads
    }

    /// Whether the guest came to the end of standard input: a read for which there was room gave nothing.
    pub fn stdin_ended(&self) -> bool {
        let mut ended = false;
        self.follow(|descriptors, entry| {
            let gave_nothing = entry.succeeded() && entry.written_word(3) == Some(0);
            ended |= entry.call.reads_stdin(descriptors) && gave_nothing;
        });
        ended
    }

    /// What the guest wrote to a standard stream.
    pub fn output(&self, stream: DescriptorKind) -> Vec<u8> {
        let mut output = Vec::new();
        self.follow(|descriptors, entry| {
            let of_stream =
                entry.call.word(0).and_then(|fd| descriptors.get(fd)).is_some_and(|to| to.kind == stream);
            if entry.call.wasi() == Some("fd_write") && of_stream && entry.succeeded() {
                // The first region is the array of buffers.
                output.extend(entry.call.reads.iter().skip(1).flat_map(|region| &region.bytes));
            }
        });
        output
    }

    /// What the guest changed in its directories, each path once, in order.
    pub fn files_written(&self) -> Vec<FileChange> {
        let (mut changes, mut known) = (Vec::new(), HashSet::new());
        self.follow(|descriptors, entry| {
            let Some(path) = changed(descriptors, entry) else { return };
            if known.insert(path.clone()) {
                changes.push(FileChange { path, by: entry.call.import.name.clone() });
            }
        });
        changes
    }

    /// What the guest changed in memory only, as it is at the end: it is gone after the run. What was made and removed again
    /// is not among it.
    pub fn files_lost(&self) -> Vec<String> {
        if !self.overlaid.contains(&true) {
            return Vec::new();
        }
        // With the order in which they came.
        let (mut lost, mut next) = (HashMap::<String, usize>::new(), 0..);
        self.follow(|descriptors, entry| {
            let call = &entry.call;
            let Some(path) = changed(descriptors, entry) else { return };
            let directory = call.word(if call.wasi() == Some("path_symlink") { 2 } else { 0 });
            let preopen = directory.and_then(|fd| descriptors.get(fd)).and_then(|found| found.preopen);
            if preopen.is_none_or(|preopen| self.overlaid.get(preopen) != Some(&true)) {
                return;
            }
            let mut toggle = |path: String| {
                if lost.remove(&path).is_none() {
                    lost.extend(Some(path).zip(next.next()));
                }
            };
            match call.wasi() {
                Some("path_unlink_file" | "path_remove_directory") => toggle(path),
                name => {
                    if name == Some("path_rename") {
                        toggle(target(descriptors, call, 0, 1));
                    }
                    if !lost.contains_key(&path) {
                        lost.extend(Some(path).zip(next.next()));
                    }
                }
            }
        });
        let mut lost: Vec<(String, usize)> = lost.into_iter().collect();
        lost.sort_unstable_by_key(|(_, order)| *order);
        lost.into_iter().map(|(path, _)| path).collect()
    }

    /// Calls `visit` for every entry, with the descriptors as they were before it.
    pub(in crate::host) fn follow(&self, mut visit: impl FnMut(&Descriptors, &Entry)) {
        let mut descriptors = Descriptors::new(&self.preopens);
        for entry in self.entries() {
            visit(&descriptors, entry);
            descriptors.apply(entry);
        }
    }
}

impl Descriptors {
    /// Whether a call of `import` whose first argument is `fd` reads standard input. `fd_pread` always fails on it.
    pub(in crate::host) fn reads_stdin(&self, import: &ImportName, fd: u32) -> bool {
        WasiVersion::of_module(&import.module).is_some()
            && import.name == "fd_read"
            && self.get(fd).is_some_and(|descriptor| descriptor.kind == DescriptorKind::Stdin)
    }

    /// Bytes of the names by which what a call opens, changes and reads is listed at the end.
    pub(in crate::host) fn listed(&self, entry: &Entry) -> u64 {
        if !entry.succeeded() {
            return 0;
        }
        let call = &entry.call;
        let names = match call.wasi() {
            Some("path_open") => target(self, call, 0, 2).len(),
            Some("fd_read" | "fd_pread") => {
                let name = call.word(0).and_then(|fd| self.get(fd)).map_or(0, |file| file.path.len());
                name * entry.writes.len().saturating_sub(1)
            }
            Some(name) if name.starts_with("path_") => change(self, call).map_or(0, |path| path.len()),
            _ => 0,
        };
        names as u64
    }

    /// Whether `call`, if it succeeds, changes something in a preopened directory.
    pub(in crate::host) fn would_change(&self, call: &Call) -> bool {
        change(self, call).is_some()
    }
}

/// The path in argument `path`, relative to the directory in argument `directory`.
fn target(descriptors: &Descriptors, call: &Call, directory: usize, path: usize) -> String {
    let path = call.text(path).unwrap_or_default();
    match call.word(directory) {
        Some(fd) => descriptors.path(fd, &path),
        None => path,
    }
}

fn changed(descriptors: &Descriptors, entry: &Entry) -> Option<String> {
    if entry.succeeded() { change(descriptors, &entry.call) } else { None }
}

/// What `call` changes if it succeeds.
fn change(descriptors: &Descriptors, call: &Call) -> Option<String> {
    match call.wasi()? {
        "path_open" if call.word(4)? & (O_CREAT | O_TRUNC) != 0 => Some(target(descriptors, call, 0, 2)),
        "fd_write" | "fd_pwrite" | "fd_filestat_set_size" | "fd_filestat_set_times" | "fd_allocate" => {
            let file = descriptors.get(call.word(0)?)?;
            (!file.path.is_empty()).then(|| file.path.clone())
        }
        "path_create_directory" | "path_remove_directory" | "path_unlink_file" => {
            Some(target(descriptors, call, 0, 1))
        }
        "path_filestat_set_times" => Some(target(descriptors, call, 0, 2)),
        "path_symlink" => Some(target(descriptors, call, 2, 3)),
        "path_rename" => Some(target(descriptors, call, 3, 4)),
        "path_link" => Some(target(descriptors, call, 4, 5)),
        _ => None,
    }
}

impl Entry {
    /// What a successful `clock_time_get` of the monotonic clock gave.
    pub(crate) fn monotonic_reading(&self) -> Option<u64> {
        const MONOTONIC: u32 = 1;
        let is_reading = self.call.wasi() == Some("clock_time_get") && self.call.word(0) == Some(MONOTONIC);
        (is_reading && self.succeeded()).then(|| self.written_long(2)).flatten()
    }

    /// The descriptor that a successful `path_open` gave.
    pub fn opened(&self) -> Option<u32> {
        let is_open = self.call.wasi() == Some("path_open") && self.succeeded();
        is_open.then(|| self.written_word(8)).flatten()
    }
}

impl Call {
    /// The descriptor that the call is about, for functions whose first parameter is one.
    pub fn descriptor(&self) -> Option<u32> {
        let is_about_one = self.wasi()?.starts_with("fd_") || self.wasi()?.starts_with("path_");
        self.word(0).filter(|_| is_about_one)
    }

    /// Whether the call reads standard input, while these descriptors are open.
    pub fn reads_stdin(&self, descriptors: &Descriptors) -> bool {
        self.word(0).is_some_and(|fd| descriptors.reads_stdin(&self.import, fd))
    }

    /// The path that a `path_open` is about, as the guest names it, while these descriptors are open.
    pub fn opened_path(&self, descriptors: &Descriptors) -> Option<String> {
        (self.wasi()? == "path_open").then(|| target(descriptors, self, 0, 2))
    }
}
