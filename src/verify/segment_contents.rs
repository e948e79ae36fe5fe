//! Compares what the segments of two modules hold.

use preinit_core::module::{Element, Module};
use preinit_core::rebase::rebased_imports;
use wasmparser::{ConstExpr, ElementItems, Operator};

/// The number of bytes of both, if they are not the same bytes.
pub(super) fn data(original: &Module<'_>, snapshot: &Module<'_>, index: usize) -> Option<[String; 2]> {
    let (left, right) = (original.data.get(index)?.bytes, snapshot.data.get(index)?.bytes);
    (left != right).then(|| [left.len(), right.len()].map(|len| format!("{len} bytes")))
}

/// The number of items of both, if they are not the same items.
pub(super) fn element(original: &Module<'_>, snapshot: &Module<'_>, index: usize) -> Option<[String; 2]> {
    let (left, right) = (original.elements.get(index)?, snapshot.elements.get(index)?);
    // Functions that answer instead of imports are these imports.
    let answered = rebased_imports(snapshot, original.functions.len() as u32);
    let left = items(original, left, |function| function);
    let right = items(snapshot, right, |function| answered.get(&function).copied().unwrap_or(function));
    (left != right).then(|| [left.len(), right.len()].map(|len| format!("{len} items")))
}

/// An item: the functions that it names, and the rest of its expression, which is empty for a function alone.
#[derive(Debug, PartialEq, Eq)]
struct Item<'a> {
    functions: Vec<u32>,
    /// What is before, between and after them.
    code: Vec<&'a [u8]>,
}

fn items<'a>(module: &Module<'a>, element: &Element<'a>, import: impl Fn(u32) -> u32) -> Vec<Item<'a>> {
    match &element.items {
        ElementItems::Functions(functions) => {
            let functions = functions.clone().into_iter().flatten();
            functions.map(|index| Item { functions: vec![import(index)], code: Vec::new() }).collect()
        }
        ElementItems::Expressions(_, items) => {
            items.clone().into_iter().flatten().map(|item| expression(module, &item, &import)).collect()
        }
    }
}

fn expression<'a>(module: &Module<'a>, expression: &ConstExpr<'a>, import: impl Fn(u32) -> u32) -> Item<'a> {
    let mut item = Item { functions: Vec::new(), code: Vec::new() };
    let range = expression.get_binary_reader().range();
    let mut operators = expression.get_operators_reader();
    let mut from = range.start;
    let mut is_function = true;
    while !operators.eof() {
        let at = operators.original_position();
        match operators.read() {
            Ok(Operator::RefFunc { function_index }) => {
                item.functions.push(import(function_index));
                item.code.push(&module.bytes[from..at]);
                from = operators.original_position();
            }
            Ok(Operator::End) => {}
            // It was validated.
            _ => is_function = false,
        }
    }
    item.code.push(&module.bytes[from..range.end]);
    if is_function && item.functions.len() == 1 {
        item.code.clear();
    }
    item
}
