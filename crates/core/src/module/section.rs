use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;
use wasm_encoder::Encode;

/// A section's id byte (spec, 5.5.2); custom sections are told apart by name.
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

    fn rank(self) -> u8 {
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

    /// Whether so many more entries make the count wider, so that all entries move.
    pub fn moves_with_more(&self, more: u32) -> bool {
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
pub(super) fn with_entries(contents: &[u8], count: u32, entries: &[u8]) -> Vec<u8> {
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

/// New contents for some sections of a module; everything else is copied as it is.
#[derive(Default)]
pub struct Replacements<'w> {
    known: BTreeMap<SectionId, Option<Contents<'w>>>,
    custom: Vec<(String, Vec<u8>)>,
    without_dwarf: bool,
    removed_custom: Vec<String>,
}

type Writer<'w> = Box<dyn FnOnce(&mut Vec<u8>) + 'w>;

/// The contents of a section.
enum Contents<'w> {
    Bytes(Vec<u8>),
    /// So many bytes, which are written when it is their turn.
    Written(u32, Writer<'w>),
}

impl Contents<'_> {
    fn len(&self) -> usize {
        match self {
            Contents::Bytes(bytes) => bytes.len(),
            Contents::Written(len, _) => *len as usize,
        }
    }

    fn append(self, id: SectionId, out: &mut Vec<u8>) {
        match self {
            Contents::Bytes(bytes) => append(id, &bytes, out),
            Contents::Written(len, write) => {
                out.push(id.0);
                len.encode(out);
                let start = out.len();
                write(out);
                debug_assert_eq!(out.len() - start, len as usize);
            }
        }
    }
}

impl<'w> Replacements<'w> {
    /// Gives a known section new contents; a section that the module does not have is inserted in its place.
    pub fn set(&mut self, id: SectionId, contents: Vec<u8>) {
        self.known.insert(id, Some(Contents::Bytes(contents)));
    }

    /// Gives a known section contents of `len` bytes, which `write` appends: for what is too large to exist twice.
    pub fn set_written(&mut self, id: SectionId, len: u32, write: impl FnOnce(&mut Vec<u8>) + 'w) {
        self.known.insert(id, Some(Contents::Written(len, Box::new(write))));
    }

    /// Leaves a section out.
    pub fn remove(&mut self, id: SectionId) {
        self.known.insert(id, None);
    }

    /// Gives the custom section `name` a new payload; if the module has none it is added at the end.
    pub fn set_custom(&mut self, name: &str, payload: Vec<u8>) {
        self.custom.push((name.to_string(), payload));
    }

    /// Leaves out the custom sections called `name`.
    pub fn remove_custom(&mut self, name: &str) {
        self.removed_custom.push(name.to_string());
    }

    /// Leaves out the sections whose addresses count from the start of the code section.
    pub fn remove_dwarf(&mut self) {
        self.without_dwarf = true;
    }

    /// The new binary. A section that is new goes right behind its nearest predecessor, so that trailing custom
    /// sections (names must follow the data) stay behind it.
    pub fn apply(self, sections: &[Section<'_>]) -> Vec<u8> {
        let is_copied = |section: &&Section<'_>| !self.known.contains_key(&section.id);
        let copied: usize = sections.iter().filter(is_copied).map(|section| section.contents.len() + 6).sum();
        let added: usize = self.known.values().flatten().map(Contents::len).sum();
        let customs: usize = self.custom.iter().map(|(name, payload)| name.len() + payload.len() + 12).sum();
        let mut out = Vec::with_capacity(64 + 6 * self.known.len() + copied + added + customs);
        out.extend_from_slice(b"\0asm\x01\0\0\0");

        let Replacements { mut known, mut custom, without_dwarf, removed_custom } = self;
        let first = sections.iter().map(|section| section.id).find(|&id| id != SectionId::CUSTOM);
        if first.is_none() {
            append_below(u8::MAX, &mut known, &mut out);
        }
        for (at, section) in sections.iter().enumerate() {
            if let Some((name, _)) = section.custom {
                if without_dwarf && section.is_dwarf() || removed_custom.iter().any(|removed| removed == name)
                {
                    continue;
                }
                match custom.iter().position(|(replaced, _)| replaced == name) {
                    Some(index) => append_custom(name, &custom.remove(index).1, &mut out),
                    None => append(section.id, section.contents, &mut out),
                }
                continue;
            }
            append_below(section.id.rank(), &mut known, &mut out);
            match known.remove(&section.id) {
                Some(Some(contents)) => contents.append(section.id, &mut out),
                Some(None) => {}
                None => append(section.id, section.contents, &mut out),
            }
            let next = sections[at + 1..].iter().find(|section| section.custom.is_none());
            append_below(next.map_or(u8::MAX, |next| next.id.rank()), &mut known, &mut out);
        }
        for (name, payload) in custom {
            append_custom(&name, &payload, &mut out);
        }
        out
    }
}

fn append_below(rank: u8, known: &mut BTreeMap<SectionId, Option<Contents<'_>>>, out: &mut Vec<u8>) {
    while let Some(entry) = known.first_entry().filter(|entry| entry.key().rank() < rank) {
        let (id, contents) = entry.remove_entry();
        if let Some(contents) = contents {
            contents.append(id, out);
        }
    }
}

fn append(id: SectionId, contents: &[u8], out: &mut Vec<u8>) {
    out.push(id.0);
    contents.encode(out);
}

fn append_custom(name: &str, payload: &[u8], out: &mut Vec<u8>) {
    let mut contents = Vec::with_capacity(payload.len() + name.len() + 5);
    name.encode(&mut contents);
    contents.extend_from_slice(payload);
    append(SectionId::CUSTOM, &contents, out);
}
