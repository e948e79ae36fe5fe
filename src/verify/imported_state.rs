//! What of a snapshot's state is decided by what is provided for its imports. Here that is the same for both sides, and elsewhere
//! something else. So it must be in the snapshot as the verifier itself puts it there.
//!
//! Two things are the original's whatever init did, if their expressions are: immutable globals, and the items of passive segments,
//! as long as they do not lead to objects, which init may have changed.

use preinit_core::module::{Element, Hierarchy, ImportedValues, Module};
use std::collections::HashMap;
use wasmparser::{ConstExpr, DataKind, ElementItems, ElementKind, Operator, RefType, ValType};

/// Whether there is anything like that in the snapshot, or is no more.
pub(super) fn is_decided_by_imports(original: &Module<'_>, snapshot: &Module<'_>) -> bool {
    writes_imports(snapshot)
        || imports_objects(snapshot)
        || begins_with_imports(snapshot)
        || readers_of_globals(original) != readers_of_globals(snapshot)
}

/// Whether segments are written to what is imported, and could hide there what the host has.
fn writes_imports(module: &Module<'_>) -> bool {
    let data = module.data.iter().any(|data| {
        matches!(&data.kind, DataKind::Active { memory_index, .. } if *memory_index < module.imported.memories)
    });
    data || module.elements.iter().any(|element| {
        matches!(&element.kind, ElementKind::Active { table_index, .. }
            if table_index.unwrap_or(0) < module.imported.tables)
    })
}

/// Whether imports bring objects along, in which init may have written what they hold here anyway.
fn imports_objects(module: &Module<'_>) -> bool {
    let globals = module.globals.iter().take(module.imported.globals as usize);
    let tables = module.tables.iter().take(module.imported.tables as usize);
    globals.map(|global| global.ty.content_type).any(|ty| leads_to_objects(module, ty))
        || tables.map(|table| table.ty.element_type).any(|ty| leads_to_objects(module, ValType::Ref(ty)))
}

fn leads_to_objects(module: &Module<'_>, ty: ValType) -> bool {
    let hierarchy = |ty: RefType| module.hierarchy(ty.heap_type());
    matches!(ty, ValType::Ref(ty) if matches!(hierarchy(ty), Hierarchy::Any | Hierarchy::Extern | Hierarchy::Exn))
}

/// Whether imported globals decide what memories, tables and mutable globals begin with, or what objects hold that are there from the
/// beginning. Init may have written over all of that, also what is there anyway with the values that the imports have here.
fn begins_with_imports(module: &Module<'_>) -> bool {
    if module.imported.globals == 0 {
        return false;
    }
    let imported = ImportedValues::of(module);
    let decide = |expression: Option<&ConstExpr<'_>>| expression.is_some_and(|init| imported.decide(init));
    let is_open = |element: &Element<'_>| match &element.kind {
        ElementKind::Active { offset_expr, .. } => {
            imported.decide(offset_expr) || decides_items(&imported, element)
        }
        ElementKind::Passive => {
            leads_to_objects(module, ValType::Ref(element.ty())) && decides_items(&imported, element)
        }
        ElementKind::Declared => false,
    };
    module.globals.iter().any(|global| {
        let is_open = global.ty.mutable || leads_to_objects(module, global.ty.content_type);
        is_open && decide(global.init.as_ref())
    }) || module.tables.iter().any(|table| decide(table.init.as_ref()))
        || module.data.iter().any(|data| match &data.kind {
            DataKind::Active { offset_expr, .. } => imported.decide(offset_expr),
            DataKind::Passive => false,
        })
        || module.elements.iter().any(is_open)
}

fn decides_items(imported: &ImportedValues, element: &Element<'_>) -> bool {
    match &element.items {
        ElementItems::Functions(_) => false,
        ElementItems::Expressions(_, items) => {
            items.clone().into_iter().flatten().any(|item| imported.decide(&item))
        }
    }
}

/// Where a constant expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Global(usize),
    Table(usize),
    /// The offset of an element segment.
    Slot(usize),
    /// The offset of a data segment.
    Address(usize),
    /// Of an element segment.
    Item(usize, usize),
}

/// All constant expressions that read a global where some are imported: one that the module defines may have read an imported
/// one itself.
fn readers_of_globals<'a>(module: &Module<'a>) -> HashMap<Place, &'a [u8]> {
    let mut found = HashMap::new();
    let mut add = |place: Place, expression: &ConstExpr<'a>| {
        let mut operators = expression.get_operators_reader().into_iter().flatten();
        if operators.any(|operator| matches!(operator, Operator::GlobalGet { .. })) {
            found.insert(place, &module.bytes[expression.get_binary_reader().range()]);
        }
    };
    if module.imported.globals == 0 {
        return found;
    }
    for (index, global) in module.globals.iter().enumerate() {
        global.init.iter().for_each(|init| add(Place::Global(index), init));
    }
    for (index, table) in module.tables.iter().enumerate() {
        table.init.iter().for_each(|init| add(Place::Table(index), init));
    }
    for (index, data) in module.data.iter().enumerate() {
        if let DataKind::Active { offset_expr, .. } = &data.kind {
            add(Place::Address(index), offset_expr);
        }
    }
    for (index, element) in module.elements.iter().enumerate() {
        if let ElementKind::Active { offset_expr, .. } = &element.kind {
            add(Place::Slot(index), offset_expr);
        }
        if let ElementItems::Expressions(_, items) = &element.items {
            for (at, item) in items.clone().into_iter().flatten().enumerate() {
                add(Place::Item(index, at), &item);
            }
        }
    }
    found
}
