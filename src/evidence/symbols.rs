//! Names for addresses.

#[cfg(feature = "audit")]
use super::dwarf;
use super::variable::Variable;
use crate::guest::{AddressMap, static_data};
use preinit_core::module::Module;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use wasmparser::{BinaryReader, Name, NameSectionReader, Naming};

/// Names of variables and data segments of memory 0.
pub(crate) struct Symbols {
    variables: Vec<Variable>,
    /// By address; where one lies over another, the first.
    segments: Vec<(Range<u64>, String)>,
}

impl Symbols {
    /// Those in the debugging information, with the feature `audit`, and in the name section.
    pub fn of(module: &Module<'_>) -> Symbols {
        let names = segment_names(module);
        let named = static_data(module)
            .into_iter()
            .filter(|data| data.memory == 0)
            .filter_map(|data| Some((data.range, (*names.get(&data.segment)?).to_owned())));
        let mut segments: Vec<(Range<u64>, String)> = named.filter(|(range, _)| !range.is_empty()).collect();
        segments.sort_by_key(|(range, _)| range.start);
        segments.dedup_by(|(range, _), (before, _)| range.start < before.end);
        #[cfg(feature = "audit")]
        let variables = dwarf::variables(module);
        #[cfg(not(feature = "audit"))]
        let variables = Vec::new();
        Symbols { segments, variables }
    }

    /// No names.
    pub fn none() -> Symbols {
        Symbols { variables: Vec::new(), segments: Vec::new() }
    }

    /// Whether variables have names.
    pub fn has_variables(&self) -> bool {
        !self.variables.is_empty()
    }

    /// Where the last variable ends; 0 if there is none.
    pub fn end_of_variables(&self) -> u64 {
        self.variables.last().map_or(0, |variable| variable.address.saturating_add(variable.size))
    }

    /// All variables, by address.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The variable at `address`. One without a known size owns up to 16 bytes.
    pub fn variable(&self, address: u64) -> Option<&Variable> {
        const UNKNOWN: u64 = 16;
        let after = self.variables.partition_point(|variable| variable.address <= address);
        let variable = self.variables[..after].last()?;
        let size = if variable.size == 0 { UNKNOWN } else { variable.size };
        (address - variable.address < size).then_some(variable)
    }

    /// The next address after `address` at which a variable begins or ends.
    pub fn boundary(&self, address: u64) -> u64 {
        let after = self.variables.partition_point(|variable| variable.address <= address);
        let next = self.variables.get(after).map_or(u64::MAX, |variable| variable.address);
        let end = self
            .variable(address)
            .map_or(u64::MAX, |variable| variable.address.saturating_add(variable.size));
        if end > address { end.min(next) } else { next }
    }

    /// What `address` of memory 0 belongs to.
    pub fn owner(&self, addresses: &AddressMap, address: u64) -> Owner {
        if let Some(stack) = &addresses.stack {
            if stack.free().contains(&address) {
                return Owner::FreeStack;
            }
            if (stack.pointer..stack.top).contains(&address) {
                return Owner::Stack;
            }
        }
        if let Some(variable) = self.variable(address) {
            return Owner::Variable(variable.name.clone());
        }
        let after = self.segments.partition_point(|(range, _)| range.start <= address);
        if let Some((range, name)) = self.segments[..after].last()
            && range.contains(&address)
        {
            return Owner::Segment(name.clone());
        }
        match (address >= addresses.heap_base, addresses.heap_is_known) {
            (false, _) => Owner::Static,
            (true, true) => Owner::Heap,
            (true, false) => Owner::AfterData,
        }
    }
}

/// What an address belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// A variable of this name.
    Variable(String),
    /// Static data in a segment of this name.
    Segment(String),
    /// Other static data.
    Static,
    /// After all static data.
    Heap,
    /// After the data segments: variables that began as zero, or the heap.
    AfterData,
    /// The stack, where functions are in progress.
    Stack,
    /// The stack, below the stack pointer.
    FreeStack,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Variable(name) => write!(f, "`{name}`"),
            Owner::Segment(name) => write!(f, "static data ({name})"),
            Owner::Static => f.write_str("static data"),
            Owner::Heap => f.write_str("heap"),
            Owner::AfterData => f.write_str("heap, or variables that began as zero"),
            Owner::Stack => f.write_str("stack"),
            Owner::FreeStack => f.write_str("free stack, below the stack pointer"),
        }
    }
}

fn segment_names<'a>(module: &Module<'a>) -> HashMap<u32, &'a str> {
    let payload = module.custom_section("name").unwrap_or_default();
    let mut names = HashMap::new();
    for subsection in NameSectionReader::new(BinaryReader::new(payload, 0)) {
        match subsection {
            Ok(Name::Data(map)) => {
                let first = |naming: Naming<'a>| _ = names.entry(naming.index).or_insert(naming.name);
                map.into_iter().flatten().for_each(first);
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    names
}
