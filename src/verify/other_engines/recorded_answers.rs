//! Host calls that are answered from a record.

use crate::host::{Entry, HostValue, Outcome, Region};
use crate::verify::tolerance::Tolerance;
use preinit_core::snapshot::{Reference, Value};
use std::sync::Arc;

/// The recorded calls, and how many of them the guest has made.
#[derive(Default)]
pub(super) struct RecordedAnswers {
    calls: Vec<Arc<Entry>>,
    pub answered: usize,
    /// The first call that was not the recorded one.
    pub diverged: Option<String>,
}

/// What to do for a call.
pub(super) enum Answer {
    /// Write these into the memory `memory`, and return these.
    Return(Vec<HostValue>, Vec<Region>),
    /// End the guest.
    End(String),
}

impl RecordedAnswers {
    pub fn new(calls: &[Arc<Entry>]) -> Self {
        RecordedAnswers { calls: calls.to_vec(), ..RecordedAnswers::default() }
    }

    /// The answer to a call of `import`, if it is the next one. `read` gives the guest's bytes at an address.
    pub fn next(
        &mut self,
        (module, name): (&str, &str),
        arguments: &[HostValue],
        read: impl Fn(u32, usize) -> Option<Vec<u8>>,
    ) -> Answer {
        let next = self.calls.get(self.answered);
        let same = next.filter(|entry| {
            let call = &entry.call;
            call.import.module == module
                && call.import.name == name
                && call.args.len() == arguments.len()
                && call.args.iter().zip(arguments).all(|(left, right)| is_same(*left, *right))
                && call.reads.iter().all(|region| {
                    read(region.address, region.bytes.len()).as_deref() == Some(&region.bytes[..])
                })
        });
        let Some(entry) = same else {
            let arguments: Vec<String> = arguments.iter().map(HostValue::to_string).collect();
            let called = format!("{module}.{name}({})", arguments.join(", "));
            self.diverged.get_or_insert(called.clone());
            return Answer::End(format!("the call {called} is not recorded"));
        };
        self.answered += 1;
        match results(&entry.outcome) {
            Ok(results) => Answer::Return(results.to_vec(), entry.writes.clone()),
            Err(how) => Answer::End(how),
        }
    }
}

/// What a call returned, or how it ended the guest.
pub(super) fn results(outcome: &Outcome) -> Result<&[HostValue], String> {
    match outcome {
        Outcome::Results(results) => Ok(results),
        Outcome::Exit(code) => Err(format!("exit {code}")),
        Outcome::ImportCalled => Err("a call of an import that nothing provides".to_string()),
        Outcome::Denied(denied) => Err(denied.what.clone()),
        Outcome::Trap(what) => Err(what.clone()),
    }
}

/// Whether an argument is the recorded one, up to the payloads of NaNs.
fn is_same(recorded: HostValue, argument: HostValue) -> bool {
    match (Value::try_from(recorded), Value::try_from(argument)) {
        (Ok(recorded), Ok(argument)) => Tolerance::OtherEngine.is_same_value(recorded, argument),
        _ => recorded == argument,
    }
}

impl TryFrom<HostValue> for Value {
    /// A reference that is not null, of which nothing else is known.
    type Error = ();

    fn try_from(value: HostValue) -> Result<Value, ()> {
        Ok(match value {
            HostValue::I32(value) => Value::I32(value),
            HostValue::I64(value) => Value::I64(value),
            HostValue::F32(bits) => Value::F32(bits),
            HostValue::F64(bits) => Value::F64(bits),
            HostValue::V128(value) => Value::V128(value),
            HostValue::Null => Value::Ref(Reference::Null),
            HostValue::Reference => return Err(()),
        })
    }
}
