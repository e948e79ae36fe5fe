use crate::module::{Module, features};
use std::collections::HashMap;
use wasmparser::{Parser, ValidPayload, Validator};

/// Which types of a module are equal or below others.
pub(super) struct Subtypes<'m> {
    module: &'m Module<'m>,
    /// Of each type the lowest index of an equal one.
    first: Vec<u32>,
}

impl<'m> Subtypes<'m> {
    pub fn of(module: &'m Module<'m>) -> Subtypes<'m> {
        let mut validator = Validator::new_with_features(features());
        let mut first = Vec::new();
        // The module is valid; its bodies need not be looked at.
        for payload in Parser::new(0).parse_all(module.bytes).map_while(Result::ok) {
            let is_last = matches!(payload, wasmparser::Payload::TypeSection(_));
            if !matches!(validator.payload(&payload), Ok(ValidPayload::Ok)) || is_last {
                break;
            }
        }
        if let Some(types) = validator.types(0) {
            let mut known = HashMap::new();
            let count = types.core_type_count_in_module();
            first = (0..count)
                .map(|index| *known.entry(types.core_type_at_in_module(index)).or_insert(index))
                .collect();
        }
        Subtypes { module, first }
    }

    fn first(&self, ty: u32) -> u32 {
        self.first.get(ty as usize).copied().unwrap_or(ty)
    }

    /// Whether `ty` is `ancestor` or below it.
    pub fn is_subtype(&self, ty: u32, ancestor: u32) -> bool {
        let ancestor = self.first(ancestor);
        let mut at = Some(ty);
        while let Some(ty) = at {
            if self.first(ty) == ancestor {
                return true;
            }
            let supertype = self.module.types.get(ty as usize).and_then(|ty| ty.supertype_idx);
            at = supertype.and_then(|supertype| supertype.as_module_index());
        }
        false
    }
}
