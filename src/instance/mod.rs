//! Instances of wasmtime, as capture reads them.

mod baseline;
mod core_calls;
mod held;
mod identity;
mod memory;
mod object_types;
mod observe;
mod read;
mod touched;

pub use baseline::Baseline;
pub(crate) use core_calls::{call_core, drop_resource};
pub(crate) use held::HeldValue;
pub(crate) use identity::{Identities, Identity, identity};
pub use memory::shared_bytes;
#[cfg(feature = "verify")]
pub(crate) use observe::function_identity;
pub use read::WasmtimeInstance;

use object_types::ObjectTypes;
use preinit_core::probe::{Probe, ProbeNames, Probed};
use wasmtime::{AsContextMut, Extern, Func, Instance, Store, Table};

/// Why an instance of wasmtime could not be read. Each is a mistake of preinit and not of its input.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// The probed instance lacks an export that the probe added.
    #[error("the probe export `{0}` is missing, which is a bug in preinit")]
    MissingProbe(String),
    /// The engine failed to read.
    #[error("the state cannot be read: {0:#}")]
    Engine(#[from] wasmtime::Error),
}

/// Why the state of an instance of wasmtime could not be captured.
pub type CaptureError = preinit_core::capture::CaptureError<InstanceError>;

/// An instance of a probed module, and what its state is to be compared with.
pub struct ProbedInstance {
    /// The engine's handle.
    pub handle: Instance,
    /// Every memory of the module, by memory index.
    pub memories: Vec<Extern>,
    /// What each import was given, in order.
    imports: Vec<Extern>,
    imported_functions: Vec<Func>,
    /// The functions of [`Probe::Functions`], in order.
    tabled_functions: Vec<u32>,
    baseline: Baseline,
    names: ProbeNames,
    types: ObjectTypes,
    /// Memories from this index on began as zeros, and the engine wrote nothing into them.
    first_zeroed_memory: usize,
}

impl ProbedInstance {
    /// `handle` is an instance of `probed`; `imports` are what each import was given, in order, and `baseline` is what
    /// those held.
    ///
    /// # Errors
    /// If the instance lacks an export that the probe added.
    pub fn new(
        probed: &Probed,
        handle: Instance,
        imports: Vec<Extern>,
        baseline: Baseline,
        mut store: impl AsContextMut,
    ) -> Result<ProbedInstance, InstanceError> {
        let names = probed.names.clone();
        let memory = |index| export(&handle, &names, Probe::Memory(index), &mut store);
        let memories = (0..probed.memories).map(memory).collect::<Result<_, _>>()?;
        let types = ObjectTypes::new(probed, &handle, &mut store)?;
        let imported_functions = imports.iter().filter_map(|import| match import {
            Extern::Func(function) => Some(*function),
            _ => None,
        });
        let imported_functions = imported_functions.collect();
        let functions = probed.functions.iter().copied();
        let is_memory = |import: &&Extern| matches!(import, Extern::Memory(_) | Extern::SharedMemory(_));
        // A memory that the engine initializes may be a mapped file, whose pages hold data before they are touched.
        let first_zeroed_memory = match probed.engine_writes_data {
            true => usize::MAX,
            false => imports.iter().filter(is_memory).count(),
        };
        Ok(ProbedInstance {
            handle,
            memories,
            imported_functions,
            tabled_functions: if probed.tables_functions { functions.collect() } else { Vec::new() },
            imports,
            baseline,
            names,
            types,
            first_zeroed_memory,
        })
    }

    /// Another instance with the same imports. What those held is not known of it.
    ///
    /// # Errors
    /// If it cannot be instantiated.
    pub fn another<T: 'static>(
        &self,
        store: &mut Store<T>,
        probed: &Probed,
        instantiate: impl FnOnce(&mut Store<T>, &[Extern]) -> wasmtime::Result<Instance>,
    ) -> Result<ProbedInstance, InstanceError> {
        let handle = instantiate(store, &self.imports)?;
        let baseline = Baseline::of(store, &self.imports)?;
        ProbedInstance::new(probed, handle, self.imports.clone(), baseline, store)
    }

    /// The instance with the store that holds it, for capture.
    pub fn with<S: AsContextMut>(&self, store: S) -> WasmtimeInstance<'_, S> {
        WasmtimeInstance { instance: self, store }
    }

    /// What a probe shows.
    fn export(&self, probe: Probe, store: impl AsContextMut) -> Result<Extern, InstanceError> {
        export(&self.handle, &self.names, probe, store)
    }

    /// The table that a probe shows.
    pub(crate) fn table(&self, probe: Probe, store: impl AsContextMut) -> Result<Table, InstanceError> {
        self.export(probe, store)?.into_table().ok_or_else(|| self.missing(probe))
    }

    fn missing(&self, probe: Probe) -> InstanceError {
        InstanceError::MissingProbe(self.names.export(probe))
    }
}

fn export(
    instance: &Instance,
    names: &ProbeNames,
    probe: Probe,
    store: impl AsContextMut,
) -> Result<Extern, InstanceError> {
    let name = names.export(probe);
    instance.get_export(store, &name).ok_or(InstanceError::MissingProbe(name))
}
