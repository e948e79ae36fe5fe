//! Engines by other people. What an instance of the original did on wasmtime is played on the snapshot there: the same
//! calls, with the host's answers from the record.
//!
//! They choose their own NaN payloads and have their own words for traps, and what a reference points to cannot be seen
//! through them. So they are compared with tolerances, see [`TOLERANCES`]; and what differs only counts if the
//! engine, given the original and its init, does not differ in the same way.

mod answers;
mod interpreter;
#[cfg(test)]
mod tests;
mod tolerance;
mod v8;

use super::pattern::Pattern;
use super::play::{Turn, call_key};
use super::side::{Ending, Side};
use super::state;
use super::verdict::Difference;
use crate::host::Entry;
use crate::instance::CaptureError;
use preinit_core::module::{Module, is_function};
use preinit_core::probe::{Probe, ProbeOptions, Probed};
use preinit_core::snapshot::{GlobalState, Value};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use wasmparser::{FuncType, TypeRef, ValType};

pub(super) use tolerance::TOLERANCES;

/// An engine that is not wasmtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherEngine {
    /// The interpreter of the crate `wasmi`.
    Wasmi,
    /// V8, in the `node` that is found: version 24 or newer knows the current proposals.
    V8,
}

impl OtherEngine {
    /// For reports.
    pub fn name(self) -> &'static str {
        match self {
            OtherEngine::Wasmi => "wasmi",
            OtherEngine::V8 => "v8",
        }
    }

    /// A module, ready to be instantiated any number of times.
    ///
    /// # Errors
    /// Why this engine cannot run it.
    pub(super) fn load(self, module: &Module<'_>) -> Result<Box<dyn Machine>, String> {
        let exposed = Exposed::new(module)?;
        Ok(match self {
            OtherEngine::Wasmi => Box::new(interpreter::Interpreter::new(exposed)?),
            OtherEngine::V8 => Box::new(v8::V8::new(exposed)?),
        })
    }
}

/// A module whose whole state is exported.
pub(super) struct Exposed {
    pub wasm: Vec<u8>,
    /// Exports of the globals, by index.
    pub globals: Vec<String>,
    pub global_types: Vec<ValType>,
    /// Exports of the memories, by index.
    pub memories: Vec<String>,
    /// The exported functions.
    pub exports: HashMap<String, FuncType>,
    /// The imported functions: module, name and type.
    pub imports: Vec<(String, String, FuncType)>,
}

impl Exposed {
    fn new(module: &Module<'_>) -> Result<Exposed, String> {
        let options =
            ProbeOptions { leaves_nothing_to_host: true, ends_waits: true, ..ProbeOptions::default() };
        let probed = Probed::with(module, &options).map_err(|error| error.to_string())?;
        if tolerance::has_relaxed_simd(&probed.wasm) {
            return Err("the module uses relaxed SIMD, whose results are the engine's choice".to_string());
        }
        let exported = |export: &wasmparser::Export<'_>| {
            let ty = is_function(export.kind).then(|| module.signature(export.index)).flatten()?;
            Some((export.name.to_string(), ty.clone()))
        };
        let mut imports = Vec::new();
        for (index, import) in module.imports.iter().enumerate() {
            let ty = matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_))
                .then(|| module.signature(imports.len() as u32));
            let Some(Some(ty)) = ty else {
                return Err(format!(
                    "import {index}, `{}.{}`, cannot be provided there",
                    import.module, import.name
                ));
            };
            imports.push((import.module.to_string(), import.name.to_string(), ty.clone()));
        }
        let names = |count: usize, probe: fn(u32) -> Probe| {
            (0..count as u32).map(|index| probed.export_name(probe(index))).collect()
        };
        Ok(Exposed {
            globals: names(module.globals.len(), Probe::Global),
            global_types: module.globals.iter().map(|global| global.ty.content_type).collect(),
            memories: names(module.memories.len(), Probe::Memory),
            exports: module.exports.iter().filter_map(exported).collect(),
            imports,
            wasm: probed.wasm,
        })
    }
}

