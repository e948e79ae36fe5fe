use super::call_result::CallResult;
use super::foreign_functions;
use super::instance_state::{InstanceState, MemoryBytes};
use super::probed_module::ProbedModule;
use crate::engine::Compiled;
use crate::execute::{Initialized, Interrupt, instantiate};
use crate::host::{Entry, HostState};
use crate::instance::{CaptureError, InstanceError, WasmtimeInstance, shared_bytes};
use crate::preloaded::{PreloadedInstance, Private};
use preinit_core::capture::{FunctionIndices, Identity, StateReader};
use preinit_core::probe::Probe;
use preinit_core::snapshot::{Heap, Reference, Snapshot, Value};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::{
    AnyRef, AsContextMut, ExnRef, Extern, ExternRef, Func, I31, Memory, Ref, RootScope, Rooted, Store, Val,
    ValType,
};

/// An instance on wasmtime of one of the two modules.
pub(super) struct ComparedInstance<'a> {
    pub program: Arc<ProbedModule<'a>>,
    initialized: Initialized,
    functions: FunctionIndices,
    /// Numbers of functions of other modules.
    others: Vec<(Identity, u32)>,
    entries: Option<Memory>,
    /// How many of its tables are compared.
    pub num_tables: usize,
}

impl<'a> ComparedInstance<'a> {
    pub fn new(program: Arc<ProbedModule<'a>>, mut initialized: Initialized) -> Result<Self, CaptureError> {
        let others = foreign_functions::numbered(&program.module, &mut initialized)?;
        let mut functions = FunctionIndices::of(&program.module, &program.probed, &mut initialized.reader())?;
        functions.number_others(others.iter().copied());
        let Initialized { instance, store, .. } = &mut initialized;
        let entries = instance.handle.get_memory(&mut *store, &program.probed.export_name(Probe::Entries));
        if let Some(entries) = entries {
            entries.data_mut(store).fill(0);
        }
        let num_tables = program.module.tables.len();
        Ok(ComparedInstance { program, initialized, functions, others, entries, num_tables })
    }

    /// For each defined function, whether it was entered since init.
    pub fn entered(&self) -> impl Iterator<Item = bool> {
        let marks = self.entries.map_or(&[][..], |entries| entries.data(&self.initialized.store));
        let module = &self.program.module;
        let defined = module.functions.len() - module.imported.functions as usize;
        marks.iter().take(defined).map(|&mark| mark != 0)
    }

