use super::{Identity, Instance};
use crate::module::Module;
use crate::probe::Probed;
use crate::snapshot::{Reference, Unwritable};
use std::collections::HashMap;

/// The functions that references of one instance can point to.
#[derive(Debug, Default)]
pub struct FunctionIndices {
    by_identity: HashMap<Identity, u32>,
}

impl FunctionIndices {
    /// Learns the identities of all functions of which references can be made.
    ///
    /// # Errors
    /// If the instance cannot be read.
    pub fn of<I: Instance + ?Sized>(
        module: &Module<'_>,
        probed: &Probed,
        instance: &mut I,
    ) -> Result<FunctionIndices, I::Error> {
        let mut by_identity = HashMap::with_capacity(probed.functions.len());
        for index in 0..module.imported.functions {
            if let Some(identity) = instance.imported_function(index)? {
                by_identity.entry(identity).or_insert(index);
            }
        }
        for &index in &probed.functions {
            by_identity.insert(instance.function(index)?, index);
        }
        Ok(FunctionIndices { by_identity })
    }

    /// A function of the module, or one that it does not know.
    pub fn reference(&self, function: Identity) -> Reference {
        match self.by_identity.get(&function) {
            Some(&index) => Reference::Func(index),
            None => Reference::Unwritable(Unwritable::ForeignFunction),
        }
    }
}

/// The last of several indices of one function counts.
impl FromIterator<(Identity, u32)> for FunctionIndices {
    fn from_iter<T: IntoIterator<Item = (Identity, u32)>>(functions: T) -> FunctionIndices {
        FunctionIndices { by_identity: functions.into_iter().collect() }
    }
}