/// A module on another engine.
pub(super) trait Machine {
    /// From now on, host calls must be these and are answered as these were.
    fn answer_with(&mut self, calls: &[Arc<Entry>]) -> Result<(), Failure>;

    /// Makes a fresh instance, in the place of the last.
    fn instantiate(&mut self) -> Result<Reply, Failure>;

    /// Calls an export.
    fn call(&mut self, export: &str, arguments: &[Value]) -> Result<Reply, Failure>;

    /// Writes into the first memory.
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Failure>;

    /// How many of the host calls were made.
    fn answered(&mut self) -> Result<usize, Failure>;

    /// All memories and globals.
    fn state(&mut self) -> Result<State, Failure>;
}

/// How a call ended.
#[derive(Debug)]
pub(super) enum Reply {
    /// With results.
    Returned(Vec<Seen>),
    /// With a trap, an exception, or because the host said so.
    Ended(String),
    /// At a bound of the engine, which says nothing about the guest.
    Exhausted(String),
    /// It made a host call that is not recorded.
    Diverged(String),
}

/// A value; of references only whether they are null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Value(Value),
    Reference,
    /// The engine does not show values of this type.
    Hidden,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::Value(value) => value.fmt(f),
            Seen::Reference => f.write_str("a reference"),
            Seen::Hidden => f.write_str("a hidden value"),
        }
    }
}

/// The state of an instance.
pub(super) struct State {
    pub memories: Vec<Vec<u8>>,
    pub globals: Vec<Seen>,
}

/// Why a machine does not go on.
#[derive(Debug)]
pub(super) struct Failure(pub String);

/// What came of playing turns on another engine.
pub(super) enum Outcome {
    /// The same, up to the tolerances.
    Same,
    /// This differs.
    Different(Difference),
    /// The engine could not be brought to the end.
    Stopped(String),
}

/// Plays what `leader` has done since its init, on an instance that is behind init too.
pub(super) fn play(
    machine: &mut dyn Machine,
    turns: &[Turn],
    leader: &mut Side<'_>,
    name: impl Fn(&str) -> String,
    ignore: &[Pattern],
) -> Result<Outcome, CaptureError> {
    let ignored = |key: &str| ignore.iter().any(|pattern| pattern.matches_key(key));
    let mut last = String::new();
    for turn in turns {
        // Where the leader was stopped nothing is known of what others do, nor of what comes then.
        if matches!(turn, Turn::Call { ending: Ending::Stopped(_), .. }) {
            return Ok(Outcome::Same);
        }
        match machine.turn(turn, &name) {
            Ok(None) => {}
            Ok(Some(difference)) if ignored(&difference.key) => {}
            Ok(Some(difference)) => return Ok(Outcome::Different(difference)),
            Err(Failure(why)) => return Ok(Outcome::Stopped(why)),
        }
        if let Turn::Call { prefix, .. } = turn {
            last = format!("{prefix}.");
        }
    }
    let state = match machine.state() {
        Ok(state) => state,
        Err(Failure(why)) => return Ok(Outcome::Stopped(why)),
    };
    let mut differences = compare(&state, leader)?.into_iter();
    let difference = differences.find(|difference| !ignored(&difference.key));
    Ok(match difference {
        None => Outcome::Same,
        Some(difference) => {
            Outcome::Different(Difference { key: format!("{last}{}", difference.key), ..difference })
        }
    })
}

