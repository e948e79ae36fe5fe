use super::ProbeOptions;
use crate::engine_limits::PARAMETERS;
use crate::module::{Hierarchy, Module};
use std::collections::BTreeSet;
use wasmparser::{CompositeInnerType, ValType};

/// So many functions have an export each.
const MOST_EXPORTED: usize = 10_000;

/// What is to be made visible, apart from what simply is exported.
pub(super) struct Targets {
    pub functions: BTreeSet<u32>,
    pub droppable_data: Vec<u32>,
    pub droppable_elements: Vec<u32>,
    pub object_segments: Vec<u32>,
    pub witnesses: Vec<Vec<u32>>,
    pub vector_globals: Vec<u32>,
    /// Globals of type `f32` and `f64`.
    pub float_globals: Vec<u32>,
    /// Types of structs and arrays whose objects are to be read.
    pub objects: Vec<u32>,
}

impl Targets {
    pub fn of(module: &Module<'_>, options: &ProbeOptions) -> Targets {
        let mut exported = module.referenceable_functions();
        exported.extend(&options.functions);
        let of_types = |types| if options.shows_bits { globals_of(module, types) } else { Vec::new() };
        Targets {
            functions: exported,
            droppable_data: droppable(&module.code.dropped_data, |k| {
                module.data[k].is_passive() && !module.data[k].bytes.is_empty()
            }),
            droppable_elements: droppable(&module.code.dropped_elements, |k| {
                module.elements[k].is_passive()
                    && !module.elements[k].is_empty()
                    && !may_hold_objects(module, k)
            }),
            object_segments: object_segments(module),
            witnesses: witnessed_types(module),
            vector_globals: of_types(&[ValType::V128]),
            objects: if options.shows_objects { object_types(module) } else { Vec::new() },
            float_globals: of_types(&[ValType::F32, ValType::F64]),
        }
    }
}

impl Targets {
    /// Whether functions are shown in a table.
    pub fn tables_functions(&self, options: &ProbeOptions) -> bool {
        options.tables_functions && self.functions.len() > MOST_EXPORTED
    }
}

fn droppable(named: &BTreeSet<u32>, is_live_at_start: impl Fn(usize) -> bool) -> Vec<u32> {
    named.iter().copied().filter(|&k| is_live_at_start(k as usize)).collect()
}

/// Passive segments whose items may be objects: what instructions can name of them.
fn object_segments(module: &Module<'_>) -> Vec<u32> {
    let named = module.code.highest_element.map_or(0, |highest| highest + 1);
    let may_be_live =
        |&k: &u32| module.elements[k as usize].is_passive() && may_hold_objects(module, k as usize);
    (0..named).filter(may_be_live).collect()
}

fn may_hold_objects(module: &Module<'_>, k: usize) -> bool {
    let element = &module.elements[k];
    let holds = matches!(
        module.hierarchy(element.ty().heap_type()),
        Hierarchy::Any | Hierarchy::Extern | Hierarchy::Exn
    );
    holds && !element.is_empty()
}

fn globals_of(module: &Module<'_>, types: &[ValType]) -> Vec<u32> {
    let globals = (0u32..).zip(&module.globals);
    globals.filter(|(_, global)| types.contains(&global.ty.content_type)).map(|(index, _)| index).collect()
}

fn witnessed_types(module: &Module<'_>) -> Vec<Vec<u32>> {
    object_types(module).chunks(PARAMETERS.most as usize).map(<[u32]>::to_vec).collect()
}

/// Types of structs and arrays.
fn object_types(module: &Module<'_>) -> Vec<u32> {
    let is_object = |ty: &wasmparser::SubType| {
        matches!(ty.composite_type.inner, CompositeInnerType::Struct(_) | CompositeInnerType::Array(_))
    };
    (0u32..).zip(&module.types).filter(|(_, ty)| is_object(ty)).map(|(k, _)| k).collect()
}
