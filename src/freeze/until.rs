//! Runs a program until a place and no further, as often as is asked for.

use super::stop::Stoppable;
use super::trigger::Awaited;
use super::{Freeze, FreezeError};
use crate::engine::Compiled;
use crate::execute::Initialized;
use crate::host::{HostOptions, Limits};
use preinit_core::freeze::Site;
use preinit_core::module::Module;
use preinit_core::probe::Probed;

/// A program, and the place.
pub(crate) struct Until<'u> {
    module: &'u Module<'u>,
    probed: &'u Probed,
    freeze: Freeze<'u>,
    awaited: Awaited,
    calls: Vec<String>,
    stoppable: Stoppable,
}

/// A program that has come there.
pub(crate) struct Stopped {
    /// Its state, with every host call before the place.
    pub initialized: Initialized,
    /// The calls in progress, the innermost first.
    pub sites: Vec<Site>,
}

impl<'u> Until<'u> {
    /// Compiles the program.
    ///
    /// # Errors
    /// If there is no such place, or nothing to call.
    pub fn new(module: &'u Module<'u>, probed: &'u Probed, freeze: Freeze<'u>) -> Result<Self, FreezeError> {
        let awaited = freeze.trigger.resolve(module)?;
        let calls = super::calls(module, freeze.init_functions)?;
        let stoppable = freeze.scene(module, probed, &awaited, &calls).stoppable()?;
        Ok(Until { module, probed, freeze, awaited, calls, stoppable })
    }

    /// The exports that are called in order; in one of them it stops.
    pub fn calls(&self) -> &[String] {
        &self.calls
    }

    /// The compiled program.
    pub fn compiled(&self) -> &Compiled {
        &self.stoppable.compiled
    }

    /// Runs it on `host`.
    ///
    /// # Errors
    /// If it does not come to the place, or in a way that could not be frozen.
    pub fn run(&self, host: &HostOptions, limits: &Limits) -> Result<Stopped, FreezeError> {
        let freeze = Freeze { host, limits, ..self.freeze };
        let scene = freeze.scene(self.module, self.probed, &self.awaited, &self.calls);
        let stop = scene.stop(&self.stoppable, self.freeze.trigger)?;
        Ok(Stopped { initialized: stop.initialized, sites: stop.place.sites })
    }
}
