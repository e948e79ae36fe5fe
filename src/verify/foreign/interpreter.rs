//! wasmi.

use super::answers::{Answer, Answers};
use super::{Exposed, Failure, Machine, Reply, Seen, State};
use crate::host::{Entry, HostValue};
use preinit_core::snapshot::Value;
use std::sync::Arc;
use wasmi::{
    Caller, Config, Engine, Extern, Func, Instance, Module, Nullable, Store, TrapCode, Val, ValType,
};

/// Fuel for one call. Its instructions cost about as much as wasmtime's, some more.
const FUEL: u64 = 500_000_000;

pub(super) struct Interpreter {
    exposed: Exposed,
    module: Module,
    running: Option<(Store<Answers>, Instance)>,
    answers: Answers,
}

impl Interpreter {
    pub fn new(exposed: Exposed) -> Result<Self, String> {
        let mut config = Config::default();
        config.wasm_custom_page_sizes(true).wasm_wide_arithmetic(true).wasm_memory64(true);
        config.wasm_multi_memory(true).wasm_simd(true);
        config.consume_fuel(true);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, &exposed.wasm).map_err(|error| error.to_string())?;
        Ok(Interpreter { exposed, module, running: None, answers: Answers::default() })
    }

    fn running(&mut self) -> Result<(&mut Store<Answers>, Instance), Failure> {
        match &mut self.running {
            Some((store, instance)) => Ok((store, *instance)),
            None => Err(Failure("it has no instance".to_string())),
        }
    }
}

fn imported(store: &mut Store<Answers>, module: &str, name: &str, ty: &wasmi::FuncType) -> Func {
    let import = (module.to_string(), name.to_string());
    Func::new(store, ty.clone(), move |mut caller: Caller<'_, Answers>, arguments, results| {
        let arguments: Vec<HostValue> = arguments.iter().map(of_val).collect();
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
            *result = to_val(value, result.ty()).ok_or_else(|| wasmi::Error::new(NO_REFERENCE))?;
        }
        Ok(())
    })
}

const NO_REFERENCE: &str = "the host's answer is a reference, which the record does not hold";

impl Machine for Interpreter {
    fn answer_with(&mut self, calls: &[Arc<Entry>]) -> Result<(), Failure> {
        match &mut self.running {
            Some((store, _)) => *store.data_mut() = Answers::new(calls),
            None => self.answers = Answers::new(calls),
        }
        Ok(())
    }

    fn instantiate(&mut self) -> Result<Reply, Failure> {
        let mut store = Store::new(self.module.engine(), std::mem::take(&mut self.answers));
        store.set_fuel(FUEL).map_err(|error| Failure(error.to_string()))?;
        let mut imports = Vec::new();
        for import in self.module.imports() {
            if let Some(ty) = import.ty().func() {
                imports.push(imported(&mut store, import.module(), import.name(), ty).into());
            }
        }
        Ok(match Instance::new(&mut store, &self.module, &imports) {
            Ok(instance) => {
                self.running = Some((store, instance));
                Reply::Returned(Vec::new())
            }
            Err(error) => reply_of(&error, store.data()),
        })
    }

    fn call(&mut self, export: &str, arguments: &[Value]) -> Result<Reply, Failure> {
        let (store, instance) = self.running()?;
        let function = instance.get_func(&*store, export);
        let function = function.ok_or_else(|| Failure(format!("it has no export `{export}`")))?;
        let ty = function.ty(&*store);
        let mut values = Vec::with_capacity(arguments.len());
        for (&argument, ty) in arguments.iter().zip(ty.params()) {
            let value = HostValue::try_from(argument).ok().and_then(|value| to_val(value, *ty));
            values.push(value.ok_or_else(|| Failure(format!("{argument} cannot be passed there")))?);
        }
        let mut results: Vec<Val> = ty.results().iter().map(|ty| Val::default_for_ty(*ty)).collect();
        store.set_fuel(FUEL).map_err(|error| Failure(error.to_string()))?;
        Ok(match function.call(&mut *store, &values, &mut results) {
            Ok(()) => Reply::Returned(results.iter().map(seen).collect()),
            Err(error) => reply_of(&error, store.data()),
        })
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Failure> {
        let name = self.exposed.memories.first().cloned().unwrap_or_default();
        let (store, instance) = self.running()?;
        let memory = instance.get_memory(&*store, &name);
        let written = memory.map(|memory| memory.write(store, address as usize, bytes));
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(Failure(format!("{address:#x} is not in its memory"))),
        }
    }

    fn answered(&mut self) -> Result<usize, Failure> {
        Ok(self.running()?.0.data().answered)
    }

    fn state(&mut self) -> Result<State, Failure> {
        let Some((store, instance)) = &self.running else {
            return Err(Failure("it has no instance".to_string()));
        };
        let missing = |name: &String| Failure(format!("it does not show `{name}`"));
        let memory = |name: &String| {
            let memory = instance.get_memory(store, name).ok_or_else(|| missing(name))?;
            Ok(memory.data(store).to_vec())
        };
        let global = |name: &String| {
            let global = instance.get_global(store, name).ok_or_else(|| missing(name))?;
            Ok(seen(&global.get(store)))
        };
        Ok(State {
            memories: self.exposed.memories.iter().map(memory).collect::<Result<_, Failure>>()?,
            globals: self.exposed.globals.iter().map(global).collect::<Result<_, Failure>>()?,
        })
    }
}

fn reply_of(error: &wasmi::Error, answers: &Answers) -> Reply {
    if let Some(called) = &answers.diverged {
        return Reply::Diverged(called.clone());
    }
    match error.as_trap_code() {
        Some(TrapCode::OutOfFuel | TrapCode::StackOverflow | TrapCode::OutOfSystemMemory) => {
            Reply::Exhausted(error.to_string())
        }
        _ if error.to_string().contains(NO_REFERENCE) => Reply::Exhausted(NO_REFERENCE.to_string()),
        _ => Reply::Ended(error.to_string()),
    }
}

fn to_val(value: HostValue, ty: ValType) -> Option<Val> {
    Some(match (value, ty) {
        (HostValue::I32(value), ValType::I32) => Val::I32(value),
        (HostValue::I64(value), ValType::I64) => Val::I64(value),
        (HostValue::F32(bits), ValType::F32) => Val::F32(wasmi::F32::from_bits(bits)),
        (HostValue::F64(bits), ValType::F64) => Val::F64(wasmi::F64::from_bits(bits)),
        (HostValue::V128(bits), ValType::V128) => Val::V128(bits.into()),
        (HostValue::Null, ty @ (ValType::FuncRef | ValType::ExternRef)) => Val::default_for_ty(ty),
        _ => return None,
    })
}

fn of_val(value: &Val) -> HostValue {
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

fn seen(value: &Val) -> Seen {
    match Value::try_from(of_val(value)) {
        Ok(value) => Seen::Value(value),
        Err(()) => Seen::Reference,
    }
}
