//! Plays one sequence of calls on fresh instances of both sides.

use super::super::call_result::{CallLimit, CallResult};
use super::super::differences::Sink;
use super::super::verdict::Difference;
use super::super::{VerifyError, VerifyOptions, failure};
use super::arguments::{arguments, expect};
use super::calls::{Ended, Played, Sequence, differing_call};
use super::clock::{Clock, Shifts, WAITS};
use super::deadline::Deadline;
use super::generate::Given;
use super::numbers;
use super::running::{CUT, Running};
use super::side::Side;
use super::states::{self, AdapterStates, Compared, Shown};
use crate::component::ComponentRunError;
use crate::component::execution::{self, Bell, Started};
use crate::component::init_call::{self, InitCall, OF_INSTANCE};
use crate::component::part::RunningCode;
use crate::engine::CompiledComponent;
use crate::execute::InitResult;
use crate::host::new_component_store;
use crate::host::{ComponentCall, ComponentHost, ComponentValue, Entry, HostOptions, Ledger, Limits};
use crate::options::Options;
use preinit_core::plan::Rename;
use rand_chacha::ChaCha20Rng;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
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
    /// Who lets the clock of the snapshot go on.
    pub shifts: Shifts,
    /// When everything must be over.
    pub deadline: Deadline,
    pub options: &'o VerifyOptions,
}

/// A call that was made on both sides.
pub struct Paired {
    pub original: Ended,
    pub snapshot: Ended,
    pub differences: Vec<Difference>,
}

impl Paired {
    /// Whether something differs.
    pub fn is_different(&self) -> bool {
        self.original != self.snapshot || !self.differences.is_empty()
    }
}

