//! An instance of a component that calls are made of.

use super::super::call_result::CallResult;
use super::calls::Ended;
use crate::component::execution::{self, Bell};
use crate::component::init_call::OF_INSTANCE;
use crate::execute::Interrupt;
use crate::host::{ComponentCall, ComponentHost, ComponentImportCalled, ComponentValue, Entry, Handle};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::Store;
use wasmtime::component::{self, Func, ResourceAny, Val};

/// How a call of an import ends that only the original has.
pub const CUT: &str = "call of an import that is cut";

/// An instance that can be called.
pub struct Running {
    pub store: Store<ComponentHost>,
    pub instance: component::Instance,
    pub bell: Bell,
    /// Whether it can have tasks beside each other.
    pub is_concurrent: bool,
    /// Imports that the snapshot has not.
    pub cut_imports: Vec<String>,
    /// Handles that were alive before its first call.
    pub alive: usize,
    /// Resources that calls have given, in order.
    pub resources: Vec<ResourceAny>,
}

impl Running {
    pub fn function(&mut self, export: &str) -> Option<Func> {
        let named = match export.split_once(OF_INSTANCE) {
            Some((of, function)) => (Some(of), function),
            None => (None, export),
        };
        execution::function(&self.instance, named, &mut self.store)
    }

    /// Calls an export, which may take so much.
    pub fn call(
        &mut self,
        export: &str,
        arguments: &[ComponentValue],
        (fuel, time): (u64, Duration),
    ) -> Ended {
        let Some(function) = self.function(export) else {
            return Ended::Otherwise(CallResult::Trapped("there is no such export".to_string()));
        };
        let engine = self.store.engine().clone();
        let interrupt = Interrupt::after(time, &engine, &mut self.store);
        let result = self.try_call(function, arguments, fuel);
        drop(interrupt);
        self.store.set_epoch_deadline(u64::MAX / 2);
        match result {
            Ok(values) => Ended::Returned(values),
            Err(error) => Ended::Otherwise(self.result_of(&error)),
        }
    }

    /// How a call ended. What is cut in the snapshot traps there.
    fn result_of(&self, error: &wasmtime::Error) -> CallResult {
        match error.downcast_ref::<ComponentImportCalled>() {
            Some(called) if self.cut_imports.contains(&called.interface) => {
                CallResult::Trapped(CUT.to_string())
            }
            _ => CallResult::of_error(error),
        }
    }

    fn try_call(
        &mut self,
        function: Func,
        arguments: &[ComponentValue],
        fuel: u64,
    ) -> wasmtime::Result<Vec<ComponentValue>> {
        let Running { store, resources, is_concurrent, .. } = self;
        let mut given = |handle: Handle| {
            let found = resources.get(handle.number as usize).copied();
            found.ok_or_else(|| wasmtime::Error::msg("there is no such resource"))
        };
        let arguments: Vec<Val> =
            arguments.iter().map(|value| value.to_val(&mut given)).collect::<wasmtime::Result<_>>()?;
        let mut results: Vec<Val> = function.ty(&*store).results().map(|_| Val::Bool(false)).collect();
        store.set_fuel(fuel)?;
        execution::make_call(function, (&arguments, &mut results), *is_concurrent, store)?;
        let mut numbered = |any: ResourceAny| {
            resources.push(any);
            Ok(Handle { kind: "resource", number: resources.len() as u32 - 1 })
        };
        results.iter().map(|value| ComponentValue::of(value, &mut numbered)).collect()
    }

    /// The host calls since the last time: as the component made them, and as preview 1 answered them.
    pub fn take_calls(&mut self) -> (Vec<ComponentCall>, Vec<Arc<Entry>>) {
        let state = self.store.data_mut().state();
        let calls = state.ledger().component_calls().to_vec();
        (calls, state.take_calls())
    }
}
