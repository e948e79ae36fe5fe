//! Reads the state of a running instance into a [`Snapshot`]. What runs the instance is behind the trait [`Instance`].
//!
//! No example: internal to the product; the crate's example shows the pipeline.

mod error;
mod fields;
mod functions;
mod heap;
mod image;
mod instance;
mod objects;
mod roots;
#[cfg(test)]
mod tests;

pub use error::CaptureError;
pub use fields::Fields;
pub use functions::FunctionIndices;
pub use heap::HeapReader;
pub use instance::{
    Contents, Identity, Instance, Observed, ObservedObject, ObservedRef, Segment, TableId, TableSize,
};

use crate::module::{Module, Space};
use crate::probe::Probed;
use crate::snapshot::{Alias, Heap, MemoryState, Reference, Snapshot, Value};
use roots::Roots;

/// Reads the state of an instance of the probed module. The snapshot borrows the memories.
///
/// Probe functions run: where fuel or time are limited, there must be some left.
///
/// # Errors
/// If the instance cannot be read.
pub fn capture<'i, I: Instance + ?Sized>(
    module: &Module<'_>,
    probed: &Probed,
    instance: &'i mut I,
) -> Result<Snapshot<'i>, CaptureError<I::Error>> {
    let functions = FunctionIndices::of(module, probed, instance)?;
    let reader = StateReader { module, probed, functions: &functions, compares: false };
    Ok(reader.state_with(instance, |_, _| Ok(()))?.0)
}

/// What it takes to read the state of an instance more than once.
#[derive(Clone, Copy)]
pub struct StateReader<'c> {
    /// The original module.
    pub module: &'c Module<'c>,
    /// Its probed form.
    pub probed: &'c Probed,
    /// The functions of the instance.
    pub functions: &'c FunctionIndices,
    /// Whether the state is not to be written, but only compared: strings count also where the module cannot make them.
    pub compares: bool,
}

impl StateReader<'_> {
    /// The whole state, and what `more` resolves: objects that only those references lead to come last in the heap.
    ///
    /// # Errors
    /// If the instance cannot be read.
    pub fn state_with<'i, I: Instance + ?Sized, R>(
        &self,
        instance: &'i mut I,
        more: impl FnOnce(&mut HeapReader<'_>, &mut I) -> Result<R, CaptureError<I::Error>>,
    ) -> Result<(Snapshot<'i>, R), CaptureError<I::Error>> {
        let (mut rest, mut reader) = self.roots(instance, self.module.tables.len())?;
        reader.read(instance, &mut rest.heap)?;
        let resolved = more(&mut reader, instance)?;
        reader.read(instance, &mut rest.heap)?;
        let memories = self.memories(instance)?;
        Ok((Snapshot { memories, ..rest }, resolved))
    }

    /// Everything but the memories, and only the first of the tables.
    ///
    /// # Errors
    /// If the instance cannot be read.
    pub fn outline<I: Instance + ?Sized>(
        &self,
        instance: &mut I,
        num_tables: usize,
    ) -> Result<Snapshot<'static>, CaptureError<I::Error>> {
        let (mut snapshot, mut reader) = self.roots(instance, num_tables)?;
        reader.read(instance, &mut snapshot.heap)?;
        Ok(snapshot)
    }

    /// Values that the instance has given away, and the objects that they lead to.
    ///
    /// # Errors
    /// If the instance cannot be read.
    pub fn values<I: Instance + ?Sized>(
        &self,
        instance: &mut I,
        values: &[Observed],
    ) -> Result<(Vec<Value>, Heap), CaptureError<I::Error>> {
        let mut reader = HeapReader::new(self.module, self.functions, self.compares, instance)?;
        let values = values.iter().map(|value| reader.value(instance, *value)).collect::<Result<_, _>>()?;
        let mut heap = Heap::default();
        reader.read(instance, &mut heap)?;
        Ok((values, heap))
    }

    /// Everything but the memories and the heap, whose reader has found all that is pointed to.
    fn roots<'s, I: Instance + ?Sized>(
        &'s self,
        instance: &mut I,
        num_tables: usize,
    ) -> Result<(Snapshot<'static>, HeapReader<'s>), CaptureError<I::Error>> {
        let StateReader { module, probed, functions, compares } = *self;
        // Probe functions may allocate; from the first reference that is read on, nothing does.
        let dropped_data = roots::dropped_data(module, probed, instance)?;
        let dropped_elements = roots::dropped_elements(module, probed, instance)?;
        let reader = HeapReader::new(module, functions, compares, instance)?;
        let mut roots = Roots { module, instance, reader };
        let globals = roots.globals()?;
        let tables = (0..num_tables as u32).map(|index| roots.table(index)).collect::<Result<_, _>>()?;
        let mut element_items = vec![Vec::new(); module.elements.len()];
        for &k in probed.object_segments.iter().filter(|&&k| !dropped_elements[k as usize]) {
            element_items[k as usize] = roots.items(k)?;
        }
        let Roots { instance, mut reader, .. } = roots;
        let last_call = instance.last_call();
        let last_call =
            last_call.map(|call| reader.reference(instance, ObservedRef::Object(call))).transpose()?;
        let snapshot = Snapshot {
            globals,
            memories: Vec::new(),
            tables,
            dropped_data,
            dropped_elements,
            element_items,
            heap: Heap::default(),
            last_call: last_call.and_then(Reference::object),
            aliases: aliases(module, &*instance),
        };
        Ok((snapshot, reader))
    }

    fn memories<'i, I: Instance + ?Sized>(
        &self,
        instance: &'i I,
    ) -> Result<Vec<MemoryState<'i>>, CaptureError<I::Error>> {
        let state = |index: u32| {
            let Contents { size, maximum, image } = instance.memory(index)?;
            let import = match index < self.module.imported.memories {
                true => instance.imported_memory(index)?,
                false => None,
            };
            Ok(MemoryState { size, maximum, image, import })
        };
        (0..self.module.memories.len() as u32).map(state).collect()
    }
}

/// Imports that are one under several names. Of immutable globals, which may be had twice, nobody needs to know.
fn aliases<I: Instance + ?Sized>(module: &Module<'_>, instance: &I) -> Vec<Alias> {
    let is_constant = |alias: &Alias| {
        let global = module.globals.get(alias.index as usize);
        alias.space == Space::Global && global.is_some_and(|global| !global.ty.mutable)
    };
    instance.aliases().into_iter().filter(|alias| !is_constant(alias)).collect()
}