    /// The state as it is now.
    pub fn state(&mut self) -> Result<InstanceState<'_>, CaptureError> {
        let reader = self.program.state_reader(&self.functions);
        let outline = reader.outline(&mut self.initialized.reader(), self.num_tables)?;
        let Initialized { instance, store, .. } = &self.initialized;
        let memories = instance.memories.iter().map(|memory| memory_bytes(memory, store));
        let memories = memories.collect::<Result<_, _>>()?;
        Ok(InstanceState { module: &self.program.module, outline, memories })
    }

    /// The names of preloaded modules whose state cannot be read.
    pub fn hidden_preloads(&self) -> impl Iterator<Item = &str> {
        let hidden = self.initialized.preloads.iter().filter(|preload| preload.visible.is_none());
        hidden.map(|preload| &*preload.name)
    }

    /// What of preloaded modules the module does not reach, by their names.
    pub fn private_parts(&self) -> Vec<(String, Private)> {
        let visible = |preload: &PreloadedInstance| {
            Some((preload.name.clone(), preload.visible.as_ref()?.private.clone()))
        };
        self.initialized.preloads.iter().filter_map(visible).collect()
    }

    /// These parts of a preloaded module as they are now; all others are as if they were empty.
    pub fn preload_state(
        &mut self,
        (name, private): (&str, &Private),
    ) -> Result<Option<InstanceState<'_>>, CaptureError> {
        let Initialized { preloads, store, .. } = &mut self.initialized;
        let preload = preloads.iter().find(|preload| preload.name == name);
        let visible = preload.and_then(|preload| preload.visible.as_ref());
        let module = self.program.preloads.iter().find(|(of, _)| *of == name);
        let (Some(visible), Some((_, module))) = (visible, module) else { return Ok(None) };
        let outline = private.only(visible.outline(module, store)?);
        let store = &*store;
        let mut memories = Vec::new();
        for (memory, is_private) in visible.instance.memories.iter().zip(&private.memories) {
            memories.push(match is_private {
                true => memory_bytes(memory, store)?,
                false => MemoryBytes { bytes: Cow::Borrowed(&[]), maximum: None },
            });
        }
        Ok(Some(InstanceState { module, outline, memories }))
    }

    /// Makes one more instance with the same imports, as each thread of a program is one, and gives its state.
    pub fn state_of_later_instance(
        &mut self,
        compiled: &Compiled,
    ) -> Result<InstanceState<'_>, CaptureError> {
        let ProbedModule { module, probed, .. } = &*self.program;
        let Initialized { instance, store, .. } = &mut self.initialized;
        let later = instance.another(store, probed, |store, imports| {
            instantiate(store, &compiled.module, imports, module.bytes, probed)
        });
        let first = std::mem::replace(instance, later.map_err(CaptureError::Instance)?);
        let functions = FunctionIndices::of(module, probed, &mut self.initialized.reader());
        let num_tables = self.num_tables;
        let outline = functions.map_err(CaptureError::Instance).and_then(|mut functions| {
            functions.number_others(self.others.iter().copied());
            self.program.state_reader(&functions).outline(&mut self.initialized.reader(), num_tables)
        });
        self.initialized.instance = first;
        let memories = Vec::new();
        Ok(InstanceState { module: &self.program.module, outline: outline?, memories })
    }

    /// The state as it would be written into a snapshot.
    pub fn with_snapshot<R>(&mut self, read: impl FnOnce(&Snapshot<'_>) -> R) -> Result<R, CaptureError> {
        let reader = StateReader { compares: false, ..self.program.state_reader(&self.functions) };
        let mut instance = self.initialized.reader();
        let (snapshot, ()) = reader.state_with(&mut instance, |_, _| Ok(()))?;
        Ok(read(&snapshot))
    }

    pub fn host(&mut self) -> &mut HostState {
        self.initialized.store.data_mut()
    }

    /// Takes the host calls of the last call.
    pub fn take_calls(&mut self) -> Vec<Arc<Entry>> {
        self.host().take_calls()
    }

    /// Writes into the first memory. Whether it has this address.
    pub fn write_memory(&mut self, address: u64, bytes: &[u8]) -> bool {
        let Initialized { instance, store, .. } = &mut self.initialized;
        match (instance.memories.first(), usize::try_from(address)) {
            (Some(Extern::Memory(memory)), Ok(address)) => memory.write(store, address, bytes).is_ok(),
            _ => false,
        }
    }

    /// The result of a call that has ended already.
    pub fn result_of(
        &mut self,
        error: Option<wasmtime::Error>,
        results: &[Val],
    ) -> Result<CallResult, CaptureError> {
        let Initialized { instance, store, .. } = &mut self.initialized;
        let reader = self.program.state_reader(&self.functions);
        result(reader, instance.with(RootScope::new(store)), error, results)
    }

    /// Calls an export of the module.
    pub fn call(&mut self, export: &str, arguments: &[Value], fuel: u64) -> CallResult {
        let result = self.call_with(export, arguments, fuel);
        // Whatever the guest may use, the probes may use more.
        let refueled = self.initialized.store.set_fuel(u64::MAX);
        match (result, refueled) {
            (Ok(result), Ok(())) => result,
            (Err(error), _) | (_, Err(error)) => CallResult::Trapped(format!("{error:#}")),
        }
    }

    /// The same, for as long at most. Fuel does not end everything that takes long.
    pub fn call_for(
        &mut self,
        export: &str,
        arguments: &[Value],
        (fuel, time): (u64, Duration),
    ) -> CallResult {
        let store = &mut self.initialized.store;
        let engine = store.engine().clone();
        let interrupt = Interrupt::after(time, &engine, store);
        let result = self.call(export, arguments, fuel);
        drop(interrupt);
        self.initialized.store.set_epoch_deadline(u64::MAX / 2);
        result
    }

    fn call_with(&mut self, export: &str, arguments: &[Value], fuel: u64) -> wasmtime::Result<CallResult> {
        let Initialized { instance, store, .. } = &mut self.initialized;
        let Some(function) = instance.handle.get_func(&mut *store, export) else {
            return Ok(CallResult::Trapped(format!("there is no exported function `{export}`")));
        };
        store.set_fuel(fuel)?;
        let mut scope = RootScope::new(&mut *store);
        let ty = function.ty(&scope);
        let mut values = Vec::with_capacity(arguments.len());
        for (&argument, ty) in arguments.iter().zip(ty.params()) {
            let function = |scope: &mut RootScope<_>, index| {
                let name = self.program.probed.export_name(Probe::Function(index));
                instance.handle.get_func(scope.as_context_mut(), &name)
            };
            values.push(to_val(&mut scope, argument, &ty, function)?);
        }
        let mut results = vec![Val::I32(0); ty.results().len()];
        let error = function.call(&mut scope, &values, &mut results).err();
        let reader = self.program.state_reader(&self.functions);
        Ok(result(reader, instance.with(scope), error, &results)?)
    }
}

