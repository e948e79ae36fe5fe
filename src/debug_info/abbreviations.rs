//! The forms of entries, which units refer to by an offset. Tables at different offsets may overlap, so what is read of
//! them all together is bounded by the size of the section.

use super::Slice;
use gimli::{Abbreviations, DebugAbbrev, DebugAbbrevOffset, Reader, Section};
use std::collections::HashMap;
use std::sync::Arc;

/// Attributes of an entry; compilers write some twenty. One may take no byte of the entry.
const ATTRIBUTES: usize = 200;

/// The tables that were read so far, by offset; `None` is one that cannot be read.
pub(super) struct Tables<'a> {
    section: DebugAbbrev<Slice<'a>>,
    known: HashMap<usize, Option<Arc<Abbreviations>>>,
    /// Bytes that may still be read.
    left: usize,
}

impl<'a> Tables<'a> {
    pub fn new(section: DebugAbbrev<Slice<'a>>) -> Tables<'a> {
        // Tables of compilers lie one behind the other.
        let left = section.reader().len().saturating_mul(2);
        Tables { section, known: HashMap::new(), left }
    }

    /// The table at `offset`.
    pub fn get(&mut self, offset: usize) -> Option<Arc<Abbreviations>> {
        if let Some(known) = self.known.get(&offset) {
            return known.clone();
        }
        let table = self.read(offset);
        self.known.insert(offset, table.clone());
        table
    }

    fn read(&mut self, offset: usize) -> Option<Arc<Abbreviations>> {
        let mut rest = *self.section.reader();
        rest.skip(offset).ok()?;
        rest.truncate(self.left.min(rest.len())).ok()?;
        let before = rest.len();
        let end = pass(&mut rest);
        self.left -= before - rest.len();
        end?;
        self.section.abbreviations(DebugAbbrevOffset(offset)).ok().map(Arc::new)
    }
}

/// Goes to the end of a table; `None` if it has none, or an entry of far too many attributes.
fn pass(rest: &mut Slice<'_>) -> Option<()> {
    while rest.read_uleb128().ok()? != 0 {
        let _tag = rest.read_uleb128().ok()?;
        let _has_children = rest.read_u8().ok()?;
        for attribute in 0.. {
            let (name, form) = (rest.read_uleb128().ok()?, rest.read_uleb128().ok()?);
            if form == u64::from(gimli::DW_FORM_implicit_const.0) {
                rest.read_sleb128().ok()?;
            }
            if (name, form) == (0, 0) {
                break;
            }
            if attribute == ATTRIBUTES {
                return None;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimli::LittleEndian;

    fn tables(section: &[u8]) -> Tables<'_> {
        Tables::new(DebugAbbrev::new(section, LittleEndian))
    }

    /// Abbreviation `code` of a variable with this many attributes.
    fn abbreviation(code: u8, attributes: usize) -> Vec<u8> {
        [&[code, 0x34, 0][..], &[0x03, 0x08].repeat(attributes), &[0, 0]].concat()
    }

    #[test]
    fn tables_of_compilers_are_read() {
        let table = [abbreviation(1, 2), abbreviation(2, 30), abbreviation(3, ATTRIBUTES), vec![0]].concat();
        let section = table.repeat(3);
        let mut tables = tables(&section);
        // Each by many units.
        for _ in 0..10 {
            for k in 0..3 {
                let table = tables.get(k * table.len()).unwrap();
                assert_eq!(table.get(2).unwrap().attributes().len(), 30);
                assert!(table.get(4).is_none());
            }
        }
        assert_eq!(tables.left, section.len());
    }

    #[test]
    fn tables_that_overlap_are_read_within_twice_the_section() {
        let one = abbreviation(1, 0);
        let section = [(1..=100).flat_map(|code| abbreviation(code, 0)).collect(), vec![0]].concat();
        let mut tables = tables(&section);
        let read = (0..100).filter(|k| tables.get(k * one.len()).is_some()).count();
        // The first is as long as the section, and each is a little shorter than the one before it.
        assert!((2..5).contains(&read), "{read}");
        assert!(tables.known.values().flatten().count() == read && tables.left < section.len());
    }

    #[test]
    fn what_is_no_table_is_none() {
        for section in [
            &[][..],
            &[1],
            &[1, 0x34, 0, 3, 8],
            &abbreviation(1, 1),
            &[abbreviation(1, ATTRIBUTES + 1), vec![0]].concat(),
            &[abbreviation(1, 1), abbreviation(1, 1), vec![0]].concat(),
        ] {
            assert!(tables(section).get(0).is_none(), "{section:?}");
        }
        assert!(tables(&[0]).get(0).is_some());
        assert!(tables(&[0]).get(2).is_none());
        assert!(tables(&[0]).get(usize::MAX).is_none());
    }
}
