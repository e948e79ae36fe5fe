//! What libc has cached of the host after init: its functions are called again, to see whether they ask the host.

use super::difference::{Difference, differences};
use super::init_run::InitEnd;
use super::libc_functions::LibcFunctions;
use super::rerun::Rerun;
use crate::error::Error;
use crate::execute::{Initialized, Interrupt};
use crate::host::{Call, Entry, HostState, HostValue, ImportName, Ledger, Outcome, ReplayDiverged};
use preinit_core::probe::{Probe, Probed};
use std::sync::Arc;
use wasmtime::{Extern, Store, Val};

/// Whether something of the host is still cached after init.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cached {
    Yes,
    No,
    /// The function that shows it was not found.
    Unknown,
}

/// What libc has cached, and what constructors do after init.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LibcState {
    pub preopens: Cached,
    pub environment: Cached,
    /// Whether the runtime of Go holds them, and not libc.
    pub is_go: bool,
    /// What the constructors change when they run once more.
    pub constructors: ConstructorEffect,
    /// What differs from the first run, although nothing was changed.
    pub unstable: Vec<Difference>,
}

/// The effect of a second run of the constructors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConstructorEffect {
    /// There are no constructors.
    None,
    /// They changed this.
    Changed(Vec<Difference>),
    /// They asked the host for something that init did not ask for.
    Unknown,
    /// They trapped.
    Trapped(String),
}

impl LibcState {
    /// Repeats init and calls the functions of libc in the instance that it leaves.
    pub fn of(rerun: &Rerun<'_>, libc: &LibcFunctions) -> Result<LibcState, Error> {
        // The answer to what libc asks if it looks for directories after init.
        let ledger = Arc::new(rerun.first.record.ledger.followed_by(no_directory()));
        let mut end = rerun.start(&ledger, &[])?;
        let unstable =
            differences(&rerun.first.snapshot, &rerun.init.snapshot(&mut end.initialized.reader())?);
        let mut state = LibcState {
            preopens: Cached::Unknown,
            environment: Cached::Unknown,
            is_go: libc.is_go,
            constructors: constructor_effect(rerun, &ledger, libc)?,
            unstable,
        };
        if libc.is_go {
            return Ok(LibcState { preopens: Cached::Yes, environment: Cached::Yes, ..state });
        }
        let mut finished = FinishedInit::of(rerun, end);
        if let Some(populate) = libc.populate_preopens {
            let mut ask = || finished.asks_again(populate, &[], "fd_prestat_get");
            state.preopens = match ask() {
                // The first answer was that there are none. A function that asks again does not cache it, and never does;
                // then what a constructor has found is kept.
                Cached::No if libc.populates_eagerly && ask() == Cached::No => Cached::Yes,
                asked => asked,
            };
        }
        if let Some(getenv) = libc.getenv
            && let Some(name) = finished.unset_variable()
        {
            state.environment = finished.asks_again(getenv, &[Val::I32(name)], "environ_sizes_get");
        }
        Ok(state)
    }
}

/// The answer that there are no more directories.
fn no_directory() -> Entry {
    const BADF: i32 = 8;
    let call = Call {
        import: Arc::new(ImportName::new("wasi_snapshot_preview1", "fd_prestat_get")),
        args: vec![HostValue::I32(3), HostValue::I32(0)],
        reads: Vec::new(),
        backtrace: None,
    };
    Entry { call, outcome: Outcome::Results(vec![HostValue::I32(BADF)]), writes: Vec::new() }
}

/// Runs the constructors in an instance of their own, since they may leave anything.
fn constructor_effect(
    rerun: &Rerun<'_>,
    ledger: &Arc<Ledger>,
    libc: &LibcFunctions,
) -> Result<ConstructorEffect, Error> {
    let Some(constructors) = libc.constructors else { return Ok(ConstructorEffect::None) };
    let mut finished = FinishedInit::of(rerun, rerun.start(ledger, &[])?);
    let called = finished.call(constructors, &[]);
    let mut initialized = finished.end();
    Ok(match called {
        Ok(()) => {
            let mut instance = initialized.reader();
            let after = rerun.init.snapshot(&mut instance)?;
            ConstructorEffect::Changed(differences(&rerun.first.snapshot, &after))
        }
        Err(error) if error.is::<ReplayDiverged>() => ConstructorEffect::Unknown,
        Err(error) => ConstructorEffect::Trapped(error.root_cause().to_string()),
    })
}

/// An instance whose init has run, and whose functions are called once more, within the time limit.
struct FinishedInit<'p> {
    probed: &'p Probed,
    initialized: Initialized,
    limit: Option<Interrupt>,
}

impl<'p> FinishedInit<'p> {
    fn of(rerun: &Rerun<'p>, end: InitEnd) -> FinishedInit<'p> {
        let mut initialized = end.initialized;
        let engine = rerun.init.engine();
        let limit = rerun.limits.timeout;
        let limit = limit.map(|limit| Interrupt::after(limit, engine, &mut initialized.store));
        FinishedInit { probed: rerun.init.execution.probed, initialized, limit }
    }

    /// Ends the time limit.
    fn end(self) -> Initialized {
        drop(self.limit);
        let mut initialized = self.initialized;
        initialized.store.set_epoch_deadline(u64::MAX / 2);
        initialized
    }

    fn parts(&mut self) -> (&wasmtime::Instance, &mut Store<HostState>) {
        (&self.initialized.instance.handle, &mut self.initialized.store)
    }

    /// Calls `function`, and looks whether it calls `import`.
    fn asks_again(&mut self, function: u32, arguments: &[Val], import: &str) -> Cached {
        let before = self.initialized.store.data().ledger().len();
        let called = self.call(function, arguments);
        let mut after = self.initialized.store.data().ledger().entries().skip(before);
        // The record of init holds no answer to a call that it did not make, which ends this one.
        let asked = after.any(|entry| entry.call.wasi() == Some(import))
            || called.as_ref().is_err_and(|error| diverged_at(error, import));
        match (asked, called) {
            (true, _) => Cached::No,
            (false, Ok(())) => Cached::Yes,
            (false, Err(_)) => Cached::Unknown,
        }
    }

    fn call(&mut self, function: u32, arguments: &[Val]) -> wasmtime::Result<()> {
        let export = self.probed.export_name(Probe::Function(function));
        let (instance, store) = self.parts();
        let function = instance.get_func(&mut *store, &export);
        let function = function.ok_or_else(|| wasmtime::Error::msg("the function is not exported"))?;
        let mut results = vec![Val::I32(0); function.ty(&*store).results().len()];
        function.call(store, arguments, &mut results)
    }

    /// The address of the name of a variable that is not set, in memory that nobody uses.
    fn unset_variable(&mut self) -> Option<i32> {
        let export = self.probed.export_name(Probe::Memory(0));
        let (instance, store) = self.parts();
        let Extern::Memory(memory) = instance.get_export(&mut *store, &export)? else { return None };
        let address = memory.data_size(&*store);
        memory.grow(&mut *store, 1).ok()?;
        memory.write(&mut *store, address, b"PREINIT_AUDIT\0").ok()?;
        u32::try_from(address).ok().map(u32::cast_signed)
    }
}

/// Whether a replay ended at a call of `import`.
fn diverged_at(error: &wasmtime::Error, import: &str) -> bool {
    error.downcast_ref::<ReplayDiverged>().is_some_and(|diverged| diverged.import.name == import)
}
