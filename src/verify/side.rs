use super::VerifyError;
use crate::execute::Initialized;
use crate::host::{
    ChangeRefused, Denied, Entry, GuestExit, ImportCalled, LedgerLimit, MemoryLimit, ReplayDiverged,
};
use crate::instance::{CaptureError, InstanceError, WasmtimeInstance};
use preinit_core::capture::{FunctionIndices, StateReader};
use preinit_core::module::{Module, SectionId};
use preinit_core::probe::{Probe, ProbeOptions, Probed};
use preinit_core::snapshot::{Heap, Reference, Snapshot, Value};
use std::sync::Arc;
use wasmtime::{
    AnyRef, AsContextMut, Extern, ExternRef, Func, I31, Memory, Ref, RootScope, Trap, Val, ValType,
};

/// A module and its probed form.
pub(super) struct Program<'a> {
    pub module: Module<'a>,
    pub probed: Probed,
}

impl<'a> Program<'a> {
    pub fn new(module: Module<'a>) -> Result<Self, VerifyError> {
        let options = ProbeOptions { ends_waits: true, marks_entries: true, ..ProbeOptions::default() };
        let probed = Probed::with(&module, &options)?;
        Ok(Program { module, probed })
    }

    fn state_reader<'s>(&'s self, functions: &'s FunctionIndices) -> StateReader<'s> {
        StateReader { module: &self.module, probed: &self.probed, functions }
    }

    /// Whether an interpreter is fast enough.
    pub fn is_small(&self) -> bool {
        /// Bytes of code.
        const SMALL: usize = 128 << 10;
        self.module.section(SectionId::CODE).map_or(0, |section| section.contents.len()) <= SMALL
    }
}

/// A running instance of one of the two modules.
pub(super) struct Side<'a> {
    pub program: Arc<Program<'a>>,
    initialized: Initialized,
    functions: FunctionIndices,
    pub memories: Vec<Extern>,
    entries: Option<Memory>,
    /// How many of its tables are compared.
    pub num_tables: usize,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    /// With results, and the objects that they lead to.
    Returned(Vec<Value>, Heap),
    /// With a trap of this kind.
    Trapped(String),
    /// With an exception that nobody caught, which carried these values.
    Threw(Vec<Value>, Heap),
    /// With `proc_exit`.
    Exited(u32),
    /// The host ended it at a bound that says nothing about the guest.
    Stopped(Stop),
    /// It made a host call that the other side did not make.
    Diverged(ReplayDiverged),
}

/// A bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    Fuel,
    Time,
    Stack,
    Memory,
    /// A change of a file, which a verification must not make.
    Change(String),
}

impl Stop {
    pub fn describe(&self) -> String {
        match self {
            Stop::Fuel => "out of fuel".to_string(),
            Stop::Time => "out of time".to_string(),
            Stop::Stack => "call stack exhausted".to_string(),
            Stop::Memory => "out of memory".to_string(),
            Stop::Change(call) => call.clone(),
        }
    }
}

impl<'a> Side<'a> {
    pub fn new(program: Arc<Program<'a>>, mut initialized: Initialized) -> Result<Self, CaptureError> {
        let functions = FunctionIndices::of(&program.module, &program.probed, &mut initialized.reader())?;
        let Initialized { instance, store, .. } = &mut initialized;
        let memories = instance.memories.clone();
        let entries = instance.handle.get_memory(&mut *store, &program.probed.export_name(Probe::Entries));
        if let Some(entries) = entries {
            entries.data_mut(store).fill(0);
        }
        let num_tables = program.module.tables.len();
        Ok(Side { program, initialized, functions, memories, entries, num_tables })
    }

    /// Which of the defined functions were entered since init.
    pub fn entered(&self) -> impl Iterator<Item = bool> {
        let marks = self.entries.map_or(&[][..], |entries| entries.data(&self.initialized.store));
        let defined = self.program.module.functions.len() - self.program.module.imported.functions as usize;
        marks.iter().take(defined).map(|&mark| mark != 0)
    }