impl dyn Machine + '_ {
    fn turn(&mut self, turn: &Turn, name: impl Fn(&str) -> String) -> Result<Option<Difference>, Failure> {
        let (prefix, export, arguments, ending, calls) = match turn {
            Turn::Write { address, bytes } => return self.write(*address, bytes).map(|()| None),
            Turn::Call { prefix, export, arguments, ending, calls } => {
                (prefix, export, arguments, ending, calls)
            }
        };
        self.answer_with(calls)?;
        let reply = self.call(&name(export), arguments)?;
        let made = self.answered()?;
        let recorded = calls.get(made);
        let otherwise = |how: String| {
            let recorded = recorded.map_or("no call".to_string(), |entry| entry.call.to_string());
            Difference::new(call_key(prefix, made, calls.get(made)), recorded, how)
        };
        let result = |seen: String| Difference::new(format!("{prefix}.result"), ending.describe(), seen);
        let list = |results: &[Seen]| match results {
            [] => "nothing".to_string(),
            results => results.iter().map(Seen::to_string).collect::<Vec<_>>().join(", "),
        };
        Ok(match (ending, reply) {
            (_, Reply::Exhausted(why)) => return Err(Failure(why)),
            (_, Reply::Diverged(called)) => Some(otherwise(called)),
            _ if recorded.is_some() => Some(otherwise("no call".to_string())),
            (Ending::Returned(expected, _), Reply::Returned(results)) => {
                let same = expected.len() == results.len()
                    && expected.iter().zip(&results).all(|(expected, seen)| tolerance::same(expected, seen));
                (!same).then(|| result(list(&results)))
            }
            (Ending::Returned(..), Reply::Ended(how)) => Some(result(how)),
            (_, Reply::Returned(results)) => Some(result(list(&results))),
            (_, Reply::Ended(_)) => None,
        })
    }
}

fn compare(state: &State, leader: &mut Side<'_>) -> Result<Vec<Difference>, CaptureError> {
    let outline = leader.outline()?;
    let globals = outline.globals.iter().zip(&state.globals).enumerate();
    let differing = globals.filter(|(_, (expected, seen))| !tolerance::same(&expected.value, seen));
    let difference = |(index, (expected, seen)): (_, (&GlobalState, &Seen))| {
        Difference::new(format!("global.{index}"), expected.value, seen)
    };
    let mut differences: Vec<Difference> = differing.map(difference).collect();
    for (index, (expected, seen)) in leader.memories.iter().zip(&state.memories).enumerate() {
        let (expected, _) = state::bytes(leader, expected)?;
        if expected.len() != seen.len() {
            let bytes = |len: usize| format!("{len} bytes");
            let key = format!("memory.{index}.size");
            differences.push(Difference::new(key, bytes(expected.len()), bytes(seen.len())));
        }
        for range in state::differing(&expected, seen) {
            if tolerance::only_nans(&expected, seen, &range) {
                continue;
            }
            let key = format!("memory.{index}.{:#x}", range.start);
            let (left, right) = (state::hex(&expected[range.clone()]), state::hex(&seen[range]));
            differences.push(Difference::new(key, left, right));
        }
    }
    Ok(differences)
}

/// Brings a machine that was loaded with the original behind its init.
pub(super) fn lead(machine: &mut dyn Machine, init: &[String], calls: &[Arc<Entry>]) -> Result<(), Failure> {
    lead_in(machine, init, calls)?;
    match machine.answered()? {
        made if made == calls.len() => Ok(()),
        made => Err(Failure(format!("init makes {made} of {} host calls", calls.len()))),
    }
}

/// Instantiates a machine and calls these exports, with the answers of `calls`, all of which need not be made.
pub(super) fn lead_in(
    machine: &mut dyn Machine,
    exports: &[String],
    calls: &[Arc<Entry>],
) -> Result<(), Failure> {
    machine.answer_with(calls)?;
    ended("the start function", machine.instantiate()?)?;
    for name in exports {
        ended(name, machine.call(name, &[])?)?;
    }
    Ok(())
}

fn ended(what: &str, reply: Reply) -> Result<(), Failure> {
    match reply {
        Reply::Returned(_) => Ok(()),
        Reply::Ended(how) | Reply::Exhausted(how) => Err(Failure(format!("{what} ends with {how}"))),
        Reply::Diverged(called) => Err(Failure(format!("{what} calls {called}"))),
    }
}
