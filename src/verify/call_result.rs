use super::heap_comparison::describe_objects;
use crate::host::{
    ChangeRefused, Denied, GuestExit, ImportCalled, LedgerLimit, MemoryLimit, NoMemory, ReplayDiverged,
};
use preinit_core::snapshot::{Heap, Value};
use wasmtime::Trap;
use wasmtime::component::ResourceTableError;

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum CallResult {
    /// With results, and the objects that they lead to.
    Returned(Vec<Value>, Heap),
    /// With a trap of this kind.
    Trapped(String),
    /// With an uncaught exception that carried these values, and the objects that they lead to.
    Threw(Vec<Value>, Heap),
    /// With `proc_exit`.
    Exited(u32),
    /// At a limit that says nothing about the guest.
    Stopped(CallLimit),
    /// It made a host call that the original did not make.
    Diverged(ReplayDiverged),
}

/// A limit that ends a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallLimit {
    Fuel,
    Time,
    Stack,
    Memory,
    /// A change of a file, which a verification must not make.
    Change(String),
}

impl CallLimit {
    pub fn describe(&self) -> String {
        match self {
            CallLimit::Fuel => "out of fuel".to_string(),
            CallLimit::Time => "out of time".to_string(),
            CallLimit::Stack => "call stack exhausted".to_string(),
            CallLimit::Memory => "out of memory".to_string(),
            CallLimit::Change(call) => call.clone(),
        }
    }

    fn of_trap(trap: Trap) -> Option<CallLimit> {
        Some(match trap {
            Trap::OutOfFuel => CallLimit::Fuel,
            Trap::Interrupt => CallLimit::Time,
            Trap::StackOverflow => CallLimit::Stack,
            Trap::AllocationTooLarge => CallLimit::Memory,
            _ => return None,
        })
    }
}

impl CallResult {
    /// Of a call that failed, other than with an exception.
    pub fn of_error(error: &wasmtime::Error) -> CallResult {
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return match CallLimit::of_trap(*trap) {
                Some(limit) => CallResult::Stopped(limit),
                None => CallResult::Trapped(trap.to_string()),
            };
        }
        if let Some(GuestExit { code }) = error.downcast_ref() {
            return CallResult::Exited(*code);
        }
        if let Some(diverged) = error.downcast_ref::<ReplayDiverged>() {
            return CallResult::Diverged(diverged.clone());
        }
        if let Some(refused) = error.downcast_ref::<ChangeRefused>() {
            return CallResult::Stopped(CallLimit::Change(refused.to_string()));
        }
        if error.is::<MemoryLimit>()
            || error.is::<LedgerLimit>()
            || matches!(error.downcast_ref(), Some(ResourceTableError::Full))
            || NoMemory::of(error).is_some()
            || error.is::<wasmtime::GcHeapOutOfMemory<()>>()
        {
            return CallResult::Stopped(CallLimit::Memory);
        }
        if let Some(ImportCalled { import }) = error.downcast_ref() {
            return CallResult::Trapped(format!("call of the import `{import}`, which nothing provides"));
        }
        if let Some(denied) = error.downcast_ref::<Denied>() {
            return CallResult::Trapped(denied.to_string());
        }
        CallResult::Trapped(error.root_cause().to_string())
    }

    pub fn describe(&self) -> String {
        match self {
            CallResult::Returned(results, heap) => with_objects(describe_values(results), heap),
            CallResult::Trapped(kind) => format!("trap: {kind}"),
            CallResult::Threw(fields, heap) => {
                with_objects(format!("exception of {}", describe_values(fields)), heap)
            }
            CallResult::Exited(code) => format!("exit {code}"),
            CallResult::Stopped(limit) => limit.describe(),
            CallResult::Diverged(diverged) => diverged.to_string(),
        }
    }
}

/// Results or arguments, for messages.
pub(super) fn describe_values(values: &[Value]) -> String {
    match values {
        [] => "nothing".to_string(),
        [value] => value.to_string(),
        values => {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            format!("({})", values.join(", "))
        }
    }
}

fn with_objects(text: String, heap: &Heap) -> String {
    match heap.is_empty() {
        true => text,
        false => format!("{text} ({})", describe_objects(heap)),
    }
}
