//! What is taken out of the states of core instances before they are written: what libc has cached, and the free stack.

use super::part::{Part, Place, name};
use super::{ComponentRunError, Prepared, execution::Executed};
use crate::cleaning::{ResetHooks, zero_stack};
use crate::error::Error;
use crate::execute::{Interrupt, Stop};
use crate::freeze::is_wasi;
use crate::host::{ComponentHost, Ledger};
use crate::instance::call_core;
use crate::options::Options;
use preinit_core::module::{Module, Space};
use preinit_core::snapshot::Snapshot;
use wasmtime::Store;

/// The functions of a core module that a probe has to show so that libc can be reset.
pub fn reset_functions(module: &Module<'_>, is_wanted: bool) -> Vec<u32> {
    ResetHooks::of(module, is_wanted).indices().collect()
}

/// Calls the functions of all core instances that make libc forget what it has cached. Variables are not put back, as it is done in
/// core modules that lack them: that takes an instance of its own.
pub fn reset_libc(
    options: &Options,
    (prepared, places): (&Prepared<'_>, &[Place<'_>]),
    executed: &mut Executed,
) -> Result<(), ComponentRunError> {
    for (place, instance) in places.iter().zip(&prepared.instances) {
        if let Some((asked, missing)) = lacks(&place.part.module, &executed.ledger) {
            let module = name(&prepared.component, instance);
            return Err(ComponentRunError::HalfReset { module, asked, missing });
        }
    }
    let limits = &options.limits;
    let engine = executed.store.engine().clone();
    let left = limits.timeout.map(|timeout| timeout.saturating_sub(executed.run_time));
    let interrupt = left.map(|left| Interrupt::after(left, &engine, &mut executed.store));
    let mut called = 0;
    for place in places {
        let Part { module, probed } = place.part;
        for hook in ResetHooks::of(module, true).hooks(probed) {
            let store = &mut executed.store;
            let function = place.instance.handle.get_typed_func::<(), ()>(&mut *store, &hook.export);
            let result = function.and_then(|function| call_core(store, *function.func()));
            let stopped =
                |error| ComponentRunError::Stopped(Box::new(Stop::of_hook(&hook.name, &error, limits)));
            result.map_err(stopped)?;
            called += 1;
        }
    }
    drop(interrupt);
    executed.store.set_epoch_deadline(u64::MAX / 2);
    match called {
        0 => Err(ComponentRunError::NoReset),
        _ => Ok(()),
    }
}

/// What libc in a core module has asked for, and the function that it lacks to forget it, if there are others.
fn lacks(module: &Module<'_>, ledger: &Ledger) -> Option<(&'static str, &'static str)> {
    let hooks = ResetHooks::of(module, true);
    let asks = |function: &str| {
        let mut imports = module.imports_of(Space::Function);
        ledger.wasi_calls(function).next().is_some()
            && imports.any(|(_, import)| is_wasi(import.module, import.name, function))
    };
    let mut cached = ResetHooks::CACHED.into_iter();
    cached.find(|(asked, hook)| hooks.indices().next().is_some() && !hooks.has(hook) && asks(asked))
}

/// Clears the free stack in each memory. `name` is that of a core instance.
pub fn clear_stacks(
    (places, store): (&[Place<'_>], &mut Store<ComponentHost>),
    snapshots: &mut [Snapshot<'_>],
    name: impl Fn(usize) -> String,
) -> Result<(), ComponentRunError> {
    let own = |place: &Place<'_>| !place.part.is_adapter();
    let other = places.iter().position(|place| own(place) && place.part.module.imported.memories > 0);
    let mut cleared = 0;
    for (number, (place, snapshot)) in places.iter().zip(snapshots).enumerate() {
        let module = &place.part.module;
        if !own(place) || module.memories.len() as u32 == module.imported.memories {
            continue;
        }
        if let Some(other) = other {
            return Err(ComponentRunError::StackOfSeveral { module: name(number), other: name(other) });
        }
        let lowest = place.instance.with(&mut *store).lowest();
        zero_stack(module, snapshot, lowest).map_err(|kept| ComponentRunError::InModule {
            module: name(number),
            error: Box::new(Error::StackKept(kept)),
        })?;
        cleared += 1;
    }
    match cleared {
        0 => Err(ComponentRunError::NoStack),
        _ => Ok(()),
    }
}
