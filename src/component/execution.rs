//! Runs the probed form of a component: its instantiation, its init, and the count of what is alive afterwards.

use super::freezing::{Stopping, is_stop};
use super::init_call::{InitCall, init_calls};
use super::part::RunningCode;
#[cfg(feature = "component-calls")]
use super::tasks::{Tasks, to_its_end};
use super::{ComponentRunError, Prepared, task_limit};
use crate::engine::{CompiledComponent, Compiler};
use crate::execute::{Interrupt, Stop, StopCause, the_function};
use crate::freeze::{FreezeError, Reached};
use crate::host::{ComponentHost, Ledger, Limits, component_linker, new_component_store};
use crate::instance::{call_core, drop_resource};
use crate::options::Options;
use preinit_core::freeze::StopHook;
use std::time::{Duration, Instant};
use wasmtime::component::{self, Func, Resource, Val};
use wasmtime::{Instance, Store, WasmCoreDump};

/// A component whose init has run.
pub struct Executed {
    pub store: Store<ComponentHost>,
    /// All core instances, in the order of their instantiation; the engine's own among them.
    pub instances: Vec<Instance>,
    pub called: Vec<InitCall>,
    /// Every host call.
    pub ledger: Ledger,
    /// How the last call ended, if the run was to be stopped in it.
    pub interrupted: Option<Interrupted>,
    /// Handles that are alive.
    pub handles: usize,
    /// Whether a task or a thread has not ended.
    pub goes_on: bool,
    pub compiler: Compiler,
    /// Whether an earlier run had compiled it.
    pub cached: bool,
    pub compile_time: Duration,
    pub run_time: Duration,
}

impl Executed {
    /// The calls that returned.
    pub fn consumed(&self) -> &[InitCall] {
        let returned =
            self.interrupted.as_ref().map_or(self.called.len(), |interrupted| interrupted.returned);
        &self.called[..returned.min(self.called.len())]
    }

    /// The call that was stopped.
    pub fn in_progress(&self) -> Option<&InitCall> {
        self.called.get(self.interrupted.as_ref()?.returned)
    }
}

/// How the calls of a run ended that was to be stopped.
pub struct Interrupted {
    /// How many calls returned.
    pub returned: usize,
    /// How the next one ended.
    pub error: Option<wasmtime::Error>,
}

