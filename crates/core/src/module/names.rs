use super::Module;
use crate::printable::Printable;
use std::collections::HashMap;
use std::fmt;
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// An index space whose members can have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Space::Function => "function",
            Space::Table => "table",
            Space::Memory => "memory",
            Space::Global => "global",
            Space::Type => "type",
        })
    }
}

/// What the name section says. A malformed name section names nothing: custom sections never make a module invalid.
#[derive(Debug, Default)]
pub struct Names<'a> {
    names: HashMap<(Space, u32), &'a str>,
    slots: HashMap<(u32, u64), String>,
}

impl<'a> Names<'a> {
    pub(super) fn parse(module: &Module<'a>) -> Self {
        let payload = module.custom_section("name");
        let mut names = HashMap::new();
        for subsection in NameSectionReader::new(BinaryReader::new(payload.unwrap_or_default(), 0)) {
            let (space, map) = match subsection {
                Ok(Name::Function(map)) => (Space::Function, map),
                Ok(Name::Table(map)) => (Space::Table, map),
                Ok(Name::Memory(map)) => (Space::Memory, map),
                Ok(Name::Global(map)) => (Space::Global, map),
                Ok(Name::Type(map)) => (Space::Type, map),
                Ok(_) => continue,
                Err(_) => break,
            };
            names.extend(map.into_iter().flatten().map(|naming| ((space, naming.index), naming.name)));
        }
        Names { names, slots: HashMap::new() }
    }

    /// The same, with names for slots of tables.
    pub fn with_slots(mut self, slots: &HashMap<(u32, u64), String>) -> Self {
        self.slots.clone_from(slots);
        self
    }

    /// The name of one member.
    pub fn get(&self, space: Space, index: u32) -> Option<&'a str> {
        self.names.get(&(space, index)).copied()
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
