//! Makes the calls of a script on both sides in lock step, and compares after every call.

use super::VerifyOptions;
use super::action::{Action, RecordedCall, host_call_key};
use super::call_result::{CallLimit, CallResult};
use super::compared_instance::ComparedInstance;
use super::differences::{Differences, Sink};
use super::module_comparison::original_name;
use super::preload_comparison;
use super::script::{Expected, Script, Step};
use super::snapshot_clock::SnapshotClock;
use super::state_comparison;
use super::tolerance::Tolerance;
use super::unknown_references;
use super::verdict::Difference;
use crate::host::Entry;
use crate::instance::CaptureError;
use crate::literal::typed;
use crate::wording::counted;
use preinit_core::module::is_function;
use preinit_core::plan::effective_renames;
use preinit_core::snapshot::Value;
use std::sync::Arc;
use wasmparser::ValType;

/// Which part of the time limit the snapshot has where the original has used up all of it.
const AFTER_THE_END: u32 = 20;

/// Both sides, in the same state unless a difference was found.
pub(super) struct LockStep<'a, 's, 'o> {
    pub original: ComparedInstance<'a>,
    pub snapshot: ComparedInstance<'s>,
    pub options: &'o VerifyOptions,
    /// Fuel for one call.
    pub fuel: u64,
    pub answers: Answers,
}

/// Who answers the host calls of the snapshot.
pub(super) enum Answers {
    /// The record of those of the original, by the snapshot's own clock.
    Recorded(SnapshotClock),
    /// Its own host. States are not compared then.
    Own,
}

/// What came of a script.
#[derive(Debug, Default)]
pub(super) struct ScriptResult {
    /// Differences at the last step.
    pub differences: Differences,
    /// Why it is not known what the last step does.
    pub undecided: Option<String>,
    /// Steps that were made.
    pub steps: usize,
    pub calls: u64,
    pub returned: u64,
    pub host_calls: u64,
    /// Steps that ended at the same limit on both sides.
    pub limited: Vec<String>,
    pub exports: Vec<String>,
    pub actions: Vec<Action>,
}

impl ScriptResult {
    /// Whether both sides are in the same state as far as is known.
    pub fn is_equal(&self) -> bool {
        self.differences.is_empty() && self.undecided.is_none()
    }
}

/// A call to be made.
pub(super) struct Call<'c> {
    /// The first part of the keys of differences in it.
    pub prefix: &'c str,
    /// The name of the export in the snapshot.
    pub export: &'c str,
    pub arguments: &'c [Value],
}

/// A call that was made on both sides.
pub(super) struct PairedCall {
    pub original: CallResult,
    pub snapshot: CallResult,
    /// Differences in host calls.
    pub differences: Vec<Difference>,
}

