//! The host of components: WASI preview 2 and 3. Each of its functions is answered by calls of preview 1 with a memory of their own, so
//! that clocks, randomness, directories, streams, policies, limits, the ledger and its replay are those of core modules. The
//! ledger has the calls in both words.

mod call;
mod cli;
mod clocks;
mod directories;
mod filesystem;
mod functions;
mod imports;
mod link;
mod paths;
mod poll;
mod preview3;
mod random;
mod resources;
mod sockets;
mod stat;
mod streams;
mod stub;

pub(super) use imports::is_provided;
#[cfg(feature = "component-calls")]
pub(crate) use preview3::Timers;

use super::HostState;
use super::error::HostError;
use super::host_options::HostOptions;
use super::ledger::Ledger;
use super::run_limits::Limits;
use resources::Resources;
use std::collections::{BTreeMap, BTreeSet};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

/// The data of a store in which a component's init runs.
pub struct ComponentHost {
    state: HostState,
    resources: Resources,
    /// Streams whose other end is gone.
    #[cfg(feature = "component-calls")]
    ended: preview3::EndedStreams,
    /// What waits for the monotonic clock.
    #[cfg(feature = "component-calls")]
    timers: Timers,
}

impl ComponentHost {
    /// What waits for time to pass.
    #[cfg(feature = "component-calls")]
    pub(crate) fn timers(&self) -> Timers {
        self.timers.clone()
    }

    /// What answers in terms of preview 1, and keeps the ledger.
    #[cfg(feature = "verify")]
    pub(crate) fn state(&mut self) -> &mut HostState {
        &mut self.state
    }

    /// Goes on as in a new process. Resources that are alive stay; otherwise their numbers begin anew.
    #[cfg(feature = "verify")]
    pub(crate) fn restart(&mut self, options: &HostOptions, digest: [u8; 32]) -> Result<(), HostError> {
        let monotonic = self.state.monotonic_clock();
        if self.resources.is_empty() {
            self.resources = Resources::default();
        }
        self.state.restart(options, digest, monotonic)
    }

    /// Every host call so far; the host's own ledger is empty afterwards.
    pub fn take_ledger(&mut self) -> Ledger {
        self.state.take_ledger()
    }

    /// The resources of WASI that are alive, by kind.
    pub fn live_resources(&self) -> BTreeMap<&'static str, usize> {
        self.resources.kinds()
    }

    /// The preopened directories of which the guest has dropped a handle, by their descriptors in preview 1.
    pub fn dropped_directories(&self) -> &BTreeSet<u32> {
        self.resources.dropped_directories()
    }

    /// What the guest wrote to standard output, if that is captured.
    pub fn stdout(&self) -> Vec<u8> {
        self.state.stdout().to_vec()
    }

    /// What the guest wrote to standard error, if that is captured.
    pub fn stderr(&self) -> Vec<u8> {
        self.state.stderr().to_vec()
    }
}

/// A store with nothing in it yet. Opens the preopened directories, unless this is a replay.
///
/// # Errors
/// If a directory cannot be opened, or fuel is asked of an engine that has none.
pub fn new_component_store(
    engine: &Engine,
    options: &HostOptions,
    limits: &Limits,
    digest: [u8; 32],
) -> Result<Store<ComponentHost>, HostError> {
    let host = ComponentHost {
        state: HostState::new(options, limits, digest)?,
        resources: Resources::default(),
        #[cfg(feature = "component-calls")]
        ended: preview3::EndedStreams::default(),
        #[cfg(feature = "component-calls")]
        timers: Timers::default(),
    };
    let mut store = Store::new(engine, host);
    store.limiter(|host| &mut host.state.limiter);
    if let Some(fuel) = limits.fuel {
        store.set_fuel(fuel).map_err(|source| HostError::Engine { action: "count fuel", source })?;
    }
    Ok(store)
}

/// Provides what the component imports. What nobody provides traps when it is called, unless it is stubbed.
///
/// # Errors
/// If the engine refuses a definition.
pub fn component_linker(
    engine: &Engine,
    options: &HostOptions,
    component: &Component,
) -> wasmtime::Result<Linker<ComponentHost>> {
    let mut linker = Linker::new(engine);
    linker.allow_shadowing(true);
    imports::define(&mut linker, component, options)?;
    Ok(linker)
}
