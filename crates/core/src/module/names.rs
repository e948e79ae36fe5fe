use super::Module;
use crate::printable::Printable;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// An index space whose members can have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Functions.
    Function,
    /// Tables.
    Table,
    /// Memories.
    Memory,
    /// Globals.
    Global,
    /// Types.
    Type,
    /// Tags.
    Tag,
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Space::Function => "function",
            Space::Table => "table",
            Space::Memory => "memory",
            Space::Global => "global",
            Space::Type => "type",
            Space::Tag => "tag",
        })
    }
}

/// What the name section says. A malformed name section names nothing: custom sections never make a module invalid.
#[derive(Debug)]
pub struct Names<'a> {
    bytes: &'a [u8],
    table: Arc<NameTable>,
    slots: HashMap<(u32, u64), String>,
}

/// Where the names of a module are in its bytes, by space and index, sorted.
#[derive(Debug, Default)]
pub(super) struct NameTable {
    places: Vec<(Space, u32, Range<usize>)>,
}

impl NameTable {
    pub(super) fn of(module: &Module<'_>) -> NameTable {
        let payload = module.custom_section("name").unwrap_or_default();
        let start = module.bytes.as_ptr().addr();
        let mut places = Vec::new();
        for subsection in NameSectionReader::new(BinaryReader::new(payload, 0)) {
            let (space, map) = match subsection {
                Ok(Name::Function(map)) => (Space::Function, map),
                Ok(Name::Table(map)) => (Space::Table, map),
                Ok(Name::Memory(map)) => (Space::Memory, map),
                Ok(Name::Global(map)) => (Space::Global, map),
                Ok(Name::Type(map)) => (Space::Type, map),
                Ok(Name::Tag(map)) => (Space::Tag, map),
                Ok(_) => continue,
                Err(_) => break,
            };
            places.extend(map.into_iter().flatten().map(|naming| {
                let at = naming.name.as_ptr().addr() - start;
                (space, naming.index, at..at + naming.name.len())
            }));
        }
        // Of several names the last one counts.
        places.reverse();
        places.sort_by_key(|(space, index, _)| (*space, *index));
        places.dedup_by_key(|(space, index, _)| (*space, *index));
        NameTable { places }
    }
}

impl<'a> Names<'a> {
    pub(super) fn new(bytes: &'a [u8], table: Arc<NameTable>) -> Self {
        Names { bytes, table, slots: HashMap::new() }
    }

    /// The same, with names for slots of tables.
    pub fn with_slots(mut self, slots: &HashMap<(u32, u64), String>) -> Self {
        self.slots.clone_from(slots);
        self
    }

    /// The name of one member.
    pub fn get(&self, space: Space, index: u32) -> Option<&'a str> {
        let places = &self.table.places;
        let found = places.binary_search_by_key(&(space, index), |(space, index, _)| (*space, *index));
        self.text(&places[found.ok()?].2)
    }

    /// The lowest index that has this name.
    pub fn find(&self, space: Space, name: &str) -> Option<u32> {
        let first = self.table.places.partition_point(|(other, ..)| *other < space);
        let mut of_space = self.table.places[first..].iter().take_while(|(other, ..)| *other == space);
        let (_, index, _) = of_space
            .find(|(.., place)| self.bytes.get(place.clone()).is_some_and(|text| text == name.as_bytes()))?;
        Some(*index)
    }

    /// The index that has this name, if no other one of its kind has it, too.
    pub fn find_only(&self, space: Space, name: &str) -> Option<u32> {
        let mut found = self.table.places.iter().filter(|(other, _, place)| {
            *other == space && self.bytes.get(place.clone()).is_some_and(|text| text == name.as_bytes())
        });
        let (_, index, _) = found.next()?;
        found.next().is_none().then_some(*index)
    }

    fn text(&self, place: &Range<usize>) -> Option<&'a str> {
        std::str::from_utf8(self.bytes.get(place.clone())?).ok()
    }

    /// `global 12 ($counter)`, or without the name where there is none.
    pub fn describe(&self, space: Space, index: u32) -> String {
        match self.get(space, index) {
            Some(name) => format!("{space} {index} (${})", Printable(name)),
            None => format!("{space} {index}"),
        }
    }

    /// `table 2, element 17`, or the name of the slot.
    pub fn describe_slot(&self, table: u32, slot: u64) -> String {
        match self.slots.get(&(table, slot)) {
            Some(name) => Printable(name).to_string(),
            None => format!("{}, element {slot}", self.describe(Space::Table, table)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{NameMap, NameSection};

    /// Names in any order, some given twice.
    fn module(names: &[(u32, &str)]) -> Vec<u8> {
        let mut map = NameMap::new();
        names.iter().for_each(|(index, name)| map.append(*index, name));
        let mut section = NameSection::new();
        section.functions(&map);
        let mut module = wasm_encoder::Module::new();
        module.section(&section);
        module.finish()
    }

    #[test]
    fn the_last_name_counts_and_the_lowest_index_is_found() {
        let wasm = module(&[(7, "seven"), (2, "two"), (7, "again"), (5, "two"), (3, "again")]);
        let module = Module::parse(&wasm).unwrap();
        let names = module.names();
        let get = |index| names.get(Space::Function, index);
        assert_eq!(
            [get(7), get(2), get(5), get(3), get(4)],
            ["again", "two", "two", "again", ""].map(|name| { Some(name).filter(|name| !name.is_empty()) })
        );
        let find = |name| names.find(Space::Function, name);
        assert_eq!([find("two"), find("again"), find("seven")], [Some(2), Some(3), None]);
        assert_eq!((names.find(Space::Global, "two"), names.get(Space::Global, 2)), (None, None));
    }
}
