use crate::host::Entry;
use crate::verify::instance_state::InstanceState;
use preinit_core::snapshot::Value;
use std::sync::Arc;

/// Runs a module on an engine other than wasmtime.
pub(in crate::verify) trait Driver: Send {
    /// From now on, host calls must be these, and are answered as these were.
    fn answer_with(&mut self, calls: &[Arc<Entry>]) -> Result<(), DriverError>;

    /// Makes a fresh instance instead of the last one.
    fn instantiate(&mut self) -> Result<DriverResult, DriverError>;

    /// Calls an export.
    fn call(&mut self, export: &str, arguments: &[Value]) -> Result<DriverResult, DriverError>;

    /// Writes into the first memory.
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), DriverError>;

    /// The number of host calls that were answered.
    fn answered(&mut self) -> Result<usize, DriverError>;

    /// The state as it is now, with the first of the tables.
    fn state(&mut self, num_tables: usize) -> Result<InstanceState<'_>, DriverError>;
}

/// How a call ended.
#[derive(Debug)]
pub(in crate::verify) enum DriverResult {
    /// With results. Objects among them are not read.
    Returned(Vec<Value>),
    /// With a trap, an exception, or because the host said so.
    Ended(String),
    /// At a limit of the engine, which says nothing about the guest.
    Exhausted(String),
    /// It made a host call that is not recorded.
    Diverged(String),
}

/// Why an engine cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::verify) struct DriverError(pub String);
