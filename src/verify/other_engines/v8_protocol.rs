//! What is said to and by the script `v8_driver.mjs`.

use super::recorded_answers;
use crate::host::{Entry, HostValue, Region};
use preinit_core::hex;
use preinit_core::state_file::{FunctionIdentity, State, StateReference, StateSchema, StateValue, ValueKind};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Serialize)]
pub(super) struct Setup {
    pub wasm: PathBuf,
    pub imports: Vec<Import>,
    pub schema: StateSchema,
}

/// An imported function.
#[derive(Serialize)]
pub(super) struct Import {
    pub module: String,
    pub name: String,
    pub params: Vec<ValueKind>,
    pub results: Vec<ValueKind>,
}

#[derive(Serialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(super) enum Request {
    Load,
    Answer { calls: Vec<HostCall> },
    Instantiate,
    Call { name: String, arguments: Vec<Argument>, results: Vec<ValueKind> },
    Write { address: String, bytes: String },
    Answered,
    Functions,
    State { files: Vec<PathBuf> },
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Argument {
    Value(StateValue),
    /// The function that is exported with this name.
    Function(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reply {
    Done,
    Failure(String),
    Returned(Vec<StateValue>),
    Ended(String),
    Exhausted(String),
    Diverged(String),
    Answered(usize),
    Functions(Vec<FunctionIdentity>),
    State(Box<State>),
}

/// A recorded host call.
#[derive(Serialize)]
pub(super) struct HostCall {
    module: String,
    name: String,
    arguments: Vec<StateValue>,
    reads: Vec<Bytes>,
    results: Vec<StateValue>,
    writes: Vec<Bytes>,
    /// How it ended the guest.
    end: Option<String>,
}

#[derive(Serialize)]
struct Bytes {
    address: u32,
    bytes: String,
}

impl HostCall {
    pub fn of(entry: &Entry) -> HostCall {
        let call = &entry.call;
        let (results, end) = match recorded_answers::results(&entry.outcome) {
            Ok(results) => (results, None),
            Err(how) => (&[][..], Some(how)),
        };
        let values = |values: &[HostValue]| values.iter().copied().map(state_value).collect();
        let bytes = |regions: &[Region]| {
            let bytes = |region: &Region| Bytes { address: region.address, bytes: hex(&region.bytes) };
            regions.iter().map(bytes).collect()
        };
        HostCall {
            module: call.import.module.clone(),
            name: call.import.name.clone(),
            arguments: values(&call.args),
            reads: bytes(&call.reads),
            results: values(results),
            writes: bytes(&entry.writes),
            end,
        }
    }
}

fn state_value(value: HostValue) -> StateValue {
    match value {
        HostValue::I32(value) => StateValue::I32(value),
        HostValue::I64(value) => StateValue::I64(value),
        HostValue::F32(bits) => StateValue::F32(bits),
        HostValue::F64(bits) => StateValue::F64(bits),
        HostValue::V128(value) => StateValue::V128(value),
        HostValue::Null => StateValue::Ref(StateReference::Null),
        HostValue::Reference => StateValue::Ref(StateReference::Hidden),
    }
}
