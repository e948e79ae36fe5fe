//! What all parts of the audit look at.

use super::bytes::Contents;
use super::difference::Spot;
use super::finding::{Place, Site};
use super::layout::Layout;
use super::pointers::Pointers;
use super::symbols::{Owner, Symbols};
use crate::host::{Descriptors, Entry, Ledger};
use preinit_core::module::{Module, Space};
use preinit_core::snapshot::{Reference, Shape, Snapshot, Value};
use std::collections::BTreeMap;

/// A module, the state that init left, and names for what is in it.
pub(super) struct Scene<'a> {
    pub module: &'a Module<'a>,
    pub snapshot: &'a Snapshot<'a>,
    pub ledger: &'a Ledger,
    pub symbols: &'a Symbols,
    pub layout: &'a Layout,
    /// By memory.
    pub contents: Vec<Contents<'a>>,
    pointers: Option<Pointers>,
}

/// Places that one finding lists; the others are counted.
pub(super) const PLACES: usize = 40;

/// Different ways to one host call that one finding lists.
const SITES: usize = 6;

impl<'a> Scene<'a> {
    pub fn new(
        module: &'a Module<'a>,
        snapshot: &'a Snapshot<'a>,
        ledger: &'a Ledger,
        symbols: &'a Symbols,
        layout: &'a Layout,
    ) -> Scene<'a> {
        let contents: Vec<Contents<'a>> =
            snapshot.memories.iter().map(|memory| Contents::of(&memory.image)).collect();
        let pointers = snapshot
            .memories
            .first()
            .filter(|_| symbols.has_variables())
            .map(|memory| Pointers::of(&contents[0], symbols, layout, memory.size));
        Scene { module, snapshot, ledger, symbols, layout, contents, pointers }
    }

    /// What an address of a memory belongs to.
    pub fn owner(&self, memory: u32, address: u64) -> Owner {
        if memory == 0 { self.symbols.owner(self.layout, address) } else { Owner::Static }
    }

    /// The same in words; for the heap, with the variable that leads there.
    pub fn owner_text(&self, memory: u32, address: u64) -> String {
        if memory != 0 {
            return String::new();
        }
        match (self.owner(memory, address), &self.pointers) {
            (Owner::Heap, Some(pointers)) => match pointers.root(self.symbols, self.layout, address) {
                Some((root, false)) => format!("heap, reached from `{root}`"),
                Some((root, true)) => format!("heap, reached only from the library's `{root}`"),
                None if !pointers.any(address) => "heap, where no pointer leads: freed memory".to_string(),
                None => "heap, where no variable leads in few steps".to_string(),
            },
            (owner, _) => owner.to_string(),
        }
    }

    /// A stretch of a memory.
    pub fn place(&self, memory: u32, start: u64, len: u64) -> Place {
        Place {
            at: format!("memory {memory} + {start:#x}"),
            memory: Some(memory),
            address: Some(start),
            bytes: len,
            owner: self.owner_text(memory, start),
            what: String::new(),
        }
    }

    /// Where snapshots differ, one place for each owner; the free stack last. `copied` tells whether bytes are a copy of
    /// what the host gave.
    pub fn places(&self, spots: &[Spot], copied: impl Fn(&[u8]) -> bool) -> Vec<Place> {
        #[derive(PartialEq, Eq, PartialOrd, Ord)]
        enum Rank {
            Copy,
            Variable,
            VariableMoved,
            Value,
            VariableOfLibrary,
            Addresses,
            FreeStack,
        }
        /// Ranges for which a way from a variable is looked for; more are noise.
        const TRACED: usize = 200;
        let mut traced = 0;
        let mut groups: BTreeMap<(Rank, String), (Place, usize)> = BTreeMap::new();
        for spot in spots.iter().flat_map(|spot| self.by_variable(spot)) {
            let (rank, mut place) = match &spot {
                Spot::Memory { memory, range, addresses } => {
                    let owner = self.owner(*memory, range.start);
                    let around = self.contents[*memory as usize]
                        .read(range.start.saturating_sub(16), range.end.min(range.start + 4096) + 16);
                    let is_copy = copied(&around);
                    let mut place = Place {
                        at: format!("memory {memory} + {:#x}", range.start),
                        memory: Some(*memory),
                        address: Some(range.start),
                        bytes: range.end - range.start,
                        owner: owner.to_string(),
                        what: String::new(),
                    };
                    let rank = match (&owner, is_copy, *addresses) {
                        (Owner::FreeStack, ..) => Rank::FreeStack,
                        (_, true, _) => Rank::Copy,
                        (Owner::Variable(_), ..) if self.is_library(range.start) => Rank::VariableOfLibrary,
                        (Owner::Variable(_), _, true) => Rank::VariableMoved,
                        (Owner::Variable(_), ..) => Rank::Variable,
                        (_, _, true) => Rank::Addresses,
                        _ => Rank::Value,
                    };
                    if rank < Rank::Addresses && owner == Owner::Heap && traced < TRACED {
                        traced += 1;
                        place.owner = self.owner_text(*memory, range.start);
                    }
                    if rank == Rank::Addresses {
                        place.owner = "addresses of what moved".to_string();
                    }
                    if rank == Rank::VariableMoved {
                        place.what = "addresses".to_string();
                    }
                    if rank == Rank::Copy {
                        place.what = "a copy of what the host gave".to_string();
                    }
                    (rank, place)
                }
                other => (Rank::Variable, self.other_place(other)),
            };
            let key = (rank, if place.memory.is_some() { place.owner.clone() } else { place.at.clone() });
            match groups.get_mut(&key) {
                Some((known, count)) => {
                    known.bytes += place.bytes;
                    *count += 1;
                }
                None => {
                    place.what.truncate(200);
                    groups.insert(key, (place, 1));
                }
            }
        }
        let mut places: Vec<(Rank, Place)> = groups
            .into_iter()
            .map(|((rank, _), (mut place, count))| {
                if count > 1 {
                    let more = format!("in {count} stretches, the first here");
                    place.what = if place.what.is_empty() { more } else { format!("{}, {more}", place.what) };
                }
                (rank, place)
            })
            .collect();
        places.sort_by(|(left, a), (right, b)| left.cmp(right).then(b.bytes.cmp(&a.bytes)));
        places.into_iter().map(|(_, place)| place).collect()
    }

    /// The parts of `spot` that lie in different variables.
    fn by_variable(&self, spot: &Spot) -> Vec<Spot> {
        let Spot::Memory { memory: 0, range, addresses } = spot else { return vec![spot.clone()] };
        let mut parts = Vec::new();
        let mut start = range.start;
        while start < range.end {
            let end = self.symbols.boundary(start).min(range.end);
            parts.push(Spot::Memory { memory: 0, range: start..end, addresses: *addresses });
            start = end;
        }
        parts
    }

    fn is_library(&self, address: u64) -> bool {
        self.symbols.variable(address).is_some_and(|variable| variable.library)
    }

    fn other_place(&self, spot: &Spot) -> Place {
        let names = self.module.names();
        let (at, what) = match spot {
            Spot::MemorySize(memory) => (names.describe(Space::Memory, *memory), "its size".to_string()),
            Spot::Global(global) => (names.describe(Space::Global, *global), String::new()),
            Spot::Table { table, elements, first } => {
                let what = format!("{elements} elements, the first is {first}");
                (names.describe(Space::Table, *table), what)
            }
            Spot::Objects { shape, objects, first } => {
                let at = match shape {
                    Shape::Struct(ty) | Shape::Array(ty) => names.describe(Space::Type, *ty),
                    Shape::Exception(tag) => format!("exceptions of tag {tag}"),
                };
                let what = match objects {
                    1 => "one object".to_string(),
                    objects => format!("{objects} objects"),
                };
                let owner = self.root(*first).map_or(String::new(), |root| format!("reached from {root}"));
                return Place { at, memory: None, address: None, bytes: 0, owner, what };
            }
            _ => ("passive segments".to_string(), "which are dropped".to_string()),
        };
        Place { at, memory: None, address: None, bytes: 0, owner: String::new(), what }
    }

    /// The global or table from which an object is reached.
    fn root(&self, object: u32) -> Option<String> {
        let names = self.module.names();
        let globals = (0u32..).zip(&self.snapshot.globals).filter_map(|(index, global)| match global.value {
            Value::Ref(reference) => Some((names.describe(Space::Global, index), vec![reference])),
            _ => None,
        });
        let tables = (0u32..).zip(&self.snapshot.tables);
        let tables =
            tables.map(|(index, table)| (names.describe(Space::Table, index), table.elements.clone()));
        let mut seen = vec![false; self.snapshot.heap.len()];
        for (name, references) in globals.chain(tables) {
            let mut left: Vec<u32> = references.into_iter().filter_map(Reference::object).collect();
            while let Some(id) = left.pop() {
                match seen.get_mut(id as usize) {
                    Some(seen) if !*seen => *seen = true,
                    _ => continue,
                }
                if id == object {
                    return Some(name);
                }
                left.extend(self.snapshot.heap.object(id).references.iter().filter_map(|r| r.object()));
            }
        }
        None
    }

    /// Host calls that `accept` likes, one for each different way to them.
    pub fn sites(&self, accept: impl Fn(&Descriptors, &Entry) -> bool) -> Vec<Site> {
        let mut sites: Vec<Site> = Vec::new();
        let mut descriptors = Descriptors::new(self.ledger.preopens());
        for (call, entry) in self.ledger.entries().enumerate() {
            if accept(&descriptors, entry) {
                let site = site(call, entry);
                let known = |other: &Site| other.import == site.import && other.backtrace == site.backtrace;
                if sites.len() < SITES && !sites.iter().any(known) {
                    sites.push(site);
                }
            }
            descriptors.apply(entry);
        }
        sites
    }

    /// Calls of WASI functions with one of these names.
    pub fn calls_of(&self, names: &[&str]) -> Vec<Site> {
        self.sites(|_, entry| entry.call.wasi().is_some_and(|name| names.contains(&name)))
    }
}

/// The call number `call`.
pub(super) fn site(call: usize, entry: &Entry) -> Site {
    Site {
        call,
        import: entry.call.import.to_string(),
        backtrace: entry.call.backtrace.clone().unwrap_or_default(),
    }
}
