//! The first run: finds the place, and the calls in progress there.

use super::FreezeError;
use super::bell::Bell;
use super::host::ended_early;
use super::play::{Listener, Scene};
use super::trigger::{AwaitedCall, Trigger};
use crate::engine::{self, Compiled};
use crate::execute::Initialized;
use crate::host::{HostState, ImportName, Seen};
use preinit_core::freeze::CallSite;
use preinit_core::freeze::FunctionCodes;
use preinit_core::freeze::FunctionTypes;
use preinit_core::module::Module;
use preinit_core::module::Patch;
use preinit_core::module::body_ranges;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use wasmtime::{Caller, Extern, Val, WasmBacktrace};

/// The error that ends a run at the place that was looked for.
#[derive(Debug, thiserror::Error)]
#[error(
    "the place to freeze at was reached while the module was instantiated, where no export could resume it"
)]
pub(super) struct Reached;

/// A program that was stopped at the place.
pub struct Stop {
    /// Its state, with every host call before the place.
    pub initialized: Initialized,
    /// Where it was.
    pub place: Place,
}

/// A program that is compiled to be stopped.
pub(super) struct Stoppable {
    /// With a bell.
    changed: Option<Vec<u8>>,
    bell: Option<Bell>,
    pub compiled: Compiled,
    compile_time: Duration,
}

/// Where a program was stopped.
#[derive(Debug, Clone)]
pub struct Place {
    /// Of the calls that were listened to, the last.
    pub(crate) event: u64,
    /// The function that is about to be called.
    pub callee: u32,
    /// The calls in progress, innermost first.
    pub sites: Vec<CallSite>,
    /// How many of the exports returned; the next one is in progress.
    pub returned: usize,
    /// How many host calls were made before it.
    pub host_calls: usize,
}

#[derive(Default)]
struct Progress {
    events: u64,
    matches: u64,
    reached: Option<Option<ImportName>>,
}

