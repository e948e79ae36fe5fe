//! Which descriptors are open, derived from the calls alone.

use std::collections::BTreeMap;

use super::start_descriptors::Start;
use super::{Entry, Ledger};
use crate::host::host_value::HostValue;

/// The open descriptors at some point of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptors {
    open: BTreeMap<u32, Descriptor>,
    /// Bytes of all paths.
    path_bytes: usize,
}

/// An open descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// What it is.
    pub kind: DescriptorKind,
    /// Its path as the guest would name it; empty for standard streams.
    pub path: String,
    /// The offset of the next read or write, where there is one and the calls show it.
    pub position: Option<u64>,
    /// The preopened directory that it is, or is in, counted from 0.
    pub preopen: Option<usize>,
    /// The descriptor that it was at the start, if it was open then.
    pub(super) start: Option<Start>,
}

/// What a descriptor refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DescriptorKind {
    /// Standard input.
    Stdin,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A directory that was open from the start.
    Preopen,
    /// A directory that the guest opened.
    Directory,
    /// A file, or a directory that no call has shown to be one.
    File,
}

const O_DIRECTORY: u32 = 1 << 1;
const FDFLAG_APPEND: u32 = 1 << 0;
const FILETYPE_DIRECTORY: u8 = 3;

impl Descriptors {
    /// The descriptors of a guest that has not made a call yet.
    pub fn new(preopens: &[String]) -> Self {
        use DescriptorKind::{Preopen, Stderr, Stdin, Stdout};
        let descriptor =
            |kind, path, preopen| Descriptor { kind, path, position: None, preopen, start: None };
        let stdio = [Stdin, Stdout, Stderr].map(|kind| descriptor(kind, String::new(), None));
        let preopens = preopens.iter().enumerate();
        let preopens = preopens.map(|(at, path)| descriptor(Preopen, path.clone(), Some(at)));
        let all = (0..).zip(stdio.into_iter().chain(preopens));
        let started = |(fd, descriptor)| (fd, Descriptor { start: Some(Start::new(fd)), ..descriptor });
        let open: BTreeMap<u32, Descriptor> = all.map(started).collect();
        let path_bytes = open.values().map(|descriptor| descriptor.path.len()).sum();
        Self { open, path_bytes }
    }

    /// The host memory that this takes, in bytes, roughly.
    pub(in crate::host) fn cost(&self) -> u64 {
        (self.open.len() * size_of::<(u32, Descriptor)>() + self.path_bytes) as u64
    }

    fn insert(&mut self, fd: u32, descriptor: Descriptor) {
        self.path_bytes += descriptor.path.len();
        if let Some(old) = self.open.insert(fd, descriptor) {
            self.path_bytes -= old.path.len();
        }
    }

    fn remove(&mut self, fd: u32) -> Option<Descriptor> {
        let descriptor = self.open.remove(&fd)?;
        self.path_bytes -= descriptor.path.len();
        Some(descriptor)
    }

    /// The descriptor `fd`, if it is open.
    pub fn get(&self, fd: u32) -> Option<&Descriptor> {
        self.open.get(&fd)
    }

