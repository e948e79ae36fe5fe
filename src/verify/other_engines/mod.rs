//! Engines other than wasmtime. They do with the snapshot what was done with the original on wasmtime: the same calls, with the
//! host's answers from the record.
//!
//! They choose their own NaN payloads and have their own words for traps. So they are compared with tolerances.

mod driver;
mod node_process;
mod portable_module;
mod recorded_answers;
mod replay;
#[cfg(test)]
mod tests;
mod v8_driver;
mod v8_protocol;
mod wasmi_driver;
mod wasmi_instance;

pub(super) use driver::{Driver, DriverError, DriverResult};
pub(super) use replay::{Replay, replay};

use super::probed_module::ProbedModule;
use portable_module::PortableModule;
use std::sync::Arc;
use v8_driver::V8Driver;
use wasmi_driver::WasmiDriver;

/// What is not compared on other engines.
pub(super) const NOT_COMPARED: [&str; 2] = ["NaN payloads", "kinds of traps"];

/// An engine that is not wasmtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherEngine {
    /// The interpreter of the crate `wasmi`.
    Wasmi,
    /// V8, in Node. Version 24 or newer supports the current proposals.
    V8,
}

impl OtherEngine {
    /// The name, for reports.
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
    pub(super) fn load<'m>(self, program: &Arc<ProbedModule<'m>>) -> Result<Box<dyn Driver + 'm>, String> {
        let module = PortableModule::new(program)?;
        Ok(match self {
            OtherEngine::Wasmi => Box::new(WasmiDriver::new(module)?),
            OtherEngine::V8 => Box::new(V8Driver::new(module)?),
        })
    }
}
