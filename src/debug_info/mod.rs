//! Debugging information (DWARF) of a module, which may be hostile: what is read of it takes memory and time in proportion to
//! its size, whatever refers to what in it. What cannot be read is left out, since it never makes a module invalid.

mod abbreviations;
mod lines;
mod source_frames;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use source_frames::{MAX_ADDRESSES, SourceFrame, source_frames};
pub(crate) use text::text;

use abbreviations::Tables;
use gimli::{
    AttributeValue, DebugAddrBase, DebugInfoUnitHeadersIter, DebugLocListsBase, DebugRngListsBase,
    DebugStrOffsetsBase, DebuggingInformationEntry, Dwarf, EndianSlice, LittleEndian, SectionId, Unit,
    UnitHeader,
};
use preinit_core::module::Module;

pub(crate) type Slice<'a> = EndianSlice<'a, LittleEndian>;
pub(crate) type Entry<'a> = DebuggingInformationEntry<Slice<'a>>;

/// The sections of a module that hold debugging information.
pub(crate) fn sections<'a>(module: &Module<'a>) -> Dwarf<Slice<'a>> {
    let section = |id: SectionId| module.custom_section(id.name()).unwrap_or_default();
    Dwarf::load(|id| Ok::<_, std::convert::Infallible>(EndianSlice::new(section(id), LittleEndian)))
        .unwrap_or_else(|never| match never {})
}

/// The units of debugging information, one after the other.
pub(crate) struct Units<'d, 'a> {
    dwarf: &'d Dwarf<Slice<'a>>,
    headers: DebugInfoUnitHeadersIter<Slice<'a>>,
    tables: Tables<'a>,
}

impl<'d, 'a> Units<'d, 'a> {
    pub fn of(dwarf: &'d Dwarf<Slice<'a>>) -> Units<'d, 'a> {
        Units { dwarf, headers: dwarf.units(), tables: Tables::new(dwarf.debug_abbrev) }
    }

    /// A unit, without what is shared by many of them: its name, directory and line program.
    pub fn unit(&mut self, header: UnitHeader<Slice<'a>>) -> Option<Unit<Slice<'a>>> {
        let (encoding, file) = (header.encoding(), self.dwarf.file_type);
        let mut unit = Unit {
            abbreviations: self.tables.get(header.debug_abbrev_offset().0)?,
            name: None,
            comp_dir: None,
            low_pc: 0,
            str_offsets_base: DebugStrOffsetsBase::default_for_encoding_and_file(encoding, file),
            addr_base: DebugAddrBase(0),
            loclists_base: DebugLocListsBase::default_for_encoding_and_file(encoding, file),
            rnglists_base: DebugRngListsBase::default_for_encoding_and_file(encoding, file),
            line_program: None,
            dwo_id: None,
            header,
        };
        let mut low_pc = None;
        {
            let mut entries = unit.header.entries(&unit.abbreviations);
            for attribute in entries.next_dfs().ok()??.attrs() {
                match (attribute.name(), attribute.value()) {
                    (_, AttributeValue::DebugStrOffsetsBase(base)) => unit.str_offsets_base = base,
                    (_, AttributeValue::DebugAddrBase(base)) => unit.addr_base = base,
                    (_, AttributeValue::DebugLocListsBase(base)) => unit.loclists_base = base,
                    (_, AttributeValue::DebugRngListsBase(base)) => unit.rnglists_base = base,
                    (gimli::DW_AT_low_pc, value) => low_pc = Some(value),
                    _ => {}
                }
            }
        }
        let low_pc = low_pc.and_then(|value| self.dwarf.attr_address(&unit, value).ok().flatten());
        unit.low_pc = low_pc.unwrap_or(0);
        Some(unit)
    }
}

impl<'a> Iterator for Units<'_, 'a> {
    type Item = Unit<Slice<'a>>;

    fn next(&mut self) -> Option<Unit<Slice<'a>>> {
        while let Ok(Some(header)) = self.headers.next() {
            if let Some(unit) = self.unit(header) {
                return Some(unit);
            }
        }
        None
    }
}