    /// All open descriptors with their numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Descriptor)> {
        self.open.iter().map(|(fd, descriptor)| (*fd, descriptor))
    }

    /// The path that the guest means by `path`, relative to the directory `fd`.
    pub fn path(&self, fd: u32, path: &str) -> String {
        match self.get(fd).map(|directory| directory.path.as_str()) {
            None | Some("") => path.to_owned(),
            Some(directory) if path.is_empty() || path == "." => directory.to_owned(),
            Some(directory) => format!("{}/{path}", directory.trim_end_matches('/')),
        }
    }

    /// Follows one call.
    pub fn apply(&mut self, entry: &Entry) {
        let call = &entry.call;
        let Some(function) = call.wasi() else { return };
        let Some(fd) = call.word(0) else { return };
        if !entry.succeeded() {
            return;
        }
        if let Some(start) = self.open.get_mut(&fd).and_then(|descriptor| descriptor.start.as_mut()) {
            start.follow(function, entry);
        }
        match function {
            "fd_close" => {
                self.remove(fd);
            }
            "fd_renumber" => {
                if let Some(descriptor) = self.remove(fd) {
                    self.insert(call.word(1).unwrap_or(fd), descriptor);
                }
            }
            "path_open" => self.path_open(fd, entry),
            "fd_read" | "fd_write" => {
                let count = entry.written_word(3).unwrap_or(0);
                self.position(fd, |position| {
                    position.map(|position| position.saturating_add(u64::from(count)))
                });
            }
            "fd_seek" => self.position(fd, |_| entry.written_long(3)),
            "fd_tell" => self.position(fd, |_| entry.written_long(1)),
            "fd_readdir" => self.directory(fd),
            "fd_fdstat_set_flags" if call.word(1).is_some_and(|flags| flags & FDFLAG_APPEND != 0) => {
                self.position(fd, |_| None);
            }
            "fd_fdstat_get" if entry.written_byte(1, 0) == Some(FILETYPE_DIRECTORY) => self.directory(fd),
            "fd_filestat_get" if entry.written_byte(1, 16) == Some(FILETYPE_DIRECTORY) => self.directory(fd),
            _ => {}
        }
    }

    fn path_open(&mut self, base: u32, entry: &Entry) {
        let call = &entry.call;
        let Some(fd) = entry.written_word(8) else { return };
        let path = self.path(base, &call.text(2).unwrap_or_default());
        let preopen = self.get(base).and_then(|directory| directory.preopen);
        let descriptor = if call.word(4).is_some_and(|flags| flags & O_DIRECTORY != 0) {
            Descriptor { kind: DescriptorKind::Directory, path, position: None, preopen, start: None }
        } else {
            // An appending write goes to the end, wherever that is.
            let append = call.word(7).is_some_and(|flags| flags & FDFLAG_APPEND != 0);
            Descriptor {
                kind: DescriptorKind::File,
                path,
                position: (!append).then_some(0),
                preopen,
                start: None,
            }
        };
        self.insert(fd, descriptor);
    }

    fn position(&mut self, fd: u32, new: impl FnOnce(Option<u64>) -> Option<u64>) {
        if let Some(descriptor) = self.open.get_mut(&fd)
            && descriptor.kind == DescriptorKind::File
        {
            descriptor.position = new(descriptor.position);
        }
    }

    fn directory(&mut self, fd: u32) {
        if let Some(descriptor) = self.open.get_mut(&fd)
            && descriptor.kind == DescriptorKind::File
        {
            descriptor.kind = DescriptorKind::Directory;
            descriptor.position = None;
        }
    }
}

impl Ledger {
    /// The descriptors that are open at the end.
    pub fn descriptors(&self) -> Descriptors {
        let mut descriptors = Descriptors::new(&self.preopens);
        self.entries().for_each(|entry| descriptors.apply(entry));
        descriptors
    }
}

impl Entry {
    /// Whether this WASI call returned `errno::success`.
    pub(in crate::host) fn succeeded(&self) -> bool {
        self.results() == Some(&[HostValue::I32(0)])
    }

    /// What was written at the address in argument `index`.
    fn written(&self, index: usize) -> Option<&[u8]> {
        let address = self.call.word(index)?;
        self.writes.iter().find(|region| region.address == address).map(|region| &*region.bytes)
    }

    pub(super) fn written_byte(&self, index: usize, offset: usize) -> Option<u8> {
        self.written(index)?.get(offset).copied()
    }

    pub(super) fn written_word(&self, index: usize) -> Option<u32> {
        self.written(index)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    pub(super) fn written_long(&self, index: usize) -> Option<u64> {
        self.written_long_at(index, 0)
    }

    pub(super) fn written_long_at(&self, index: usize, offset: usize) -> Option<u64> {
        let written = self.written(index)?.get(offset..)?;
        written.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }
}
