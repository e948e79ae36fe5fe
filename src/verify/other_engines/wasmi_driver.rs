//! wasmi.

use super::portable_module::PortableModule;
use super::recorded_answers::{Answer, RecordedAnswers};
use super::wasmi_instance::{Identities, WasmiInstance};
use super::{Driver, DriverError, DriverResult};
use crate::host::{Entry, HostValue};
use crate::verify::instance_state::{InstanceState, MemoryBytes};
use preinit_core::capture::FunctionIndices;
use preinit_core::probe::Probe;
use preinit_core::snapshot::{Reference, Value};
use std::borrow::Cow;
use std::sync::Arc;
use wasmi::{
    Caller, Config, Engine, Extern, Func, FuncType, Module, Nullable, Store, TrapCode, Val, ValType,
};

/// Fuel for one call. An instruction costs about as much as on wasmtime, or a little more.
const FUEL: u64 = 500_000_000;

const NO_REFERENCE: &str = "the host's answer is a reference, which the record does not hold";

pub(super) struct WasmiDriver<'m> {
    module: PortableModule<'m>,
    compiled: Module,
    running: Option<Running>,
    /// For the next instance.
    answers: RecordedAnswers,
}

/// An instance.
struct Running {
    store: Store<RecordedAnswers>,
    instance: wasmi::Instance,
    identities: Identities,
    functions: FunctionIndices,
}

impl<'m> WasmiDriver<'m> {
    pub fn new(module: PortableModule<'m>) -> Result<Self, String> {
        let mut config = Config::default();
        config.wasm_custom_page_sizes(true).wasm_wide_arithmetic(true).wasm_memory64(true);
        config.wasm_multi_memory(true).wasm_simd(true);
        config.consume_fuel(true);
        let engine = Engine::new(&config);
        let compiled = Module::new(&engine, &module.probed.wasm).map_err(|error| error.to_string())?;
        Ok(WasmiDriver { module, compiled, running: None, answers: RecordedAnswers::default() })
    }

    /// The parts, of an instance that there must be.
    fn parts(&mut self) -> Result<(&PortableModule<'m>, &mut Running), DriverError> {
        let running = self.running.as_mut().ok_or_else(|| DriverError("it has no instance".to_string()))?;
        Ok((&self.module, running))
    }
}

impl Running {
    fn new(
        module: &PortableModule<'_>,
        mut store: Store<RecordedAnswers>,
        instance: wasmi::Instance,
    ) -> Result<Self, DriverError> {
        let mut identities = Identities::default();
        let mut reader = WasmiInstance {
            probed: &module.probed,
            store: &mut store,
            instance,
            identities: &mut identities,
        };
        let functions = FunctionIndices::of(module.module(), &module.probed, &mut reader)?;
        Ok(Running { store, instance, identities, functions })
    }

    fn reader<'r>(&'r mut self, module: &'r PortableModule<'_>) -> (&'r FunctionIndices, WasmiInstance<'r>) {
        let Running { store, instance, identities, functions } = self;
        (functions, WasmiInstance { probed: &module.probed, store, instance: *instance, identities })
    }

    fn to_val(&self, module: &PortableModule<'_>, value: Value, ty: ValType) -> Option<Val> {
        match (value, ty) {
            (Value::Ref(Reference::Func(index)), ValType::FuncRef) => {
                let name = module.probed.export_name(Probe::Function(index));
                self.instance
                    .get_func(&self.store, &name)
                    .map(|function| Val::FuncRef(Nullable::Val(function)))
            }
            _ => to_val(value, ty),
        }
    }
}

