//! The variables at fixed addresses that DWARF describes.

use super::variable::Variable;
use crate::debug_info::{Entry, Slice, Units, sections, text};
use gimli::{AttributeValue, Dwarf, Operation, Reader, Section, Unit, UnitOffset};
use preinit_core::module::Module;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Types that refer to types are followed this far.
const TYPE_DEPTH: usize = 16;

/// Bytes of a name; what is shown of one is shorter. Of scopes that do not fit in front of it, the outermost are left out.
const NAME: usize = 200;

/// Bytes of a path.
const PATH: usize = 4096;

/// Pieces of one variable.
const PIECES: usize = 64;

/// Variables that are kept, the first ones.
const VARIABLES: usize = 500_000;

/// What is read of entries because others refer to them, in terms of all entries: some ten times as much is usual.
const FOLLOWED: u64 = 64;

/// Dimensions of an array.
const DIMENSIONS: usize = 32;

/// All variables to which DWARF gives a fixed address, by address. What cannot be read is left out: debugging information
/// never makes a module invalid.
pub(super) fn variables(module: &Module<'_>) -> Vec<Variable> {
    let dwarf = sections(module);
    let mut found = BTreeMap::new();
    let left = Cell::new((dwarf.debug_info.reader().len() as u64 + (1 << 10)).saturating_mul(FOLLOWED));
    for unit in Units::of(&dwarf) {
        // What was read before an error is still true.
        let _ = Described { dwarf: &dwarf, unit: &unit, left: &left }.variables(&mut found);
        if found.len() >= VARIABLES {
            break;
        }
    }
    found.into_values().collect()
}

/// What the entries of a unit describe.
#[derive(Clone, Copy)]
struct Described<'d, 'a> {
    dwarf: &'d Dwarf<Slice<'a>>,
    unit: &'d Unit<Slice<'a>>,
    /// What of entries may still be read because others refer to them.
    left: &'d Cell<u64>,
}

