//! Plays one sequence of calls on fresh instances of both sides.

use super::super::call_result::{CallLimit, CallResult};
use super::super::script::Expected;
use super::super::verdict::Difference;
use super::super::{VerifyError, VerifyOptions};
use super::calls::{Call, Ended, Played, Sequence, differing_call};
use super::generate::{Generator, Given};
use super::side::Side;
use super::states::{self, Compared, Shown};
use crate::component::ComponentRunError;
use crate::component::execution::{self, Bell, Started};
use crate::component::init_call::{self, OF_INSTANCE};
use crate::engine::CompiledComponent;
use crate::host::new_component_store;
use crate::host::{ComponentCall, ComponentHost, ComponentValue, Entry, Handle, HostOptions, Ledger, Limits};
use crate::literal::Literal;
use crate::options::Options;
use rand_chacha::ChaCha20Rng;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::{self, Func, ResourceAny, Type, Val};
use wasmtime::{Instance, Store};

/// Memory that each side may use in addition to what init may: for probes, which differ a little.
const PROBE_MEMORY: u64 = 64 << 20;

/// Both sides on one engine.
pub struct Pair<'p, 'o> {
    pub original: (&'p Side<'p>, &'p CompiledComponent),
    pub snapshot: (&'p Side<'p>, &'p CompiledComponent),
    /// Of the original's bytes.
    pub digest: [u8; 32],
    /// The host calls of init.
    pub record: Arc<Ledger>,
    pub options: &'o VerifyOptions,
}

/// An instance that can be called.
struct Running {
    store: Store<ComponentHost>,
    instance: component::Instance,
    bell: Bell,
    /// Resources that calls have given, in order.
    resources: Vec<ResourceAny>,
}

/// A call that was made on both sides.
struct Paired {
    original: Ended,
    snapshot: Ended,
    differences: Vec<Difference>,
}

impl Pair<'_, '_> {
    /// Makes the calls on both sides until one differs, and compares the states at the end.
    pub fn play(&self, sequence: &Sequence, rng: &mut ChaCha20Rng) -> Result<Played, VerifyError> {
        let mut played = Played::default();
        let mut original = self.initialized()?;
        let mut snapshot = match self.instantiated() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                played.differences.push(Difference::new("instantiate", "no error", error));
                return Ok(played);
            }
        };
        let mut given: Vec<Given> = Vec::new();
        for (number, call) in sequence.calls.iter().enumerate() {
            let prefix = format!("step.{number}");
            let Some(arguments) = arguments(&mut original, call, (rng, &mut given), &mut played) else {
                continue;
            };
            if played.undecided.is_some() {
                break;
            }
            let text: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            played.script.push(format!("{}({})", call.export, text.join(", ")));
            let paired =
                self.call((&mut original, &mut snapshot), (&prefix, &call.export), &arguments, &mut played);
            given.extend(
                original.resources[given.len()..].iter().map(|any| Given { ty: any.ty(), is_alive: true }),
            );
            if let Some(expected) = &call.expected {
                expect(&prefix, expected, &paired, &mut played);
            }
            if !settle(&prefix, paired, &mut played) {
                break;
            }
        }
        if played.differences.is_empty() && played.undecided.is_none() {
            self.compare_states((original, snapshot), &mut played)?;
        }
        Ok(played)
    }

    /// The original after its init, in a new world.
    fn initialized(&self) -> Result<Running, VerifyError> {
        let (_, compiled) = self.original;
        let host = self.options.init_host(Some(Arc::clone(&self.record)));
        let mut running = self.start(compiled, host, true)?;
        running.store.data_mut().restart(&self.options.run_host(), self.digest)?;
        Ok(running)
    }

    /// The snapshot. It may make no host calls as it comes to be.
    fn instantiated(&self) -> Result<Running, ComponentRunError> {
        let host = self.options.init_host(Some(Arc::new(self.record.first(0))));
        let mut running = self.start(self.snapshot.1, host, false)?;
        running.store.data_mut().state().answer_preopens();
        Ok(running)
    }