/// Instantiates, calls init, and ends the run. What init called is in `recorded` even if it does not come to its end.
pub fn execute(
    options: &Options,
    (prepared, compiled): (&Prepared<'_>, &CompiledComponent),
    recorded: &mut Ledger,
) -> Result<Executed, ComponentRunError> {
    let limits = &options.limits;
    let Prepared { compile_time, digest, stopping, .. } = prepared;
    let mut calls = init_calls(options, compiled)?;
    let running = Instant::now();
    let mut store = new_component_store(&compiled.engine, &options.host, limits, *digest)?;
    let until = (&calls[..], stopping.as_ref().map(Stopping::hook));
    let started = start_until(options, (compiled, prepared.code()), (&mut store, *compile_time), until);
    let ended = started.and_then(|(started, interrupted)| {
        let handles = live_handles(&mut store).map_err(ComponentRunError::Compile)?;
        let instances = started.bell.ring(&mut store).map_err(ComponentRunError::Compile)?;
        Ok((instances, (handles, started.goes_on), interrupted))
    });
    let ledger = store.data_mut().take_ledger();
    recorded.clone_from(&ledger);
    let (instances, (handles, goes_on), interrupted) = ended?;
    if let (Some(stopping), Some(interrupted), Some(trigger)) = (stopping, &interrupted, &options.at) {
        let run = (&calls[..], limits, &ledger);
        let ended = (interrupted, prepared.code());
        if let Some(error) = stopping.not_reached(ended, run, (&instances, &mut store), trigger) {
            return Err(error.into());
        }
        calls.truncate(interrupted.returned + 1);
    }
    if let Some(left @ 1..) = ledger.unreplayed() {
        let (recorded, made) = (ledger.len() + left, ledger.len());
        return Err(ComponentRunError::NotReplayed { made, recorded });
    }
    Ok(Executed {
        store,
        instances,
        called: calls,
        ledger,
        interrupted,
        handles,
        goes_on,
        compiler: compiled.compiler,
        cached: compiled.cached,
        compile_time: *compile_time,
        run_time: running.elapsed(),
    })
}

/// A component whose init has run, and that can be called.
pub struct Started {
    #[cfg_attr(not(feature = "verify"), allow(dead_code, reason = "only the verifier makes further calls"))]
    pub instance: component::Instance,
    pub bell: Bell,
    /// Whether a task or a thread of init has not ended, and waits for what does not come.
    pub goes_on: bool,
}

/// Instantiates, calls init, and takes all limits away.
#[cfg(feature = "verify")]
pub fn start(
    options: &Options,
    compiled: (&CompiledComponent, RunningCode<'_>),
    store: (&mut Store<ComponentHost>, Duration),
    calls: &[InitCall],
) -> Result<Started, ComponentRunError> {
    start_until(options, compiled, store, (calls, None)).map(|(started, _)| started)
}

/// The same; but if a core function is given that ends the run, it tells how the calls ended.
pub fn start_until(
    options: &Options,
    (compiled, code): (&CompiledComponent, RunningCode<'_>),
    (store, compile_time): (&mut Store<ComponentHost>, Duration),
    (calls, stop): (&[InitCall], Option<&StopHook>),
) -> Result<(Started, Option<Interrupted>), ComponentRunError> {
    let limits = &options.limits;
    let engine = &compiled.engine;
    task_limit::bound(store, limits.max_memory);
    let linker =
        component_linker(engine, &options.host, &compiled.component).map_err(ComponentRunError::Link)?;
    let bell = Bell::hang(store).map_err(ComponentRunError::Compile)?;
    let left = limits.timeout.map(|timeout| timeout.saturating_sub(compile_time));
    let interrupt = left.map(|left| Interrupt::after(left, engine, store));
    let ready = linker.instantiate_pre(&compiled.component).map_err(ComponentRunError::Link)?;
    let instance = instantiate(&ready, compiled, store).map_err(|error| match stop {
        Some(stop) if is_stop(&error, stop) => FreezeError::Refused(Reached.to_string()).into(),
        _ => stopped("instantiation", "failed", (&error, code), limits),
    })?;
    let mut interrupted = stop.map(|_| Interrupted { returned: calls.len(), error: None });
    let mut failed = Ok(());
    let mut made_calls = MadeCalls::default();
    for (returned, call) in calls.iter().enumerate() {
        let name = call.name();
        let absent = || ComponentRunError::MissingInit { name: name.as_str().into(), exports: Vec::new() };
        let named = (call.instance.as_deref(), call.function.as_str());
        let function = function(&instance, named, store).ok_or_else(absent)?;
        let mut results = vec![Val::Bool(false); call.results];
        let made = made_calls.make(function, (&call.arguments, &mut results), compiled.is_concurrent, store);
        match (made, stop) {
            (Ok(()), None) => call.check(&results, options.init_result)?,
            // If none comes to the place, that is what is said.
            (Ok(()), Some(_)) => failed = failed.and_then(|()| call.check(&results, options.init_result)),
            (Err(error), Some(stop)) => {
                if is_stop(&error, stop) {
                    failed?;
                }
                interrupted = Some(Interrupted { returned, error: Some(error) });
                break;
            }
            (Err(error), None) => {
                return Err(stopped(&the_function(&name), "trapped", (&error, code), limits));
            }
        }
    }
    drop(interrupt);
    let goes_on = compiled.is_concurrent && made_calls.go_on(store);
    store.set_epoch_deadline(u64::MAX / 2);
    if limits.fuel.is_some() {
        store.set_fuel(u64::MAX).map_err(ComponentRunError::Compile)?;
    }
    Ok((Started { instance, bell, goes_on }, interrupted))
}

fn stopped(
    subject: &str,
    verb: &str,
    (error, code): (&wasmtime::Error, RunningCode<'_>),
    limits: &Limits,
) -> ComponentRunError {
    let mut stop = Stop::in_component(subject, verb, (error, |module| code.find(module)), limits);
    if let Some(limit) = task_limit::reached(error, limits.max_memory) {
        stop.stage = format!("{subject} was stopped");
        stop.cause = StopCause::Tasks(limit);
    }
    ComponentRunError::Stopped(Box::new(stop))
}

fn instantiate(
    ready: &component::InstancePre<ComponentHost>,
    compiled: &CompiledComponent,
    store: &mut Store<ComponentHost>,
) -> wasmtime::Result<component::Instance> {
    match compiled.is_concurrent {
        #[cfg(feature = "component-calls")]
        true => {
            let timers = store.data().timers();
            to_its_end(ready.instantiate_async(store), &timers)
        }
        _ => ready.instantiate(store),
    }
}

/// Calls of init, each made to its end, also to what comes after it has returned.
#[derive(Default)]
struct MadeCalls {
    #[cfg(feature = "component-calls")]
    tasks: Tasks,
}

impl MadeCalls {
    fn make(
        &mut self,
        function: Func,
        (arguments, results): (&[Val], &mut [Val]),
        is_concurrent: bool,
        store: &mut Store<ComponentHost>,
    ) -> wasmtime::Result<()> {
        match is_concurrent {
            #[cfg(feature = "component-calls")]
            true => {
                self.tasks.call(function, (arguments, results), store)?;
                store.data_mut().drop_ended_streams()
            }
            _ => function.call(store, arguments, results),
        }
    }

    /// Whether one of them still goes on.
    #[cfg_attr(
        not(feature = "component-calls"),
        allow(unused_variables, clippy::unused_self, reason = "there are no tasks")
    )]
    fn go_on(&self, store: &mut Store<ComponentHost>) -> bool {
        #[cfg(feature = "component-calls")]
        return self.tasks.are_left(store);
        #[cfg(not(feature = "component-calls"))]
        false
    }
}

/// Calls a function of a component, which can have tasks beside each other or not, until it returns.
#[cfg(feature = "verify")]
pub fn make_call(
    function: Func,
    (arguments, results): (&[Val], &mut [Val]),
    is_concurrent: bool,
    store: &mut Store<ComponentHost>,
) -> wasmtime::Result<()> {
    match is_concurrent {
        #[cfg(feature = "component-calls")]
        true => {
            let timers = store.data().timers();
            let called = to_its_end(function.call_async(&mut *store, arguments, results), &timers);
            called.and_then(|()| store.data_mut().drop_ended_streams())
        }
        _ => function.call(store, arguments, results),
    }
}

/// An exported function, or one of an exported instance.
pub fn function(
    instance: &component::Instance,
    (of, function): (Option<&str>, &str),
    store: &mut Store<ComponentHost>,
) -> Option<Func> {
    let Some(of) = of else { return instance.get_func(store, function) };
    let of = instance.get_export_index(&mut *store, None, of)?;
    let function = instance.get_export_index(&mut *store, Some(&of), function)?;
    instance.get_func(store, function)
}

/// The binary of the [`Bell`].
pub fn bell() -> wasmtime::Result<Vec<u8>> {
    let wasm = wat::parse_str(format!(r#"(module (func (export "{}") unreachable))"#, Bell::EXPORT));
    wasm.map_err(|error| wasmtime::Error::msg(error.to_string()))
}

/// A little module beside the component. When it traps, the core dump names all core instances of the store, also those inside
/// of the component. No component can be called afterwards, so it rings once.
pub struct Bell(Instance);

impl Bell {
    const EXPORT: &str = "ring";

    fn hang(store: &mut Store<ComponentHost>) -> wasmtime::Result<Bell> {
        let module = wasmtime::Module::from_binary(store.engine(), &bell()?)?;
        Ok(Bell(Instance::new(store, &module, &[])?))
    }

    pub fn ring(self, store: &mut Store<ComponentHost>) -> wasmtime::Result<Vec<Instance>> {
        let function = self.0.get_func(&mut *store, Bell::EXPORT);
        let function = function.ok_or_else(|| wasmtime::Error::msg("there is no bell"))?;
        match call_core(store, function) {
            Ok(()) => Err(wasmtime::Error::msg("the bell does not ring")),
            Err(error) => match error.downcast_ref::<WasmCoreDump>() {
                Some(dump) => Ok(dump.instances().to_vec()),
                None => Err(error),
            },
        }
    }
}

/// What is made to see how many others there are.
struct Meter;

/// Handles of all component instances of the store: the lowest limit at which one more can be made, less one. No guest code
/// runs for it.
pub fn live_handles<T: Send>(store: &mut Store<T>) -> wasmtime::Result<usize> {
    let most = store.max_component_handles();
    let lowest = lowest_fitting(store, most);
    store.set_max_component_handles(most);
    Ok(lowest? - 1)
}

/// The lowest limit at which one more handle can be made. It leaves the store with another limit.
fn lowest_fitting<T: Send>(store: &mut Store<T>, most: usize) -> wasmtime::Result<usize> {
    let (mut too_low, mut enough) = (0, 1);
    while !fits(store, enough)? {
        too_low = enough;
        if enough > most {
            return Err(wasmtime::Error::msg("the handles cannot be counted"));
        }
        enough *= 2;
    }
    while too_low + 1 < enough {
        let middle = too_low + (enough - too_low) / 2;
        match fits(store, middle)? {
            true => enough = middle,
            false => too_low = middle,
        }
    }
    Ok(enough)
}

fn fits<T: Send>(store: &mut Store<T>, limit: usize) -> wasmtime::Result<bool> {
    store.set_max_component_handles(limit);
    match Resource::<Meter>::new_own(0).try_into_resource_any(&mut *store) {
        Ok(made) => drop_resource(store, made).map(|()| true),
        Err(_) => Ok(false),
    }
}