impl Scene<'_> {
    /// Compiles the program.
    pub fn stoppable(self) -> Result<Stoppable, FreezeError> {
        let compiling = Instant::now();
        let (wasm, bell) = self.with_bell()?;
        let options = self.execution.engine_options();
        let compiled = engine::compile_traced(&wasm, options, self.execution.compilation.cache)
            .map_err(crate::execute::ExecuteError::Compile)?;
        let changed = match wasm {
            Cow::Borrowed(_) => None,
            Cow::Owned(wasm) => Some(wasm),
        };
        Ok(Stoppable { changed, bell, compiled, compile_time: compiling.elapsed() })
    }

    /// Runs the program until `trigger`.
    pub fn stop(self, stoppable: &Stoppable, trigger: &Trigger) -> Result<Stop, FreezeError> {
        let Stoppable { changed, bell, compiled, compile_time } = stoppable;
        let wasm = changed.as_deref().unwrap_or(&self.probed().wasm);
        let prepared = self.prepared(compiled, *compile_time);
        let progress = Arc::new(Mutex::new(Progress::default()));
        let listener = self.matcher(&progress);
        let played = self.play(prepared, bell.as_ref(), listener);
        let (reached, matches) = match progress.lock() {
            Ok(mut progress) => {
                let event = progress.events;
                (progress.reached.take().map(|import| (event, import)), progress.matches)
            }
            Err(_) => return Err(FreezeError::Unexplained("the host failed")),
        };
        let mut played = match (played, &reached) {
            (Err(FreezeError::Execute(_)), Some(_)) => return Err(FreezeError::Refused(Reached.to_string())),
            (played, _) => played?,
        };
        let (error, (event, import)) = match (played.error, reached) {
            (Some(error), Some(reached)) if error.is::<Reached>() => (error, reached),
            (error, _) => {
                let subject = match error {
                    Some(_) => format!("the `{}` function", self.calls[played.returned]),
                    None => format!("`{}`", self.calls.join("`, `")),
                };
                let how = error.map(|error| prepared.run().stopped(&subject, "trapped", &error));
                let ledger = played.begun.store.data_mut().take_ledger();
                return Err(ended_early(trigger, &subject, how, matches, ledger));
            }
        };
        let mut sites = self.sites(&error, compiled, wasm, bell.as_ref())?;
        let callee = match import {
            // The function itself rang; it is entered again.
            None => {
                sites.remove(0);
                bell.as_ref().map(|bell| bell.function)
            }
            Some(import) => self.imported(&import, sites.first())?,
        };
        let callee = callee.ok_or(FreezeError::Unexplained("a bell that is not there"))?;
        let returned = played.returned;
        let called = self.calls[..=returned].to_vec();
        let mut initialized = played.begun.end(prepared, called)?;
        let host_calls = initialized.store.data().ledger().len();
        initialized.call_hooks(self.execution.hooks, self.execution.limits)?;
        Ok(Stop { initialized, place: Place { event, callee, sites, returned, host_calls } })
    }

    /// The probed module, with a bell if a function of its own is awaited.
    pub fn with_bell(&self) -> Result<(Cow<'_, [u8]>, Option<Bell>), FreezeError> {
        let AwaitedCall::Function(function) = self.awaited.call else {
            return Ok((self.probed().wasm.as_slice().into(), None));
        };
        let probed = Module::read_valid(&self.probed().wasm)?;
        let bodies = FunctionCodes::read(self.module(), &BTreeSet::from([function]))?;
        let body = bodies.get(function)?;
        let mut patch = Patch::new(&probed);
        let mut types = FunctionTypes::new(&probed);
        let bell = Bell::install(&mut patch, &mut types, &probed, self.probed(), function)?;
        let start = body.operators.first().map_or(0, |(_, offset)| *offset);
        patch.replace_body(function, [&body.bytes[..start], &bell.code, &body.bytes[start..]].concat());
        for entry in types.entries()? {
            patch.ty(&entry);
        }
        Ok((patch.apply().into(), Some(bell)))
    }

    /// Listens for the awaited call.
    fn matcher(&self, progress: &Arc<Mutex<Progress>>) -> Arc<Listener> {
        let (awaited, progress) = (self.awaited.clone(), Arc::clone(progress));
        Arc::new(move |caller: &mut Caller<'_, HostState>, import: Option<&ImportName>, values: &[Val]| {
            let poisoned = |_| wasmtime::Error::msg("another thread of the host failed");
            let mut progress = progress.lock().map_err(poisoned)?;
            progress.events += 1;
            if is_awaited(&awaited.call, caller, import, values) {
                progress.matches += 1;
                if progress.matches == awaited.occurrence {
                    progress.reached = Some(import.cloned());
                    return Err(Reached.into());
                }
            }
            Ok(Seen::Answer)
        })
    }

    /// The calls in progress, from the backtrace.
    fn sites(
        &self,
        error: &wasmtime::Error,
        compiled: &Compiled,
        wasm: &[u8],
        bell: Option<&Bell>,
    ) -> Result<Vec<CallSite>, FreezeError> {
        let trace = error.downcast_ref::<WasmBacktrace>();
        let frames = trace.map_or(&[][..], WasmBacktrace::frames);
        let limit = engine::MAX_FROZEN_FRAMES.get();
        if frames.len() > limit {
            return Err(FreezeError::Refused(format!(
                "more than {limit} calls are in progress at that place; freeze it before the recursion"
            )));
        }
        let layout = Layout::new(self.module(), wasm, bell)?;
        let mut sites = Vec::with_capacity(frames.len());
        for frame in frames {
            if !wasmtime::Module::same(frame.module(), &compiled.module) {
                let name = frame.func_name().unwrap_or("without a name");
                return Err(FreezeError::Refused(format!(
                    "a function of another module ({}, {name}) is on the stack at that place, and the snapshot would \
                     have to hold its state too",
                    frame.module().name().unwrap_or("a preloaded one"),
                )));
            }
            let offset =
                frame.module_offset().ok_or(FreezeError::Unexplained("a frame without a position"))?;
            sites.push(layout.site(frame.func_index(), offset)?);
        }
        Ok(sites)
    }

    /// The index of the import that is about to be called.
    fn imported(&self, import: &ImportName, site: Option<&CallSite>) -> Result<Option<u32>, FreezeError> {
        let of_that_name: Vec<u32> = self
            .module()
            .imported_functions()
            .filter(|(_, name)| name == import)
            .map(|(index, _)| index)
            .collect();
        if let (Some(site), true) = (site, of_that_name.len() > 1) {
            let bodies = FunctionCodes::read(self.module(), &BTreeSet::from([site.function]))?;
            let body = bodies.get(site.function)?;
            let at = body.operators.iter().find(|(_, offset)| *offset == site.offset as usize);
            if let Some((wasmparser::Operator::Call { function_index }, _)) = at
                && of_that_name.contains(function_index)
            {
                return Ok(Some(*function_index));
            }
        }
        match of_that_name.first() {
            Some(&index) => Ok(Some(index)),
            None => Err(FreezeError::Refused(format!(
                "the call of `{import}` is made by a module that provides imports, and not by this one"
            ))),
        }
    }
}

