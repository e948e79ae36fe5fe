//! Runs a program until a place and no further, as often as is asked for.

use super::play::Scene;
use super::stop::{Stop, Stoppable};
use super::trigger::Awaited;
use super::{Freeze, FreezeError};
use crate::engine::Compiled;
use crate::execute::{Execution, program_calls};
use crate::host::{HostOptions, Limits};

/// A program, and the place.
pub struct Until<'u> {
    pub(super) freeze: Freeze<'u>,
    pub(super) awaited: Awaited,
    pub(super) calls: Vec<String>,
    stoppable: Stoppable,
}

impl<'u> Until<'u> {
    /// Compiles the program.
    ///
    /// # Errors
    /// If there is no such place, or nothing to call.
    pub fn new(freeze: Freeze<'u>) -> Result<Self, FreezeError> {
        let execution = freeze.execution;
        let awaited = freeze.trigger.resolve(execution.module)?;
        let calls = program_calls(execution.module, execution.init_functions)?;
        let stoppable = Scene { execution, awaited: &awaited, calls: &calls }.stoppable()?;
        Ok(Until { freeze, awaited, calls, stoppable })
    }

    /// The exports that are called in order; in one of them it stops.
    pub fn calls(&self) -> &[String] {
        &self.calls
    }

    /// The compiled program.
    pub(crate) fn compiled(&self) -> &Compiled {
        &self.stoppable.compiled
    }

    /// Runs it to the place, on `host`, and then its hooks.
    ///
    /// # Errors
    /// If it does not come to the place, or in a way that could not be frozen.
    pub fn run(&self, host: &HostOptions, limits: &Limits) -> Result<Stop, FreezeError> {
        let execution = Execution { host, limits, ..self.freeze.execution };
        let scene = Scene { execution, awaited: &self.awaited, calls: &self.calls };
        scene.stop(&self.stoppable, self.freeze.trigger)
    }
}
