//! The monotonic clock of an instance goes on where that of the build stood.
//!
//! A host's monotonic clock begins anew in every instance, but what init has read of the build's is part of the state. So the
//! readings are shifted: by how much is decided the first time that an instance asks the clock, or waits for it. Times that
//! are passed to the host are shifted back. The clocks that count the time of a process or a thread are left alone: no host
//! that runs init offers them, so no reading of them can be part of the state.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

mod bodies;

use crate::addition::Addition;
use crate::interpose::{InterposeError, Interposition};
use crate::module::{Module, Space};
use crate::snapshot::Value;
use crate::wasi_version::{SubscriptionLayout, WasiVersion};
use bodies::{Bodies, Clock};
use std::collections::BTreeMap;
use wasmparser::{ExternalKind, FunctionBody, Operator};

/// Why readings of a module cannot be shifted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebaseError {
    /// The instances of several threads would each shift by something else.
    #[error("its memory is shared, and each thread would have a clock of its own")]
    SharedMemory,
    /// Addresses are of 64 bits, which WASI does not know.
    #[error("its memory has 64-bit addresses")]
    Memory64,
    /// Imports cannot be interposed.
    #[error(transparent)]
    Interpose(#[from] InterposeError),
}

/// Lets readings of the monotonic clock go on from `frozen`, in nanoseconds; `None` if the module cannot read it.
///
/// # Errors
/// [`RebaseError`], if that is impossible.
pub fn rebase_clock(module: &Module<'_>, frozen: u64) -> Result<Option<Addition>, RebaseError> {
    let Some(memory) = module.export("memory").filter(|export| export.kind == ExternalKind::Memory) else {
        return Ok(None);
    };
    let Some(ty) = module.memories.get(memory.index as usize) else { return Ok(None) };
    let readings = imports(module, "clock_time_get");
    let Some(&(first, _)) = readings.first() else { return Ok(None) };
    if ty.shared {
        return Err(RebaseError::SharedMemory);
    }
    if ty.memory64 {
        return Err(RebaseError::Memory64);
    }
    let mut interposition = Interposition::new(module);
    let is_known = interposition.global(Value::I32(0));
    let offset = interposition.global(Value::I64(0));
    let bodies =
        Bodies { memory: memory.index, clock: Clock { frozen: frozen.cast_signed(), is_known, offset } };
    for &(import, _) in &readings {
        interposition.replace(import, bodies.reading(import))?;
    }
    let waits = imports(module, "poll_oneoff");
    if !waits.is_empty() {
        let find = interposition.function(&bodies::FIND_TYPE, bodies.find(first), "interpose:find the clock");
        for (import, layout) in waits {
            let wait = bodies.wait_for(layout, import, find, interposition.next_function());
            let wait = interposition.function(&bodies::WAIT_TYPE, wait, "interpose:shift and wait");
            interposition.replace(import, bodies::wait_body(wait))?;
        }
    }
    Ok(Some(interposition.finish()?))
}

/// The functions with which [`rebase_clock`] answers, among those from index `added` on, and the imports that they answer for.
pub fn rebased_imports(module: &Module<'_>, added: u32) -> BTreeMap<u32, u32> {
    /// Ours are shorter, in bytes.
    const LONGEST: usize = 400;
    let imported = module.imported.functions;
    let first = added.max(imported);
    let mut found = BTreeMap::new();
    if first as usize >= module.functions.len() || imports(module, "clock_time_get").is_empty() {
        return found;
    }
    let bodies = module.bodies();
    let seen = |function: u32| {
        let body = bodies.get(function.checked_sub(imported)? as usize)?;
        if body.range().len() > LONGEST { None } else { Seen::of(body) }
    };
    for (function, body) in (imported..).zip(&bodies).skip((first - imported) as usize) {
        let answer = seen(function).and_then(|seen_here| {
            let waits = || seen_here.calls.first().and_then(|wait| seen_here.wait(module, &seen(*wait)?));
            seen_here.reading(module).or_else(waits)
        });
        if let Some((import, expected)) = answer
            && module.bytes[body.range()] == expected
        {
            found.insert(function, import);
        }
    }
    found
}

/// The imported WASI functions of this name, and how their system lays out subscriptions.
fn imports(module: &Module<'_>, name: &str) -> Vec<(u32, SubscriptionLayout)> {
    let functions = (0u32..).zip(module.imports_of(Space::Function));
    let of_name = functions.filter_map(|(index, (_, import))| {
        let layout = WasiVersion::of_module(import.module)?.subscription();
        (import.name == name).then_some((index, layout))
    });
    of_name.collect()
}

/// What the body of a function names, in order.
struct Seen {
    calls: Vec<u32>,
    globals: Vec<u32>,
    constants: Vec<i64>,
    memory: Option<u32>,
}

impl Seen {
    fn of(body: &FunctionBody<'_>) -> Option<Seen> {
        let mut seen = Seen { calls: Vec::new(), globals: Vec::new(), constants: Vec::new(), memory: None };
        for operator in body.get_operators_reader().ok()?.into_iter() {
            match operator.ok()? {
                Operator::Call { function_index } => seen.calls.push(function_index),
                Operator::GlobalGet { global_index } => seen.globals.push(global_index),
                Operator::I64Const { value } => seen.constants.push(value),
                Operator::I64Load { memarg } => seen.memory = Some(memarg.memory),
                _ => {}
            }
        }
        Some(seen)
    }

    fn bodies(&self) -> Option<Bodies> {
        let clock = Clock {
            frozen: *self.constants.first()?,
            is_known: *self.globals.first()?,
            offset: *self.globals.get(1)?,
        };
        Some(Bodies { memory: self.memory?, clock })
    }

    /// The import that it reads, and the body that does this.
    fn reading(&self, module: &Module<'_>) -> Option<(u32, Vec<u8>)> {
        let import = *self.calls.first()?;
        let is_clock = imports(module, "clock_time_get").iter().any(|(index, _)| *index == import);
        Some((import, self.bodies()?.reading(import).into_raw_body())).filter(|_| is_clock)
    }

    /// The import that it waits by through another function, and the body that does this.
    fn wait(&self, module: &Module<'_>, other: &Seen) -> Option<(u32, Vec<u8>)> {
        let [wait] = self.calls[..] else { return None };
        let import = *other.calls.last()?;
        imports(module, "poll_oneoff").iter().find(|(index, _)| *index == import)?;
        Some((import, bodies::wait_body(wait).into_raw_body()))
    }
}
