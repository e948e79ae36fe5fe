//! In the caller's store.

use super::instance_state::{InstanceState, MissingExport, SnapshotRef, SnapshotVal};
use super::prefetched::Prefetched;
use super::{ModuleContext, REACTOR_INITIALIZE, Wizer};
use crate::instance::{Baseline, ProbedInstance};
use preinit_core::capture::Segment;
use preinit_core::probe::Probe;
use wasmparser::ValType;
use wasmtime::error::Context as _;
use wasmtime::{ExternType, Instance, Module, Ref, Result, Store, Trap, Val, bail};

impl Wizer {
    /// Initializes `wasm` in `store`, and writes the state that init leaves into a new module. `instantiate` makes the
    /// instance, with imports of its own.
    ///
    /// # Errors
    /// Those of [`Wizer::instrument`] and [`Wizer::snapshot`], and if the module cannot be run to the end of init.
    pub async fn run<T: Send>(
        &self,
        store: &mut Store<T>,
        wasm: &[u8],
        instantiate: impl AsyncFnOnce(&mut Store<T>, &Module) -> Result<Instance>,
    ) -> Result<Vec<u8>> {
        let (cx, instrumented) = self.instrument(wasm)?;
        let module =
            Module::new(store.engine(), &instrumented).context("failed to compile the Wasm module")?;
        self.check_init_func(&module)?;
        let instance = instantiate(store, &module).await?;
        self.initialize(store, &instance).await?;
        self.snapshot_in(&cx, store, instance).await
    }

    fn check_init_func(&self, module: &Module) -> Result<()> {
        let name = self.get_init_func();
        match module.get_export(name) {
            Some(ExternType::Func(ty)) if ty.params().len() == 0 && ty.results().len() == 0 => Ok(()),
            Some(ExternType::Func(_)) => {
                bail!("the Wasm module's `{name}` function export does not have type `[] -> []`")
            }
            Some(_) => bail!("the Wasm module's `{name}` export is not a function"),
            None => bail!("the Wasm module does not have a `{name}` export"),
        }
    }

    /// Calls the constructors of a reactor, and the init function unless it is that.
    async fn initialize<T: Send>(&self, store: &mut Store<T>, instance: &Instance) -> Result<()> {
        if let Some(constructors) = instance.get_func(&mut *store, REACTOR_INITIALIZE) {
            let constructors = constructors.typed::<(), ()>(&*store)?;
            constructors
                .call_async(&mut *store, ())
                .await
                .context("calling the Reactor initialization function")?;
            if self.get_init_func() == REACTOR_INITIALIZE {
                return Ok(());
            }
        }
        let init = instance.get_typed_func::<(), ()>(&mut *store, self.get_init_func())?;
        let trapped = || format!("the `{}` function trapped", self.get_init_func());
        init.call_async(store, ()).await.with_context(trapped)
    }

    /// Like [`Wizer::snapshot`], and reads objects too.
    async fn snapshot_in<T: Send>(
        &self,
        cx: &ModuleContext<'_>,
        store: &mut Store<T>,
        instance: Instance,
    ) -> Result<Vec<u8>> {
        let mut segments = Vec::new();
        let data = cx.probed.droppable_data.iter().map(|&index| (Segment::Data(index), Probe::Data(index)));
        let elements = cx.probed.droppable_elements.iter().chain(&cx.probed.object_segments);
        let elements = elements.map(|&index| (Segment::Element(index), Probe::Element(index)));
        for (segment, probe) in data.chain(elements) {
            segments.push((segment, traps(store, &instance, &cx.probed.export_name(probe)).await?));
        }
        let baseline = Baseline::default();
        let probed = ProbedInstance::new(&cx.probed, instance, Vec::new(), baseline, &mut *store)?;
        self.written(cx, &mut Prefetched { instance: probed.with(store), segments })
    }
}

