//! The names that a component gives to its items (section `component-name`), when their indices change.

use super::shift::Removed;
use wasm_encoder::{Encode, NameMap};
use wasmparser::{BinaryReader, ComponentExternalKind, ComponentName, ComponentNameSectionReader};

/// The id of the subsections that name items.
const ITEMS: u8 = 1;

/// The section without the removed item, and with the new indices of those after it; `None` if it is malformed.
pub fn shifted(payload: &[u8], removed: Removed) -> Option<Vec<u8>> {
    let chosen = |name| match name {
        ComponentName::Funcs(names) if removed.kind == ComponentExternalKind::Func => {
            Some(Named { names, sort: &[0x01] })
        }
        ComponentName::Instances(names) if removed.kind == ComponentExternalKind::Instance => {
            Some(Named { names, sort: &[0x05] })
        }
        _ => None,
    };
    reindexed(payload, chosen, |_, index| (index != removed.index).then(|| removed.shifted(index)))
}

/// Names of items of one sort.
pub(super) struct Named<'n> {
    pub names: wasmparser::NameMap<'n>,
    /// The sort as a subsection has it.
    pub sort: &'static [u8],
}

/// The section with other indices of the names that are `chosen`; an item without an index has no name any more. `None` if the
/// section is malformed.
pub(super) fn reindexed<'n>(
    payload: &'n [u8],
    chosen: impl Fn(ComponentName<'n>) -> Option<Named<'n>>,
    index: impl Fn(&[u8], u32) -> Option<u32>,
) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(payload.len());
    let mut reader = BinaryReader::new(payload, 0);
    while !reader.eof() {
        let start = reader.original_position();
        reader.read_u8().ok()?;
        let len = reader.read_var_u32().ok()?;
        reader.read_bytes(len as usize).ok()?;
        let raw = &payload[start..reader.original_position()];
        let name = ComponentNameSectionReader::new(BinaryReader::new(raw, 0)).next()?.ok()?;
        let Some(Named { names, sort }) = chosen(name) else {
            out.extend_from_slice(raw);
            continue;
        };
        let mut map = NameMap::new();
        for naming in names {
            let naming = naming.ok()?;
            if let Some(index) = index(sort, naming.index) {
                map.append(index, naming.name);
            }
        }
        let mut contents = sort.to_vec();
        map.encode(&mut contents);
        out.push(ITEMS);
        contents.as_slice().encode(&mut out);
    }
    Some(out)
}