impl<'a> Described<'_, 'a> {
    fn variables(self, found: &mut BTreeMap<u64, Variable>) -> gimli::Result<()> {
        let is_library = is_library(self.dwarf, self.unit);
        let mut cursor = self.unit.entries();
        let mut scopes: Vec<(isize, String)> = Vec::new();
        while let Some(entry) = cursor.next_dfs()?
            && found.len() < VARIABLES
        {
            let depth = entry.depth();
            while scopes.last().is_some_and(|(at, _)| *at >= depth) {
                scopes.pop();
            }
            match entry.tag() {
                gimli::DW_TAG_namespace
                | gimli::DW_TAG_subprogram
                | gimli::DW_TAG_structure_type
                | gimli::DW_TAG_class_type => {
                    if let Some(name) = self.name(entry, 0)? {
                        scopes.push((depth, name));
                    }
                }
                gimli::DW_TAG_variable => {
                    let pieces = pieces(self.dwarf, self.unit, entry)?;
                    if pieces.is_empty() {
                        continue;
                    }
                    let Some(own) = self.name(entry, 0)? else { continue };
                    let name = qualified(&scopes, own);
                    let whole = self.size(entry, 0)?.unwrap_or(0);
                    let holds_addresses = self.holds_addresses(entry, 0)?;
                    for (address, piece) in pieces {
                        let size = piece.unwrap_or(whole);
                        if found.get(&address).is_none_or(|known| known.size < size) {
                            let name = name.clone();
                            found.insert(
                                address,
                                Variable { address, size, name, holds_addresses, is_library },
                            );
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// An entry that another one refers to, as very many may.
    fn entry(self, offset: UnitOffset) -> gimli::Result<Entry<'a>> {
        let entry = self.unit.entry(offset)?;
        self.pay_for(&entry)?;
        Ok(entry)
    }

    fn pay_for(self, entry: &Entry<'a>) -> gimli::Result<()> {
        let cost = |attribute: &gimli::Attribute<Slice<'a>>| match attribute.raw_value() {
            AttributeValue::String(text) => 1 + text.len() as u64,
            _ => 1,
        };
        let left = self.left.get().checked_sub(entry.attrs().iter().map(cost).sum());
        self.left.set(left.unwrap_or(0));
        left.map(drop).ok_or(gimli::Error::UnexpectedEof(gimli::ReaderOffsetId(0)))
    }

    /// Whether values of the type of `entry` can hold addresses: whether there is more to it than numbers.
    fn holds_addresses(self, entry: &Entry<'a>, depth: usize) -> gimli::Result<bool> {
        match entry.tag() {
            gimli::DW_TAG_base_type | gimli::DW_TAG_enumeration_type => return Ok(false),
            gimli::DW_TAG_variable
            | gimli::DW_TAG_typedef
            | gimli::DW_TAG_array_type
            | gimli::DW_TAG_const_type
            | gimli::DW_TAG_volatile_type
                if depth < TYPE_DEPTH => {}
            _ => return Ok(true),
        }
        match entry.attr_value(gimli::DW_AT_type) {
            Some(AttributeValue::UnitRef(offset)) => self.holds_addresses(&self.entry(offset)?, depth + 1),
            _ => Ok(true),
        }
    }

    fn name(self, entry: &Entry<'a>, depth: usize) -> gimli::Result<Option<String>> {
        if let Some(value) = entry.attr_value(gimli::DW_AT_name) {
            return text(self.dwarf, self.unit, value, NAME).map(Some);
        }
        if depth == TYPE_DEPTH {
            return Ok(None);
        }
        for origin in [gimli::DW_AT_specification, gimli::DW_AT_abstract_origin] {
            if let Some(AttributeValue::UnitRef(offset)) = entry.attr_value(origin) {
                return self.name(&self.entry(offset)?, depth + 1);
            }
        }
        Ok(None)
    }

    fn size(self, entry: &Entry<'a>, depth: usize) -> gimli::Result<Option<u64>> {
        if depth == TYPE_DEPTH {
            return Ok(None);
        }
        if entry.tag() != gimli::DW_TAG_variable {
            if let Some(size) = entry.attr_value(gimli::DW_AT_byte_size).and_then(|value| value.udata_value())
            {
                return Ok(Some(size));
            }
            if matches!(entry.tag(), gimli::DW_TAG_pointer_type | gimli::DW_TAG_reference_type) {
                return Ok(Some(u64::from(self.unit.encoding().address_size)));
            }
        }
        let origins = [gimli::DW_AT_type, gimli::DW_AT_specification, gimli::DW_AT_abstract_origin];
        let referred = origins.into_iter().find_map(|at| match entry.attr_value(at) {
            Some(AttributeValue::UnitRef(offset)) => Some(offset),
            _ => None,
        });
        let Some(offset) = referred else { return Ok(None) };
        let element = self.size(&self.entry(offset)?, depth + 1)?;
        if entry.tag() != gimli::DW_TAG_array_type {
            return Ok(element);
        }
        Ok(element.zip(self.length(entry)?).and_then(|(element, length)| element.checked_mul(length)))
    }

    /// The number of elements of an array type, over all its dimensions.
    fn length(self, array: &Entry<'a>) -> gimli::Result<Option<u64>> {
        let mut cursor = self.unit.entries_at_offset(array.offset())?;
        let mut length = Some(1u64);
        let Some(own) = cursor.next_dfs()?.map(|entry| entry.depth()) else { return Ok(None) };
        for dimension in 0.. {
            let Some(entry) = cursor.next_dfs()? else { break };
            self.pay_for(entry)?;
            if dimension == DIMENSIONS {
                return Ok(None);
            }
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
}

/// The name with as many of its scopes as there is room for.
fn qualified(scopes: &[(isize, String)], own: String) -> String {
    let mut parts = vec![own.as_str()];
    let mut len = own.len();
    for (_, scope) in scopes.iter().rev() {
        len += scope.len() + "::".len();
        if len > NAME {
            break;
        }
        parts.push(scope);
    }
    parts.reverse();
    parts.join("::")
}

/// Whether the unit was compiled from a source that came with the compiler.
fn is_library<'a>(dwarf: &Dwarf<Slice<'a>>, unit: &Unit<Slice<'a>>) -> bool {
    let mut cursor = unit.entries();
    let Ok(Some(root)) = cursor.next_dfs() else { return false };
    let part = |at| text(dwarf, unit, root.attr_value(at)?, PATH).ok();
    let path =
        [gimli::DW_AT_comp_dir, gimli::DW_AT_name].into_iter().filter_map(part).collect::<Vec<_>>().join("/");
    const MARKS: [&str; 9] = [
        "libc",
        "compiler-rt",
        "compiler_rt",
        "/rustc/",
        "rustlib",
        "ziglang",
        "wasi-sdk",
        "zigc",
        "emscripten",
    ];
    MARKS.iter().any(|mark| path.contains(mark))
}

/// The constant addresses of a variable, with the length of each piece if there are several. Linkers leave 0 or all ones
/// where they dropped the variable.
fn pieces<'a>(
    dwarf: &Dwarf<Slice<'a>>,
    unit: &Unit<Slice<'a>>,
    entry: &Entry<'a>,
) -> gimli::Result<Vec<(u64, Option<u64>)>> {
    let Some(AttributeValue::Exprloc(expression)) = entry.attr_value(gimli::DW_AT_location) else {
        return Ok(Vec::new());
    };
    let dropped = [0, u64::from(u32::MAX), u64::from(u32::MAX - 1), u64::MAX, u64::MAX - 1];
    let mut operations = expression.operations(unit.encoding());
    let mut pieces = Vec::new();
    let mut at = None;
    while let Some(operation) = operations.next()?
        && pieces.len() < PIECES
    {
        match operation {
            Operation::Address { address } => at = Some(address),
            Operation::AddressIndex { index } => at = Some(dwarf.address(unit, index)?),
            Operation::Piece { size_in_bits, bit_offset: None } => {
                pieces.extend(at.take().map(|address| (address, Some(size_in_bits / 8))));
            }
            // Computed at run time.
            _ => return Ok(Vec::new()),
        }
    }
    pieces.extend(at.map(|address| (address, None)));
    pieces.retain(|(address, _)| !dropped.contains(address));
    Ok(pieces)
}
