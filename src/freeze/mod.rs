//! Freezes a program in the middle of a call.
//!
//! A call stack has no form as data in a module, but it has one as code: for each function in progress, one that sets its
//! locals and operands to what they were, calls the same for the function that it called, and goes on with what is left
//! to do. The entry export becomes a wrapper that resumes at its first call.
//!
//! 1. `stop`: run to the place; the backtrace tells the calls in progress, and the state is that of this run.
//! 2. `unwind` or `inspect`: run again, answered from the record of the first run, to read locals and operands.
//! 3. `extend`: add the code to the module.

mod bell;
mod error;
mod host;
mod inspect;
mod lead;
mod play;
mod record;
mod refusal;
mod stop;
mod trigger;
mod until;
mod unwind;

pub use error::FreezeError;
pub(crate) use lead::{Lead, Led};
pub use preinit_core::freeze::{Frame, Site, Stack};
pub use trigger::{CHECKPOINT, Trigger, TriggerError};
pub(crate) use until::{Stopped, Until};

use crate::cache::CompileCache;
use crate::execute::{DEFAULT_INIT_FUNCTIONS, ExecuteError, Initialized, REACTOR_INITIALIZE};
use crate::host::{HostOptions, Ledger, Limits};
use crate::instance::InstanceError;
use host::Held;
use play::Scene;
use preinit_core::capture::{FunctionIndices, StateReader, capture};
use preinit_core::freeze::{Bodies, CallPoint, Roots, can_be_written, describe};
use preinit_core::module::{Module, is_function};
use preinit_core::probe::Probed;
use preinit_core::snapshot::{GlobalState, Heap, Snapshot, Value};
use refusal::{no_continuations, no_host_in_between};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use stop::Stop;
use trigger::Awaited;

/// The export at which a command begins (WASI application ABI).
pub const COMMAND_START: &str = "_start";

/// How the frames of the stopped program are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reader {
    /// By instrumentation of the functions in progress; where that is impossible, by [`Reader::Inspect`].
    #[default]
    Unwind,
    /// Through the engine's debugging interface.
    Inspect,
}

impl Reader {
    /// For reports.
    pub fn name(self) -> &'static str {
        match self {
            Reader::Unwind => "instrumentation",
            Reader::Inspect => "the debugging interface",
        }
    }
}

/// A program that was frozen.
pub struct Frozen {
    /// The state at the place.
    pub initialized: Initialized,
    /// The module with the code that resumes.
    pub wasm: Vec<u8>,
    /// Everything else.
    pub rest: Rest,
}

/// What is known about a program that was frozen, besides its state and its module.
#[derive(Debug)]
pub struct Rest {
    /// Every host call before the place.
    pub ledger: Ledger,
    /// The call that it resumes with.
    pub call: String,
    /// The calls in progress.
    pub stack: Stack,
    /// The export that resumes.
    pub entry: String,
    /// Exports that were called before it and returned.
    pub consumed: Vec<String>,
    /// The directories that the program has found, by descriptor from 3 on.
    pub preopens: Vec<String>,
    /// How the frames were read.
    pub reader: Reader,
    /// Bytes of the code that resumes.
    pub code_bytes: usize,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Seconds that it took to read the frames.
    pub reading: f64,
    declares: bool,
    roots: Roots,
    /// The heap with the objects that only the calls in progress reach.
    heap: Heap,
}

/// What is to be frozen, and how.
#[derive(Clone, Copy)]
pub struct Freeze<'f> {
    /// The place.
    pub trigger: &'f Trigger,
    /// How frames are read.
    pub reader: Reader,
    /// Exports to call in order; empty means `_start`, else the first of the default init functions.
    pub init_functions: &'f [String],
    /// What the program sees.
    pub host: &'f HostOptions,
    /// What it can use.
    pub limits: &'f Limits,
    /// Compile optimized code.
    pub optimize: bool,
    /// Where compiled code is kept between runs.
    pub cache: Option<&'f CompileCache>,
    /// Of the module's bytes.
    pub digest: [u8; 32],
}

