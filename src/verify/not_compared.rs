//! What no comparison of two modules sees, in words.

use preinit_core::embed::EmbeddedTree;
use preinit_core::module::{Module, Space};
use std::collections::HashMap;
use wasmparser::{Import, TypeRef, ValType};

/// What a comparison of these modules leaves out; `of_custom` says it of custom sections.
pub(super) fn of_modules(original: &Module<'_>, snapshot: &Module<'_>, of_custom: String) -> Vec<String> {
    let mut not_compared = vec![of_custom];
    let has_state =
        |import: &Import<'_>| matches!(Space::of(&import.ty), Space::Memory | Space::Table | Space::Global);
    if snapshot.imports.iter().any(has_state) {
        let what = "instances whose imported memories, tables or globals hold something else than init got";
        not_compared.push(what.to_string());
    }
    if may_be_one(snapshot) {
        let what = "instances in which imports are one where init got two, or two where it got one";
        not_compared.push(what.to_string());
    }
    if !EmbeddedTree::all_in(snapshot).is_empty() {
        let what = "accesses just beyond the end of a memory, where what is open of embedded files lies";
        not_compared.push(what.to_string());
    }
    let unnamed =
        |count: usize, highest: Option<u32>| count - highest.map_or(0, |k| k as usize + 1).min(count);
    let data = unnamed(original.data.len(), original.code.highest_data);
    let elements = unnamed(original.elements.len(), original.code.highest_element);
    if data + elements > 0 {
        not_compared.push(format!(
            "{data} data and {elements} element segments that no instruction refers to, so nothing can read them"
        ));
    }
    not_compared
}

/// Whether two imports of different names can be one thing that has a state or an identity.
fn may_be_one(module: &Module<'_>) -> bool {
    let has_identity = |import: &&Import<'_>| match &import.ty {
        TypeRef::Memory(_) | TypeRef::Table(_) | TypeRef::Tag(_) => true,
        TypeRef::Global(ty) => ty.mutable || matches!(ty.content_type, ValType::Ref(_)),
        TypeRef::Func(_) | TypeRef::FuncExact(_) => false,
    };
    let mut first: HashMap<Space, (&str, &str)> = HashMap::new();
    module.imports.iter().filter(has_identity).any(|import| {
        let name = (import.module, import.name);
        *first.entry(Space::of(&import.ty)).or_insert(name) != name
    })
}