fn is_awaited(
    awaited: &AwaitedCall,
    caller: &mut Caller<'_, HostState>,
    import: Option<&ImportName>,
    values: &[Val],
) -> bool {
    let is_wasi = |name: &str| {
        import.is_some_and(|import| import.module == "wasi_snapshot_preview1" && import.name == name)
    };
    match awaited {
        AwaitedCall::Function(_) => import.is_none(),
        AwaitedCall::Stdin => match (import, values.first()) {
            (Some(import), Some(Val::I32(fd))) => caller.data().reads_stdin(import, fd.cast_unsigned()),
            _ => false,
        },
        AwaitedCall::Open(path) => {
            is_wasi("path_open") && opened(caller, values).is_some_and(|opened| same_path(&opened, path))
        }
        AwaitedCall::Import { name, arguments } => {
            import == Some(name) && arguments.as_ref().is_none_or(|arguments| arguments.match_(values))
        }
    }
}

/// The path that a call of `path_open` is about.
fn opened(caller: &mut Caller<'_, HostState>, values: &[Val]) -> Option<String> {
    let [Val::I32(directory), _, Val::I32(address), Val::I32(len), ..] = values else { return None };
    let range = |size: usize| {
        let start = *address as u32 as usize;
        let end = start.checked_add(*len as u32 as usize).filter(|end| *end <= size)?;
        Some(start..end)
    };
    let bytes = match caller.get_export("memory")? {
        Extern::Memory(memory) => {
            let bytes = memory.data(&*caller);
            bytes[range(bytes.len())?].to_vec()
        }
        Extern::SharedMemory(memory) => {
            let range = range(memory.data().len())?;
            crate::instance::shared_bytes(&memory).ok()?[range].to_vec()
        }
        _ => return None,
    };
    let path = String::from_utf8(bytes).ok()?;
    Some(caller.data().path(directory.cast_unsigned(), &path))
}

/// Whether two texts name one path: `.` and doubled slashes mean nothing, and everything is below the root.
fn same_path(left: &str, right: &str) -> bool {
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_string).collect()
    };
    parts(left) == parts(right)
}

/// Where functions lie in the binary that runs.
pub(super) struct Layout {
    imported: u32,
    bodies: Vec<Range<usize>>,
    /// A function whose code has something before its first instruction.
    shifted: Option<(u32, u32, u32)>,
}

impl Layout {
    pub fn new(module: &Module<'_>, wasm: &[u8], bell: Option<&Bell>) -> Result<Layout, FreezeError> {
        let shifted = match bell {
            None => None,
            Some(bell) => {
                let bodies = FunctionCodes::read(module, &BTreeSet::from([bell.function]))?;
                let start = bodies.get(bell.function)?.operators.first().map_or(0, |(_, offset)| *offset);
                Some((bell.function, start as u32, bell.code.len() as u32))
            }
        };
        Ok(Layout { imported: module.imported.functions, bodies: body_ranges(wasm)?, shifted })
    }

    /// The place in the original that is at `offset` of the binary. A place in what was added is taken for the first
    /// instruction.
    pub fn site(&self, function: u32, offset: usize) -> Result<CallSite, FreezeError> {
        let body = function.checked_sub(self.imported).and_then(|index| self.bodies.get(index as usize));
        let body = body.filter(|body| body.contains(&offset));
        let body = body.ok_or(FreezeError::Unexplained("a frame outside of its function"))?;
        let offset = (offset - body.start) as u32;
        let offset = match self.shifted {
            Some((shifted, start, by)) if shifted == function && offset >= start => {
                start.max(offset.saturating_sub(by))
            }
            _ => offset,
        };
        Ok(CallSite { function, offset })
    }
}