    fn start(
        &self,
        compiled: &CompiledComponent,
        host: HostOptions,
        with_init: bool,
    ) -> Result<Running, ComponentRunError> {
        let given = self.options.limits;
        let limits = Limits {
            max_memory: given.max_memory.saturating_add(PROBE_MEMORY),
            fuel: Some(given.fuel.filter(|_| with_init).unwrap_or(u64::MAX)),
            timeout: Some(given.timeout.unwrap_or(Duration::from_secs(u32::MAX.into()))),
        };
        let options = Options {
            init_functions: self.options.init_functions.clone(),
            default_init_functions: self.options.default_init_functions.clone(),
            host,
            limits,
            ..Options::default()
        };
        let mut store = new_component_store(&compiled.engine, &options.host, &limits, self.digest)?;
        let calls = if with_init { init_call::init_calls(&options, compiled)? } else { Vec::new() };
        let Started { instance, bell } =
            execution::start(&options, compiled, (&mut store, Duration::ZERO), &calls)?;
        store.data_mut().state().allow_growth(self.options.growth);
        Ok(Running { store, instance, bell, resources: Vec::new() })
    }

    /// Makes one call on both sides. The host answers the original; the snapshot gets the same answers.
    fn call(
        &self,
        (original, snapshot): (&mut Running, &mut Running),
        (prefix, export): (&str, &str),
        arguments: &[ComponentValue],
        played: &mut Played,
    ) -> Paired {
        let expected = original.call(export, arguments, self.options.fuel);
        let (calls, host_calls) = original.take_calls();
        snapshot.store.data_mut().state().replay_next(host_calls.clone());
        let found = snapshot.call(export, arguments, self.options.fuel);
        let left = snapshot.store.data_mut().state().ledger().unreplayed().unwrap_or(0);
        let (found_calls, _) = snapshot.take_calls();
        played.calls += 1;
        played.returned += u64::from(matches!(expected, Ended::Returned(_)));
        played.host_calls += calls.len() as u64;
        if !played.exports.iter().any(|known| known == export) {
            played.exports.push(export.to_string());
        }
        let mut differences = Vec::new();
        // A call that went another way has other host calls too.
        if expected == found {
            if left > 0 {
                let missing = host_calls.get(host_calls.len() - left).map(|entry| entry.call.to_string());
                let key = format!("{prefix}.host");
                differences.push(Difference::new(key, missing.unwrap_or_default(), "no such call"));
            } else if !snapshot.store.data_mut().state().answered_preopens() {
                differences.extend(differing_call(prefix, &calls, &found_calls));
            }
        }
        Paired { original: expected, snapshot: found, differences }
    }

    fn compare_states(
        &self,
        (mut original, mut snapshot): (Running, Running),
        played: &mut Played,
    ) -> Result<(), VerifyError> {
        let mut left_store = original.store;
        let mut right_store = snapshot.store;
        let ring = |bell: Bell, store: &mut Store<ComponentHost>| -> Result<Vec<Instance>, VerifyError> {
            store.set_fuel(u64::MAX).map_err(ComponentRunError::Compile)?;
            Ok(bell.ring(store).map_err(ComponentRunError::Compile)?)
        };
        let left = ring(original.bell, &mut left_store)?;
        let right = ring(snapshot.bell, &mut right_store)?;
        original.resources.clear();
        snapshot.resources.clear();
        let (left_side, right_side) = (self.original.0, self.snapshot.0);
        let mut left = Shown {
            side: left_side,
            places: left_side.places(&left, &mut left_store)?,
            store: &mut left_store,
        };
        let mut right = Shown {
            side: right_side,
            places: right_side.places(&right, &mut right_store)?,
            store: &mut right_store,
        };
        match states::compare((&mut left, &mut right), played.calls > 0)? {
            Compared::States { differences, coverage, not_compared } => {
                played.differences.extend(differences);
                played.state = coverage;
                played.not_compared.extend(not_compared);
            }
            Compared::Not => {
                let what = "the state after calls in which the adapter from preview 1 took its handles anew";
                played.not_compared.push(what.to_string());
            }
        }
        Ok(())
    }
}

