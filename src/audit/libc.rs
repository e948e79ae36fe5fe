//! The functions of wasi-libc that keep something of the host, and the constructors: found by name, or by who calls the
//! import, since most modules come without names.

use super::code::Code;
use super::course::Course;
use super::difference::{Spot, differences};
use super::layout::function_named;
use super::run::Rerun;
use crate::capture::capture;
use crate::error::Error;
use crate::execute::{DEFAULT_INIT_FUNCTIONS, Initialized, Interrupt, REACTOR_INITIALIZE};
use crate::host::{Call, Entry, HostState, HostValue, ImportName, Outcome};
use crate::instance::ProbedInstance;
use preinit_core::module::{Module, Space};
use preinit_core::probe::{Probe, Probed};
use std::sync::Arc;
use wasmparser::{BinaryReader, ProducersSectionReader, ValType};
use wasmtime::{Extern, Store, Val};

/// The functions of one module, by index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Libc {
    /// Looks for preopened directories, once.
    pub populate_preopens: Option<u32>,
    /// Whether a constructor calls that.
    pub populates_eagerly: bool,
    /// `getenv`, which fetches the environment, once.
    pub getenv: Option<u32>,
    /// Runs all constructors.
    pub constructors: Option<u32>,
    /// Whether the module has the runtime of Go in the place of libc, which reads environment and arguments when it starts
    /// and never again (`runtime/runtime.go`: `goenvs`, `args`).
    pub is_go: bool,
}

/// The functions that make wasi-libc forget what it knows of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResetHooks {
    /// In the order in which they are to be called: index and name.
    pub functions: Vec<(u32, &'static str)>,
}

/// From an import to the function of libc that we look for.
const DEPTH: usize = 5;

impl Libc {
    pub fn of(module: &Module<'_>, code: &Code) -> Libc {
        if is_go(module) {
            // Its functions are all of one type, so none can be told from its callers.
            return Libc { is_go: true, ..Libc::default() };
        }
        let nullary = |index: u32| index >= module.imported.functions && module.is_nullary(index);
        let populate_preopens = function_named(module, "__wasilibc_populate_preopens")
            .filter(|&index| nullary(index))
            .or_else(|| code.nearest_caller(import(module, "fd_prestat_get")?, DEPTH, nullary));
        let getenv =
            function_named(module, "getenv").filter(|&index| is_getenv(module, index)).or_else(|| {
                let fetches = import(module, "environ_sizes_get")?;
                code.nearest_caller(fetches, DEPTH, |index| is_getenv(module, index))
            });
        let first_nullary = |export: &str| {
            let index = function_named(module, export)?;
            code.callees(index).iter().copied().find(|&callee| nullary(callee))
        };
        let constructors = function_named(module, "__wasm_call_ctors")
            .or_else(|| first_nullary(REACTOR_INITIALIZE))
            .or_else(|| first_nullary("_start"))
            .filter(|&index| nullary(index) && !code.is_empty(index));
        let populates_eagerly = match (populate_preopens, constructors) {
            (Some(populate), Some(constructors)) => code.callees(constructors).contains(&populate),
            _ => false,
        };
        Libc { populate_preopens, populates_eagerly, getenv, constructors, is_go: false }
    }

    /// What the probed module must export so that it can be called.
    pub fn functions(&self) -> impl Iterator<Item = u32> {
        [self.populate_preopens, self.getenv, self.constructors].into_iter().flatten()
    }
}

impl ResetHooks {
    /// Those that `module` has, exported or in its name section.
    pub fn of(module: &Module<'_>) -> ResetHooks {
        const HOOKS: [&str; 3] = [
            "__wasilibc_reset_preopens",
            "__wasilibc_deinitialize_environ",
            // For programs that use the variable `environ`, which must be valid.
            "__wasilibc_maybe_reinitialize_environ_eagerly",
        ];
        let found = HOOKS.into_iter().filter_map(|name| {
            let index = function_named(module, name)?;
            (index >= module.imported.functions && module.is_nullary(index)).then_some((index, name))
        });
        ResetHooks { functions: found.collect() }
    }
}

/// Whether something is still known to libc after init.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cached {
    Yes,
    No,
    /// The function that would tell was not found.
    Unknown,
}

/// What a finished init answers when it is asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub preopens: Cached,
    pub environment: Cached,
    /// Whether it is the runtime of Go that holds them.
    pub is_go: bool,
    /// What the constructors change when they run once more.
    pub constructors: Constructors,
    /// Where this run of init differs from the first, although nothing was changed.
    pub unstable: Vec<Spot>,
}

/// A second run of the constructors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Constructors {
    /// There are none.
    None,
    /// They changed this.
    Changed(Vec<Spot>),
    /// They asked the host for something that init did not ask for.
    Unknown,
    /// They trapped.
    Trapped(String),
}

/// What libc is told when it looks for directories after init.
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

