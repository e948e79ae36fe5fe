//! What findings are drawn from: the snapshot, the host calls of init, and names for what is in memory.

mod contents;
mod difference;
#[cfg(feature = "audit")]
mod dwarf;
mod input_buffers;
mod locations;
mod object_roots;
mod object_text;
mod pointers;
mod stdio_streams;
mod symbols;
mod variable;

pub(crate) use contents::Contents;
pub(crate) use difference::{Difference, differences, joined};
pub(crate) use input_buffers::input_buffer;
pub(crate) use locations::locations;
pub(crate) use stdio_streams::{InputStream, Stream, descriptor_at};
pub(crate) use symbols::{Owner, Symbols};

use crate::finding::{Location, Site};
use crate::guest::AddressMap;
use crate::host::{Descriptors, Entry, Ledger};
use object_roots::ObjectRoots;
use object_text::ObjectText;
use pointers::Pointers;
use preinit_core::module::{Module, Space};
use preinit_core::snapshot::{Shape, Snapshot};
use std::sync::OnceLock;

/// A module, the state that init left, and names for what is in it.
pub(crate) struct Evidence<'a> {
    pub module: &'a Module<'a>,
    pub snapshot: &'a Snapshot<'a>,
    pub ledger: &'a Ledger,
    pub symbols: &'a Symbols,
    pub addresses: &'a AddressMap,
    /// By memory.
    pub contents: Vec<Contents<'a>>,
    pointers: Option<Pointers>,
    roots: OnceLock<ObjectRoots>,
}

impl<'a> Evidence<'a> {
    pub fn new(
        module: &'a Module<'a>,
        snapshot: &'a Snapshot<'a>,
        ledger: &'a Ledger,
        symbols: &'a Symbols,
        addresses: &'a AddressMap,
    ) -> Evidence<'a> {
        let contents: Vec<Contents<'a>> =
            snapshot.memories.iter().map(|memory| Contents::of(&memory.image)).collect();
        let first = snapshot.memories.first().filter(|_| symbols.has_variables());
        let pointers = first.map(|memory| Pointers::of(&contents[0], symbols, addresses, memory.size));
        Evidence { module, snapshot, ledger, symbols, addresses, contents, pointers, roots: OnceLock::new() }
    }

    /// What an address of a memory belongs to.
    pub fn owner(&self, memory: u32, address: u64) -> Owner {
        if memory == 0 { self.symbols.owner(self.addresses, address) } else { Owner::Static }
    }

    /// The same in words; for the heap, with the variable that leads there.
    pub fn owner_text(&self, memory: u32, address: u64) -> String {
        if memory != 0 {
            return String::new();
        }
        match (self.owner(memory, address), &self.pointers) {
            (Owner::Heap, Some(pointers)) => match pointers.root(self.symbols, self.addresses, address) {
                Some(root) if root.is_library => {
                    format!("heap, reached only from the library's `{}`", root.name)
                }
                Some(root) => format!("heap, reached from `{}`", root.name),
                None if !pointers.any(address) => "heap, where no pointer leads: freed memory".to_string(),
                None => "heap, where no variable leads in few steps".to_string(),
            },
            (owner, _) => owner.to_string(),
        }
    }

    /// From where an object of the heap is reached, in words.
    pub fn object_root(&self, object: u32) -> String {
        let roots = self.roots.get_or_init(|| ObjectRoots::of(self.snapshot));
        roots.describe(self.module, object).map_or(String::new(), |root| format!("reached from {root}"))
    }

    /// Tells of the objects of the heap that `text` is in, as [`ObjectText::each_object`] does.
    pub fn each_object_with(&self, text: &[u8], found: impl FnMut(u32)) {
        let heap = &self.snapshot.heap;
        if !heap.scalars().is_empty() {
            ObjectText::of(text).each_object(self.module, heap, found);
        }
    }

    /// An object with text in it.
    pub fn object(&self, id: u32) -> Location {
        let at = match self.snapshot.heap.object(id).shape {
            Shape::Array(ty) => format!("an array of {}", self.module.names().describe(Space::Type, ty)),
            _ => "a string of JavaScript".to_string(),
        };
        Location::elsewhere(at, self.object_root(id), String::new())
    }

    /// A range of a memory.
    pub fn location(&self, memory: u32, start: u64, len: u64) -> Location {
        Location::in_memory(memory, start, len, self.owner_text(memory, start))
    }

    /// What of a memory has the shape of a stream that has been written to.
    pub fn streams(&self, memory: u32) -> impl Iterator<Item = Stream> {
        stdio_streams::streams(&self.contents[memory as usize], self.room(memory))
    }

    /// What of a memory has the shape of a stream that has been read from, of descriptors for which `accept` holds.
    pub fn input_streams(
        &self,
        memory: u32,
        accept: impl Fn(u32) -> bool,
    ) -> impl Iterator<Item = InputStream> {
        stdio_streams::input_streams(&self.contents[memory as usize], self.room(memory), accept)
    }

    /// The memory, and the first table, which holds the functions that pointers call.
    fn room(&self, memory: u32) -> stdio_streams::Room {
        stdio_streams::Room {
            memory: self.snapshot.memories[memory as usize].size,
            functions: self.snapshot.tables.first().map_or(0, |table| table.elements.len() as u64),
        }
    }

    /// The host calls for which `accept` holds, one for each different backtrace.
    pub fn sites(&self, accept: impl Fn(&Descriptors, &Entry) -> bool) -> Vec<Site> {
        sites(self.ledger, accept)
    }

    /// The calls of the WASI functions with one of these names, as [`Evidence::sites`] lists them.
    pub fn calls_of(&self, names: &[&str]) -> Vec<Site> {
        self.sites(|_, entry| entry.call.wasi().is_some_and(|name| names.contains(&name)))
    }
}

/// The host calls for which `accept` holds, one for each different backtrace.
pub(crate) fn sites(ledger: &Ledger, accept: impl Fn(&Descriptors, &Entry) -> bool) -> Vec<Site> {
    /// Backtraces that one finding lists.
    const LISTED: usize = 6;
    let mut sites: Vec<Site> = Vec::new();
    let mut descriptors = Descriptors::new(ledger.preopens());
    for (call, entry) in ledger.entries().enumerate() {
        if accept(&descriptors, entry) {
            let site = Site::of(ledger, call);
            let known = |other: &Site| other.import == site.import && other.backtrace == site.backtrace;
            if sites.len() < LISTED && !sites.iter().any(known) {
                sites.push(site);
            }
        }
        descriptors.apply(entry);
    }
    sites
}