impl Driver for WasmiDriver<'_> {
    fn answer_with(&mut self, calls: &[Arc<Entry>]) -> Result<(), DriverError> {
        match &mut self.running {
            Some(running) => *running.store.data_mut() = RecordedAnswers::new(calls),
            None => self.answers = RecordedAnswers::new(calls),
        }
        Ok(())
    }

    fn instantiate(&mut self) -> Result<DriverResult, DriverError> {
        let answers = match self.running.take() {
            Some(mut running) => std::mem::take(running.store.data_mut()),
            None => std::mem::take(&mut self.answers),
        };
        let mut store = Store::new(self.compiled.engine(), answers);
        store.set_fuel(FUEL).map_err(|error| DriverError(error.to_string()))?;
        let mut imports = Vec::new();
        for import in self.compiled.imports() {
            if let Some(ty) = import.ty().func() {
                imports.push(imported(&mut store, import.module(), import.name(), ty).into());
            }
        }
        Ok(match wasmi::Instance::new(&mut store, &self.compiled, &imports) {
            Ok(instance) => {
                self.running = Some(Running::new(&self.module, store, instance)?);
                DriverResult::Returned(Vec::new())
            }
            Err(error) => result_of(&error, store.data()),
        })
    }

    fn call(&mut self, export: &str, arguments: &[Value]) -> Result<DriverResult, DriverError> {
        let (module, running) = self.parts()?;
        let function = running.instance.get_func(&running.store, export);
        let function = function.ok_or_else(|| DriverError(format!("it has no export `{export}`")))?;
        let ty = function.ty(&running.store);
        let mut values = Vec::with_capacity(arguments.len());
        for (&argument, ty) in arguments.iter().zip(ty.params()) {
            let value = running.to_val(module, argument, *ty);
            values.push(value.ok_or_else(|| DriverError(format!("{argument} cannot be passed there")))?);
        }
        let mut results: Vec<Val> = ty.results().iter().map(|ty| Val::default_for_ty(*ty)).collect();
        running.store.set_fuel(FUEL).map_err(|error| DriverError(error.to_string()))?;
        let called = function.call(&mut running.store, &values, &mut results);
        if let Err(error) = called {
            return Ok(result_of(&error, running.store.data()));
        }
        let results: Vec<_> = results.iter().map(|result| running.identities.observe(result)).collect();
        let (functions, mut reader) = running.reader(module);
        let results = module.state_reader(functions).values(&mut reader, &results);
        let (values, _) = results.map_err(|error| DriverError(error.to_string()))?;
        Ok(DriverResult::Returned(values))
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), DriverError> {
        let (module, running) = self.parts()?;
        let name = module.probed.export_name(Probe::Memory(0));
        let memory = running.instance.get_memory(&running.store, &name);
        let written = memory.map(|memory| memory.write(&mut running.store, address as usize, bytes));
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(DriverError(format!("{address:#x} is not in its memory"))),
        }
    }

    fn answered(&mut self) -> Result<usize, DriverError> {
        Ok(self.parts()?.1.store.data().answered)
    }

    fn state(&mut self, num_tables: usize) -> Result<InstanceState<'_>, DriverError> {
        let (portable, running) = self.parts()?;
        // For the functions that tell whether a segment was dropped.
        running.store.set_fuel(FUEL).map_err(|error| DriverError(error.to_string()))?;
        let (functions, mut reader) = running.reader(portable);
        let outline = portable.state_reader(functions).outline(&mut reader, num_tables);
        let outline = outline.map_err(|error| DriverError(error.to_string()))?;
        let (instance, store) = (running.instance, &running.store);
        let memory = |index: u32| {
            let name = portable.probed.export_name(Probe::Memory(index));
            let memory = instance.get_memory(store, &name);
            let memory = memory.ok_or_else(|| DriverError(format!("it does not show `{name}`")))?;
            let bytes = Cow::Borrowed(memory.data(store));
            Ok::<_, DriverError>(MemoryBytes { bytes, maximum: memory.ty(store).maximum() })
        };
        let memories = (0..portable.probed.memories).map(memory).collect::<Result<_, _>>()?;
        Ok(InstanceState { module: portable.module(), outline, memories })
    }
}

/// A function that answers from the record.
fn imported(store: &mut Store<RecordedAnswers>, module: &str, name: &str, ty: &FuncType) -> Func {
    let import = (module.to_string(), name.to_string());
    Func::new(store, ty.clone(), move |mut caller: Caller<'_, RecordedAnswers>, arguments, results| {
        let arguments: Vec<HostValue> = arguments.iter().map(host_value).collect();
        let memory = caller.get_export("memory").and_then(Extern::into_memory);
        let mut answers = std::mem::take(caller.data_mut());
        let read = |address: u32, len: usize| {
            let mut bytes = vec![0; len];
            memory?.read(&caller, address as usize, &mut bytes).ok().map(|()| bytes)
        };
        let answer = answers.next((&import.0, &import.1), &arguments, read);
        *caller.data_mut() = answers;
        let (values, writes) = match answer {
            Answer::Return(values, writes) => (values, writes),
            Answer::End(why) => return Err(wasmi::Error::new(why)),
        };
        let no_memory = || wasmi::Error::new("the recorded answer does not fit into the memory");
        for region in writes {
            let memory = memory.ok_or_else(no_memory)?;
            memory.write(&mut caller, region.address as usize, &region.bytes).map_err(|_| no_memory())?;
        }
        for (result, value) in results.iter_mut().zip(values) {
            let value = Value::try_from(value).ok().and_then(|value| to_val(value, result.ty()));
            *result = value.ok_or_else(|| wasmi::Error::new(NO_REFERENCE))?;
        }
        Ok(())
    })
}

fn result_of(error: &wasmi::Error, answers: &RecordedAnswers) -> DriverResult {
    if let Some(called) = &answers.diverged {
        return DriverResult::Diverged(called.clone());
    }
    match error.as_trap_code() {
        Some(TrapCode::OutOfFuel | TrapCode::StackOverflow | TrapCode::OutOfSystemMemory) => {
            DriverResult::Exhausted(error.to_string())
        }
        _ if error.to_string().contains(NO_REFERENCE) => DriverResult::Exhausted(NO_REFERENCE.to_string()),
        _ => DriverResult::Ended(error.to_string()),
    }
}

fn to_val(value: Value, ty: ValType) -> Option<Val> {
    Some(match (value, ty) {
        (Value::I32(value), ValType::I32) => Val::I32(value),
        (Value::I64(value), ValType::I64) => Val::I64(value),
        (Value::F32(bits), ValType::F32) => Val::F32(wasmi::F32::from_bits(bits)),
        (Value::F64(bits), ValType::F64) => Val::F64(wasmi::F64::from_bits(bits)),
        (Value::V128(bits), ValType::V128) => Val::V128(bits.into()),
        (Value::Ref(Reference::Null), ty @ (ValType::FuncRef | ValType::ExternRef)) => {
            Val::default_for_ty(ty)
        }
        _ => return None,
    })
}

/// An argument of a host call.
fn host_value(value: &Val) -> HostValue {
    match value {
        Val::I32(value) => HostValue::I32(*value),
        Val::I64(value) => HostValue::I64(*value),
        Val::F32(value) => HostValue::F32(value.to_bits()),
        Val::F64(value) => HostValue::F64(value.to_bits()),
        Val::V128(value) => HostValue::V128(value.as_u128()),
        Val::FuncRef(Nullable::Null) | Val::ExternRef(Nullable::Null) => HostValue::Null,
        Val::FuncRef(_) | Val::ExternRef(_) => HostValue::Reference,
    }
}
