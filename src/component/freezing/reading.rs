//! The calls in progress when a component was stopped, and the second run that reads their frames.

use super::super::execution::{self, Interrupted};
use super::super::init_call::init_calls;
use super::super::part::{self, Part, Place, RunningCode};
use super::super::states::States;
use super::super::{ComponentRunError, Prepared};
use super::Stopping;
use crate::demangling::demangled;
use crate::engine::MAX_FROZEN_FRAMES;
use crate::freeze::{FreezeError, MISSING, read_frames};
use crate::host::{ComponentHost, HostOptions, Ledger, new_component_store};
use crate::instance::{HeldValue, InstanceError};
use crate::options::Options;
use preinit_core::capture::{FunctionIndices, StateReader};
use preinit_core::freeze::{CallSite, CallStack, CallsInProgress, CodeMap, Instrumented};
use preinit_core::module::Space;
use preinit_core::printable::Printable;
use preinit_core::snapshot::{Heap, Snapshot};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::{FrameInfo, Instance, Module, RootScope, Store, Trap, Val, WasmBacktrace};

/// The calls in progress.
pub struct Frames {
    /// Where each call of the core instance is, the innermost first.
    pub sites: Vec<CallSite>,
    /// The function of an adapter that is around them.
    pub adapter: Option<u32>,
}

