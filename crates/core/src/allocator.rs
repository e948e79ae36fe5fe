//! The functions by which a guest's own code gets memory and gives it back, found by their names.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

use crate::module::{Module, Space, is_function};
use serde::{Deserialize, Serialize};
use wasmparser::{ExternalKind, Operator, ValType};

/// A pair of functions of one allocator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocator {
    /// What messages call it: the name of the function that allocates.
    pub name: String,
    /// The index of the function that allocates.
    pub allocate: u32,
    /// The index of the function that frees.
    pub free: u32,
    /// What they are given.
    pub shape: AllocatorShape,
    /// Whether sizes and addresses have 64 bits.
    pub wide: bool,
}

/// What the functions of an allocator are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AllocatorShape {
    /// `malloc(size)`, `free(address)`.
    Plain,
    /// `malloc(size)`, `free(address, size)`.
    Sized,
    /// `malloc(size, alignment)`, `free(address, size, alignment)`.
    Aligned,
}

use AllocatorShape::{Aligned, Plain, Sized};

/// Pairs of names and what these functions are given, in order of preference. Of those of Rust, the last part counts: the rest is mangled.
const PAIRS: [(&str, &str, &[AllocatorShape]); 6] = [
    ("malloc", "free", &[Plain]),
    ("dlmalloc", "dlfree", &[Plain]),
    ("__wbindgen_malloc", "__wbindgen_free", &[Sized, Aligned]),
    ("__rust_alloc", "__rust_dealloc", &[Aligned]),
    ("__rdl_alloc", "__rdl_dealloc", &[Aligned]),
    ("~lib/rt/tlsf/__alloc", "~lib/rt/tlsf/__free", &[Plain]),
];

impl Allocator {
    /// The pairs of names that are looked for, for messages.
    pub const NAMES: &'static str =
        "malloc/free, dlmalloc/dlfree, __wbindgen_malloc/__wbindgen_free, __rust_alloc/__rust_dealloc";

    /// The first pair that `module` exports or has in its name section, of functions of its own with the types that such functions
    /// have. A name that several functions have is none.
    pub fn of(module: &Module<'_>) -> Option<Allocator> {
        PAIRS.iter().find_map(|(allocate, free, shapes)| {
            let (name, allocate) = named(module, allocate)?;
            let (_, free) = named(module, free)?;
            let (shape, wide) = shape(module, allocate, free).filter(|(shape, _)| shapes.contains(shape))?;
            Some(Allocator { name, allocate, free, shape, wide })
        })
    }
}

impl Module<'_> {
    /// Where the heap begins, if the module exports or names the global `__heap_base`.
    pub fn heap_base(&self) -> Option<u64> {
        const NAME: &str = "__heap_base";
        let exported = self.export(NAME).filter(|export| export.kind == ExternalKind::Global);
        let index =
            exported.map(|export| export.index).or_else(|| self.names().find_only(Space::Global, NAME))?;
        let init = self.globals.get(index as usize)?.init.as_ref()?;
        match init.get_operators_reader().read().ok()? {
            Operator::I32Const { value } => Some(u64::from(value.cast_unsigned())),
            Operator::I64Const { value } => Some(value.cast_unsigned()),
            _ => None,
        }
    }
}

/// The function of the module's own with this name.
fn named(module: &Module<'_>, wanted: &str) -> Option<(String, u32)> {
    let own = |index: &u32| *index >= module.imported.functions && (*index as usize) < module.functions.len();
    let exported = module.export(wanted).filter(|export| is_function(export.kind)).map(|export| export.index);
    if let Some(index) = exported.filter(own) {
        return Some((wanted.to_string(), index));
    }
    let names = module.names();
    if let Some(index) = names.find_only(Space::Function, wanted).filter(own) {
        return Some((wanted.to_string(), index));
    }
    if !wanted.starts_with("__r") {
        return None;
    }
    // `…12___rust_alloc`: a mangled name ends with its last part, after that part's length.
    let mangled = format!("{}_{wanted}", wanted.len());
    let ends = |name: &str| name.ends_with(&mangled) || name.ends_with(&format!("::{wanted}"));
    let own = module.imported.functions..module.functions.len() as u32;
    let mut found = own.filter(|index| names.get(Space::Function, *index).is_some_and(ends));
    let index = found.next()?;
    found.next().is_none().then(|| (wanted.to_string(), index))
}