/// Whether an exported function traps because something is out of bounds.
async fn traps<T: Send>(store: &mut Store<T>, instance: &Instance, name: &str) -> Result<bool> {
    let function = instance.get_typed_func::<(), ()>(&mut *store, name)?;
    match function.call_async(store, ()).await {
        Ok(()) => Ok(false),
        Err(error) => match error.downcast_ref() {
            Some(Trap::MemoryOutOfBounds | Trap::TableOutOfBounds) => Ok(true),
            _ => Err(error),
        },
    }
}

/// An instance in a store of Wasmtime's.
pub struct WasmtimeWizer<'a, T: 'static> {
    /// The store that holds the instance.
    pub store: &'a mut Store<T>,
    /// The instance.
    pub instance: Instance,
}

/// A reference. Functions are told apart by what the engine has of them.
pub(super) fn reference<T>(store: &mut Store<T>, reference: Option<Ref>) -> SnapshotRef {
    match reference {
        Some(Ref::Func(Some(function))) => {
            SnapshotRef::Function(function.to_raw(&mut *store) as usize as u64)
        }
        Some(Ref::Any(Some(any))) => match any.as_i31(&*store) {
            Ok(Some(i31)) => SnapshotRef::I31(i31.get_u32()),
            _ => SnapshotRef::Other,
        },
        Some(Ref::Func(None) | Ref::Extern(None) | Ref::Any(None) | Ref::Exn(None)) => SnapshotRef::Null,
        _ => SnapshotRef::Other,
    }
}

/// # Panics
/// The two methods of `wasmtime-wizer` return no `Result`: they panic there and here, if there is no export of a name, or if it
/// is of another kind. [`Wizer::snapshot`] calls the methods that say so instead.
impl<T: Send> InstanceState for WasmtimeWizer<'_, T> {
    async fn global_get(&mut self, name: &str, ty: ValType) -> SnapshotVal {
        found(self.try_global_get(name, ty).await)
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        found(self.try_memory_contents(name, contents).await)
    }

    async fn try_global_get(&mut self, name: &str, _: ValType) -> Result<SnapshotVal, MissingExport> {
        let global = self.instance.get_global(&mut *self.store, name);
        let value = global.map(|global| global.get(&mut *self.store));
        match value {
            Some(Val::I32(value)) => Ok(SnapshotVal::I32(value)),
            Some(Val::I64(value)) => Ok(SnapshotVal::I64(value)),
            Some(Val::F32(bits)) => Ok(SnapshotVal::F32(bits)),
            Some(Val::F64(bits)) => Ok(SnapshotVal::F64(bits)),
            Some(Val::V128(value)) => Ok(SnapshotVal::V128(value.as_u128())),
            _ => Err(MissingExport::Number(name.to_string())),
        }
    }

    async fn try_memory_contents(
        &mut self,
        name: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) -> Result<(), MissingExport> {
        match self.instance.get_memory(&mut *self.store, name) {
            Some(memory) => {
                contents(memory.data(&*self.store));
                Ok(())
            }
            None => Err(MissingExport::Memory(name.to_string())),
        }
    }

    async fn global_ref(&mut self, name: &str) -> Option<SnapshotRef> {
        let global = self.instance.get_global(&mut *self.store, name)?;
        let value = global.get(&mut *self.store);
        Some(reference(self.store, value.ref_()))
    }

    async fn table_elements(&mut self, name: &str) -> Option<Vec<SnapshotRef>> {
        let table = self.instance.get_table(&mut *self.store, name)?;
        let mut elements = Vec::new();
        for slot in 0..table.size(&*self.store) {
            let element = table.get(&mut *self.store, slot);
            elements.push(reference(self.store, element));
        }
        Some(elements)
    }

    async fn function_identity(&mut self, name: &str) -> Option<u64> {
        let function = self.instance.get_func(&mut *self.store, name)?;
        Some(function.to_raw(&mut *self.store) as usize as u64)
    }

    async fn traps(&mut self, name: &str) -> Option<bool> {
        traps(self.store, &self.instance, name).await.ok()
    }
}

#[track_caller]
fn found<R>(result: Result<R, MissingExport>) -> R {
    result.unwrap_or_else(|error| panic!("{error}"))
}
