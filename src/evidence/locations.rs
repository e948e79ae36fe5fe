//! Where snapshots differ, by what the locations belong to.

use super::{Difference, Evidence, Owner};
use crate::finding::Location;
use preinit_core::module::Space;
use preinit_core::snapshot::Shape;
use std::collections::BTreeMap;
use std::ops::Range;

/// How informative a location is, the most informative first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Copy,
    Variable,
    VariableMoved,
    Value,
    VariableOfLibrary,
    Addresses,
    FreeStack,
}

/// One location for each owner; the free stack comes last. `copied` says whether bytes are a copy of what the host gave.
pub(crate) fn locations(
    evidence: &Evidence<'_>,
    differences: &[Difference],
    copied: impl Fn(&[u8]) -> bool,
) -> Vec<Location> {
    /// Ranges for which the variable that leads there is looked for; more are noise.
    const TRACED: usize = 200;
    let mut traced = 0;
    let mut groups: BTreeMap<(Rank, String), (Location, usize)> = BTreeMap::new();
    for difference in differences.iter().flat_map(|difference| by_variable(evidence, difference)) {
        let (rank, mut location) = match difference {
            Difference::Memory { memory, range, addresses } => {
                let rank = rank(evidence, (memory, &range), addresses, &copied);
                (rank, in_memory(evidence, memory, range, rank))
            }
            other => (Rank::Variable, elsewhere(evidence, &other)),
        };
        if rank < Rank::Addresses
            && traced < TRACED
            && let (Some(memory), Some(address)) = (location.memory, location.address)
            && evidence.owner(memory, address) == Owner::Heap
        {
            traced += 1;
            location.owner = evidence.owner_text(memory, address);
        }
        let name = if location.memory.is_some() { &location.owner } else { &location.at };
        let (key, bytes) = ((rank, name.clone()), location.bytes);
        let group = groups.entry(key).or_insert((Location { bytes: 0, ..location }, 0));
        group.0.bytes += bytes;
        group.1 += 1;
    }
    let mut ranked: Vec<(Rank, Location)> =
        groups.into_iter().map(|((rank, _), (location, count))| (rank, counted(location, count))).collect();
    ranked.sort_by(|(left, a), (right, b)| left.cmp(right).then(b.bytes.cmp(&a.bytes)));
    ranked.into_iter().map(|(_, location)| location).collect()
}

/// The first of `count` ranges with one owner.
fn counted(location: Location, count: usize) -> Location {
    if count == 1 {
        return location;
    }
    let more = format!("in {count} ranges, the first here");
    let what = if location.what.is_empty() { more } else { format!("{}, {more}", location.what) };
    Location { what, ..location }
}

/// The parts of a difference that lie in different variables.
fn by_variable(evidence: &Evidence<'_>, difference: &Difference) -> Vec<Difference> {
    let Difference::Memory { memory: 0, range, addresses } = difference else {
        return vec![difference.clone()];
    };
    let mut parts = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let end = evidence.symbols.boundary(start).min(range.end);
        parts.push(Difference::Memory { memory: 0, range: start..end, addresses: *addresses });
        start = end;
    }
    parts
}

fn rank(
    evidence: &Evidence<'_>,
    (memory, range): (u32, &Range<u64>),
    addresses: bool,
    copied: impl Fn(&[u8]) -> bool,
) -> Rank {
    let is_copy = || {
        let around = range.start.saturating_sub(16)..range.end.min(range.start + 4096) + 16;
        copied(&evidence.contents[memory as usize].read(around.start, around.end))
    };
    let variable = || evidence.symbols.variable(range.start);
    match evidence.owner(memory, range.start) {
        Owner::FreeStack => Rank::FreeStack,
        _ if is_copy() => Rank::Copy,
        Owner::Variable(_) if variable().is_some_and(|variable| variable.is_library) => {
            Rank::VariableOfLibrary
        }
        Owner::Variable(_) if addresses => Rank::VariableMoved,
        Owner::Variable(_) => Rank::Variable,
        _ if addresses => Rank::Addresses,
        _ => Rank::Value,
    }
}

fn in_memory(evidence: &Evidence<'_>, memory: u32, range: Range<u64>, rank: Rank) -> Location {
    let owner = match rank {
        Rank::Addresses => "addresses of what moved".to_string(),
        _ => evidence.owner(memory, range.start).to_string(),
    };
    let what = match rank {
        Rank::VariableMoved => "addresses",
        Rank::Copy => "a copy of what the host gave",
        _ => "",
    };
    let location = Location::in_memory(memory, range.start, range.end - range.start, owner);
    Location { what: what.to_string(), ..location }
}

/// What is not in a memory.
fn elsewhere(evidence: &Evidence<'_>, difference: &Difference) -> Location {
    let names = evidence.module.names();
    let (at, what) = match difference {
        Difference::MemorySize(memory) => (names.describe(Space::Memory, *memory), "its size".to_string()),
        Difference::Global(global) => (names.describe(Space::Global, *global), String::new()),
        Difference::Table { table, elements, first } => {
            let what = format!("{elements} elements, the first is {first}");
            (names.describe(Space::Table, *table), what)
        }
        Difference::Objects { shape, objects, first } => {
            let at = match shape {
                Shape::Struct(ty) | Shape::Array(ty) => names.describe(Space::Type, *ty),
                Shape::Exception(tag) => format!("exceptions of tag {tag}"),
                Shape::String => "strings of JavaScript".to_string(),
                Shape::Call(function) => format!("results of {}", names.describe(Space::Function, *function)),
            };
            let what = if *objects == 1 { "one object".to_string() } else { format!("{objects} objects") };
            return Location::elsewhere(at, evidence.object_root(*first), what);
        }
        Difference::Segments | Difference::Memory { .. } => {
            ("passive segments".to_string(), "which are dropped".to_string())
        }
    };
    Location::elsewhere(at, String::new(), what)
}