impl LockStep<'_, '_, '_> {
    /// Runs the script to its end, to the first difference, or to a step after which nothing more can be called.
    pub fn run(&mut self, script: &Script, result: &mut ScriptResult) -> Result<(), CaptureError> {
        for (index, step) in script.steps.iter().enumerate() {
            let goes_on = self.step(index, step, result)?;
            result.steps = index + 1;
            if !goes_on || !result.is_equal() {
                break;
            }
        }
        Ok(())
    }

    fn step(&mut self, index: usize, step: &Step, result: &mut ScriptResult) -> Result<bool, CaptureError> {
        let prefix = format!("step.{index}");
        let arguments = match self.arguments(&prefix, step, result)? {
            Ok(arguments) => arguments,
            Err(why) => {
                if result.differences.is_empty() {
                    result.undecided.get_or_insert(format!("{prefix}, {step}: {why}"));
                }
                return Ok(false);
            }
        };
        if !result.exports.contains(&step.export) {
            result.exports.push(step.export.clone());
        }
        let call = Call { prefix: &prefix, export: &step.export, arguments: &arguments };
        let paired = self.call(&call, result);
        if let Some(expected) = &step.expected {
            self.expect(&call, expected, &paired, result);
        }
        self.compare(&prefix, step, paired, result)
    }

    /// Makes one call on both sides. The host answers the original; the snapshot gets the same answers, by its own clock.
    pub fn call(&mut self, call: &Call<'_>, result: &mut ScriptResult) -> PairedCall {
        let renames = effective_renames(&self.original.program.module, &self.options.renames);
        let name = original_name(renames, call.export);
        let original = self.original.call(name, call.arguments, self.fuel);
        self.call_snapshot(call, original, result)
    }

    /// Makes a call without arguments on the snapshot, which on the original had this result. Whether more calls can follow.
    pub fn complete(
        &mut self,
        prefix: &str,
        export: &str,
        original: CallResult,
        result: &mut ScriptResult,
    ) -> Result<bool, CaptureError> {
        let paired = self.call_snapshot(&Call { prefix, export, arguments: &[] }, original, result);
        let step = Step { export: export.to_string(), arguments: Vec::new(), expected: None };
        self.compare(prefix, &step, paired, result)
    }

    fn call_snapshot(
        &mut self,
        call: &Call<'_>,
        original: CallResult,
        result: &mut ScriptResult,
    ) -> PairedCall {
        let host_calls = self.original.take_calls();
        result.calls += 1;
        result.host_calls += host_calls.len() as u64;
        let Answers::Recorded(clock) = &mut self.answers else {
            let snapshot = self.snapshot.call(call.export, call.arguments, self.fuel);
            let differences = differing_output(
                call.prefix,
                (&host_calls, &self.snapshot.take_calls()),
                self.options.host.show_values,
            );
            return PairedCall { original, snapshot, differences };
        };
        let snapshot_calls = clock.answers(&host_calls);
        self.snapshot.host().replay_next(snapshot_calls.clone());
        let is_over = matches!(original, CallResult::Stopped(CallLimit::Time));
        let snapshot = match self.options.limits.timeout {
            Some(time) if self.fuel == u64::MAX => {
                let time = if is_over { time / AFTER_THE_END } else { time };
                self.snapshot.call_for(call.export, call.arguments, (self.fuel, time))
            }
            _ => self.snapshot.call(call.export, call.arguments, self.fuel),
        };
        let made = self.snapshot.take_calls().len();

        let mut differences = Vec::new();
        // If time ended the original, or fuel that it used before the compared calls too, it might have made one more.
        let cut_short = match &original {
            CallResult::Stopped(CallLimit::Time) => true,
            CallResult::Stopped(CallLimit::Fuel) => self.fuel == u64::MAX,
            _ => false,
        };
        if let CallResult::Diverged(diverged) = &snapshot {
            let recorded = diverged.recorded.clone().unwrap_or_else(|| "no call".to_string());
            let key = host_call_key(call.prefix, diverged.index, snapshot_calls.get(diverged.index));
            if !(cut_short && diverged.recorded.is_none()) {
                differences.push(Difference::new(key, recorded, &diverged.called));
            }
        } else if let Some(missing) = snapshot_calls.get(made)
            && !matches!(snapshot, CallResult::Stopped(_))
        {
            let key = host_call_key(call.prefix, made, Some(missing));
            let missing = missing.call.in_words(self.options.host.show_values);
            differences.push(Difference::new(key, missing, "no call"));
        }
        result.actions.push(Action::Call(RecordedCall {
            prefix: call.prefix.to_string(),
            export: call.export.to_string(),
            arguments: call.arguments.to_vec(),
            result: original.clone(),
            host_calls,
            snapshot_calls,
        }));
        PairedCall { original, snapshot, differences }
    }

    /// Compares the results of a call, and the states after it. Whether more calls can follow.
    pub fn compare(
        &mut self,
        prefix: &str,
        step: &Step,
        paired: PairedCall,
        result: &mut ScriptResult,
    ) -> Result<bool, CaptureError> {
        let PairedCall { original, snapshot, differences } = paired;
        differences.into_iter().for_each(|difference| result.differences.push(difference));
        if !result.differences.is_empty() {
            return Ok(false);
        }
        if !is_same_limit(&original, &snapshot) {
            let (original, snapshot) = (original.describe(), snapshot.describe());
            result.undecided =
                Some(format!("{prefix}, {step}: {original} in the original, {snapshot} in the snapshot"));
            return Ok(false);
        }
        let mut found = Sink::new(self.options);
        if let CallResult::Stopped(limit) = &original {
            result.limited.push(format!("{prefix}, {step}: {} on both sides", limit.describe()));
        } else if original != snapshot {
            let exits =
                matches!(original, CallResult::Exited(_)) || matches!(snapshot, CallResult::Exited(_));
            let what = if exits { "exit" } else { "result" };
            found.add(|| format!("{prefix}.{what}"), || (original.describe(), snapshot.describe()));
        } else {
            result.returned += u64::from(matches!(original, CallResult::Returned(..)));
            found.below(&format!("{prefix}."));
            unknown_references::find_in_result(&original, &mut found);
        }
        // Where a limit stops the guest may be up to the engine; a refused change of a file is the same on both sides.
        let stopped =
            matches!(&original, CallResult::Stopped(limit) if !matches!(limit, CallLimit::Change(_)));
        if stopped {
            let mut first = Sink::first();
            self.compare_states(&mut first)?;
            let first = first.finish();
            result.differences.unknown.extend(first.unknown);
            if let [Difference { key, .. }] = &first.kept[..] {
                let how = original.describe();
                result.undecided =
                    Some(format!("{prefix}, {step}: {how} on both sides, after which `{key}` differs"));
                return Ok(false);
            }
        } else {
            found.below(&format!("{prefix}."));
            self.compare_states(&mut found)?;
        }
        result.differences.extend(Differences { ignored: 0, ..found.finish() });
        Ok(!matches!(original, CallResult::Exited(_)))
    }

    fn compare_states(&mut self, found: &mut Sink<'_>) -> Result<(), CaptureError> {
        if matches!(self.answers, Answers::Recorded(_)) {
            let (original, snapshot) = (self.original.state()?, self.snapshot.state()?);
            state_comparison::compare(&original, &snapshot, Tolerance::None, found);
            drop((original, snapshot));
            preload_comparison::compare(&mut self.original, &mut self.snapshot, found)?;
        }
        Ok(())
    }

    fn expect(&self, call: &Call<'_>, expected: &Expected, paired: &PairedCall, result: &mut ScriptResult) {
        let module = &self.snapshot.program.module;
        let types = module.export(call.export).and_then(|export| module.signature(export.index));
        let types = types.map_or(&[][..], |signature| signature.results());
        if !is_met(expected, types, &paired.original) || !is_met(expected, types, &paired.snapshot) {
            result.differences.push(Difference::new(
                format!("{}.expected", call.prefix),
                format!("{} ({expected} was expected)", paired.original.describe()),
                paired.snapshot.describe(),
            ));
        }
    }

    /// The parameters of an exported function.
    pub fn parameters(&self, export: &str) -> Option<Vec<ValType>> {
        let module = &self.snapshot.program.module;
        let export = module.export(export).filter(|export| is_function(export.kind))?;
        Some(module.signature(export.index)?.params().to_vec())
    }

    /// Whether an export takes or returns continuations, which the engine's interface does not pass on.
    pub fn passes_continuations(&self, export: &str) -> bool {
        let module = &self.snapshot.program.module;
        let signature = module.export(export).and_then(|export| module.signature(export.index));
        let mut types = signature.iter().flat_map(|ty| ty.params().iter().chain(ty.results()));
        types.any(|ty| module.is_continuation(*ty))
    }
}

