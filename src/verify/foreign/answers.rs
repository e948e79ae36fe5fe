//! Host calls that are answered from a record.

use crate::host::{Entry, HostValue, Outcome, Region};
use preinit_core::snapshot::{Reference, Value};
use std::sync::Arc;

/// The recorded calls, and where in them the guest is.
#[derive(Default)]
pub(super) struct Answers {
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

impl Answers {
    pub fn new(calls: &[Arc<Entry>]) -> Self {
        Answers { calls: calls.to_vec(), ..Answers::default() }
    }

    /// The answer to a call of `import`, if it is the next. `read` gives the guest's bytes at an address.
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
        match &entry.outcome {
            Outcome::Results(results) => Answer::Return(results.clone(), entry.writes.clone()),
            Outcome::Exit(code) => Answer::End(format!("exit {code}")),
            Outcome::ImportCalled => Answer::End("a call of an import that nothing provides".to_string()),
            Outcome::Denied(denied) => Answer::End(denied.what.clone()),
            Outcome::Trap(what) => Answer::End(what.clone()),
        }
    }
}

/// Whether an argument is the recorded one, up to the payloads of NaNs.
fn is_same(left: HostValue, right: HostValue) -> bool {
    match (left, right) {
        (HostValue::F32(left), HostValue::F32(right)) => {
            left == right || f32::from_bits(left).is_nan() && f32::from_bits(right).is_nan()
        }
        (HostValue::F64(left), HostValue::F64(right)) => {
            left == right || f64::from_bits(left).is_nan() && f64::from_bits(right).is_nan()
        }
        (left, right) => left == right,
    }
}

impl TryFrom<HostValue> for Value {
    /// A reference that is not null: which, is not known.
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

impl TryFrom<Value> for HostValue {
    /// A reference that is not null.
    type Error = ();

    fn try_from(value: Value) -> Result<HostValue, ()> {
        Ok(match value {
            Value::I32(value) => HostValue::I32(value),
            Value::I64(value) => HostValue::I64(value),
            Value::F32(bits) => HostValue::F32(bits),
            Value::F64(bits) => HostValue::F64(bits),
            Value::V128(value) => HostValue::V128(value),
            Value::Ref(Reference::Null) => HostValue::Null,
            Value::Ref(_) => return Err(()),
        })
    }
}
