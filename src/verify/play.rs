//! Plays a script on both sides in lock step and compares after every step.

use super::allocate::Allocator;
use super::pattern::Pattern;
use super::script::{Expected, Literal, Script, Step};
use super::side::{Ending, Side, Stop};
use super::state;
use super::structure::original_name;
use super::value;
use super::verdict::Difference;
use crate::host::Entry;
use crate::instance::CaptureError;
use preinit_core::plan::Rename;
use preinit_core::snapshot::Value;
use std::sync::Arc;
use wasmparser::ValType;

/// Both sides, in the same state unless something was found.
pub(super) struct Duel<'a, 's, 'o> {
    pub leader: Side<'a>,
    pub follower: Side<'s>,
    pub renames: &'o [Rename],
    pub ignore: &'o [Pattern],
    /// Fuel for one call.
    pub fuel: u64,
}

/// What came of a script.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// Differences at the step at which the game ended.
    pub differences: Vec<Difference>,
    /// Why it is not known what a step does.
    pub undecided: Option<String>,
    /// Steps that were played.
    pub steps: usize,
    pub calls: u64,
    pub returned: u64,
    pub cut_short: u64,
    pub host_calls: u64,
    /// Steps that both sides ended at a bound.
    pub cut: Vec<String>,
    pub exports: Vec<String>,
    /// What was done to the leader, for engines that are not played in lock step.
    pub turns: Vec<Turn>,
}

/// Something that was done to the leader.
#[derive(Debug, Clone)]
pub(super) enum Turn {
    /// A call of an export, under its name in the snapshot; the host calls that it made; and what differences at it are
    /// called.
    Call { prefix: String, export: String, arguments: Vec<Value>, ending: Ending, calls: Vec<Arc<Entry>> },
    /// Bytes that were written into the first memory.
    Write { address: u64, bytes: Vec<u8> },
}

/// A call on both sides.
struct Exchange {
    left: Ending,
    right: Ending,
    differences: Vec<Difference>,
}