/// The calls in progress of a component that was stopped. `places` are all core instances, and the one at `number` is stopped.
pub fn call_sites(
    interrupted: &Interrupted,
    stopping: &Stopping,
    (places, number): (&[Place<'_>], usize),
    store: &Store<ComponentHost>,
) -> Result<Frames, FreezeError> {
    let trace = interrupted.error.as_ref().and_then(|error| error.downcast_ref::<WasmBacktrace>());
    let frames = trace.map_or(&[][..], WasmBacktrace::frames);
    let limit = MAX_FROZEN_FRAMES.get();
    if frames.len() > limit {
        return Err(FreezeError::Refused(format!(
            "more than {limit} calls are in progress at that place; freeze it before the recursion"
        )));
    }
    let place = &places[number];
    let is_of = |frame: &FrameInfo, place: &Place<'_>| {
        Module::same(frame.module(), place.instance.handle.module(store))
    };
    let own = frames.iter().take_while(|frame| is_of(frame, place)).count();
    let (own, others) = frames.split_at(own);
    // The adapter's `run` calls `_start` and returns 0.
    let is_adapter =
        |frame: &FrameInfo| places.iter().any(|place| place.part.is_adapter() && is_of(frame, place));
    let adapter = match others {
        [] => None,
        [run] if is_adapter(run) => Some(run.func_index()),
        [frame, ..] => {
            let other =
                places.iter().find(|place| is_of(frame, place)).map(|place| place.part.module.names());
            let name = other.and_then(|names| names.get(Space::Function, frame.func_index()));
            let name = demangled(name.unwrap_or("without a name")).into_owned();
            return Err(FreezeError::Refused(format!(
                "a function of another core module ({}, {}) is on the stack at that place; only the calls of one core instance can be \
                 frozen",
                Printable(frame.module().name().unwrap_or("without a name")),
                Printable(&name),
            )));
        }
    };
    let Part { module, probed } = place.part;
    let map = CodeMap::of_stopping(module, probed, &stopping.module)?;
    // The innermost one ends the run. A function that is stopped at its entry is entered again.
    let ended = if stopping.place.stop.function < module.imported.functions { 1 } else { 2 };
    let mut sites = Vec::with_capacity(own.len());
    for frame in own.iter().skip(ended) {
        // In a component, offsets in modules are counted from the start of the component.
        let offset = frame.func_offset().ok_or(FreezeError::Unexplained("a frame without a position"))?;
        sites.push(map.site_in_body(frame.func_index(), offset)?);
    }
    Ok(Frames { sites, adapter })
}

/// What the second run tells.
pub struct Read {
    pub stack: CallStack,
    pub heap: Heap,
    pub duration: Duration,
}

/// What a run tells in which handles had other numbers.
pub struct Moved {
    /// Of all core instances.
    pub snapshots: Vec<Snapshot<'static>>,
    pub stack: CallStack,
    /// All objects, with those that only the frames hold.
    pub heap: Heap,
}

/// The program that is read.
pub struct Program<'p, 'a> {
    pub prepared: &'p Prepared<'a>,
    pub stopping: &'p Stopping,
    pub options: &'p Options,
    pub ledger: Arc<Ledger>,
    /// Which of the core instances it is.
    pub number: usize,
    /// How many calls returned before the one in progress.
    pub returned: usize,
}

impl Program<'_, '_> {
    /// Runs the component again, to the call that it was stopped at, and lets the functions in progress write down their frames.
    /// It must come to the same state.
    pub fn read(
        &self,
        calls: &CallsInProgress<'_>,
        snapshot: &Snapshot<'_>,
    ) -> Result<Read, ComponentRunError> {
        let started = Instant::now();
        let Again { mut store, instances, stack } = self.again(calls, None)?;
        let Prepared { parts, instances: expected, .. } = self.prepared;
        let places = part::places(parts, expected, &instances, &mut store)?;
        let (again, stack) = with_stack(&places[self.number], stack, &mut store)?;
        if !snapshot.is_same_but_for_objects(&again) || !again.heap.starts_with(&snapshot.heap) {
            return Err(FreezeError::NotRepeated("its state was different".to_string()).into());
        }
        Ok(Read { stack, heap: again.heap, duration: started.elapsed() })
    }

    /// Does the same in a form of the component in which all handles have numbers that are higher by `count`, and gives the states
    /// of all core instances besides.
    pub fn read_with_taken_handles(
        &self,
        calls: &CallsInProgress<'_>,
        count: u32,
    ) -> Result<Moved, ComponentRunError> {
        let Again { mut store, instances, stack } = self.again(calls, Some(count))?;
        let Prepared { parts, instances: expected, .. } = self.prepared;
        let places = part::places(parts, expected, &instances, &mut store)?;
        let states = States { options: self.options, prepared: self.prepared, places: &places };
        let snapshots = states.snapshots(&mut store)?.snapshots;
        let (state, stack) = with_stack(&places[self.number], stack, &mut store)?;
        Ok(Moved { snapshots, stack, heap: state.heap })
    }

    /// Runs to the place once more, and reads the frames.
    fn again(&self, calls: &CallsInProgress<'_>, taken: Option<u32>) -> Result<Again, ComponentRunError> {
        let started = Instant::now();
        let Program { prepared, stopping, options, .. } = self;
        let definition = stopping.place.definition;
        let part = prepared.parts.get(definition).and_then(Option::as_ref);
        let Part { module, probed } = part.ok_or(FreezeError::Unexplained("a place in no core module"))?;
        let instrumented = Instrumented::stopping(module, probed, calls, &stopping.place.stop);
        let instrumented = instrumented.map_err(FreezeError::from)?.ok_or_else(|| {
            FreezeError::Refused(
                "the calls in progress cannot be read: one of them returns something that cannot be made up, or has no \
                 room for more code"
                    .to_string(),
            )
        })?;
        let stop = instrumented.stop.as_ref().ok_or(FreezeError::Unexplained("a hook that is not there"))?;
        let options = Options {
            host: HostOptions { replay: Some(Arc::clone(&self.ledger)), ..options.host.clone() },
            limits: options.limits.of_second_run(),
            ..Options::clone(options)
        };
        let replaced = (definition, &instrumented.wasm[..]);
        let compiled = match taken {
            None => prepared.compile(&options, replaced)?,
            Some(count) => prepared.compile_with_taken_handles(&options, Some(replaced), count)?,
        };
        let mut calls_to_make = init_calls(&options, &compiled)?;
        // Those in progress return at once, and nothing is to run after them.
        calls_to_make.truncate(self.returned + 1);
        let mut store =
            new_component_store(&compiled.engine, &options.host, &options.limits, prepared.digest)?;
        let until = (&calls_to_make[..], Some(stop));
        let code = RunningCode { parts: &prepared.parts, replaced: Some(replaced) };
        let (begun, interrupted) =
            execution::start_until(&options, (&compiled, code), (&mut store, started.elapsed()), until)?;
        let instances = begun.bell.ring(&mut store).map_err(ComponentRunError::Compile)?;
        let places = part::places(&prepared.parts, &prepared.instances, &instances, &mut store)?;
        let instance = &places[self.number].instance;
        let frames = read_frames(&instrumented.records, &calls.sites, (instance.handle, &mut store));
        let frames = frames.map_err(|error| not_repeated(error, interrupted.as_ref()))?;
        if let Some(left) = store.data_mut().take_ledger().unreplayed().filter(|left| *left > 0) {
            let why = format!("it made {left} fewer host calls");
            return Err(FreezeError::NotRepeated(why).into());
        }
        let mut arguments = Vec::new();
        for name in &stop.arguments {
            let global = instance.handle.get_global(&mut store, name).ok_or(MISSING)?;
            let mut scope = RootScope::new(&mut store);
            let value = global.get(&mut scope);
            arguments.push(HeldValue::new(&mut scope, &value).map_err(InstanceError::from)?);
        }
        let flag = instance.handle.get_global(&mut store, &instrumented.flag).ok_or(MISSING)?;
        flag.set(&mut store, Val::I32(0)).map_err(InstanceError::from)?;
        let stack = CallStack { callee: stopping.place.stop.function, arguments, frames };
        Ok(Again { store, instances, stack })
    }
}

/// A run to the place that wrote down the frames.
struct Again {
    store: Store<ComponentHost>,
    /// All core instances, in the order of their instantiation.
    instances: Vec<Instance>,
    stack: CallStack<HeldValue>,
}

/// Why there are no frames.
fn not_repeated(error: FreezeError, interrupted: Option<&Interrupted>) -> FreezeError {
    let ended = interrupted.and_then(|interrupted| interrupted.error.as_ref());
    match ended.and_then(|error| error.downcast_ref::<Trap>()) {
        Some(Trap::StackOverflow) => FreezeError::Refused(
            "the calls in progress cannot be read: the recursion is too deep for what is added to them"
                .to_string(),
        ),
        _ => error,
    }
}

/// The state of the core instance, and what the frames hold, in one heap.
fn with_stack(
    place: &Place<'_>,
    stack: CallStack<HeldValue>,
    store: &mut Store<ComponentHost>,
) -> Result<(Snapshot<'static>, CallStack), FreezeError> {
    let Part { module, probed } = place.part;
    let mut instance = place.instance.with(store);
    let functions = FunctionIndices::of(module, probed, &mut instance)?;
    let state = StateReader { module, probed, functions: &functions, compares: false };
    let (mut again, stack) = state.state_with(&mut instance, |heap, instance| {
        stack.map(|held| {
            let value = held.observe(instance.store()).map_err(InstanceError::from)?;
            heap.value(instance, value)
        })
    })?;
    again.leave_imports(module);
    Ok((again.into_owned(), stack))
}
