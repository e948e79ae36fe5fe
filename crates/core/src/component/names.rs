//! The names that a component gives to its items (section `component-name`), when one of those is taken out.

use super::shift::Removed;
use wasm_encoder::{Encode, NameMap};
use wasmparser::{BinaryReader, ComponentExternalKind, ComponentName, ComponentNameSectionReader};

/// The id of the subsections that name items.
const ITEMS: u8 = 1;

/// The section without the removed item, and with the new indices of those after it; `None` if it is malformed.
pub fn shifted(payload: &[u8], removed: Removed) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(payload.len());
    let mut reader = BinaryReader::new(payload, 0);
    while !reader.eof() {
        let start = reader.original_position();
        reader.read_u8().ok()?;
        let len = reader.read_var_u32().ok()?;
        reader.read_bytes(len as usize).ok()?;
        let raw = &payload[start..reader.original_position()];
        let name = ComponentNameSectionReader::new(BinaryReader::new(raw, 0)).next()?.ok()?;
        let (names, sort) = match name {
            ComponentName::Funcs(names) if removed.kind == ComponentExternalKind::Func => (names, 0x01),
            ComponentName::Instances(names) if removed.kind == ComponentExternalKind::Instance => {
                (names, 0x05)
            }
            _ => {
                out.extend_from_slice(raw);
                continue;
            }
        };
        let mut map = NameMap::new();
        for naming in names {
            let naming = naming.ok()?;
            if naming.index != removed.index {
                map.append(removed.shifted(naming.index), naming.name);
            }
        }
        let mut contents = vec![sort];
        map.encode(&mut contents);
        out.push(ITEMS);
        contents.as_slice().encode(&mut out);
    }
    Some(out)
}
