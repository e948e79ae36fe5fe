//! Texts of debugging information. One may be far too long, and shared by many: no more of it is looked at than is kept.

use super::Slice;
use gimli::{AttributeValue, Dwarf, Section, Unit};

/// Up to `longest` bytes of a text.
pub(crate) fn text<'a>(
    dwarf: &Dwarf<Slice<'a>>,
    unit: &Unit<Slice<'a>>,
    value: AttributeValue<Slice<'a>>,
    longest: usize,
) -> gimli::Result<String> {
    let at = |section: &Slice<'a>, offset: usize| section.slice().get(offset..).unwrap_or_default();
    let bytes = match value {
        AttributeValue::DebugStrRef(offset) => at(dwarf.debug_str.reader(), offset.0),
        AttributeValue::DebugLineStrRef(offset) => at(dwarf.debug_line_str.reader(), offset.0),
        AttributeValue::DebugStrOffsetsIndex(index) => {
            at(dwarf.debug_str.reader(), dwarf.string_offset(unit, index)?.0)
        }
        value => dwarf.attr_string(unit, value)?.slice(),
    };
    let bytes = &bytes[..bytes.len().min(longest)];
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
}
