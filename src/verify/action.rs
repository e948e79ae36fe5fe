use super::call_result::CallResult;
use crate::host::Entry;
use preinit_core::snapshot::Value;
use std::sync::Arc;

/// Something that was done to the original, to be done to the snapshot on engines that do not run in lock step.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// A call of an export.
    Call(RecordedCall),
    /// Bytes were written into the first memory.
    Write { address: u64, bytes: Vec<u8> },
}

/// A call of an export, with its host calls.
#[derive(Debug, Clone)]
pub(super) struct RecordedCall {
    /// The first part of the keys of differences in it.
    pub prefix: String,
    /// The name of the export in the snapshot.
    pub export: String,
    pub arguments: Vec<Value>,
    pub result: CallResult,
    pub host_calls: Vec<Arc<Entry>>,
    /// The host calls that the snapshot is to make, where it sees another clock.
    pub snapshot_calls: Vec<Arc<Entry>>,
}

impl Action {
    /// The same for the snapshot.
    pub fn of_snapshot(&self) -> Action {
        match self {
            Action::Call(call) => {
                Action::Call(RecordedCall { host_calls: call.snapshot_calls.clone(), ..call.clone() })
            }
            Action::Write { .. } => self.clone(),
        }
    }

    pub fn call(&self) -> Option<&RecordedCall> {
        match self {
            Action::Call(call) => Some(call),
            Action::Write { .. } => None,
        }
    }
}

/// The key of a difference in a host call. Output has keys of its own.
pub(super) fn host_call_key(prefix: &str, index: usize, recorded: Option<&Arc<Entry>>) -> String {
    match recorded.and_then(|entry| entry.call.stream()) {
        Some(stream) => format!("{prefix}.{stream}"),
        None => format!("{prefix}.host_call.{index}"),
    }
}
