//! Variables with a fixed address, as DWARF names them.

use crate::module::Module;
use gimli::{AttributeValue, DebuggingInformationEntry, Dwarf, EndianSlice, LittleEndian, Operation, Unit};
use std::collections::BTreeMap;

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// A variable in linear memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    /// Its first byte.
    pub address: u64,
    /// Its length in bytes; 0 where the type does not say.
    pub size: u64,
    /// Its name with its name spaces.
    pub name: String,
}

/// How deep types refer to types before we stop asking for a size.
const TYPE_DEPTH: usize = 16;

/// All variables that DWARF gives a fixed address, by address. What cannot be read is left out: debugging information
/// never makes a module invalid.
pub(super) fn variables(module: &Module<'_>) -> Vec<Variable> {
    let section = |id: gimli::SectionId| -> Result<Reader<'_>, gimli::Error> {
        let payload = module.sections.iter().find_map(|section| match section.custom {
            Some((name, payload)) if name == id.name() => Some(payload),
            _ => None,
        });
        Ok(EndianSlice::new(payload.unwrap_or_default(), LittleEndian))
    };
    let Ok(dwarf) = Dwarf::load(section) else { return Vec::new() };
    let mut found = BTreeMap::new();
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        if let Ok(unit) = dwarf.unit(header) {
            // What was read before an error is still true.
            let _ = unit_variables(&dwarf, &unit, &mut found);
        }
    }
    found.into_values().collect()
}

fn unit_variables<'a>(
    dwarf: &Dwarf<Reader<'a>>,
    unit: &Unit<Reader<'a>>,
    found: &mut BTreeMap<u64, Variable>,
) -> gimli::Result<()> {
    let mut cursor = unit.entries();
    let mut scopes: Vec<(isize, String)> = Vec::new();
    while let Some(entry) = cursor.next_dfs()? {
        let depth = entry.depth();
        while scopes.last().is_some_and(|(at, _)| *at >= depth) {
            scopes.pop();
        }
        match entry.tag() {
            gimli::DW_TAG_namespace
            | gimli::DW_TAG_subprogram
            | gimli::DW_TAG_structure_type
            | gimli::DW_TAG_class_type => {
                if let Some(name) = name(dwarf, unit, entry, 0)? {
                    scopes.push((depth, name));
                }
            }
            gimli::DW_TAG_variable => {
                let Some(address) = address(dwarf, unit, entry)? else { continue };
                let Some(own) = name(dwarf, unit, entry, 0)? else { continue };
                let mut parts: Vec<&str> = scopes.iter().map(|(_, name)| name.as_str()).collect();
                parts.push(&own);
                let size = size(dwarf, unit, entry, 0)?.unwrap_or(0);
                let variable = Variable { address, size, name: parts.join("::") };
                match found.get(&address) {
                    Some(known) if known.size >= size => {}
                    _ => {
                        found.insert(address, variable);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The address, if it is a constant; linkers leave 0 or all ones where they dropped the variable.
fn address<'a>(
    dwarf: &Dwarf<Reader<'a>>,
    unit: &Unit<Reader<'a>>,
    entry: &DebuggingInformationEntry<Reader<'a>>,
) -> gimli::Result<Option<u64>> {
    let Some(AttributeValue::Exprloc(expression)) = entry.attr_value(gimli::DW_AT_location) else {
        return Ok(None);
    };
    let mut operations = expression.operations(unit.encoding());
    let address = match operations.next()? {
        Some(Operation::Address { address }) => address,
        Some(Operation::AddressIndex { index }) => dwarf.address(unit, index)?,
        _ => return Ok(None),
    };
    if operations.next()?.is_some() {
        return Ok(None);
    }
    let dropped = [0, u64::from(u32::MAX), u64::from(u32::MAX - 1), u64::MAX, u64::MAX - 1];
    Ok((!dropped.contains(&address)).then_some(address))
}

fn name<'a>(
    dwarf: &Dwarf<Reader<'a>>,
    unit: &Unit<Reader<'a>>,
    entry: &DebuggingInformationEntry<Reader<'a>>,
    depth: usize,
) -> gimli::Result<Option<String>> {
    if let Some(value) = entry.attr_value(gimli::DW_AT_name) {
        return Ok(Some(dwarf.attr_string(unit, value)?.to_string_lossy().into_owned()));
    }
    if depth == TYPE_DEPTH {
        return Ok(None);
    }
    for origin in [gimli::DW_AT_specification, gimli::DW_AT_abstract_origin] {
        if let Some(AttributeValue::UnitRef(offset)) = entry.attr_value(origin) {
            return name(dwarf, unit, &unit.entry(offset)?, depth + 1);
        }
    }
    Ok(None)
}

fn size<'a>(
    dwarf: &Dwarf<Reader<'a>>,
    unit: &Unit<Reader<'a>>,
    entry: &DebuggingInformationEntry<Reader<'a>>,
    depth: usize,
) -> gimli::Result<Option<u64>> {
    if depth == TYPE_DEPTH {
        return Ok(None);
    }
    if entry.tag() != gimli::DW_TAG_variable {
        if let Some(size) = entry.attr_value(gimli::DW_AT_byte_size).and_then(|value| value.udata_value()) {
            return Ok(Some(size));
        }
        if matches!(entry.tag(), gimli::DW_TAG_pointer_type | gimli::DW_TAG_reference_type) {
            return Ok(Some(u64::from(unit.encoding().address_size)));
        }
    }
    let origins = [gimli::DW_AT_type, gimli::DW_AT_specification, gimli::DW_AT_abstract_origin];
    let referred = origins.into_iter().find_map(|at| match entry.attr_value(at) {
        Some(AttributeValue::UnitRef(offset)) => Some(offset),
        _ => None,
    });
    let Some(offset) = referred else { return Ok(None) };
    let element = size(dwarf, unit, &unit.entry(offset)?, depth + 1)?;
    if entry.tag() != gimli::DW_TAG_array_type {
        return Ok(element);
    }
    Ok(element.zip(length(unit, entry)?).and_then(|(element, length)| element.checked_mul(length)))
}

/// The number of elements of an array type, over all its dimensions.
fn length<'a>(
    unit: &Unit<Reader<'a>>,
    array: &DebuggingInformationEntry<Reader<'a>>,
) -> gimli::Result<Option<u64>> {
    let mut cursor = unit.entries_at_offset(array.offset())?;
    let mut length = Some(1u64);
    let Some(own) = cursor.next_dfs()?.map(|entry| entry.depth()) else { return Ok(None) };
    while let Some(entry) = cursor.next_dfs()? {
        if entry.depth() <= own {
            break;
        }
        if entry.tag() != gimli::DW_TAG_subrange_type {
            continue;
        }
        let number = |at| entry.attr_value(at).and_then(|value| value.udata_value());
        let count = number(gimli::DW_AT_count)
            .or_else(|| number(gimli::DW_AT_upper_bound).and_then(|last| last.checked_add(1)));
        length = length.zip(count).and_then(|(length, count)| length.checked_mul(count));
    }
    Ok(length)
}