impl<'f> Freeze<'f> {
    fn scene(
        self,
        module: &'f Module<'f>,
        probed: &'f Probed,
        awaited: &'f Awaited,
        calls: &'f [String],
    ) -> Scene<'f> {
        let Freeze { host: options, limits, optimize, cache, digest, .. } = self;
        Scene { module, probed, awaited, calls, options, limits, optimize, cache, digest }
    }
}

/// Runs `module` until the place, and makes a module that resumes there.
///
/// # Errors
/// [`FreezeError`]; [`FreezeError::is_refusal`] tells apart what was turned down.
pub fn freeze(module: &Module<'_>, probed: &Probed, options: Freeze<'_>) -> Result<Frozen, FreezeError> {
    let awaited = options.trigger.resolve(module)?;
    let calls = calls(module, options.init_functions)?;
    let scene = options.scene(module, probed, &awaited, &calls);
    let mut stop = scene.stop(&scene.stoppable()?, options.trigger)?;
    let ledger = stop.initialized.store.data_mut().take_ledger();
    let held = Held::of(&ledger)?;

    let functions: BTreeSet<u32> = stop.place.sites.iter().map(|site| site.function).collect();
    let bodies = Bodies::read(module, &functions)?;
    let mut known: HashMap<Site, Arc<CallPoint>> = HashMap::new();
    let mut points = Vec::with_capacity(stop.place.sites.len());
    for site in &stop.place.sites {
        let point = match known.get(site) {
            Some(point) => Arc::clone(point),
            None => {
                let point = Arc::new(bodies.call(module, *site)?);
                known.insert(*site, Arc::clone(&point));
                point
            }
        };
        points.push(point);
    }
    no_host_in_between(module, &bodies, &stop, &points)?;
    no_continuations(module, &bodies, &stop, &points)?;

    let started = std::time::Instant::now();
    let Read { stack, reader, heap } = read(scene, options.reader, &mut stop, &ledger, &bodies, &points)?;
    let reading = started.elapsed().as_secs_f64();
    can_be_written(module, &stack)?;
    let entry = calls[stop.place.returned].clone();
    let export = module.export(&entry).ok_or(FreezeError::Unexplained("an entry that does not exist"))?;
    let extended = preinit_core::freeze::extend(module, &bodies, &points, &stack, export.index)?;
    let mut warnings = held.warnings;
    if extended.drops_dwarf {
        warnings.push(
            "the debug information (DWARF) is left out: the added functions move the code by one byte"
                .to_string(),
        );
    }
    let rest = Rest {
        ledger,
        call: called(module, &stack),
        stack,
        consumed: calls[..stop.place.returned].to_vec(),
        entry,
        preopens: held.preopens,
        reader,
        reading,
        code_bytes: extended.code_bytes,
        warnings,
        declares: extended.declares,
        roots: extended.roots,
        heap,
    };
    Ok(Frozen { initialized: stop.initialized, wasm: extended.wasm, rest })
}

/// The call that the program was stopped at, as text.
fn called(module: &Module<'_>, stack: &Stack) -> String {
    let arguments: Vec<String> = stack.arguments.iter().map(ToString::to_string).collect();
    let import = module.imported_functions().find(|(index, _)| *index == stack.callee);
    let name = import.map_or_else(|| describe(module, stack.callee), |(_, import)| import.to_string());
    format!("{name}({})", arguments.join(", "))
}

impl Rest {
    /// Makes the state of the original at the place that of the module with the added code.
    ///
    /// # Errors
    /// If that state is not the one that the frames were read in.
    pub fn complete(&mut self, snapshot: &mut Snapshot<'_>) -> Result<(), FreezeError> {
        if !self.heap.starts_with(&snapshot.heap) {
            return Err(FreezeError::NotRepeated("its objects were other ones".to_string()));
        }
        snapshot.heap = std::mem::take(&mut self.heap);
        snapshot.tables.extend(self.roots.states());
        snapshot.globals.push(GlobalState { value: Value::I32(0), import_changed: false });
        if self.declares {
            snapshot.dropped_elements.push(true);
            snapshot.element_items.push(Vec::new());
        }
        Ok(())
    }

    /// What the slots of added tables are, by table and slot.
    pub fn slots(&self) -> impl Iterator<Item = ((u32, u64), String)> {
        self.roots.places()
    }
}

