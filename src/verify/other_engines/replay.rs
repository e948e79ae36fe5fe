use super::{Driver, DriverError, DriverResult};
use crate::instance::CaptureError;
use crate::verify::VerifyOptions;
use crate::verify::action::{Action, RecordedCall, host_call_key};
use crate::verify::call_result::{CallResult, describe_values};
use crate::verify::compared_instance::ComparedInstance;
use crate::verify::differences::Sink;
use crate::verify::instance_state::InstanceState;
use crate::verify::module_comparison::original_name;
use crate::verify::state_comparison;
use crate::verify::tolerance::Tolerance;
use crate::verify::verdict::Difference;
use preinit_core::plan::Rename;
use preinit_core::snapshot::{Reference, Unwritable, Value};

/// What came of doing the same on another engine.
pub(in crate::verify) enum Replay {
    /// The same, up to the tolerances.
    Same,
    /// This differs.
    Different(Difference),
    /// It could not be done to the end.
    Stopped(String),
}

/// Does what was done with `original` since init, on an instance after init, and compares the states. Exports have the names
/// that they had before `renames`. Also gives what could not be compared.
pub(in crate::verify) fn replay(
    driver: &mut dyn Driver,
    actions: &[Action],
    original: &mut ComparedInstance<'_>,
    renames: &[Rename],
    options: &VerifyOptions,
) -> Result<(Replay, Vec<String>), CaptureError> {
    let mut prefix = String::new();
    for action in actions {
        // Where a limit stopped the original, other engines may do more or less, and anything after that.
        if matches!(action.call(), Some(RecordedCall { result: CallResult::Stopped(_), .. })) {
            return Ok((Replay::Same, Vec::new()));
        }
        match perform(driver, action, renames, options.host.show_values) {
            Ok(None) => {}
            Ok(Some(difference)) if options.ignores(&difference.key) => {}
            Ok(Some(difference)) => return Ok((Replay::Different(difference), Vec::new())),
            Err(DriverError(why)) => return Ok((Replay::Stopped(why), Vec::new())),
        }
        if let Some(call) = action.call() {
            prefix = format!("{}.", call.prefix);
        }
    }
    let shown = match driver.state(original.num_tables) {
        Ok(shown) => shown,
        Err(DriverError(why)) => return Ok((Replay::Stopped(why), Vec::new())),
    };
    let original = original.state()?;
    // One says that they differ, whatever number is listed.
    let mut sink = Sink::first().ignoring(&options.ignore);
    state_comparison::compare(&original, &shown, Tolerance::OtherEngine, &mut sink);
    let replay = match sink.finish().kept.pop() {
        None => Replay::Same,
        Some(difference) => {
            Replay::Different(Difference { key: format!("{prefix}{}", difference.key), ..difference })
        }
    };
    Ok((replay, unseen(&original, &shown)))
}

/// Does one thing. The difference from what the original did.
pub(super) fn perform(
    driver: &mut dyn Driver,
    action: &Action,
    renames: &[Rename],
    show_values: bool,
) -> Result<Option<Difference>, DriverError> {
    let call = match action {
        Action::Write { address, bytes } => return driver.write(*address, bytes).map(|()| None),
        Action::Call(call) => call,
    };
    driver.answer_with(&call.host_calls)?;
    let result = driver.call(original_name(renames.iter(), &call.export), &call.arguments)?;
    let made = driver.answered()?;
    let recorded = call.host_calls.get(made);
    let other_call = |how: String| {
        let expected = recorded.map_or("no call".to_string(), |entry| entry.call.in_words(show_values));
        Difference::new(host_call_key(&call.prefix, made, recorded), expected, how)
    };
    let other_result =
        |how: String| Difference::new(format!("{}.result", call.prefix), call.result.describe(), how);
    Ok(match (&call.result, result) {
        (_, DriverResult::Exhausted(why)) => return Err(DriverError(why)),
        (_, DriverResult::Diverged(called)) => Some(other_call(called)),
        _ if recorded.is_some() => Some(other_call("no call".to_string())),
        (CallResult::Returned(expected, _), DriverResult::Returned(results)) => {
            (!are_same(expected, &results)).then(|| other_result(describe_values(&results)))
        }
        (CallResult::Returned(..), DriverResult::Ended(how)) => Some(other_result(how)),
        (_, DriverResult::Returned(results)) => Some(other_result(describe_values(&results))),
        (_, DriverResult::Ended(_)) => None,
    })
}

fn are_same(expected: &[Value], results: &[Value]) -> bool {
    let mut pairs = expected.iter().zip(results);
    expected.len() == results.len()
        && pairs.all(|(expected, result)| Tolerance::OtherEngine.is_same_value(*expected, *result))
}

/// What the engine does not show of its state.
fn unseen(original: &InstanceState<'_>, shown: &InstanceState<'_>) -> Vec<String> {
    let has = |what: Unwritable| {
        state_comparison::references(&shown.outline).any(|reference| reference == Reference::Unwritable(what))
    };
    let mut unseen = Vec::new();
    if !original.outline.heap.is_empty() && shown.outline.heap.is_empty() {
        unseen.push("what objects hold".to_string());
    }
    if has(Unwritable::Opaque) {
        unseen.push("which object a reference points to".to_string());
    }
    if has(Unwritable::Hidden) {
        unseen.push("references to exceptions".to_string());
    }
    unseen
}
