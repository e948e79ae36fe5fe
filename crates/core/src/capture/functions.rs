use super::{Identity, Instance};
use crate::module::Module;
use crate::probe::Probed;
use crate::snapshot::{Reference, Unwritable};
use std::collections::HashMap;

/// The functions that references of one instance can point to.
#[derive(Debug, Default)]
pub struct FunctionIndices {
    by_identity: HashMap<Identity, u32>,
    /// Numbers of functions of other modules.
    of_others: HashMap<Identity, u32>,
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
        Ok(FunctionIndices { by_identity, of_others: HashMap::new() })
    }

    /// A function of the module, or one that it does not know.
    pub fn reference(&self, function: Identity) -> Reference {
        match self.by_identity.get(&function) {
            Some(&index) => Reference::Func(index),
            None => Reference::Unwritable(match self.of_others.get(&function) {
                Some(&number) => Unwritable::NumberedFunction(number),
                None => Unwritable::ForeignFunction,
            }),
        }
    }

    /// Tells functions of other modules apart by these numbers. The first of several numbers of one function counts.
    pub fn number_others(&mut self, functions: impl IntoIterator<Item = (Identity, u32)>) {
        for (function, number) in functions {
            self.of_others.entry(function).or_insert(number);
        }
    }
}

/// The last of several indices of one function counts.
impl FromIterator<(Identity, u32)> for FunctionIndices {
    fn from_iter<T: IntoIterator<Item = (Identity, u32)>>(functions: T) -> FunctionIndices {
        FunctionIndices { by_identity: functions.into_iter().collect(), of_others: HashMap::new() }
    }
}
