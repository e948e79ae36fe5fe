//! The host of components: WASI preview 2, with the same clocks, randomness, directories, streams and limits as preview 1
//! has here. Calls are not recorded.

mod clock;
mod imports;
mod random;
mod stub;

pub(super) use imports::is_provided;

use super::error::HostError;
use super::StubCalls;
use super::host_options::{Access, FileTimes, HostOptions, ImportName, Output, Stdin, WasiOptions};
use super::policy::{Class, Policy};
use super::run_limits::{Limiter, Limits};
use super::wasi::clock::Clocks;
use super::wasi::random::Source;
use imports::Stubs;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// The data of a store in which a component's init runs.
pub struct ComponentHost {
    limiter: Limiter,
    wasi: WasiCtx,
    table: ResourceTable,
    clocks: Arc<Mutex<Clocks>>,
    random: Source,
    random_bytes: u64,
    stdout: Option<MemoryOutputPipe>,
    stderr: Option<MemoryOutputPipe>,
    /// What stubs have answered, by import.
    stub_calls: BTreeMap<ImportName, StubCalls>,
}

impl WasiView for ComponentHost {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl ComponentHost {
    /// Random bytes that init was given.
    pub fn random_bytes(&self) -> u64 {
        self.random_bytes
    }

    /// Calls that stubs have answered, by import.
    pub fn stub_calls(&self) -> Vec<StubCalls> {
        self.stub_calls.values().cloned().collect()
    }

    /// What the guest wrote to standard output, if that is captured.
    pub fn stdout(&self) -> Vec<u8> {
        self.stdout.as_ref().map(|pipe| pipe.contents().to_vec()).unwrap_or_default()
    }

    /// What the guest wrote to standard error, if that is captured.
    pub fn stderr(&self) -> Vec<u8> {
        self.stderr.as_ref().map(|pipe| pipe.contents().to_vec()).unwrap_or_default()
    }
}

/// What of the options only core modules have.
pub fn lacking(options: &HostOptions) -> Option<&'static str> {
    let wasi = options.wasi.as_ref();
    let denies = |class: &Class| {
        let is_known = matches!(class, Class::Clock | Class::Random);
        match options.policies.get(*class) {
            Policy::Allow => false,
            Policy::Warn => *class != Class::Random,
            Policy::Deny => !is_known,
        }
    };
    if !options.preloads.is_empty() {
        return Some("preloaded modules");
    }
    if options.linker.is_some() {
        return Some("a linker of core imports");
    }
    if options.replay.is_some() || options.ledger_backtraces {
        return Some("the record of host calls");
    }
    if Class::ALL.iter().any(denies) {
        return Some("policies other than those of clocks and randomness");
    }
    if wasi.is_some_and(|wasi| wasi.file_times == FileTimes::Fixed) {
        return Some("fixed times of files");
    }
    None
}

/// A store with nothing in it yet. Opens the preopened directories.
///
/// # Errors
/// If a directory cannot be opened, or fuel is asked of an engine that has none.
pub fn new_component_store(
    engine: &Engine,
    options: &HostOptions,
    limits: &Limits,
    digest: [u8; 32],
) -> Result<Store<ComponentHost>, HostError> {
    let default = WasiOptions::default();
    let wasi = options.wasi.as_ref().unwrap_or(&default);
    let (mut builder, stdout, stderr) = context(wasi, limits)?;
    let denies = |class| options.policies.get(class) == Policy::Deny;
    let clock = if denies(Class::Clock) { super::Clock::Deny } else { wasi.clock };
    let random = if denies(Class::Random) { super::Random::Deny } else { wasi.random };
    let host = ComponentHost {
        limiter: Limiter::new(limits.max_memory),
        wasi: builder.build(),
        table: ResourceTable::new(),
        clocks: Arc::new(Mutex::new(Clocks::new(clock))),
        random: Source::new(random, digest),
        random_bytes: 0,
        stdout,
        stderr,
        stub_calls: BTreeMap::new(),
    };
    let mut store = Store::new(engine, host);
    store.limiter(|host| &mut host.limiter);
    if let Some(fuel) = limits.fuel {
        store.set_fuel(fuel).map_err(|source| HostError::Engine { action: "count fuel", source })?;
    }
    Ok(store)
}

type Pipe = Option<MemoryOutputPipe>;

fn context(wasi: &WasiOptions, limits: &Limits) -> Result<(WasiCtxBuilder, Pipe, Pipe), HostError> {
    let mut builder = WasiCtxBuilder::new();
    // The guest runs on a thread of its own, so that nobody else waits.
    builder.allow_blocking_current_thread(true);
    builder.args(&wasi.args).envs(&wasi.env);
    match &wasi.stdin {
        Stdin::Empty => {}
        Stdin::Inherit => {
            builder.inherit_stdin();
        }
        Stdin::Bytes(bytes) => {
            builder.stdin(MemoryInputPipe::new(bytes.clone()));
        }
    }
    let captured = || MemoryOutputPipe::new(usize::try_from(limits.max_memory).unwrap_or(usize::MAX));
    let stdout = (wasi.stdout == Output::Capture).then(captured);
    let stderr = (wasi.stderr == Output::Capture).then(captured);
    match (wasi.stdout, &stdout) {
        (Output::Inherit, _) => {
            builder.inherit_stdout();
        }
        (_, Some(pipe)) => {
            builder.stdout(pipe.clone());
        }
        _ => {}
    }
    match (wasi.stderr, &stderr) {
        (Output::Inherit, _) => {
            builder.inherit_stderr();
        }
        (_, Some(pipe)) => {
            builder.stderr(pipe.clone());
        }
        _ => {}
    }
    for directory in &wasi.dirs {
        let perms = match directory.access {
            Access::ReadWrite => FsPerms::ReadWrite,
            // There are no changes in memory here: they fail.
            Access::ReadOnly | Access::Overlay => FsPerms::ReadOnly,
        };
        builder.preopened_dir(&directory.host, &directory.guest, perms).map_err(|source| {
            HostError::Directory {
                guest: directory.guest.as_str().into(),
                host: directory.host.clone(),
                source,
            }
        })?;
    }
    Ok((builder, stdout, stderr))
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
    if options.wasi.is_some() {
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        clock::add_to_linker(&mut linker)?;
        random::add_to_linker(&mut linker)?;
    }
    imports::add_unprovided(&mut linker, component, (options.wasi.is_some(), &Stubs::of(options)))?;
    Ok(linker)
}
