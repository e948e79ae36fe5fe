use super::{heap, start_function};
use crate::module::Module;
use crate::plan::{DataSegment, ElementSegment, Plan};
use wasm_encoder::{Encode, NameMap};
use wasmparser::{BinaryReader, Name, NameSectionReader};

// Subsection ids (spec appendix "Custom Sections" and the extended name section proposal).
const FUNCTION: u8 = 1;
const ELEMENT: u8 = 8;
const DATA: u8 = 9;

/// The name section of the output, or `None` where it stays as it is: names of segments that vanished are taken out,
/// and an added function gets one. A malformed section is left alone.
pub(super) fn rewrite(module: &Module<'_>, plan: &Plan<'_>) -> Option<Vec<u8>> {
    let payload = module.sections.iter().find_map(|section| match section.custom {
        Some(("name", payload)) => Some(payload),
        _ => None,
    })?;
    let mut out = Vec::with_capacity(payload.len() + 32);
    let mut reader = BinaryReader::new(payload, 0);
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8().ok()?;
        let len = reader.read_var_u32().ok()?;
        reader.read_bytes(len as usize).ok()?;
        let raw = &payload[start..reader.original_position()];
        let rewritten = match id {
            FUNCTION if plan.start.is_some() => with_added(raw, module, plan)?,
            ELEMENT => retained(raw, |k| matches!(plan.elements.get(k), Some(ElementSegment::Original(_))))?,
            DATA => retained(raw, |k| matches!(plan.data.get(k), Some(DataSegment::Original(_))))?,
            _ => {
                out.extend_from_slice(raw);
                continue;
            }
        };
        if !rewritten.is_empty() {
            out.push(id);
            let mut contents = Vec::new();
            rewritten.encode(&mut contents);
            contents.as_slice().encode(&mut out);
        }
    }
    Some(out)
}

fn with_added(raw: &[u8], module: &Module<'_>, plan: &Plan<'_>) -> Option<NameMap> {
    let mut map = retained(raw, |_| true)?;
    let names = match &plan.heap {
        Some(heap) => heap::names(module, &heap.plan),
        None => vec![start_function::NAME.to_string()],
    };
    for (function, name) in (module.functions.len() as u32..).zip(names) {
        map.append(function, &name);
    }
    Some(map)
}

/// The entries of one subsection whose index is kept.
fn retained(raw: &[u8], is_kept: impl Fn(usize) -> bool) -> Option<NameMap> {
    let subsection = NameSectionReader::new(BinaryReader::new(raw, 0)).next()?.ok()?;
    let (Name::Function(names) | Name::Element(names) | Name::Data(names)) = subsection else { return None };
    let mut map = NameMap::new();
    for naming in names {
        let naming = naming.ok()?;
        if is_kept(naming.index as usize) {
            map.append(naming.index, naming.name);
        }
    }
    Some(map)
}

/// The name section with names for added functions, whose indices are above all others. A malformed one is left alone.
pub(crate) fn with_functions(module: &Module<'_>, added: &[(u32, String)]) -> Option<Vec<u8>> {
    const MODULE: u8 = 0;
    let payload = module.sections.iter().find_map(|section| match section.custom {
        Some(("name", payload)) => Some(payload),
        _ => None,
    });
    let payload = payload.unwrap_or_default();
    let mut subsections: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut reader = BinaryReader::new(payload, 0);
    let mut names = NameMap::new();
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8().ok()?;
        let len = reader.read_var_u32().ok()?;
        let contents = reader.read_bytes(len as usize).ok()?;
        match id {
            FUNCTION => names = retained(&payload[start..reader.original_position()], |_| true)?,
            _ => subsections.push((id, contents.to_vec())),
        }
    }
    for (function, name) in added {
        names.append(*function, name);
    }
    let mut functions = Vec::new();
    names.encode(&mut functions);
    let at = subsections.iter().take_while(|(id, _)| *id == MODULE).count();
    subsections.insert(at, (FUNCTION, functions));
    let mut out = Vec::with_capacity(payload.len() + 32 * added.len());
    for (id, contents) in subsections {
        out.push(id);
        contents.as_slice().encode(&mut out);
    }
    Some(out)
}