/// The arguments of a call; `None` if none can be made.
fn arguments(
    original: &mut Running,
    call: &Call,
    (rng, given): (&mut ChaCha20Rng, &mut Vec<Given>),
    played: &mut Played,
) -> Option<Vec<ComponentValue>> {
    let Some(function) = original.function(&call.export) else {
        let key = format!("export.{}", call.export);
        if call.arguments.is_none() {
            played.differences.push(Difference::new(key, "none", "a function"));
        } else {
            played.undecided = Some(format!("there is no exported function `{}`", call.export));
        }
        return None;
    };
    let types: Vec<Type> = function.ty(&original.store).params().map(|(_, ty)| ty).collect();
    match &call.arguments {
        None => {
            let before = given.clone();
            let mut generator = Generator { rng, given: &mut *given };
            let made = types.iter().map(|ty| generator.value(ty, 0)).collect();
            if Option::<&Vec<ComponentValue>>::is_none(&Option::as_ref(&made)) {
                *given = before;
            }
            made
        }
        Some(typed) => {
            let fitting = typed.iter().zip(&types).map(|(literal, ty)| value(literal, ty));
            let values: Option<Vec<ComponentValue>> = fitting.collect();
            let values = values.filter(|_| typed.len() == types.len());
            if values.is_none() {
                played.undecided = Some(format!("the arguments do not fit `{}`", call.export));
            }
            values
        }
    }
}

/// What was typed, as a value of this type.
fn value(literal: &Literal, ty: &Type) -> Option<ComponentValue> {
    let Literal::Integer { negative, magnitude } = literal else {
        return match (literal, ty) {
            (Literal::Text(bytes), Type::String) => {
                String::from_utf8(bytes.clone()).ok().map(ComponentValue::Text)
            }
            (Literal::Text(bytes), Type::List(list)) if matches!(list.ty(), Type::U8) => {
                Some(ComponentValue::Bytes(bytes.clone()))
            }
            (Literal::Float(text), Type::Float32) => {
                text.parse::<f32>().ok().map(|value| ComponentValue::Float32(value.to_bits()))
            }
            (Literal::Float(text), Type::Float64) => {
                text.parse::<f64>().ok().map(|value| ComponentValue::Float64(value.to_bits()))
            }
            _ => None,
        };
    };
    let number = i128::try_from(*magnitude).ok()?;
    let number = if *negative { -number } else { number };
    Some(match ty {
        Type::Bool => ComponentValue::Bool(number == 1),
        Type::S8 => ComponentValue::S8(number.try_into().ok()?),
        Type::U8 => ComponentValue::U8(number.try_into().ok()?),
        Type::S16 => ComponentValue::S16(number.try_into().ok()?),
        Type::U16 => ComponentValue::U16(number.try_into().ok()?),
        Type::S32 => ComponentValue::S32(number.try_into().ok()?),
        Type::U32 => ComponentValue::U32(number.try_into().ok()?),
        Type::S64 => ComponentValue::S64(number.try_into().ok()?),
        Type::U64 => ComponentValue::U64(number.try_into().ok()?),
        Type::Float32 => ComponentValue::Float32((number as f32).to_bits()),
        Type::Float64 => ComponentValue::Float64((number as f64).to_bits()),
        _ => return None,
    })
}

/// Compares how a call ended with what a script expects. Only plain results can be typed.
fn expect(prefix: &str, expected: &Expected, paired: &Paired, played: &mut Played) {
    for (side, ended) in [("original", &paired.original), ("snapshot", &paired.snapshot)] {
        let is_expected = match (expected, ended) {
            (Expected::Trap, Ended::Otherwise(CallResult::Trapped(_))) => true,
            (Expected::Exit(code), Ended::Otherwise(CallResult::Exited(found))) => code == found,
            (Expected::Results(wanted), Ended::Returned(found)) => {
                wanted.len() == found.len()
                    && wanted.iter().zip(found).all(|(wanted, found)| is_value(wanted, found))
            }
            _ => false,
        };
        if !is_expected {
            let key = format!("{prefix}.expected.{side}");
            played.differences.push(Difference::new(key, "what the script expects", ended.describe()));
        }
    }
}

