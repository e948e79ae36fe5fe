use super::{Section, SectionId};
use std::collections::BTreeMap;
use wasm_encoder::Encode;

/// New contents for some sections of a module; everything else is copied as it is.
#[derive(Default)]
pub struct Replacements<'w> {
    known: BTreeMap<SectionId, Option<NewContents<'w>>>,
    custom: Vec<(String, Vec<u8>)>,
    without_dwarf: bool,
    removed_custom: Vec<String>,
}

type WriteContents<'w> = Box<dyn FnOnce(&mut Vec<u8>) + 'w>;

/// The new contents of a section.
enum NewContents<'w> {
    Bytes(Vec<u8>),
    /// So many bytes, which are written when it is their turn.
    Written(u32, WriteContents<'w>),
}

impl NewContents<'_> {
    fn len(&self) -> usize {
        match self {
            NewContents::Bytes(bytes) => bytes.len(),
            NewContents::Written(len, _) => *len as usize,
        }
    }

    fn append(self, id: SectionId, out: &mut Vec<u8>) {
        match self {
            NewContents::Bytes(bytes) => append(id, &bytes, out),
            NewContents::Written(len, write) => {
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
    /// Gives a known section new contents; a section that the module does not have is inserted where it belongs.
    pub fn set(&mut self, id: SectionId, contents: Vec<u8>) {
        self.known.insert(id, Some(NewContents::Bytes(contents)));
    }

    /// Gives a known section contents of `len` bytes, which `write` appends: for what is too large to exist twice.
    pub fn set_written(&mut self, id: SectionId, len: u32, write: impl FnOnce(&mut Vec<u8>) + 'w) {
        self.known.insert(id, Some(NewContents::Written(len, Box::new(write))));
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

    /// The new binary. A section that is new follows its nearest predecessor, so that trailing custom sections
    /// (names must follow the data) stay at the end.
    pub fn apply(self, sections: &[Section<'_>]) -> Vec<u8> {
        let is_copied = |section: &&Section<'_>| !self.known.contains_key(&section.id);
        let copied: usize = sections.iter().filter(is_copied).map(|section| section.contents.len() + 6).sum();
        let added: usize = self.known.values().flatten().map(NewContents::len).sum();
        let customs: usize = self.custom.iter().map(|(name, payload)| name.len() + payload.len() + 12).sum();
        let mut out = Vec::with_capacity(64 + 6 * self.known.len() + copied + added + customs);
        out.extend_from_slice(b"\0asm\x01\0\0\0");

        let Replacements { mut known, mut custom, without_dwarf, removed_custom } = self;
        let first = sections.iter().map(|section| section.id).find(|&id| id != SectionId::CUSTOM);
        if first.is_none() {
            append_until(u8::MAX, &mut known, &mut out);
        }
        for (at, section) in sections.iter().enumerate() {
            if let Some((name, _)) = section.custom {
                let is_removed = removed_custom.iter().any(|removed| removed == name);
                if is_removed || without_dwarf && section.is_dwarf() {
                    continue;
                }
                match custom.iter().position(|(replaced, _)| replaced == name) {
                    Some(index) => append_custom(name, &custom.remove(index).1, &mut out),
                    None => append(section.id, section.contents, &mut out),
                }
                continue;
            }
            append_until(section.id.rank(), &mut known, &mut out);
            match known.remove(&section.id) {
                Some(Some(contents)) => contents.append(section.id, &mut out),
                Some(None) => {}
                None => append(section.id, section.contents, &mut out),
            }
            let next = sections[at + 1..].iter().find(|section| section.custom.is_none());
            append_until(next.map_or(u8::MAX, |next| next.id.rank()), &mut known, &mut out);
        }
        for (name, payload) in custom {
            append_custom(&name, &payload, &mut out);
        }
        out
    }
}

fn append_until(rank: u8, known: &mut BTreeMap<SectionId, Option<NewContents<'_>>>, out: &mut Vec<u8>) {
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
