//! Reads frames through the engine's debugging interface: the reference, slow because the whole module is compiled for
//! debugging.

use super::FreezeError;
use super::program_run::{Binary, Listener, ProgramRun, RunResult, how_it_ended};
use super::stop_run::{Reached, StopPoint};
use crate::engine::{self, EngineOptions};
use crate::execute::ExecuteError;
use crate::host::{HostState, ImportName, Seen};
use crate::instance::{HeldValue, InstanceError};
use preinit_core::freeze::{
    CallPoint, CallSite, CallStack, CallsInProgress, CodeMap, Construct, Frame, OpenConstruct,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use wasmparser::{AbstractHeapType, HeapType, ValType};
use wasmtime::{AnyRef, AsContextMut, Caller, ExternRef, FrameHandle, Val};

/// Bytes of stack for the host, below the guest's.
const HOST_STACK: usize = 16 << 20;

/// A frame as the engine shows it.
struct ShownFrame {
    function: u32,
    /// Offset in the binary.
    at: usize,
    locals: Vec<Option<HeldValue>>,
    operands: Vec<HeldValue>,
}

/// What the awaited call was made with, and the calls in progress.
type Shown = Result<(Vec<HeldValue>, Vec<ShownFrame>), FreezeError>;

impl ProgramRun<'_> {
    /// Runs the program again, to the call that it was stopped at, and reads its frames.
    pub fn inspect(
        self,
        point: &StopPoint,
        calls: &CallsInProgress<'_>,
    ) -> Result<(CallStack<HeldValue>, RunResult), FreezeError> {
        let stack = engine::INSPECTED_WASM_STACK + HOST_STACK;
        engine::on_thread(stack, || self.inspect_here(point, calls))
            .map_err(|_| FreezeError::Unexplained("there is no memory for a thread"))?
    }

    fn inspect_here(
        self,
        point: &StopPoint,
        calls: &CallsInProgress<'_>,
    ) -> Result<(CallStack<HeldValue>, RunResult), FreezeError> {
        let compiling = Instant::now();
        let options = EngineOptions { optimize: false, fuel: false, ..self.execution.engine_options() };
        let Binary { wasm, hook, .. } = self.binary()?;
        let compiled = engine::compile_inspected(&wasm, options).map_err(ExecuteError::Compile)?;
        let prepared = self.prepared((&wasm, &compiled), compiling.elapsed());

        let shown: Arc<Mutex<Option<Shown>>> = Arc::default();
        let inspector = Inspector {
            module: compiled.module.clone(),
            imported: self.module().imported.functions,
            points: calls.points.clone(),
            through_hook: hook.is_some(),
        };
        let listener = inspector.listener(point.event, Arc::clone(&shown));
        let result = self.run(prepared, hook.as_ref(), listener)?;
        let shown = shown.lock().ok().and_then(|mut shown| shown.take());
        let Some(shown) = shown else {
            return Err(FreezeError::NotRepeated(how_it_ended(result.error.as_ref())));
        };
        let (arguments, shown) = shown?;
        let map = CodeMap::new(self.module(), self.probed(), &wasm, hook.as_ref())?;
        let mut frames = Vec::with_capacity(shown.len());
        for (shown, expected) in shown.into_iter().zip(&calls.sites) {
            let site = shown.site(&map, calls, *expected)?;
            frames.push(Frame { site, locals: shown.locals, operands: shown.operands });
        }
        Ok((CallStack { callee: point.callee, arguments, frames }, result))
    }
}

impl ShownFrame {
    /// The call that it is in.
    fn site(
        &self,
        map: &CodeMap,
        calls: &CallsInProgress<'_>,
        expected: CallSite,
    ) -> Result<CallSite, FreezeError> {
        let at = map.site(self.function, self.at)?;
        let operators = &calls.codes.get(self.function)?.operators;
        let next = operators.iter().position(|(_, offset)| *offset == at.offset as usize);
        let next = next.ok_or(FreezeError::Unexplained("a frame between two instructions"))?;
        // Mostly the instruction after the call, but the call itself where a table's element had to be made first.
        let before = next.checked_sub(1).map(|call| operators[call].1 as u32);
        let site = CallSite { function: self.function, offset: before.unwrap_or(at.offset) };
        Ok(if at == expected { at } else { site })
    }
}

/// How many nested arms with parameters are told apart.
const MAX_ARMS: usize = 10;

struct Inspector {
    module: wasmtime::Module,
    imported: u32,
    points: Vec<Arc<CallPoint>>,
    /// Whether the innermost frame is that of the awaited function, which is entered again.
    through_hook: bool,
}

impl Inspector {
    /// Reads the frames at the call that the program was stopped at, and ends the run.
    fn listener(self, event: u64, shown: Arc<Mutex<Option<Shown>>>) -> Arc<Listener> {
        let events = AtomicU64::new(0);
        Arc::new(move |caller: &mut Caller<'_, HostState>, _: Option<&ImportName>, values: &[Val]| {
            if events.fetch_add(1, Ordering::Relaxed) + 1 < event {
                return Ok(Seen::Answer);
            }
            let frames = self.frames(caller, values);
            if let Ok(mut shown) = shown.lock() {
                *shown = Some(frames);
            }
            Err(Reached.into())
        })
    }

    fn frames(&self, caller: &mut Caller<'_, HostState>, values: &[Val]) -> Shown {
        let engine = |error: wasmtime::Error| FreezeError::from(InstanceError::from(error));
        let arguments = values.iter().map(|argument| HeldValue::new(&mut *caller, argument));
        let arguments = arguments.collect::<Result<_, _>>().map_err(engine)?;
        let activations: Vec<FrameHandle> = caller.debug_exit_frames().collect();
        let [innermost] = &activations[..] else {
            return Err(FreezeError::Refused(
                "the program was called back by a function of the host, which is still in progress"
                    .to_string(),
            ));
        };
        let mut current = Some(innermost.clone());
        if self.through_hook {
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
    ) -> wasmtime::Result<ShownFrame> {
        let is_own =
            frame.module(&mut *caller)?.is_some_and(|module| wasmtime::Module::same(module, &self.module));
        let at = frame.wasm_function_index_and_pc(&mut *caller)?.filter(|_| is_own);
        let (function, pc) = at.ok_or_else(|| wasmtime::Error::msg("a frame of something else"))?;
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
        Ok(ShownFrame {
            function: function.as_u32() + self.imported,
            at: pc.raw() as usize,
            locals,
            operands,
        })
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