fn is_value(wanted: &Literal, found: &ComponentValue) -> bool {
    match wanted {
        Literal::Integer { negative, magnitude } => {
            let sign = if *negative { "-" } else { "" };
            found.to_string() == format!("{sign}{magnitude}")
        }
        Literal::Text(bytes) => match found {
            ComponentValue::Text(text) => text.as_bytes() == bytes,
            ComponentValue::Bytes(found) => found == bytes,
            _ => false,
        },
        _ => false,
    }
}

/// Adds what a call shows. Whether more calls can follow.
fn settle(prefix: &str, paired: Paired, played: &mut Played) -> bool {
    let Paired { original, snapshot, differences } = paired;
    match (original.limit(), snapshot.limit()) {
        (Some(left), Some(right)) if left == right => {
            played.limited.push(format!("{prefix}: {}", left.describe()));
            return false;
        }
        // Where one side only comes to the machine's own limits, that says nothing about the snapshot.
        (Some(limit), None) | (None, Some(limit)) if *limit != CallLimit::Fuel => {
            played.undecided = Some(format!("{prefix}: {} on one side", limit.describe()));
            return false;
        }
        _ => {}
    }
    if original != snapshot {
        let key = format!("{prefix}.result");
        played.differences.push(Difference::new(key, original.describe(), snapshot.describe()));
    }
    played.differences.extend(differences);
    // Whoever traps cannot be called again.
    played.differences.is_empty() && matches!(original, Ended::Returned(_))
}

impl Running {
    fn function(&mut self, export: &str) -> Option<Func> {
        let named = match export.split_once(OF_INSTANCE) {
            Some((of, function)) => (Some(of), function),
            None => (None, export),
        };
        execution::function(&self.instance, named, &mut self.store)
    }

    fn call(&mut self, export: &str, arguments: &[ComponentValue], fuel: u64) -> Ended {
        let Some(function) = self.function(export) else {
            return Ended::Otherwise(CallResult::Trapped("there is no such export".to_string()));
        };
        match self.try_call(function, arguments, fuel) {
            Ok(values) => Ended::Returned(values),
            Err(error) => Ended::Otherwise(CallResult::of_error(&error)),
        }
    }

    fn try_call(
        &mut self,
        function: Func,
        arguments: &[ComponentValue],
        fuel: u64,
    ) -> wasmtime::Result<Vec<ComponentValue>> {
        let Running { store, resources, .. } = self;
        let mut given = |handle: Handle| {
            let found = resources.get(handle.number as usize).copied();
            found.ok_or_else(|| wasmtime::Error::msg("there is no such resource"))
        };
        let arguments: Vec<Val> =
            arguments.iter().map(|value| value.to_val(&mut given)).collect::<wasmtime::Result<_>>()?;
        let mut results: Vec<Val> = function.ty(&*store).results().map(|_| Val::Bool(false)).collect();
        store.set_fuel(fuel)?;
        function.call(&mut *store, &arguments, &mut results)?;
        let mut numbered = |any: ResourceAny| {
            resources.push(any);
            Ok(Handle { kind: "resource", number: resources.len() as u32 - 1 })
        };
        results.iter().map(|value| ComponentValue::of(value, &mut numbered)).collect()
    }

    /// The host calls since the last time: as the component made them, and as preview 1 answered them.
    fn take_calls(&mut self) -> (Vec<ComponentCall>, Vec<Arc<Entry>>) {
        let state = self.store.data_mut().state();
        let calls = state.ledger().component_calls().to_vec();
        (calls, state.take_calls())
    }
}
