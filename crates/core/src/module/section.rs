use std::cmp::Ordering;
use std::ops::Range;
use wasm_encoder::Encode;

/// A section's id byte (spec, 5.5.2); custom sections all have the same, and differ by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SectionId(pub u8);

/// By position in the file, which is not the order of the ids (spec, 5.5.15).
impl Ord for SectionId {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.rank(), self.0).cmp(&(other.rank(), other.0))
    }
}

impl PartialOrd for SectionId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl SectionId {
    /// Custom sections may stand anywhere.
    pub const CUSTOM: SectionId = SectionId(0);
    /// Types.
    pub const TYPE: SectionId = SectionId(1);
    /// Imports.
    pub const IMPORT: SectionId = SectionId(2);
    /// Type indices of the defined functions.
    pub const FUNCTION: SectionId = SectionId(3);
    /// Tables.
    pub const TABLE: SectionId = SectionId(4);
    /// Memories.
    pub const MEMORY: SectionId = SectionId(5);
    /// Globals.
    pub const GLOBAL: SectionId = SectionId(6);
    /// Exports.
    pub const EXPORT: SectionId = SectionId(7);
    /// The start function.
    pub const START: SectionId = SectionId(8);
    /// Element segments.
    pub const ELEMENT: SectionId = SectionId(9);
    /// Function bodies.
    pub const CODE: SectionId = SectionId(10);
    /// Data segments.
    pub const DATA: SectionId = SectionId(11);
    /// The number of data segments, for validating code in one pass.
    pub const DATA_COUNT: SectionId = SectionId(12);
    /// Exception and effect tags.
    pub const TAG: SectionId = SectionId(13);

    /// By position in the file.
    pub(super) fn rank(self) -> u8 {
        const ORDER: [u8; 13] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];
        ORDER.iter().position(|&id| id == self.0).map_or(u8::MAX, |at| at as u8)
    }
}

/// One section of a binary.
#[derive(Debug, Clone)]
pub struct Section<'a> {
    /// Which section.
    pub id: SectionId,
    /// The contents, without id and size.
    pub contents: &'a [u8],
    /// Where the contents lie in the binary.
    pub range: Range<usize>,
    /// The name and payload of a custom section.
    pub custom: Option<(&'a str, &'a [u8])>,
}

impl<'a> Section<'a> {
    /// The entries of a section that is a list, without their count, and the count. The contents were validated, so a
    /// count that cannot be read means an empty section.
    pub fn entries(&self) -> (u32, &'a [u8]) {
        split_count(self.contents)
    }

    /// Whether this is DWARF, whose addresses count from the start of the code section's contents (DWARF for
    /// WebAssembly, "Code addresses").
    pub fn is_dwarf(&self) -> bool {
        self.custom.is_some_and(|(name, _)| name.starts_with(".debug_") || name == "external_debug_info")
    }

    /// Whether this many more entries make the count wider, so that all entries move.
    pub(super) fn moves_with_more(&self, more: u32) -> bool {
        let (count, entries) = self.entries();
        let mut wider = Vec::new();
        (count + more).encode(&mut wider);
        wider.len() > self.contents.len() - entries.len()
    }

    /// The contents with `count` more entries at the end.
    pub fn with_entries(&self, count: u32, entries: &[u8]) -> Vec<u8> {
        with_entries(self.contents, count, entries)
    }
}

/// The count of a section that is a list, and its entries.
fn split_count(contents: &[u8]) -> (u32, &[u8]) {
    let mut reader = wasmparser::BinaryReader::new(contents, 0);
    let count = reader.read_var_u32().unwrap_or(0);
    (count, &contents[reader.original_position()..])
}

/// The contents of a section with `count` more entries at the end.
fn with_entries(contents: &[u8], count: u32, entries: &[u8]) -> Vec<u8> {
    let (old_count, old_entries) = split_count(contents);
    let mut extended = Vec::with_capacity(contents.len() + entries.len() + 5);
    // Never narrower than it was: DWARF addresses count from the start of the code section's contents.
    leb_at_least(old_count + count, contents.len() - old_entries.len(), &mut extended);
    extended.extend_from_slice(old_entries);
    extended.extend_from_slice(entries);
    extended
}

fn leb_at_least(value: u32, width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    value.encode(out);
    while out.len() - start < width.min(5) {
        if let Some(last) = out.last_mut() {
            *last |= 0x80;
        }
        out.push(0);
    }
}

/// The contents of a section that is a list of `count` entries.
pub fn section_of(count: u32, entries: &[u8]) -> Vec<u8> {
    let mut contents = Vec::with_capacity(entries.len() + 5);
    count.encode(&mut contents);
    contents.extend_from_slice(entries);
    contents
}

/// Entries of a section that is a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SectionEntries {
    count: u32,
    bytes: Vec<u8>,
}

impl SectionEntries {
    /// Adds an entry, which `encode` appends, and gives its position.
    pub fn add(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> u32 {
        encode(&mut self.bytes);
        self.count += 1;
        self.count - 1
    }

    /// Adds an entry, or returns what kept it from being encoded.
    ///
    /// # Errors
    /// Those of `encode`.
    pub fn try_add<E>(&mut self, encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        self.count += 1;
        encode(&mut self.bytes)
    }

    /// Number of entries.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The contents of a section that has these entries only.
    pub fn contents(&self) -> Vec<u8> {
        section_of(self.count, &self.bytes)
    }

    /// The contents of a section that has these entries after those that it has already.
    pub(super) fn appended_to(&self, contents: &[u8]) -> Vec<u8> {
        with_entries(contents, self.count, &self.bytes)
    }
}
