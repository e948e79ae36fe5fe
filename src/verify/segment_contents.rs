//! Compares what the segments of two modules hold.

use preinit_core::module::{Element, Module, ref_funcs};
use preinit_core::rebase::rebased_imports;
use wasmparser::{ConstExpr, ElementItems};

/// The number of bytes of both, if they are not the same bytes.
pub(super) fn data(original: &Module<'_>, snapshot: &Module<'_>, index: usize) -> Option<[String; 2]> {
    let (left, right) = (original.data.get(index)?.bytes, snapshot.data.get(index)?.bytes);
    (left != right).then(|| [left.len(), right.len()].map(|len| format!("{len} bytes")))
}

/// The number of items of both, if they are not the same items.
pub(super) fn element(original: &Module<'_>, snapshot: &Module<'_>, index: usize) -> Option<[String; 2]> {
    let (left, right) = (original.elements.get(index)?, snapshot.elements.get(index)?);
    let (left, mut right) = (items(original, left), items(snapshot, right));
    // Functions that answer instead of imports are these imports.
    let answered = rebased_imports(snapshot, original.functions.len() as u32);
    for item in &mut right {
        if let Item::Function(function) = item {
            *function = answered.get(function).copied().unwrap_or(*function);
        }
    }
    (left != right).then(|| [left.len(), right.len()].map(|len| format!("{len} items")))
}

#[derive(PartialEq, Eq)]
enum Item<'a> {
    Function(u32),
    Expression(&'a [u8]),
}

fn items<'a>(module: &Module<'a>, element: &Element<'a>) -> Vec<Item<'a>> {
    match &element.items {
        ElementItems::Functions(items) => items.clone().into_iter().flatten().map(Item::Function).collect(),
        ElementItems::Expressions(_, items) => {
            let item = |expression: ConstExpr<'a>| match ref_funcs(&expression)[..] {
                [function] => Item::Function(function),
                _ => Item::Expression(&module.bytes[expression.get_binary_reader().range()]),
            };
            items.clone().into_iter().flatten().map(item).collect()
        }
    }
}
