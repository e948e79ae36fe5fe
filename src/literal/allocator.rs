//! The guest's own allocator, for texts and lists.

use preinit_core::module::{Module, is_function};
use preinit_core::snapshot::Value;
use wasmparser::ValType;

/// An export that allocates memory, for text arguments.
pub(crate) struct Allocator<'m> {
    pub name: &'m str,
    is_realloc: bool,
    /// The type of addresses.
    pub ty: ValType,
}

/// Functions that take a size and return an address, in order of preference.
const BY_SIZE: [&str; 4] = ["preinit_alloc", "malloc", "alloc", "allocate"];

/// The canonical ABI's; it takes the old address, old size, alignment and new size.
const REALLOC: &str = "cabi_realloc";

impl<'m> Allocator<'m> {
    /// The names, for messages.
    pub const NAMES: &'static str = "preinit_alloc, malloc, alloc, allocate, cabi_realloc";

    /// The first one that `module` exports with the right type.
    pub fn of(module: &Module<'m>) -> Option<Allocator<'m>> {
        let found = |name: &str, is_realloc: bool| {
            let export = module.export(name).filter(|export| is_function(export.kind))?;
            let signature = module.signature(export.index)?;
            let ty = *signature.results().first()?;
            let params = if is_realloc { 4 } else { 1 };
            let fits = matches!(ty, ValType::I32 | ValType::I64)
                && signature.results().len() == 1
                && signature.params().len() == params
                && signature.params().iter().all(|param| *param == ty);
            fits.then_some(Allocator { name: export.name, is_realloc, ty })
        };
        BY_SIZE.iter().find_map(|name| found(name, false)).or_else(|| found(REALLOC, true))
    }

    /// The arguments that ask for so many bytes.
    pub fn arguments(&self, size: u64, alignment: u64) -> Vec<Value> {
        let word = |value| word(value, self.ty);
        match self.is_realloc {
            true => [0, 0, alignment, size].map(word).to_vec(),
            false => vec![word(size)],
        }
    }

    /// The address that it returned; `None` for null.
    pub fn address(&self, results: &[Value]) -> Option<u64> {
        let address = match results {
            [Value::I32(address)] => u64::from(address.cast_unsigned()),
            [Value::I64(address)] => address.cast_unsigned(),
            _ => return None,
        };
        (address != 0).then_some(address)
    }
}

/// An address or a length, as wide as `ty`.
pub(crate) fn word(value: u64, ty: ValType) -> Value {
    match ty {
        ValType::I64 => Value::I64(value as i64),
        _ => Value::I32(value as u32 as i32),
    }
}