    /// Everything but the memories.
    pub fn outline(&mut self) -> Result<Snapshot<'static>, CaptureError> {
        let reader = self.program.state_reader(&self.functions);
        reader.outline(&mut self.initialized.reader(), self.num_tables)
    }

    pub fn store(&self) -> &wasmtime::Store<crate::host::HostState> {
        &self.initialized.store
    }

    pub fn host(&mut self) -> &mut crate::host::HostState {
        self.initialized.store.data_mut()
    }

    /// How a call ended that was made by somebody else.
    pub fn ended(&mut self, error: Option<wasmtime::Error>, results: &[Val]) -> Result<Ending, CaptureError> {
        let Initialized { instance, store, .. } = &mut self.initialized;
        let reader = self.program.state_reader(&self.functions);
        let mut scope = RootScope::new(store);
        match error {
            None => {
                let (values, heap) = values(reader, instance.with(&mut scope), results)?;
                Ok(Ending::Returned(values, heap))
            }
            Some(error) if error.is::<wasmtime::ThrownException>() => {
                let exception = scope.as_context_mut().take_pending_exception();
                let fields = exception.map(|exception| fields(&mut scope, exception)).transpose();
                let fields = fields.map_err(InstanceError::from)?.unwrap_or_default();
                let (values, heap) = values(reader, instance.with(&mut scope), &fields)?;
                Ok(Ending::Threw(values, heap))
            }
            Some(error) => Ok(Ending::of(&error)),
        }
    }

    /// Takes the host calls of the last step.
    pub fn take_calls(&mut self) -> Vec<Arc<Entry>> {
        self.host().take_calls()
    }

    /// The memory that texts are written to.
    pub fn write_memory(&mut self, address: u64, bytes: &[u8]) -> bool {
        match self.memories.first() {
            Some(Extern::Memory(memory)) => {
                memory.write(&mut self.initialized.store, address as usize, bytes).is_ok()
            }
            _ => false,
        }
    }

    /// Calls an export of the module.
    pub fn call(&mut self, export: &str, arguments: &[Value], fuel: u64) -> Ending {
        let ending = self.call_with(export, arguments, fuel);
        // Whatever the guest may use, the probes may use more.
        let refueled = self.initialized.store.set_fuel(u64::MAX);
        match (ending, refueled) {
            (Ok(ending), Ok(())) => ending,
            (Err(error), _) | (_, Err(error)) => Ending::Trapped(format!("{error:#}")),
        }
    }

    fn call_with(&mut self, export: &str, arguments: &[Value], fuel: u64) -> wasmtime::Result<Ending> {
        let Initialized { instance, store, .. } = &mut self.initialized;
        let reader = self.program.state_reader(&self.functions);
        let Some(function) = instance.handle.get_func(&mut *store, export) else {
            return Ok(Ending::Trapped(format!("there is no exported function `{export}`")));
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
        Ok(match function.call(&mut scope, &values, &mut results) {
            Ok(()) => {
                let (values, heap) = self::values(reader, instance.with(&mut scope), &results)?;
                Ending::Returned(values, heap)
            }
            Err(error) if error.is::<wasmtime::ThrownException>() => {
                let exception = scope.as_context_mut().take_pending_exception();
                let fields = exception.map(|exception| fields(&mut scope, exception)).transpose()?;
                let fields = fields.unwrap_or_default();
                let (values, heap) = self::values(reader, instance.with(&mut scope), &fields)?;
                Ending::Threw(values, heap)
            }
            Err(error) => Ending::of(&error),
        })
    }
}

fn fields(
    scope: &mut RootScope<&mut wasmtime::Store<crate::host::HostState>>,
    exception: wasmtime::Rooted<wasmtime::ExnRef>,
) -> wasmtime::Result<Vec<Val>> {
    let count = exception.ty(&*scope)?.fields().len();
    (0..count).map(|index| exception.field(&mut *scope, index)).collect()
}

