//! Strings of JavaScript: what a module imports to make and read them, by the names of the JS String Builtins proposal.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

use crate::module::{Module, Space};
use wasmparser::{CompositeInnerType, HeapType, StorageType, UnpackedIndex, ValType};

/// The module that the builtins are imported from.
pub const MODULE: &str = "wasm:js-string";

/// The builtin that makes a string of an array of code units.
pub const FROM_CHAR_CODE_ARRAY: &str = "fromCharCodeArray";

/// What a module can make a string with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StringMaker {
    /// The imported function, by function index.
    pub function: u32,
    /// The type of its first parameter, an array of mutable `i16`, by type index.
    pub array: u32,
}

impl StringMaker {
    /// `None` if the module does not import it.
    pub fn of(module: &Module<'_>) -> Option<StringMaker> {
        let mut functions = (0u32..).zip(module.imports_of(Space::Function));
        let (function, _) = functions
            .find(|(_, (_, import))| import.module == MODULE && import.name == FROM_CHAR_CODE_ARRAY)?;
        let signature = module.signature(function)?;
        let [ValType::Ref(array), ValType::I32, ValType::I32] = signature.params() else { return None };
        let HeapType::Concrete(UnpackedIndex::Module(array)) = array.heap_type() else { return None };
        let CompositeInnerType::Array(element) = module.composite(array)? else { return None };
        let is_right = element.0.mutable && element.0.element_type == StorageType::I16;
        let makes_string = matches!(signature.results(), [ValType::Ref(ty)] if ty.is_extern_ref());
        (is_right && makes_string).then_some(StringMaker { function, array })
    }
}