impl Duel<'_, '_, '_> {
    /// Plays until the end, the first difference, or a step that leaves nothing to go on from.
    pub fn play(&mut self, script: &Script, played: &mut Played) -> Result<(), CaptureError> {
        for (index, step) in script.steps.iter().enumerate() {
            let goes_on = self.step(index, step, played)?;
            played.steps = index + 1;
            if !goes_on || !played.differences.is_empty() || played.undecided.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn step(&mut self, index: usize, step: &Step, played: &mut Played) -> Result<bool, CaptureError> {
        let prefix = format!("step.{index}");
        let arguments = match self.arguments(&prefix, step, played)? {
            Ok(arguments) => arguments,
            Err(why) => {
                if played.differences.is_empty() {
                    played.undecided.get_or_insert(format!("{prefix}, {step}: {why}"));
                }
                return Ok(false);
            }
        };
        if !played.exports.contains(&step.export) {
            played.exports.push(step.export.clone());
        }
        let exchange = self.exchange(&prefix, &step.export, &arguments, played);
        if let Some(expected) = &step.expected {
            self.expect(&prefix, &step.export, expected, &exchange, played);
        }
        self.settle(&prefix, step, exchange, played)
    }

    /// Makes one call on both sides: the leader's host answers, the follower gets the same answers.
    fn exchange(&mut self, prefix: &str, export: &str, arguments: &[Value], played: &mut Played) -> Exchange {
        let left = self.leader.call(original_name(self.renames, export), arguments, self.fuel);
        self.follow(prefix, export, arguments, left, played)
    }

    /// A call without arguments that the leader has made already; the follower makes it now. Whether there can be others
    /// behind it.
    pub fn catch_up(
        &mut self,
        prefix: &str,
        export: &str,
        left: Ending,
        played: &mut Played,
    ) -> Result<bool, CaptureError> {
        let exchange = self.follow(prefix, export, &[], left, played);
        let step = Step { export: export.to_string(), arguments: Vec::new(), expected: None };
        self.settle(prefix, &step, exchange, played)
    }

    fn follow(
        &mut self,
        prefix: &str,
        export: &str,
        arguments: &[Value],
        left: Ending,
        played: &mut Played,
    ) -> Exchange {
        let calls = self.leader.take_calls();
        played.calls += 1;
        played.host_calls += calls.len() as u64;
        self.follower.host().replay_next(calls.clone());
        let right = self.follower.call(export, arguments, self.fuel);
        let made = self.follower.take_calls().len();

        let mut differences = Vec::new();
        // A leader whose time was over, or that has spent fuel before the calls that are compared, might have made one more.
        let cut_short = match &left {
            Ending::Stopped(Stop::Time) => true,
            Ending::Stopped(Stop::Fuel) => self.fuel == u64::MAX,
            _ => false,
        };
        if let Ending::Diverged(diverged) = &right {
            let recorded = diverged.recorded.clone().unwrap_or_else(|| "no call".to_string());
            let key = call_key(prefix, diverged.index, calls.get(diverged.index));
            if !(cut_short && diverged.recorded.is_none()) {
                differences.push(Difference::new(key, recorded, &diverged.called));
            }
        } else if let Some(missing) = calls.get(made)
            && !matches!(right, Ending::Stopped(_))
        {
            let key = call_key(prefix, made, Some(missing));
            differences.push(Difference::new(key, &missing.call, "no call"));
        }
        played.turns.push(Turn::Call {
            prefix: prefix.to_string(),
            export: export.to_string(),
            arguments: arguments.to_vec(),
            ending: left.clone(),
            calls,
        });
        Exchange { left, right, differences }
    }

    /// Judges a call and compares the states behind it. Whether the script can go on.
    fn settle(
        &mut self,
        prefix: &str,
        step: &Step,
        exchange: Exchange,
        played: &mut Played,
    ) -> Result<bool, CaptureError> {
        let Exchange { left, right, differences } = exchange;
        played.differences.extend(differences);
        if !played.differences.is_empty() {
            return Ok(false);
        }
        let bound = |ending: &Ending| match ending {
            Ending::Stopped(stop) => Some(stop.clone()),
            _ => None,
        };
        let (left_bound, right_bound) = (bound(&left), bound(&right));
        // What a change that was refused leaves behind in the guest is the same on both sides: the answer is.
        let stopped = matches!(&left_bound, Some(stop) if !matches!(stop, Stop::Change(_)));
        let same_bound = left_bound == right_bound
            || matches!((&left_bound, &right), (Some(Stop::Change(_)), Ending::Trapped(_)));
        if !same_bound {
            let (left, right) = (left.describe(), right.describe());
            played.undecided =
                Some(format!("{prefix}, {step}: {left} in the original, {right} in the snapshot"));
            return Ok(false);
        }
        if let Some(stop) = &left_bound {
            played.cut_short += 1;
            played.cut.push(format!("{prefix}, {step}: {} on both sides", stop.describe()));
        } else if left != right {
            let exits = matches!(left, Ending::Exited(_)) || matches!(right, Ending::Exited(_));
            let what = if exits { "exit" } else { "result" };
            played.differences.push(Difference::new(
                format!("{prefix}.{what}"),
                left.describe(),
                right.describe(),
            ));
        } else if matches!(left, Ending::Returned(..)) {
            played.returned += 1;
        }
        let mut differences = state::compare(&mut self.leader, &mut self.follower)?;
        if stopped && !differences.is_empty() {
            let key = &differences[0].key;
            played.undecided = Some(format!(
                "{prefix}, {step}: {} on both sides, and then `{key}` differs",
                left.describe()
            ));
            return Ok(false);
        }
        for difference in &mut differences {
            difference.key = format!("{prefix}.{}", difference.key);
        }
        let ignored =
            |difference: &Difference| self.ignore.iter().any(|pattern| pattern.matches_key(&difference.key));
        played.differences.extend(differences);
        played.differences.retain(|difference| !ignored(difference));
        Ok(!matches!(left, Ending::Exited(_)))
    }

    /// The argument values; texts are written into both memories. The inner error says why that cannot be done.
    fn arguments(
        &mut self,
        prefix: &str,
        step: &Step,
        played: &mut Played,
    ) -> Result<Result<Vec<Value>, String>, CaptureError> {
        let Some(params) = self.parameters(&step.export) else {
            return Ok(Err(format!("the snapshot has no exported function `{}`", step.export)));
        };
        let texts = step.arguments.iter().filter(|literal| matches!(literal, Literal::Text(_))).count();
        let with_length = match params.len().checked_sub(step.arguments.len()) {
            Some(0) => false,
            Some(more) if more == texts => true,
            _ => {
                return Ok(Err(format!("it takes {} arguments, not {}", params.len(), step.arguments.len())));
            }
        };
        let mut values = Vec::with_capacity(params.len());
        for literal in &step.arguments {
            let ty = params[values.len()];
            let Literal::Text(text) = literal else {
                match value::of_literal(literal, ty) {
                    Some(value) => values.push(value),
                    None => return Ok(Err(format!("`{literal}` is no {ty}"))),
                }
                continue;
            };
            let address = match self.place(prefix, step, text, played)? {
                Ok(address) => address,
                Err(why) => return Ok(Err(why)),
            };
            values.push(word(address, ty));
            if with_length {
                values.push(word(text.len() as u64, params[values.len()]));
            }
        }
        Ok(Ok(values))
    }

    /// Writes a text and a zero byte behind it where the guest's own allocator says, on both sides.
    fn place(
        &mut self,
        prefix: &str,
        step: &Step,
        text: &[u8],
        played: &mut Played,
    ) -> Result<Result<u64, String>, CaptureError> {
        let Some(allocator) = Allocator::of(&self.follower.program.module) else {
            return Ok(Err(format!("a text needs an exported allocator: one of {}", Allocator::NAMES)));
        };
        let arguments = allocator.arguments(text.len() as u64 + 1);
        let exchange = self.exchange(prefix, allocator.name, &arguments, played);
        let address = match &exchange.left {
            Ending::Returned(results, _) => allocator.address(results),
            _ => None,
        };
        let ending = exchange.left.describe();
        self.settle(prefix, step, exchange, played)?;
        let Some(address) = address else {
            return Ok(Err(format!("`{}` gave no memory: {ending}", allocator.name)));
        };
        let mut bytes = text.to_vec();
        bytes.push(0);
        let written =
            self.leader.write_memory(address, &bytes) && self.follower.write_memory(address, &bytes);
        played.turns.push(Turn::Write { address, bytes });
        Ok(if written { Ok(address) } else { Err(format!("`{}` gave {address:#x}", allocator.name)) })
    }

    fn parameters(&self, export: &str) -> Option<Vec<ValType>> {
        let module = &self.follower.program.module;
        let export = module.export(export).filter(|export| preinit_core::module::is_function(export.kind))?;
        Some(module.signature(export.index)?.params().to_vec())
    }

    fn expect(
        &self,
        prefix: &str,
        export: &str,
        expected: &Expected,
        exchange: &Exchange,
        played: &mut Played,
    ) {
        let module = &self.follower.program.module;
        let results = module.export(export).and_then(|export| module.signature(export.index));
        let results = results.map_or(&[][..], |signature| signature.results());
        let met = |ending: &Ending| match (expected, ending) {
            (Expected::Results(expected), Ending::Returned(actual, _)) => {
                let mut pairs = expected.iter().zip(results).zip(actual);
                expected.len() == actual.len()
                    && pairs.all(|((literal, ty), actual)| value::of_literal(literal, *ty) == Some(*actual))
            }
            (Expected::Trap, Ending::Trapped(_)) => true,
            (Expected::Exit(expected), Ending::Exited(code)) => expected == code,
            _ => false,
        };
        if !met(&exchange.left) || !met(&exchange.right) {
            played.differences.push(Difference::new(
                format!("{prefix}.expected"),
                format!("{} ({expected} was expected)", exchange.left.describe()),
                exchange.right.describe(),
            ));
        }
    }
}

/// Output has keys of its own.
pub(super) fn call_key(prefix: &str, index: usize, recorded: Option<&Arc<Entry>>) -> String {
    match recorded.and_then(|entry| entry.call.stream()) {
        Some(stream) => format!("{prefix}.{stream}"),
        None => format!("{prefix}.host_call.{index}"),
    }
}

fn word(value: u64, ty: ValType) -> Value {
    match ty {
        ValType::I64 => Value::I64(value as i64),
        _ => Value::I32(value as u32 as i32),
    }
}