/// What the second run tells.
struct Read {
    stack: Stack,
    reader: Reader,
    heap: Heap,
}

/// Runs the program once more to read its frames. It must come to the same state.
fn read(
    scene: Scene<'_>,
    reader: Reader,
    stop: &mut Stop,
    ledger: &Ledger,
    bodies: &Bodies<'_>,
    points: &[Arc<CallPoint>],
) -> Result<Read, FreezeError> {
    let mut host = scene.options.clone();
    host.replay = Some(Arc::new(ledger.clone()));
    // Both runs are in memory at once, and instrumented code needs more fuel.
    let limits =
        Limits { max_memory: scene.limits.max_memory.saturating_add(1 << 30), fuel: None, ..*scene.limits };
    let scene = Scene { options: &host, limits: &limits, ..scene };
    let unwound = match reader {
        // A library user's functions may call back, which only the debugging interface shows.
        Reader::Unwind if host.linker.is_none() => scene.unwind(&stop.place, bodies, points)?,
        _ => None,
    };
    let (reader, (stack, mut played)) = match unwound {
        Some(unwound) => (Reader::Unwind, unwound),
        None => (Reader::Inspect, scene.inspect(&stop.place, bodies, points)?),
    };
    let sites = stack.frames.iter().map(|frame| frame.site);
    if !sites.eq(stop.place.sites.iter().copied()) {
        return Err(FreezeError::NotRepeated("other calls were in progress".to_string()));
    }
    if let Some(left) = played.begun.store.data().ledger().unreplayed().filter(|left| *left > 0) {
        return Err(FreezeError::NotRepeated(format!("it made {left} host calls less")));
    }
    let mut instance = stop.initialized.reader();
    let mut first = capture(scene.module, scene.probed, &mut instance)?;
    played.begun.unbounded()?;
    let mut instance = played.begun.reader();
    let functions = FunctionIndices::of(scene.module, scene.probed, &mut instance)?;
    let state = StateReader { module: scene.module, probed: scene.probed, functions: &functions };
    let (mut again, stack) = state.state_with(&mut instance, |heap, instance| {
        stack.map(|held| {
            let value = held.observe(instance.store()).map_err(InstanceError::from)?;
            heap.value(instance, value)
        })
    })?;
    let (without, heap) = (std::mem::take(&mut first.heap), std::mem::take(&mut again.heap));
    if first != again || !heap.starts_with(&without) {
        return Err(FreezeError::NotRepeated("its state was another one".to_string()));
    }
    Ok(Read { stack, reader, heap })
}

/// The exports to call in order.
fn calls(module: &Module<'_>, named: &[String]) -> Result<Vec<String>, FreezeError> {
    let function = |name: &str| module.export(name).filter(|export| is_function(export.kind));
    let exports = crate::execute::exported_functions(module);
    let mut calls: Vec<String> = Vec::new();
    if function(REACTOR_INITIALIZE).is_some() {
        calls.push(REACTOR_INITIALIZE.to_string());
    }
    let defaults = [COMMAND_START].into_iter().chain(DEFAULT_INIT_FUNCTIONS);
    let default = defaults.into_iter().find(|name| function(name).is_some());
    match (named, default) {
        ([], Some(name)) => calls.push(name.to_string()),
        ([], None) if calls.is_empty() => {
            return Err(ExecuteError::NoInitFunction(format!(
                "the module exports no `{COMMAND_START}` and no init function to freeze in; name one with --init-func \
                 ({exports})"
            ))
            .into());
        }
        _ => {}
    }
    for name in named {
        if function(name).is_none() {
            let message = format!("there is no exported function `{name}`; {exports}");
            return Err(ExecuteError::NoInitFunction(message).into());
        }
        if name != REACTOR_INITIALIZE {
            calls.push(name.clone());
        }
    }
    let takes = |name: &&String| {
        function(name)
            .and_then(|export| module.signature(export.index))
            .is_none_or(|ty| !ty.params().is_empty())
    };
    match calls.iter().find(takes) {
        Some(name) => Err(ExecuteError::NoInitFunction(format!(
            "`{name}` takes parameters, and there is nothing to call it with; {exports}"
        ))
        .into()),
        None => Ok(calls),
    }
}