impl Pair<'_, '_> {
    /// Makes the calls on both sides until one differs, and compares the states at the end.
    pub fn play(&self, sequence: &Sequence, rng: &mut ChaCha20Rng) -> Result<Played, VerifyError> {
        let mut played = Played::default();
        let (mut original, _) = self.initialized(Some(Arc::clone(&self.record)))?;
        let mut snapshot = match self.instantiated() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                played.differences.push(failure::difference("instantiate", &error)?);
                return Ok(played);
            }
        };
        let mut clock = Clock::of(&self.record, self.shifts);
        self.steps((&mut original, &mut snapshot, &mut clock), sequence, rng, &mut played)?;
        if played.differences.is_empty() && played.undecided.is_none() {
            self.compare_states((original, snapshot), &mut played)?;
        }
        Ok(played)
    }

    /// Makes calls on both sides until one differs, or they cannot go on.
    pub fn steps(
        &self,
        (original, snapshot, clock): (&mut Running, &mut Running, &mut Clock),
        sequence: &Sequence,
        rng: &mut ChaCha20Rng,
        played: &mut Played,
    ) -> Result<(), VerifyError> {
        let mut given: Vec<Given> = Vec::new();
        let mut made = Vec::new();
        for (number, call) in sequence.calls.iter().enumerate() {
            let prefix = format!("step.{number}");
            let name = self.original_name(&call.export);
            let Some(arguments) = arguments((original, &name, snapshot), call, (rng, &mut given), played)
            else {
                continue;
            };
            if played.undecided.is_some() {
                break;
            }
            let text: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            played.script.push(format!("{}({})", call.export, text.join(", ")));
            let sides = (&mut *original, &mut *snapshot, &mut *clock);
            let Some(paired) = self.call(sides, (&prefix, &call.export), &arguments, played) else { break };
            given.extend(
                original.resources[given.len()..].iter().map(|any| Given { ty: any.ty(), is_alive: true }),
            );
            made.push((name, arguments));
            let alive = (original.alive, snapshot.alive);
            if self.is_of_numbers(&prefix, (&paired, &made, alive), played)? {
                break;
            }
            if let Some(expected) = &call.expected {
                expect(&prefix, expected, &paired, played);
            }
            if !settle(&prefix, paired, played) {
                break;
            }
        }
        Ok(())
    }

    /// The original after its init, which was answered from a record if one is given, in the world of calls; and the record.
    pub fn initialized(&self, replay: Option<Arc<Ledger>>) -> Result<(Running, Arc<Ledger>), VerifyError> {
        let (_, compiled) = self.original;
        let host = self.options.init_host(replay.clone());
        let mut running = self.start(compiled, host, &self.init_calls()?)?;
        let record = replay.unwrap_or_else(|| Arc::new(running.store.data_mut().state().ledger_now()));
        running.store.data_mut().restart(&self.options.run_host(), self.digest)?;
        Ok((running, record))
    }

    /// The snapshot. It may make no host calls as it comes to be.
    pub fn instantiated(&self) -> Result<Running, ComponentRunError> {
        let host = self.options.init_host(Some(Arc::new(self.record.first(0))));
        let mut running = self.start(self.snapshot.1, host, &[])?;
        running.store.data_mut().state().answer_preopens();
        Ok(running)
    }

    /// What a call may take.
    pub fn limits(&self) -> (u64, Duration) {
        (self.options.fuel, self.deadline.left())
    }

    /// The original's name for a function of the snapshot.
    pub fn original_name(&self, export: &str) -> String {
        self.renamed(export, |rename| (&rename.dst, &rename.src))
    }

    /// The snapshot's name for a function of the original.
    pub fn snapshot_name(&self, export: &str) -> String {
        self.renamed(export, |rename| (&rename.src, &rename.dst))
    }

    /// The name of a function, in whose place, or in that of its instance, a rename has another.
    fn renamed<'r>(&'r self, export: &str, of: impl Fn(&'r Rename) -> (&'r String, &'r String)) -> String {
        let (outer, function) = match export.split_once(OF_INSTANCE) {
            Some((instance, function)) => (instance, Some(function)),
            None => (export, None),
        };
        let component = &self.original.0.component;
        let renames = self.options.renames.iter();
        let mut effective =
            renames.filter(|rename| component.exports().any(|name| name == rename.src)).map(of);
        let outer = effective.find(|(from, _)| *from == outer).map_or(outer, |(_, to)| to);
        function.map_or_else(|| outer.to_string(), |function| format!("{outer}{OF_INSTANCE}{function}"))
    }

    /// The calls that init is.
    pub fn init_calls(&self) -> Result<Vec<InitCall>, ComponentRunError> {
        let options = Options {
            init_functions: self.options.init_functions.clone(),
            default_init_functions: self.options.default_init_functions.clone(),
            at: self.options.at.clone(),
            ..Options::default()
        };
        init_call::init_calls(&options, self.original.1)
    }

    /// An instance of which these calls have been made.
    pub fn start(
        &self,
        compiled: &CompiledComponent,
        host: HostOptions,
        calls: &[InitCall],
    ) -> Result<Running, ComponentRunError> {
        self.start_within(compiled, host, calls, None)
    }

    /// The same, with so many handles at once at most.
    pub fn start_within(
        &self,
        compiled: &CompiledComponent,
        host: HostOptions,
        calls: &[InitCall],
        most_handles: Option<usize>,
    ) -> Result<Running, ComponentRunError> {
        let given = self.options.limits;
        let limits = Limits {
            max_memory: given.max_memory.saturating_add(PROBE_MEMORY),
            fuel: Some(given.fuel.filter(|_| !calls.is_empty()).unwrap_or(u64::MAX)),
            timeout: Some(given.timeout.unwrap_or(Duration::from_secs(u32::MAX.into()))),
        };
        let options = Options { host, limits, init_result: InitResult::Any, ..Options::default() };
        let mut store = new_component_store(&compiled.engine, &options.host, &limits, self.digest)?;
        if let Some(most) = most_handles {
            store.set_max_component_handles(most);
        }
        let side = if std::ptr::eq(compiled, self.snapshot.1) { self.snapshot.0 } else { self.original.0 };
        let code = RunningCode { parts: &side.parts, replaced: None };
        let Started { instance, bell, .. } =
            execution::start(&options, (compiled, code), (&mut store, Duration::ZERO), calls)?;
        store.data_mut().state().allow_growth(self.options.growth);
        let alive = execution::live_handles(&mut store).map_err(ComponentRunError::Compile)?;
        Ok(Running {
            store,
            alive,
            instance,
            bell,
            is_concurrent: compiled.is_concurrent,
            cut_imports: self.options.cut_imports.clone(),
            resources: Vec::new(),
        })
    }

    /// Makes one call on both sides. The host answers the original; the snapshot gets the same answers, at its own times. `None` if
    /// it is not known which.
    fn call(
        &self,
        (original, snapshot, clock): (&mut Running, &mut Running, &mut Clock),
        (prefix, export): (&str, &str),
        arguments: &[ComponentValue],
        played: &mut Played,
    ) -> Option<Paired> {
        let expected = original.call(&self.original_name(export), arguments, self.limits());
        if expected.is_out_of_time() {
            played.limited.push(format!("{prefix}: {}", expected.describe()));
            return None;
        }
        let (calls, host_calls) = original.take_calls();
        played.note_handles(&calls);
        let Some(answers) = clock.answers(&calls, &host_calls) else {
            played.undecided = Some(format!("{prefix}: {WAITS}"));
            return None;
        };
        snapshot.store.data_mut().state().replay_next(answers.clone());
        let mut found = snapshot.call(export, arguments, self.limits());
        let is_cut = expected == Ended::Otherwise(CallResult::Trapped(CUT.to_string()));
        if is_cut && matches!(found, Ended::Otherwise(CallResult::Trapped(_))) {
            found = expected.clone();
        }
        played.calls += 1;
        played.returned += u64::from(matches!(expected, Ended::Returned(_)));
        played.host_calls += calls.len() as u64;
        if !played.exports.iter().any(|known| known == export) {
            played.exports.push(export.to_string());
        }
        // A call that went another way has other host calls too.
        let difference = match expected == found {
            true => self.host_difference(prefix, (&calls, &answers), snapshot, clock),
            false => None,
        };
        Some(Paired { original: expected, snapshot: found, differences: difference.into_iter().collect() })
    }

    /// How the host calls of the snapshot's last call differ from the original's, as the component made them and as the host was to
    /// answer them.
    pub fn host_difference(
        &self,
        prefix: &str,
        (calls, answers): (&[ComponentCall], &[Arc<Entry>]),
        snapshot: &mut Running,
        clock: &Clock,
    ) -> Option<Difference> {
        let state = snapshot.store.data_mut().state();
        let left = state.ledger().unreplayed().unwrap_or(0);
        if left > 0 {
            let missing = answers.get(answers.len() - left).map(|entry| entry.call.to_string());
            let key = format!("{prefix}.host");
            return Some(Difference::new(key, missing.unwrap_or_default(), "no such call"));
        }
        if state.answered_preopens() {
            return None;
        }
        let (mut found, _) = snapshot.take_calls();
        found.retain(|call| clock.is_compared(call));
        let calls: Vec<ComponentCall> =
            calls.iter().filter(|call| clock.is_compared(call)).cloned().collect();
        differing_call(prefix, &calls, &found)
    }

    pub fn compare_states(
        &self,
        (mut original, mut snapshot): (Running, Running),
        played: &mut Played,
    ) -> Result<(), VerifyError> {
        let alive = (original.alive, snapshot.alive);
        let mut left_store = original.store;
        let mut right_store = snapshot.store;
        let left = ring(original.bell, &mut left_store)?;
        let right = ring(snapshot.bell, &mut right_store)?;
        original.resources.clear();
        snapshot.resources.clear();
        let (left_side, right_side) = (self.original.0, self.snapshot.0);
        let left = left_side.places(&left, &mut left_store)?;
        let right = right_side.places(&right, &mut right_store)?;
        let mut left = Shown { side: left_side, places: &left, store: &mut left_store };
        let mut right = Shown { side: right_side, places: &right, store: &mut right_store };
        let adapters = AdapterStates::of(self.options, played.calls > 0);
        let can_be_number = |key: &str| key.starts_with("memory.") || key.starts_with("global.");
        let can_be_numbers = Cell::new(false);
        let note = |key: &str| {
            can_be_numbers.set(can_be_numbers.get() || can_be_number(key));
            false
        };
        let sink = Sink::new(self.options).without(note);
        let mut compared = states::compare((&mut left, &mut right), adapters, sink)?;
        if can_be_numbers.get() && self.has_other_numbers(alive, played)? {
            played.not_compared.push(numbers::OF_STATES.to_string());
            let sink = Sink::new(self.options).without(can_be_number);
            compared = states::compare((&mut left, &mut right), adapters, sink)?;
        }
        match compared {
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

/// Rings the bell of an instance: all of its core instances.
pub fn ring(bell: Bell, store: &mut Store<ComponentHost>) -> Result<Vec<Instance>, VerifyError> {
    store.set_fuel(u64::MAX).map_err(ComponentRunError::Compile)?;
    Ok(bell.ring(store).map_err(ComponentRunError::Compile)?)
}

/// Adds what a call shows. Whether more calls can follow.
pub fn settle(prefix: &str, paired: Paired, played: &mut Played) -> bool {
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
    differences.into_iter().for_each(|difference| played.differences.push(difference));
    // Whoever traps cannot be called again.
    played.differences.is_empty() && matches!(original, Ended::Returned(_))
}