fn shape(module: &Module<'_>, allocate: u32, free: u32) -> Option<(AllocatorShape, bool)> {
    let (allocate, free) = (module.signature(allocate)?, module.signature(free)?);
    let [word] = *allocate.results() else { return None };
    let all = |types: &[ValType]| types.iter().all(|ty| *ty == word);
    if !matches!(word, ValType::I32 | ValType::I64) || !all(allocate.params()) || !all(free.params()) {
        return None;
    }
    let shape = match (allocate.params().len(), free.params().len(), free.results().len()) {
        (1, 1, 0) => AllocatorShape::Plain,
        (1, 2, 0) => AllocatorShape::Sized,
        (2, 3, 0) => AllocatorShape::Aligned,
        _ => return None,
    };
    Some((shape, word == ValType::I64))
}

#[cfg(test)]
mod tests {
    use super::{Allocator, AllocatorShape};
    use crate::module::Module;

    fn found(text: &str) -> Option<(String, AllocatorShape, bool)> {
        let wasm = wat::parse_str(text).unwrap();
        let allocator = Allocator::of(&Module::parse(&wasm).unwrap())?;
        Some((allocator.name, allocator.shape, allocator.wide))
    }

    #[test]
    fn exports_and_names_are_found_with_fitting_types() {
        let plain = r#"(func (export "malloc") (param i32) (result i32) local.get 0) (func (export "free") (param i32))"#;
        let is = |name: &str, shape, wide| Some((name.to_string(), shape, wide));
        assert_eq!(found(&format!("(module {plain})")), is("malloc", AllocatorShape::Plain, false));
        assert_eq!(
            found(&format!("(module {})", plain.replace("i32", "i64"))),
            is("malloc", AllocatorShape::Plain, true)
        );
        let names = r#"(func $malloc (param i32) (result i32) local.get 0) (func $free (param i32))"#;
        assert_eq!(found(&format!("(module {names})")), is("malloc", AllocatorShape::Plain, false));
        let mangled = r#"(func $_RNvCsX_7___rustc12___rust_alloc (param i32 i32) (result i32) local.get 0)
            (func $_RNvCsX_7___rustc14___rust_dealloc (param i32 i32 i32))"#;
        assert_eq!(found(&format!("(module {mangled})")), is("__rust_alloc", AllocatorShape::Aligned, false));
    }

    #[test]
    fn what_does_not_fit_is_no_allocator() {
        let free = r#"(func (export "free") (param i32))"#;
        for module in [
            r#"(module (func (export "malloc") (param i32) (result i32) local.get 0))"#.to_string(),
            format!(r#"(module (func (export "malloc") (param i32)) {free})"#),
            format!(r#"(module (func (export "malloc") (param i32) (result i64) i64.const 0) {free})"#),
            format!(
                r#"(module (import "m" "malloc" (func $m (param i32) (result i32))) (export "malloc" (func $m)) {free})"#
            ),
            // Other functions of that name, and two of them.
            r#"(module (func (export "malloc") (param i32 i32) (result i32) local.get 0) (func (export "free") (param i32 i32 i32)))"#.to_string(),
            r#"(module (func (export "malloc") (param i32) (result i32) local.get 0) (func (export "free") (param i32 i32)))"#.to_string(),
            r#"(module (func $malloc (param i32) (result i32) local.get 0) (func $other (@name "malloc") (param i32) (result i32) local.get 0)
                (func $free (param i32)))"#
                .to_string(),
            r#"(module (func $a___rust12___rust_alloc (param i32 i32) (result i32) local.get 0)
                (func $b___rust12___rust_alloc (param i32 i32) (result i32) local.get 0)
                (func $c___rust14___rust_dealloc (param i32 i32 i32)))"#
                .to_string(),
            r#"(module (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) local.get 0))"#
                .to_string(),
        ] {
            assert_eq!(found(&module), None, "{module}");
        }
    }
}