fn memory_bytes<'m>(
    memory: &'m Extern,
    store: &'m Store<HostState>,
) -> Result<MemoryBytes<'m>, InstanceError> {
    Ok(match memory {
        Extern::Memory(memory) => {
            MemoryBytes { bytes: Cow::Borrowed(memory.data(store)), maximum: memory.ty(store).maximum() }
        }
        Extern::SharedMemory(memory) => {
            MemoryBytes { bytes: Cow::Owned(shared_bytes(memory)?), maximum: memory.ty().maximum() }
        }
        _ => return Err(InstanceError::MissingProbe("memory".to_string())),
    })
}

/// The result of a call, with what it leads to.
fn result(
    reader: StateReader<'_>,
    mut instance: WasmtimeInstance<'_, impl AsContextMut<Data = HostState>>,
    error: Option<wasmtime::Error>,
    results: &[Val],
) -> Result<CallResult, CaptureError> {
    Ok(match error {
        None => {
            let (values, heap) = values(reader, instance, results)?;
            CallResult::Returned(values, heap)
        }
        Some(error) if error.is::<wasmtime::ThrownException>() => {
            let exception = instance.store().as_context_mut().take_pending_exception();
            let fields = exception.map(|exception| fields(instance.store(), exception)).transpose();
            let fields = fields.map_err(InstanceError::from)?.unwrap_or_default();
            let (values, heap) = values(reader, instance, &fields)?;
            CallResult::Threw(values, heap)
        }
        Some(error) => CallResult::of_error(&error),
    })
}

fn fields(mut store: impl AsContextMut, exception: Rooted<ExnRef>) -> wasmtime::Result<Vec<Val>> {
    let count = exception.ty(&store)?.fields().len();
    (0..count).map(|index| exception.field(&mut store, index)).collect()
}

/// Values that the guest gave away, and the objects that they lead to.
fn values(
    reader: StateReader<'_>,
    mut instance: WasmtimeInstance<'_, impl AsContextMut<Data: Send>>,
    values: &[Val],
) -> Result<(Vec<Value>, Heap), CaptureError> {
    let observed: Result<Vec<_>, _> = values.iter().map(|value| instance.observe(value)).collect();
    reader.values(&mut instance, &observed?)
}

fn to_val<T: AsContextMut<Data = HostState>>(
    scope: &mut RootScope<T>,
    value: Value,
    ty: &ValType,
    function: impl FnOnce(&mut RootScope<T>, u32) -> Option<Func>,
) -> wasmtime::Result<Val> {
    let not_passable = || wasmtime::Error::msg(format!("{value} cannot be passed as {ty}"));
    Ok(match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::V128(value) => Val::V128(value.into()),
        Value::Ref(reference) => match reference {
            Reference::Null => {
                let ty = ty.as_ref().ok_or_else(not_passable)?;
                Val::from(Ref::null(ty.heap_type()))
            }
            Reference::Func(index) => Val::FuncRef(Some(function(scope, index).ok_or_else(not_passable)?)),
            Reference::I31(value) => {
                let i31 = I31::new_u32(value).ok_or_else(not_passable)?;
                Val::AnyRef(Some(AnyRef::from_i31(&mut *scope, i31)))
            }
            Reference::ExternI31(value) => {
                let i31 = I31::new_u32(value).ok_or_else(not_passable)?;
                let any = AnyRef::from_i31(&mut *scope, i31);
                Val::ExternRef(Some(ExternRef::convert_any(&mut *scope, any)?))
            }
            Reference::Object(_)
            | Reference::ExternObject(_)
            | Reference::Import(_)
            | Reference::Unwritable(_) => return Err(not_passable()),
        },
    })
}
