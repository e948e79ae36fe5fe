//! Reads frames through the engine's debugging interface: the reference, slow because the whole module is compiled for
//! debugging.

use super::FreezeError;
use super::play::{Listener, Played, Scene};
use super::stop::{Layout, Place, Reached};
use crate::engine::{self, EngineOptions};
use crate::execute::ExecuteError;
use crate::host::{HostState, ImportName, Seen};
use crate::instance::{HeldValue, InstanceError};
use preinit_core::freeze::{CallPoint, Construct, FunctionCodes, OpenConstruct};
use preinit_core::freeze::{CallSite, CallStack, Frame};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use wasmparser::{AbstractHeapType, HeapType, ValType};
use wasmtime::{AnyRef, AsContextMut, Caller, ExternRef, FrameHandle, Val};

/// Bytes of stack for the host, below the guest's.
const HOST_STACK: usize = 16 << 20;

/// A frame as the engine shows it.
struct Shown {
    function: u32,
    /// Offset in the binary.
    at: usize,
    locals: Vec<Option<HeldValue>>,
    operands: Vec<HeldValue>,
}

type Seeing = Result<(Vec<HeldValue>, Vec<Shown>), FreezeError>;

impl Scene<'_> {
    /// Runs the program again, to the call that it was stopped at, and reads its frames.
    pub fn inspect(
        self,
        stop: &Place,
        bodies: &FunctionCodes<'_>,
        points: &[Arc<CallPoint>],
    ) -> Result<(CallStack<HeldValue>, Played), FreezeError> {
        let stack = engine::INSPECTED_WASM_STACK + HOST_STACK;
        engine::on_thread(stack, || self.inspect_here(stop, bodies, points))
            .map_err(|_| FreezeError::Unexplained("there is no memory for a thread"))?
    }

    fn inspect_here(
        self,
        stop: &Place,
        bodies: &FunctionCodes<'_>,
        points: &[Arc<CallPoint>],
    ) -> Result<(CallStack<HeldValue>, Played), FreezeError> {
        let compiling = Instant::now();
        let options = EngineOptions { optimize: false, fuel: false, ..self.execution.engine_options() };
        let (wasm, bell) = self.with_bell()?;
        let compiled = engine::compile_inspected(&wasm, options).map_err(ExecuteError::Compile)?;
        let prepared = self.prepared(&compiled, compiling.elapsed());

        let seen: Arc<Mutex<Option<Seeing>>> = Arc::default();
        let listener: Arc<Listener> = {
            let seen = Arc::clone(&seen);
            let (event, rings) = (stop.event, bell.is_some());
            let points = points.to_vec();
            let module = compiled.module.clone();
            let imported = self.module().imported.functions;
            let events = AtomicU64::new(0);
            Arc::new(move |caller: &mut Caller<'_, HostState>, _: Option<&ImportName>, values: &[Val]| {
                if events.fetch_add(1, Ordering::Relaxed) + 1 < event {
                    return Ok(Seen::Answer);
                }
                let look = Look { module: &module, imported, points: &points };
                let looked = look.frames(caller, values, rings);
                if let Ok(mut seen) = seen.lock() {
                    *seen = Some(looked);
                }
                Err(Reached.into())
            })
        };
        let played = self.play(prepared, bell.as_ref(), listener)?;
        let seen = seen.lock().ok().and_then(|mut seen| seen.take());
        let Some(seen) = seen else {
            let how = played
                .error
                .as_ref()
                .map_or("it returned".to_string(), |error| error.root_cause().to_string());
            return Err(FreezeError::NotRepeated(how));
        };
        let (arguments, shown) = seen?;
        let layout = Layout::new(self.module(), &wasm, bell.as_ref())?;
        let mut frames = Vec::with_capacity(shown.len());
        for (shown, expected) in shown.into_iter().zip(&stop.sites) {
            let at = layout.site(shown.function, shown.at)?;
            let operators = &bodies.get(shown.function)?.operators;
            let next = operators.iter().position(|(_, offset)| *offset == at.offset as usize);
            let next = next.ok_or(FreezeError::Unexplained("a frame between two instructions"))?;
            // Mostly the instruction behind the call, but the call itself where a table's element had to be made first.
            let before = next.checked_sub(1).map(|call| operators[call].1 as u32);
            let site = CallSite { function: shown.function, offset: before.unwrap_or(at.offset) };
            let site = if at == *expected { at } else { site };
            frames.push(Frame { site, locals: shown.locals, operands: shown.operands });
        }
        Ok((CallStack { callee: stop.callee, arguments, frames }, played))
    }
}

/// How many nested arms with parameters are told apart.
const MAX_ARMS: usize = 10;

struct Look<'l> {
    module: &'l wasmtime::Module,
    imported: u32,
    points: &'l [Arc<CallPoint>],
}

