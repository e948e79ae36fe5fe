//! The names that a component gives to its items (section `component-name`), when one of those is taken out.

use super::shift::Removed;
use wasm_encoder::{Encode, NameMap};
use wasmparser::{BinaryReader, ComponentExternalKind, ComponentName, ComponentNameSectionReader};

/// The id of the subsections that name items.
const ITEMS: u8 = 1;

/// The section without the removed item, and with the new indices of those after it; `None` if it is malformed.
pub fn shifted(payload: &[u8], removed: Removed) -> Option<Vec<u8>> {
    rewritten(payload, |name| match name {
        ComponentName::Funcs(names) if removed.kind == ComponentExternalKind::Func => {
            renumbered(names, FUNCTIONS, |index| (index != removed.index).then(|| removed.shifted(index)))
        }
        ComponentName::Instances(names) if removed.kind == ComponentExternalKind::Instance => {
            renumbered(names, INSTANCES, |index| (index != removed.index).then(|| removed.shifted(index)))
        }
        _ => Some(None),
    })
}

/// The section when one more component comes before those from `from` on; `None` if it is malformed.
pub fn with_component_before(payload: &[u8], from: u32) -> Option<Vec<u8>> {
    rewritten(payload, |name| match name {
        ComponentName::Components(names) => {
            renumbered(names, COMPONENTS, |index| Some(if index >= from { index + 1 } else { index }))
        }
        _ => Some(None),
    })
}

const FUNCTIONS: u8 = 0x01;
const COMPONENTS: u8 = 0x04;
const INSTANCES: u8 = 0x05;

/// The names of one kind with other indices.
fn renumbered(
    names: wasmparser::NameMap<'_>,
    sort: u8,
    now: impl Fn(u32) -> Option<u32>,
) -> Option<Option<Vec<u8>>> {
    let mut map = NameMap::new();
    for naming in names {
        let naming = naming.ok()?;
        if let Some(index) = now(naming.index) {
            map.append(index, naming.name);
        }
    }
    let mut contents = vec![sort];
    map.encode(&mut contents);
    Some(Some(contents))
}

/// The section with other contents of its subsections, where `change` gives some.
fn rewritten(
    payload: &[u8],
    change: impl Fn(ComponentName<'_>) -> Option<Option<Vec<u8>>>,
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
        match change(name)? {
            None => out.extend_from_slice(raw),
            Some(contents) => {
                out.push(ITEMS);
                contents.as_slice().encode(&mut out);
            }
        }
    }
    Some(out)
}
