//! Reads frames by instrumentation: the program runs again, and the functions in progress write down their locals and
//! operands and return. The baseline compiler will do.

use super::FreezeError;
use super::program_run::{Listener, ProgramRun, RunResult};
use super::stop_run::StopPoint;
use crate::engine::{self, EngineOptions};
use crate::execute::{Begun, ExecuteError};
use crate::host::{HostState, ImportName, Seen};
use crate::instance::{HeldValue, InstanceError};
use preinit_core::freeze::{CallSite, CallStack, CallsInProgress, Frame, Instrumented, RecordLayout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use wasmtime::{Caller, Extern, Instance, RootScope, Store, Table, Trap, Val};

/// What the awaited call was made with.
type Arguments = Arc<Mutex<Option<Vec<HeldValue>>>>;

impl ProgramRun<'_> {
    /// Runs the program again, to the call that it was stopped at, and lets it write down its frames.
    ///
    /// `None` if that cannot be done: a function in progress returns something that cannot be made up, or is so large or
    /// so deep in recursion that there is no room for what is added to it.
    pub fn unwind(
        self,
        point: &StopPoint,
        calls: &CallsInProgress<'_>,
    ) -> Result<Option<(CallStack<HeldValue>, RunResult)>, FreezeError> {
        let compiling = Instant::now();
        let hooked = self.awaited.call.function();
        let Some(instrumented) = Instrumented::new(self.module(), self.probed(), calls, hooked)? else {
            return Ok(None);
        };
        let options = EngineOptions { fuel: false, ..self.execution.engine_options() };
        let compiled = engine::compile_traced(&instrumented.wasm, options, self.execution.compilation.cache)
            .map_err(ExecuteError::Compile)?;
        let prepared = self.prepared((&instrumented.wasm, &compiled), compiling.elapsed());

        let arguments = Arguments::default();
        let listener = unwinder(point.event, instrumented.flag.clone(), Arc::clone(&arguments));
        let program = ProgramRun { calls: &self.calls[..=point.returned], ..self };
        let mut result = program.run(prepared, instrumented.hook.as_ref(), listener)?;
        if let Some(error) = &result.error {
            return match error.downcast_ref::<Trap>() {
                Some(Trap::StackOverflow) => Ok(None),
                _ => Err(FreezeError::NotRepeated(error.root_cause().to_string())),
            };
        }
        let arguments = arguments.lock().ok().and_then(|mut arguments| arguments.take());
        let arguments = arguments.ok_or_else(|| FreezeError::NotRepeated("it returned".to_string()))?;
        let Begun { instance, store, .. } = &mut result.begun;
        let frames = read_frames(&instrumented.records, &calls.sites, (instance.handle, store))?;
        switch_off(&instrumented.flag, &mut result.begun)?;
        Ok(Some((CallStack { callee: point.callee, arguments, frames }, result)))
    }
}

/// Makes the functions in progress return at the call that the program was stopped at.
fn unwinder(event: u64, flag: String, arguments: Arguments) -> Arc<Listener> {
    let events = AtomicU64::new(0);
    Arc::new(move |caller: &mut Caller<'_, HostState>, _: Option<&ImportName>, values: &[Val]| {
        let now = events.fetch_add(1, Ordering::Relaxed) + 1;
        if now < event {
            return Ok(Seen::Answer);
        }
        if now > event {
            return Err(wasmtime::Error::msg("the program went on instead of returning"));
        }
        let values = values.iter().map(|argument| HeldValue::new(&mut *caller, argument));
        let values = values.collect::<Result<_, _>>()?;
        if let Ok(mut arguments) = arguments.lock() {
            *arguments = Some(values);
        }
        match caller.get_export(&flag) {
            Some(Extern::Global(flag)) => flag.set(&mut *caller, Val::I32(1))?,
            _ => return Err(wasmtime::Error::msg("another module made the call")),
        }
        Ok(Seen::Ignore)
    })
}

pub(crate) const MISSING: FreezeError = FreezeError::Unexplained("an export that was added is missing");

/// Reads the frames that were written down, which must be those of `sites`.
pub(crate) fn read_frames<T: 'static>(
    records: &RecordLayout,
    sites: &[CallSite],
    (instance, store): (Instance, &mut Store<T>),
) -> Result<Vec<Frame<HeldValue>>, FreezeError> {
    let memory = instance.get_memory(&mut *store, &records.memory.name).ok_or(MISSING)?;
    let counter = instance.get_global(&mut *store, &records.memory.counter_name).ok_or(MISSING)?;
    let table = |space: &preinit_core::freeze::RecordSpace| {
        instance.get_table(&mut *store, &space.name).ok_or(MISSING)
    };
    let tables = records.tables.iter().map(table).collect::<Result<Vec<Table>, _>>()?;
    let size = counter.get(&mut *store).i32().unwrap_or_default() as u32 as usize;
    let other_calls = || FreezeError::NotRepeated("other calls were in progress".to_string());
    let written = memory.data(&*store).get(..size).ok_or_else(other_calls)?.to_vec();
    let frames = records.read(&written, sites, |table, entry| {
        let mut scope = RootScope::new(&mut *store);
        let element = tables[table].get(&mut scope, entry);
        let element = element.ok_or(FreezeError::Unexplained("a reference that is missing"))?;
        Ok::<_, FreezeError>(HeldValue::new(&mut scope, &Val::from(element)).map_err(InstanceError::from)?)
    })?;
    frames.ok_or_else(other_calls)
}

/// From here on functions run as in the original.
fn switch_off(flag: &str, begun: &mut Begun) -> Result<(), FreezeError> {
    let flag = begun.instance.handle.get_global(&mut begun.store, flag).ok_or(MISSING)?;
    Ok(flag.set(&mut begun.store, Val::I32(0)).map_err(InstanceError::from)?)
}