impl Look<'_> {
    fn frames(&self, caller: &mut Caller<'_, HostState>, values: &[Val], rings: bool) -> Seeing {
        let arguments = values.iter().map(|argument| HeldValue::new(&mut *caller, argument));
        let arguments = arguments.collect::<Result<_, _>>().map_err(InstanceError::from)?;
        let activations: Vec<FrameHandle> = caller.debug_exit_frames().collect();
        let [innermost] = &activations[..] else {
            return Err(FreezeError::Refused(
                "the program was called back by a function of the host, which is still in progress"
                    .to_string(),
            ));
        };
        let engine = |error: wasmtime::Error| FreezeError::from(InstanceError::from(error));
        let mut current = Some(innermost.clone());
        if rings {
            current = innermost.parent(&mut *caller).map_err(engine)?;
        }
        let mut shown = Vec::new();
        while let Some(frame) = current {
            let point = self.points.get(shown.len());
            let point =
                point.ok_or_else(|| FreezeError::NotRepeated("it has more calls in progress".to_string()))?;
            let num_shown = frame.num_stacks(&mut *caller).map_err(engine)?;
            let copies = copied(point, num_shown as usize)?;
            shown.push(self.frame(&frame, caller, point, &copies).map_err(engine)?);
            current = frame.parent(&mut *caller).map_err(engine)?;
        }
        Ok((arguments, shown))
    }

    fn frame(
        &self,
        frame: &FrameHandle,
        caller: &mut Caller<'_, HostState>,
        point: &CallPoint,
        copies: &[&OpenConstruct],
    ) -> wasmtime::Result<Shown> {
        let is_own =
            frame.module(&mut *caller)?.is_some_and(|module| wasmtime::Module::same(module, self.module));
        let place = frame.wasm_function_index_and_pc(&mut *caller)?.filter(|_| is_own);
        let (function, pc) = place.ok_or_else(|| wasmtime::Error::msg("a frame of something else"))?;
        let mut locals = Vec::new();
        for index in 0..frame.num_locals(&mut *caller)? {
            locals.push(match point.unset.contains(&index) {
                true => None,
                false => {
                    let local = frame.local(&mut *caller, index)?;
                    Some(HeldValue::new(&mut *caller, &local)?)
                }
            });
        }
        let mut operands = Vec::new();
        for (index, &ty) in point.operands[..point.kept].iter().enumerate() {
            let below = copies.iter().filter(|level| level.height <= index);
            let shown = index + below.map(|level| level.parameters).sum::<usize>();
            let operand = frame.stack(&mut *caller, shown as u32)?;
            let operand = declared(operand, ty, &mut *caller)?;
            operands.push(HeldValue::new(&mut *caller, &operand)?);
        }
        Ok(Shown { function: function.as_u32() + self.imported, at: pc.raw() as usize, locals, operands })
    }
}

/// The constructs whose parameters the engine shows twice: in the first arm of an `if`, Cranelift keeps a copy of them for
/// the other arm (`push_if` in Wasmtime's translation), which is shown once the arm has taken all of its own.
fn copied(point: &CallPoint, num_shown: usize) -> Result<Vec<&OpenConstruct>, FreezeError> {
    // What tells the function of an indirect call is gone already.
    let too_many = num_shown
        .checked_sub(point.operands.len() - usize::from(point.indirect))
        .ok_or(FreezeError::Unexplained("a frame that lacks operands"))?;
    let takes = |level: &&OpenConstruct| level.construct == Construct::If && level.parameters > 0;
    let arms: Vec<&OpenConstruct> = point.levels.iter().filter(takes).collect();
    let chosen = |set: u32| {
        arms.iter().enumerate().filter(move |(arm, _)| set >> arm & 1 == 1).map(|(_, level)| *level)
    };
    let explains = |set: &u32| chosen(*set).map(|level| level.parameters).sum::<usize>() == too_many;
    let all = if arms.len() <= MAX_ARMS { 0..1 << arms.len() } else { 0..0 };
    let mut sets = all.filter(explains);
    match (sets.next(), sets.next()) {
        (Some(set), None) => Ok(chosen(set).collect()),
        _ => Err(FreezeError::Refused(
            "a call in progress lies in the first arm of an `if` with parameters, where the debugging interface does \
             not tell operands from copies of them"
                .to_string(),
        )),
    }
}

/// The engine shows an operand as what it was before `extern.convert_any` or `any.convert_extern`.
fn declared(value: Val, ty: ValType, mut store: impl AsContextMut) -> wasmtime::Result<Val> {
    use AbstractHeapType::{Extern, NoExtern};
    let ValType::Ref(ty) = ty else { return Ok(value) };
    let is_extern = matches!(ty.heap_type(), HeapType::Abstract { ty: Extern | NoExtern, .. });
    Ok(match value {
        Val::AnyRef(Some(any)) if is_extern => Val::ExternRef(Some(ExternRef::convert_any(&mut store, any)?)),
        Val::ExternRef(Some(external)) if !is_extern => {
            Val::AnyRef(Some(AnyRef::convert_extern(&mut store, external)?))
        }
        value => value,
    })
}