/// What both sides print, where it differs.
pub(super) fn differing_output(
    prefix: &str,
    (original, snapshot): (&[Arc<Entry>], &[Arc<Entry>]),
    show_values: bool,
) -> Vec<Difference> {
    const SHOWN: usize = 60;
    let mut differences = Vec::new();
    for stream in ["stdout", "stderr"] {
        let printed = |calls: &[Arc<Entry>]| -> Vec<u8> {
            let calls = calls.iter().filter(|entry| entry.call.stream() == Some(stream));
            // The first region is the array of buffers.
            calls
                .flat_map(|entry| entry.call.reads.iter().skip(1))
                .flat_map(|region| region.bytes.clone())
                .collect()
        };
        let (left, right) = (printed(original), printed(snapshot));
        if left != right {
            let same = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
            let from = same.saturating_sub(SHOWN / 3);
            let show = |bytes: &[u8]| {
                if !show_values {
                    return format!("{}, another from byte {same} on", counted(bytes.len() as u64, "byte"));
                }
                let shown = &bytes[from.min(bytes.len())..bytes.len().min(from + SHOWN)];
                format!("\"{}\"", shown.escape_ascii())
            };
            differences.push(Difference::new(format!("{prefix}.{stream}"), show(&left), show(&right)));
        }
    }
    differences
}

/// Whether both calls, if at all, ended at the same limit.
fn is_same_limit(original: &CallResult, snapshot: &CallResult) -> bool {
    match (original, snapshot) {
        // The snapshot is answered with the refusal.
        (CallResult::Stopped(CallLimit::Change(_)), CallResult::Trapped(_)) => true,
        (CallResult::Stopped(original), CallResult::Stopped(snapshot)) => original == snapshot,
        (CallResult::Stopped(_), _) | (_, CallResult::Stopped(_)) => false,
        _ => true,
    }
}

fn is_met(expected: &Expected, types: &[ValType], result: &CallResult) -> bool {
    match (expected, result) {
        (Expected::Results(expected), CallResult::Returned(results, _)) => {
            let mut pairs = expected.iter().zip(types).zip(results);
            expected.len() == results.len()
                && pairs.all(|((literal, ty), result)| typed(literal, *ty) == Some(*result))
        }
        (Expected::Trap, CallResult::Trapped(_)) => true,
        (Expected::Exit(expected), CallResult::Exited(code)) => expected == code,
        _ => false,
    }
}
