//! An instance whose init has run, and whose functions are called once more to see what they do. Nothing outside is touched,
//! and the instance is good for no snapshot any more.

use super::{ExecuteError, Initialized, Interrupt, Prepared, begin};
use crate::host::{Limits, Sealed};
use crate::instance::InstanceError;
use preinit_core::capture::{CaptureError, capture};
use preinit_core::module::Module;
use preinit_core::probe::{Probe, Probed};
use preinit_core::snapshot::Snapshot;
use wasmtime::{Extern, Memory, Val};

/// Whether something of the host is still cached after init.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cached {
    Yes,
    No,
    /// The function that shows it was not found, or did not return.
    Unknown,
}

/// How a call after init ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Called {
    Returned,
    /// It asked for something outside.
    Sealed,
    Trapped(String),
}

/// The instance. All functions that are called must be exported by probes.
pub(crate) struct FinishedInit<'p> {
    module: &'p Module<'p>,
    probed: &'p Probed,
    initialized: Initialized,
    _limit: Option<Interrupt>,
}

impl<'p> FinishedInit<'p> {
    /// Each call must end within the time limit that all have together.
    pub fn new(
        module: &'p Module<'p>,
        probed: &'p Probed,
        mut initialized: Initialized,
        limits: &Limits,
    ) -> Self {
        let engine = initialized.store.engine().clone();
        initialized.store.data_mut().seal(0);
        let limit = limits.timeout.map(|limit| Interrupt::after(limit, &engine, &mut initialized.store));
        FinishedInit { module, probed, initialized, _limit: limit }
    }

    /// An instance in which nothing was called but what instantiation calls.
    pub fn untouched(prepared: Prepared<'p>) -> Result<Self, ExecuteError> {
        let initialized = begin(prepared, None)?.end(prepared, Vec::new())?;
        let execution = prepared.execution;
        Ok(FinishedInit::new(execution.module, execution.probed, initialized, execution.limits))
    }

    /// From now on there seem to be this many preopened directories.
    pub fn show_directories(&mut self, directories: u32) {
        self.initialized.store.data_mut().seal(directories);
    }

    /// The whole state.
    pub fn state(&mut self) -> Result<Snapshot<'static>, CaptureError<InstanceError>> {
        let mut instance = self.initialized.reader();
        Ok(capture(self.module, self.probed, &mut instance)?.into_owned())
    }

    /// Calls a function without results, or with one that nobody looks at.
    pub fn call(&mut self, function: u32, arguments: &[i32]) -> Called {
        match self.try_call(function, arguments) {
            Ok(()) => Called::Returned,
            Err(error) if error.is::<Sealed>() => Called::Sealed,
            Err(error) => Called::Trapped(error.root_cause().to_string()),
        }
    }

    /// Calls `function`, and looks whether it calls the WASI function `import`.
    pub fn asks_again(&mut self, function: u32, arguments: &[i32], import: &str) -> Cached {
        let before = self.initialized.store.data().ledger().len();
        let called = self.call(function, arguments);
        let mut after = self.initialized.store.data().ledger().entries().skip(before);
        match (after.any(|entry| entry.call.wasi() == Some(import)), called) {
            (true, _) => Cached::No,
            (false, Called::Returned) => Cached::Yes,
            (false, _) => Cached::Unknown,
        }
    }

    /// The address of the name of a variable that is not set, in memory that nobody uses.
    pub fn unset_variable(&mut self) -> Option<i32> {
        let memory = self.memory()?;
        let store = &mut self.initialized.store;
        let address = memory.data_size(&*store);
        memory.grow(&mut *store, 1).ok()?;
        memory.write(&mut *store, address, b"PREINIT_AUDIT\0").ok()?;
        u32::try_from(address).ok().map(u32::cast_signed)
    }

    /// Writes into memory 0, if it is not shared.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Option<()> {
        let memory = self.memory()?;
        memory.write(&mut self.initialized.store, usize::try_from(address).ok()?, bytes).ok()
    }

    fn memory(&mut self) -> Option<Memory> {
        let export = self.probed.export_name(Probe::Memory(0));
        let store = &mut self.initialized.store;
        match self.initialized.instance.handle.get_export(store, &export)? {
            Extern::Memory(memory) => Some(memory),
            _ => None,
        }
    }

    fn try_call(&mut self, function: u32, arguments: &[i32]) -> wasmtime::Result<()> {
        let export = self.probed.export_name(Probe::Function(function));
        let store = &mut self.initialized.store;
        let function = self.initialized.instance.handle.get_func(&mut *store, &export);
        let function = function.ok_or_else(|| wasmtime::Error::msg("the function is not exported"))?;
        let arguments: Vec<Val> = arguments.iter().copied().map(Val::I32).collect();
        let mut results = vec![Val::I32(0); function.ty(&*store).results().len()];
        function.call(store, &arguments, &mut results)
    }
}
