use super::{heap, start_function};
use crate::module::{Module, NameSubsection};
use crate::plan::{DataSegment, ElementSegment, Plan};
use wasm_encoder::NameMap;

/// The name section of the output, or `None` where it stays as it is: names of segments that vanished are taken out,
/// and an added function gets one. A malformed section is left alone.
pub(super) fn rewrite(module: &Module<'_>, plan: &Plan<'_>) -> Option<Vec<u8>> {
    let payload = module.custom_section("name")?;
    let mut out = Vec::with_capacity(payload.len() + 32);
    for subsection in NameSubsection::read_all(payload)? {
        let rewritten = match subsection.id {
            NameSubsection::FUNCTION if plan.start.is_some() => with_added(&subsection, module, plan)?,
            NameSubsection::ELEMENT => subsection.retained(|index| {
                matches!(plan.elements.get(index as usize), Some(ElementSegment::Original(_)))
            })?,
            NameSubsection::DATA => subsection
                .retained(|index| matches!(plan.data.get(index as usize), Some(DataSegment::Original(_))))?,
            _ => {
                out.extend_from_slice(subsection.raw);
                continue;
            }
        };
        if !rewritten.is_empty() {
            NameSubsection::write(subsection.id, &rewritten, &mut out);
        }
    }
    Some(out)
}

fn with_added(subsection: &NameSubsection<'_>, module: &Module<'_>, plan: &Plan<'_>) -> Option<NameMap> {
    let mut map = subsection.retained(|_| true)?;
    let names = match &plan.heap {
        Some(heap) => heap::names(module, &heap.plan),
        None => start_function::names(plan),
    };
    for (function, name) in (module.functions.len() as u32..).zip(names) {
        map.append(function, &name);
    }
    Some(map)
}
