//! Whose monotonic clock can go on. Where one core instance alone reads it by WASI preview 1, that one shifts the readings. Otherwise a
//! core module comes between the component's import and all core instances, which have one clock.

use super::ComponentRunError;
use super::part::Place;
use super::report::Summary;
use super::states::States;
use crate::host::Ledger;
use crate::warning::Warning;
use preinit_core::component::{CoreInstance, with_shifted_clock};
use preinit_core::module::{Module, Space};
#[cfg(feature = "audit")]
use preinit_core::rebase::rebase_clock;
use preinit_core::wasi_version::WasiVersion;
use wasmparser::ValType;

/// The interface by which core modules without an adapter read the clock.
const MONOTONIC_CLOCK: &str = "wasi:clocks/monotonic-clock";

/// What the monotonic clock of a component goes on from, if it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClockStart {
    /// In the core instance that reads it.
    pub of_reader: Option<u64>,
    /// In the whole component.
    pub of_component: Option<u64>,
}

impl States<'_, '_> {
    /// What the monotonic clock is to go on from.
    pub(super) fn clock_start(&self, ledger: &Ledger) -> Result<ClockStart, ComponentRunError> {
        let start = ledger.monotonic_clock().filter(|_| self.options.rebases_clock());
        Ok(match start.is_none() || self.has_one_reader()? {
            true => ClockStart { of_reader: start, of_component: None },
            false => ClockStart { of_reader: None, of_component: start },
        })
    }

    /// Whether one core instance alone sees the clock, by WASI preview 1. Nobody else may have a function that tells or takes a time,
    /// under whatever name, even if it only passes it on.
    fn has_one_reader(&self) -> Result<bool, ComponentRunError> {
        let reads_otherwise =
            |module: &Module<'_>| reads_by_interface(module) || may_read_by_another_name(module);
        let is_read_otherwise = self.own_places().any(|(place, _)| reads_otherwise(&place.part.module));
        let readers = self.own_places().filter(|(place, _)| asks_for_time(&place.part.module)).count();
        Ok(!is_read_otherwise && readers == 1 && !self.prepared.component.lifts_lowered()?)
    }

    /// Whether an instance's monotonic clock goes on; `None` if it cannot.
    #[cfg(feature = "audit")]
    pub fn shifts_clock(&self) -> Result<Option<bool>, ComponentRunError> {
        let can_one = |module: &Module<'_>| matches!(rebase_clock(module, 0), Ok(Some(_)));
        let can = self.has_one_reader()? && self.own_places().any(|(place, _)| can_one(&place.part.module))
            || matches!(with_shifted_clock(self.prepared.component.bytes, 0), Ok(Some(_)));
        Ok(can.then(|| self.options.rebases_clock()))
    }

    /// All core instances but adapters.
    fn own_places(&self) -> impl Iterator<Item = (&Place<'_>, &CoreInstance)> {
        self.places.iter().zip(&self.prepared.instances).filter(|(place, _)| !place.part.is_adapter())
    }
}

/// The component whose clock goes on, if it is to do so. That it cannot is a warning, unless it must.
pub(super) fn shifted(
    wasm: Vec<u8>,
    must: bool,
    summary: &mut Summary,
) -> Result<Vec<u8>, ComponentRunError> {
    let Some(clock) = summary.clock.of_component else { return Ok(wasm) };
    match with_shifted_clock(&wasm, clock) {
        Ok(Some(shifted)) => {
            summary.monotonic_clock = Some(clock);
            Ok(shifted)
        }
        // What waits for some time only has read it.
        Ok(None) => Ok(wasm),
        Err(error) if must => Err(error.into()),
        Err(error) => {
            summary.warnings.push(Warning::ClockNotRebased(error.to_string().as_str().into()));
            Ok(wasm)
        }
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

/// Core imports can have any name, so only the type shows what may be a reading (`now`, `clock_time_get`) or take a time
/// (`subscribe-instant`).
fn may_read_by_another_name(module: &Module<'_>) -> bool {
    use ValType::{I32, I64};
    const TYPES: [(&[ValType], &[ValType]); 2] = [(&[], &[I64]), (&[I64], &[I32])];
    const OF_ADAPTER: (&[ValType], &[ValType]) = (&[I32, I64, I32], &[I32]);
    let has_code = module.functions.len() as u32 > module.imported.functions;
    let is_known = |ty: (&[ValType], &[ValType])| TYPES.contains(&ty) || has_code && ty == OF_ADAPTER;
    let may_be =
        |function: u32| module.signature(function).is_some_and(|ty| is_known((ty.params(), ty.results())));
    let mut imports = (0u32..).zip(module.imports_of(Space::Function));
    imports.any(|(index, (_, import))| WasiVersion::of_module(import.module).is_none() && may_be(index))
}