/// Repeats init and asks what is left. `base` is what the first run left.
pub(super) fn ask(
    rerun: &Rerun<'_>,
    base: &preinit_core::snapshot::Snapshot<'_>,
    libc: &Libc,
) -> Result<Asked, Error> {
    let ledger = Arc::new(rerun.ledger.followed_by(no_directory()));
    let Course { module, probed, .. } = *rerun.course;
    let mut initialized = rerun.start_from(&ledger, &[])?.initialized;
    let unstable = differences(base, &capture(module, probed, &mut initialized.reader())?);
    let Initialized { instance, store, .. } = &mut initialized;
    let mut asked = Asked {
        preopens: Cached::Unknown,
        environment: Cached::Unknown,
        is_go: libc.is_go,
        constructors: Constructors::None,
        unstable,
    };
    if libc.is_go {
        asked.preopens = Cached::Yes;
        asked.environment = Cached::Yes;
    }
    // In an instance of its own, since the constructors may leave anything.
    if let Some(constructors) = libc.constructors {
        let mut initialized = rerun.start_from(&ledger, &[])?.initialized;
        let Initialized { instance, store, .. } = &mut initialized;
        let limit = rerun.limits.timeout.map(|limit| Interrupt::after(limit, rerun.course.engine(), store));
        let called = call(probed, instance, store, constructors, &[]);
        drop(limit);
        store.set_epoch_deadline(u64::MAX / 2);
        asked.constructors = match called {
            Ok(()) => {
                let mut instance = instance.with(store);
                Constructors::Changed(differences(base, &capture(module, probed, &mut instance)?))
            }
            Err(cause) if cause.contains("of the replayed run differs") => Constructors::Unknown,
            Err(cause) => Constructors::Trapped(cause),
        };
    }
    let limit = rerun.limits.timeout.map(|limit| Interrupt::after(limit, rerun.course.engine(), store));
    if let Some(populate) = libc.populate_preopens {
        let mut ask = || asks_again(probed, instance, store, populate, &[], "fd_prestat_get");
        asked.preopens = match ask() {
            // The first answer was that there are none. What asks once more does not remember, and never does: then
            // what a constructor has found is kept.
            Cached::No if libc.populates_eagerly && ask() == Cached::No => Cached::Yes,
            asked => asked,
        };
    }
    if let Some(getenv) = libc.getenv
        && let Some(name) = scratch(probed, instance, store)
    {
        asked.environment =
            asks_again(probed, instance, store, getenv, &[Val::I32(name)], "environ_sizes_get");
    }
    drop(limit);
    Ok(asked)
}

/// Calls `function`, and looks whether it calls `import`.
fn asks_again(
    probed: &Probed,
    instance: &ProbedInstance,
    store: &mut Store<HostState>,
    function: u32,
    arguments: &[Val],
    import: &str,
) -> Cached {
    let before = store.data().ledger().len();
    let called = call(probed, instance, store, function, arguments);
    let mut after = store.data().ledger().entries().skip(before);
    // The record of init holds no answer to a call that it did not make, which ends this one.
    let asked = after.any(|entry| entry.call.wasi() == Some(import))
        || called.as_ref().is_err_and(|cause| cause.contains(import));
    match (asked, called) {
        (true, _) => Cached::No,
        (false, Ok(())) => Cached::Yes,
        (false, Err(_)) => Cached::Unknown,
    }
}

fn call(
    probed: &Probed,
    instance: &ProbedInstance,
    store: &mut Store<HostState>,
    function: u32,
    arguments: &[Val],
) -> Result<(), String> {
    let function = instance.handle.get_func(&mut *store, &probed.export_name(Probe::Function(function)));
    let function = function.ok_or("the function is not exported")?;
    let mut results = vec![Val::I32(0); function.ty(&*store).results().len()];
    function.call(store, arguments, &mut results).map_err(|error| error.root_cause().to_string())
}

/// The address of a variable's name, in memory that nobody uses.
fn scratch(probed: &Probed, instance: &ProbedInstance, store: &mut Store<HostState>) -> Option<i32> {
    let memory = instance.handle.get_export(&mut *store, &probed.export_name(Probe::Memory(0)))?;
    let Extern::Memory(memory) = memory else { return None };
    let address = memory.data_size(&*store);
    memory.grow(&mut *store, 1).ok()?;
    memory.write(&mut *store, address, b"PREINIT_AUDIT\0").ok()?;
    u32::try_from(address).ok().map(u32::cast_signed)
}

/// Whether the linker of Go made the module, as its `producers` section says.
fn is_go(module: &Module<'_>) -> bool {
    let payload = module.sections.iter().find_map(|section| match section.custom {
        Some(("producers", payload)) => Some(payload),
        _ => None,
    });
    let fields = payload.and_then(|payload| ProducersSectionReader::new(BinaryReader::new(payload, 0)).ok());
    let mut values =
        fields.into_iter().flatten().flatten().flat_map(|field| field.values.into_iter().flatten());
    values.any(|value| value.name == "Go cmd/compile")
}

fn import(module: &Module<'_>, name: &str) -> Option<u32> {
    let mut functions = (0u32..).zip(module.imports_of(Space::Function));
    let is =
        |import: &wasmparser::Import<'_>| import.module == "wasi_snapshot_preview1" && import.name == name;
    functions.find(|(_, (_, import))| is(import)).map(|(index, _)| index)
}

fn is_getenv(module: &Module<'_>, index: u32) -> bool {
    index >= module.imported.functions
        && module
            .signature(index)
            .is_some_and(|ty| ty.params() == [ValType::I32] && ty.results() == [ValType::I32])
}

/// The exports of the output that would run the constructors again.
pub(super) fn rerunning_exports<'m>(
    module: &'m Module<'_>,
    code: &Code,
    constructors: u32,
    is_removed: impl Fn(&str) -> bool,
) -> Vec<&'m str> {
    const DIRECT: usize = 2;
    let kept = module.exports.iter().filter(|export| {
        preinit_core::module::is_function(export.kind)
            && export.name != REACTOR_INITIALIZE
            && !is_removed(export.name)
    });
    let init = |name: &str| DEFAULT_INIT_FUNCTIONS.contains(&name);
    kept.filter(|export| !init(export.name) && code.reaches(export.index, constructors, DIRECT))
        .map(|export| export.name)
        .collect()
}
