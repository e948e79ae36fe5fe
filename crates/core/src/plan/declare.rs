use super::{ElementSegment, GlobalInit, PlannedExport, PlannedGlobal, PlannedTable, StartStep, StartSteps};
use crate::module::{Module, element_functions, is_function, ref_funcs};
use crate::snapshot::{Reference, Value};
use std::collections::BTreeSet;

/// What names functions outside the code.
#[derive(Clone, Copy)]
pub(super) struct OutsideCode<'p> {
    pub exports: &'p [PlannedExport<'p>],
    pub globals: &'p [PlannedGlobal<'p>],
    pub tables: &'p [PlannedTable<'p>],
    pub elements: &'p [ElementSegment],
}

/// Functions that code makes references of and that nothing outside the code names any more.
pub(super) fn missing(module: &Module<'_>, outside: OutsideCode<'_>, start: &StartSteps) -> Vec<u32> {
    let OutsideCode { exports, globals, tables, elements } = outside;
    let mut needed = module.code.ref_funcs.clone();
    for step in &start.steps {
        if let StartStep::SetGlobal { value, .. } | StartStep::GrowTable { fill: value, .. } = step {
            needed.extend(function(value));
        }
    }
    if needed.is_empty() {
        return Vec::new();
    }
    let mut declared: BTreeSet<u32> =
        exports.iter().filter(|export| is_function(export.kind)).map(|export| export.index).collect();
    for global in globals {
        match &global.init {
            GlobalInit::Original(init) => declared.extend(ref_funcs(init)),
            GlobalInit::Value(value) => declared.extend(function(value)),
        }
    }
    declared.extend(tables.iter().filter_map(|table| table.init.as_ref()).flat_map(ref_funcs));
    for segment in elements {
        match segment {
            ElementSegment::Original(index) => {
                declared.extend(element_functions(&module.elements[*index as usize]));
            }
            ElementSegment::Active { items, .. } | ElementSegment::Passive { items, .. } => {
                declared.extend(items.iter().filter_map(|item| function(&Value::Ref(*item))));
            }
            ElementSegment::Declared(functions) => declared.extend(functions),
            ElementSegment::Empty(_) | ElementSegment::Builders(_) => {}
        }
    }
    needed.difference(&declared).copied().collect()
}

fn function(value: &Value) -> Option<u32> {
    match value {
        Value::Ref(Reference::Func(index)) => Some(*index),
        _ => None,
    }
}
