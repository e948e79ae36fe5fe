//! Sequences of calls, and what comes of one.

use super::super::call_result::{CallLimit, CallResult};
use super::super::differences::Differences;
use super::super::script::{Expected, Script};
use super::super::verdict::{Difference, StateCoverage};
use crate::host::{ComponentCall, ComponentValue};
use crate::literal::Literal;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use std::collections::BTreeMap;

/// Calls on instances of their own.
#[derive(Debug, Clone, Default)]
pub struct Sequence {
    pub calls: Vec<Call>,
}

/// A call of an export.
#[derive(Debug, Clone)]
pub struct Call {
    pub export: String,
    /// What was typed; `None` for arguments that are made.
    pub arguments: Option<Vec<Literal>>,
    pub expected: Option<Expected>,
}

impl Call {
    fn generated(export: &str) -> Call {
        Call { export: export.to_string(), arguments: None, expected: None }
    }
}

impl Sequence {
    /// The scripts that were given.
    pub fn given(scripts: &[Script]) -> Vec<Sequence> {
        let call = |step: &super::super::script::Step| Call {
            export: step.export.clone(),
            arguments: Some(step.arguments.clone()),
            expected: step.expected.clone(),
        };
        scripts.iter().map(|script| Sequence { calls: script.steps.iter().map(call).collect() }).collect()
    }

    /// Sequences that together call every export once. What makes resources comes first.
    pub fn of_all(exports: &[String], depth: usize) -> Vec<Sequence> {
        let mut exports: Vec<&String> = exports.iter().collect();
        exports.sort_by_key(|export| !export.contains("[constructor]"));
        let sequence = |exports: &[&String]| Sequence {
            calls: exports.iter().map(|export| Call::generated(export)).collect(),
        };
        exports.chunks(depth.max(1)).map(sequence).collect()
    }

    pub fn random(exports: &[String], depth: usize, rng: &mut ChaCha20Rng) -> Sequence {
        let mut below = |bound: usize| (rng.next_u64() % bound.max(1) as u64) as usize;
        let len = 1 + below(depth);
        let calls = (0..len).filter_map(|_| exports.get(below(exports.len())));
        Sequence { calls: calls.map(|export| Call::generated(export)).collect() }
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    Returned(Vec<ComponentValue>),
    Otherwise(CallResult),
}

impl Ended {
    pub fn describe(&self) -> String {
        match self {
            Ended::Returned(values) => match values.as_slice() {
                [] => "nothing".to_string(),
                values => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            },
            Ended::Otherwise(result) => result.describe(),
        }
    }

    /// Whether the time limit of all calls ended it.
    pub fn is_out_of_time(&self) -> bool {
        self.limit() == Some(&CallLimit::Time)
    }

    /// The limit that ended it.
    pub fn limit(&self) -> Option<&CallLimit> {
        match self {
            Ended::Otherwise(CallResult::Stopped(limit)) => Some(limit),
            _ => None,
        }
    }
}

/// What came of a sequence.
#[derive(Debug, Default)]
pub struct Played {
    pub differences: Differences,
    /// Why it is not known what the last call does.
    pub undecided: Option<String>,
    /// The calls that were made, as text.
    pub script: Vec<String>,
    pub exports: Vec<String>,
    pub calls: u64,
    pub returned: u64,
    pub host_calls: u64,
    /// Whether a host call has given a handle.
    pub is_given_handles: bool,
    /// Calls that ended at the same limit on both sides.
    pub limited: Vec<String>,
    /// The size of the states that were compared at the end.
    pub state: StateCoverage,
    pub not_compared: Vec<String>,
}

impl Played {
    /// Takes note of the host calls of a call.
    pub fn note_handles(&mut self, calls: &[ComponentCall]) {
        for mut value in calls.iter().filter_map(|call| call.result.clone()) {
            value.each_handle(&mut |_| self.is_given_handles = true);
        }
    }
}

/// The first call that is not the same.
pub fn differing_call(prefix: &str, left: &[ComponentCall], right: &[ComponentCall]) -> Option<Difference> {
    let [left, right] = [left, right].map(numbered_anew);
    let at = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
    let text = |call: Option<&ComponentCall>| call.map_or("no such call".to_string(), ToString::to_string);
    (at < left.len().max(right.len()))
        .then(|| Difference::new(format!("{prefix}.host.{at}"), text(left.get(at)), text(right.get(at))))
}

/// The calls with resources numbered in the order in which they appear: one side may have made and dropped others before.
fn numbered_anew(calls: &[ComponentCall]) -> Vec<ComponentCall> {
    let mut numbers = BTreeMap::new();
    let mut calls: Vec<ComponentCall> =
        calls.iter().filter(|call| !hands_out_stream(call)).cloned().collect();
    for value in calls.iter_mut().flat_map(|call| call.args.iter_mut().chain(&mut call.result)) {
        value.each_handle(&mut |handle| {
            let next = numbers.len() as u32;
            handle.number = *numbers.entry((handle.kind, handle.number)).or_insert(next);
        });
    }
    calls
}

/// Whether a call does nothing but hand out a standard stream. An adapter whose state is forgotten asks for them once more.
fn hands_out_stream(call: &ComponentCall) -> bool {
    let function = ["get-stdin", "get-stdout", "get-stderr"].contains(&call.import.name.as_str());
    function && call.import.module.starts_with("wasi:cli/std")
}