/// What the guest gave away, and the objects that it leads to.
fn values(
    reader: StateReader<'_>,
    mut instance: WasmtimeInstance<'_, impl AsContextMut>,
    values: &[Val],
) -> Result<(Vec<Value>, Heap), CaptureError> {
    let observed: Result<Vec<_>, _> = values.iter().map(|value| instance.observe(value)).collect();
    reader.values(&mut instance, &observed?)
}

fn to_val<T: AsContextMut<Data = crate::host::HostState>>(
    scope: &mut RootScope<T>,
    value: Value,
    ty: &ValType,
    function: impl FnOnce(&mut RootScope<T>, u32) -> Option<Func>,
) -> wasmtime::Result<Val> {
    let no_value = || wasmtime::Error::msg(format!("{value} cannot be passed as {ty}"));
    Ok(match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::V128(value) => Val::V128(value.into()),
        Value::Ref(reference) => match reference {
            Reference::Null => {
                let ty = ty.as_ref().ok_or_else(no_value)?;
                Val::from(Ref::null(ty.heap_type()))
            }
            Reference::Func(index) => Val::FuncRef(Some(function(scope, index).ok_or_else(no_value)?)),
            Reference::I31(value) => {
                let i31 = I31::new_u32(value).ok_or_else(no_value)?;
                Val::AnyRef(Some(AnyRef::from_i31(&mut *scope, i31)))
            }
            Reference::ExternI31(value) => {
                let i31 = I31::new_u32(value).ok_or_else(no_value)?;
                let any = AnyRef::from_i31(&mut *scope, i31);
                Val::ExternRef(Some(ExternRef::convert_any(&mut *scope, any)?))
            }
            Reference::Object(_)
            | Reference::ExternObject(_)
            | Reference::Import(_)
            | Reference::Unwritable(_) => return Err(no_value()),
        },
    })
}

impl Ending {
    fn of(error: &wasmtime::Error) -> Ending {
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return match trap {
                Trap::OutOfFuel => Ending::Stopped(Stop::Fuel),
                Trap::Interrupt => Ending::Stopped(Stop::Time),
                Trap::StackOverflow => Ending::Stopped(Stop::Stack),
                Trap::AllocationTooLarge => Ending::Stopped(Stop::Memory),
                trap => Ending::Trapped(trap.to_string()),
            };
        }
        if let Some(GuestExit { code }) = error.downcast_ref() {
            return Ending::Exited(*code);
        }
        if let Some(diverged) = error.downcast_ref::<ReplayDiverged>() {
            return Ending::Diverged(diverged.clone());
        }
        if let Some(refused) = error.downcast_ref::<ChangeRefused>() {
            return Ending::Stopped(Stop::Change(refused.to_string()));
        }
        if error.is::<MemoryLimit>()
            || error.is::<LedgerLimit>()
            || error.is::<wasmtime::GcHeapOutOfMemory<()>>()
        {
            return Ending::Stopped(Stop::Memory);
        }
        if let Some(ImportCalled { import }) = error.downcast_ref() {
            return Ending::Trapped(format!("it called the import `{import}`, which nothing provides"));
        }
        if let Some(denied) = error.downcast_ref::<Denied>() {
            return Ending::Trapped(denied.to_string());
        }
        Ending::Trapped(error.root_cause().to_string())
    }

    pub fn describe(&self) -> String {
        let list = |values: &[Value]| match values {
            [] => "nothing".to_string(),
            [value] => value.to_string(),
            values => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                format!("({})", values.join(", "))
            }
        };
        let objects = |text: String, heap: &Heap| match heap.len() {
            0 => text,
            _ => format!("{text} ({})", super::state::describe_objects(heap)),
        };
        match self {
            Ending::Returned(results, heap) => objects(list(results), heap),
            Ending::Trapped(kind) => format!("trap: {kind}"),
            Ending::Threw(fields, heap) => objects(format!("exception of {}", list(fields)), heap),
            Ending::Exited(code) => format!("exit {code}"),
            Ending::Stopped(stop) => stop.describe(),
            Ending::Diverged(diverged) => diverged.to_string(),
        }
    }
}
