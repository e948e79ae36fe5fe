//! Freezes a component in the middle of a call, where all calls in progress are of one core instance.
//!
//! It is done as for core modules (see `freeze`), but the core module finds the call by itself: the host of a component has no way to
//! its core instances before the run is over. The call is one of the core module's own imports or functions, so the adapter
//! and the shims that may answer it have not begun. The only other call in progress can be that of the adapter's `run`, which does
//! nothing but call `_start`: it is made anew in the snapshot.

mod entry;
mod place;
mod reading;
mod resume;

#[cfg(feature = "audit")]
pub use resume::sites_in_progress;
pub use resume::{Resumed, resume};

use super::ComponentRunError;
use super::execution::Interrupted;
use super::init_call::InitCall;
use super::part::{Part, RunningCode};
use crate::execute::{Stop, the_function};
use crate::freeze::{FreezeError, NotReached, Trigger};
use crate::host::{Ledger, Limits};
use crate::options::Options;
use place::{StopPlace, stop_place};
use preinit_core::component::{Component, CoreInstance};
use preinit_core::freeze::{StopHook, StoppingModule};
use preinit_core::printable::{Printable, listed};
use wasmtime::{Instance, Store, Trap, WasmBacktrace};

/// Where a component is stopped, and the core module that does it.
pub struct Stopping {
    place: StopPlace,
    module: StoppingModule,
}

impl Stopping {
    /// Finds the place that `trigger` means.
    pub fn new(
        trigger: &Trigger,
        (component, instances, parts): (&Component<'_>, &[CoreInstance], &[Option<Part<'_>>]),
        options: &Options,
    ) -> Result<Stopping, ComponentRunError> {
        let place = stop_place(trigger, (component, instances, parts), options)?;
        let part = parts.get(place.definition).and_then(Option::as_ref);
        let part = part.ok_or(FreezeError::Unexplained("a place in no core module"))?;
        let module =
            StoppingModule::new(&part.module, &part.probed, &place.stop).map_err(FreezeError::from)?;
        Ok(Stopping { place, module })
    }

    /// The core module, and what runs in its place.
    pub fn replaced(&self) -> (usize, &[u8]) {
        (self.place.definition, &self.module.wasm)
    }

    /// The function that ends the run.
    pub fn hook(&self) -> &StopHook {
        &self.module.hook
    }

    /// How often the program came to the place.
    fn matches<T: 'static>(&self, instances: &[Instance], store: &mut Store<T>) -> u64 {
        let mut counts =
            instances.iter().filter_map(|instance| instance.get_global(&mut *store, &self.module.hook.count));
        counts.next().map_or(0, |count| u64::from(count.get(store).i32().unwrap_or_default().cast_unsigned()))
    }

    /// That the run ended otherwise; `None` if it did not.
    pub fn not_reached<T: 'static>(
        &self,
        (interrupted, code): (&Interrupted, RunningCode<'_>),
        (calls, limits, ledger): (&[InitCall], &Limits, &Ledger),
        (instances, store): (&[Instance], &mut Store<T>),
        trigger: &Trigger,
    ) -> Option<FreezeError> {
        let how = match &interrupted.error {
            Some(error) if is_stop(error, self.hook()) => return None,
            Some(error) => {
                let name = calls.get(interrupted.returned).map_or_else(String::new, InitCall::name);
                let error = (error, |module: &wasmtime::Module| code.find(module));
                Stop::in_component(&the_function(&name), "trapped", error, limits).to_string()
            }
            None => {
                let names: Vec<String> = calls.iter().map(InitCall::name).collect();
                format!("{} returned", listed(names.iter().map(|name| Printable(name)), usize::MAX))
            }
        };
        let matches = self.matches(instances, store);
        let ledger = ledger.clone();
        Some(FreezeError::NotReached(Box::new(NotReached { trigger: trigger.clone(), how, matches, ledger })))
    }
}

/// Whether a run was ended by the function of this hook: the module that has it exports its count.
pub fn is_stop(error: &wasmtime::Error, hook: &StopHook) -> bool {
    let trap = error.downcast_ref::<Trap>() == Some(&Trap::UnreachableCodeReached);
    let innermost = error.downcast_ref::<WasmBacktrace>().and_then(|trace| trace.frames().first());
    trap && innermost.is_some_and(|frame| {
        frame.func_index() == hook.function && frame.module().get_export_index(&hook.count).is_some()
    })
}

impl From<FreezeError> for ComponentRunError {
    fn from(error: FreezeError) -> ComponentRunError {
        ComponentRunError::Freeze(Box::new(error))
    }
}
