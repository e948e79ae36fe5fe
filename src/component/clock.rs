//! Whose monotonic clock can go on. Only readings by WASI preview 1 are shifted, each core instance has an offset of its own, and all
//! have one clock: so it is done where one core instance reads it, and nobody reads it in another way.

use super::ComponentRunError;
use super::part::{Place, name};
use super::report::Summary;
use super::states::States;
use crate::host::Ledger;
use crate::warning::Warning;
use preinit_core::component::CoreInstance;
use preinit_core::module::{Module, Space};
#[cfg(feature = "audit")]
use preinit_core::rebase::rebase_clock;
use preinit_core::wasi_version::WasiVersion;
use wasmparser::ValType;

/// The interface by which core modules without an adapter read the clock.
const MONOTONIC_CLOCK: &str = "wasi:clocks/monotonic-clock";

impl States<'_, '_> {
    /// What the monotonic clock is to go on from. That it cannot is a warning, unless it was asked for.
    pub(super) fn clock_start(
        &self,
        ledger: &Ledger,
        summary: &mut Summary,
    ) -> Result<Option<u64>, ComponentRunError> {
        let start = ledger.monotonic_clock();
        let Some(error) = self.cannot_shift(start) else {
            return Ok(start.filter(|_| self.options.rebases_clock()));
        };
        match self.options.rebase_clock {
            Some(true) => return Err(error),
            None if self.options.rebases_clock() && start.is_some() => {
                summary.warnings.push(Warning::ClockNotRebased(error.to_string().as_str().into()));
            }
            _ => {}
        }
        Ok(None)
    }

    /// Why the clock cannot go on, if it stands there.
    fn cannot_shift(&self, start: Option<u64>) -> Option<ComponentRunError> {
        let reads_otherwise = |module: &Module<'_>| {
            reads_by_interface(module) || start.is_some() && may_read_by_another_name(module)
        };
        let otherwise = self.own_places().find(|(place, _)| reads_otherwise(&place.part.module));
        let mut readers = self.own_places().filter(|(place, _)| asks_for_time(&place.part.module));
        let of = |instance| name(&self.prepared.component, instance);
        match (otherwise, readers.next(), readers.next()) {
            (_, Some((_, first)), Some((_, second))) => {
                Some(ComponentRunError::ClockOfSeveral { first: of(first), second: of(second) })
            }
            (Some((_, instance)), ..) => Some(ComponentRunError::Clock(of(instance))),
            _ => None,
        }
    }

    /// Whether an instance's monotonic clock goes on; `None` if it cannot.
    #[cfg(feature = "audit")]
    pub fn shifts_clock(&self, ledger: &Ledger) -> Option<bool> {
        let can = |module: &Module<'_>| matches!(rebase_clock(module, 0), Ok(Some(_)));
        let can = self.cannot_shift(ledger.monotonic_clock()).is_none()
            && self.own_places().any(|(place, _)| can(&place.part.module));
        can.then(|| self.options.rebases_clock())
    }

    /// Whether the clock goes on that was to do so.
    pub(super) fn check_clock(
        &self,
        start: Option<u64>,
        summary: &mut Summary,
    ) -> Result<(), ComponentRunError> {
        let is_said = summary.warnings.iter().any(|warning| matches!(warning, Warning::ClockNotRebased(_)));
        if start.is_none() || summary.monotonic_clock.is_some() || is_said {
            return Ok(());
        }
        let mut readers =
            self.own_places().filter(|(place, _)| imports(&place.part.module, "clock_time_get"));
        match (readers.next(), self.options.rebase_clock) {
            (None, _) => {}
            (Some((_, instance)), Some(true)) => {
                return Err(ComponentRunError::ClockMemory(name(&self.prepared.component, instance)));
            }
            (Some(_), _) => summary
                .warnings
                .push(Warning::ClockNotRebased("the core module exports no memory as `memory`".into())),
        }
        Ok(())
    }

    /// All core instances but adapters.
    fn own_places(&self) -> impl Iterator<Item = (&Place<'_>, &CoreInstance)> {
        self.places.iter().zip(&self.prepared.instances).filter(|(place, _)| !place.part.is_adapter())
    }
}

fn imports(module: &Module<'_>, function: &str) -> bool {
    let mut imports = module.imports_of(Space::Function);
    imports.any(|(_, import)| WasiVersion::of_module(import.module).is_some() && import.name == function)
}

fn asks_for_time(module: &Module<'_>) -> bool {
    imports(module, "clock_time_get") || imports(module, "poll_oneoff")
}

fn reads_by_interface(module: &Module<'_>) -> bool {
    module.imports_of(Space::Function).any(|(_, import)| import.module.starts_with(MONOTONIC_CLOCK))
}

/// Core imports can have any name, so only the type shows what may be a reading. Modules without code pass functions on.
fn may_read_by_another_name(module: &Module<'_>) -> bool {
    let is_reading = |function: u32| {
        module.signature(function).is_some_and(|ty| ty.params().is_empty() && ty.results() == [ValType::I64])
    };
    let mut imports = (0u32..).zip(module.imports_of(Space::Function));
    module.functions.len() as u32 > module.imported.functions
        && imports
            .any(|(index, (_, import))| WasiVersion::of_module(import.module).is_none() && is_reading(index))
}
