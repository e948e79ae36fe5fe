//! Reads frames by instrumentation: the functions in progress write their locals and operands to an added memory and
//! return, when a flag says so behind one of the calls that the first run found. Everything else is as it was, so the
//! baseline compiler will do.
//!
//! Operands that lie below an enclosing construct are out of reach behind the call, so they are copied to locals where
//! the construct opens.

use super::FreezeError;
use super::bell::Bell;
use super::play::{Listener, Played, Scene};
use super::record::Layout;
use super::stop::Place;
use crate::engine::{self, EngineOptions};
use crate::execute::{Begun, ExecuteError};
use crate::host::{HostState, ImportName, Seen};
use crate::instance::{HeldValue, InstanceError};
use preinit_core::engine_limits::{BODY_BYTES, LOCALS};
use preinit_core::freeze::FunctionTypes;
use preinit_core::freeze::{CallPoint, FunctionCode, FunctionCodes};
use preinit_core::freeze::{CallSite, CallStack};
use preinit_core::module::Module;
use preinit_core::module::Patch;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{BlockType, Encode, ExportKind, Function, Instruction};
use wasmparser::ValType;
use wasmtime::{Caller, Extern, Trap, Val};

impl Scene<'_> {
    /// Runs the program again, to the call that it was stopped at, and lets it write down its frames.
    ///
    /// `None` if that cannot be done: a function in progress returns something that cannot be made up, or is so large or
    /// so deep in recursion that there is no room for what is added to it.
    pub fn unwind(
        self,
        stop: &Place,
        bodies: &FunctionCodes<'_>,
        points: &[Arc<CallPoint>],
    ) -> Result<Option<(CallStack<HeldValue>, Played)>, FreezeError> {
        let compiling = Instant::now();
        let probed = Module::read_valid(&self.probed().wasm)?;
        let Some(instrumented) = Instrumented::new(self, &probed, stop, bodies, points)? else {
            return Ok(None);
        };
        let options = EngineOptions { fuel: false, ..self.execution.engine_options() };
        let compiled = engine::compile_traced(&instrumented.wasm, options, self.execution.compilation.cache)
            .map_err(ExecuteError::Compile)?;
        let prepared = self.prepared(&compiled, compiling.elapsed());

        let arguments: Arc<Mutex<Option<Vec<HeldValue>>>> = Arc::default();
        let listener: Arc<Listener> = {
            let arguments = Arc::clone(&arguments);
            let (event, flag) = (stop.event, instrumented.flag.clone());
            let events = AtomicU64::new(0);
            Arc::new(move |caller: &mut Caller<'_, HostState>, _: Option<&ImportName>, values: &[Val]| {
                let now = events.fetch_add(1, Ordering::Relaxed) + 1;
                if now < event {
                    return Ok(Seen::Answer);
                }
                if now > event {
                    return Err(wasmtime::Error::msg("the program went on instead of returning"));
                }
                let values = values.iter().map(|argument| HeldValue::new(&mut *caller, argument));
                let values = values.collect::<Result<_, _>>()?;
                if let Ok(mut arguments) = arguments.lock() {
                    *arguments = Some(values);
                }
                match caller.get_export(&flag) {
                    Some(Extern::Global(flag)) => flag.set(&mut *caller, Val::I32(1))?,
                    _ => return Err(wasmtime::Error::msg("another module made the call")),
                }
                Ok(Seen::Ignore)
            })
        };
        let last = &self.calls[..=stop.returned];
        let scene = Scene { calls: last, ..self };
        let mut played = scene.play(prepared, instrumented.bell.as_ref(), listener)?;
        if let Some(error) = &played.error {
            return match error.downcast_ref::<Trap>() {
                Some(Trap::StackOverflow) => Ok(None),
                _ => Err(FreezeError::NotRepeated(error.root_cause().to_string())),
            };
        }
        let arguments = arguments.lock().ok().and_then(|mut arguments| arguments.take());
        let arguments = arguments.ok_or_else(|| FreezeError::NotRepeated("it returned".to_string()))?;
        let frames = instrumented.layout.read(&mut played.begun, &stop.sites)?;
        instrumented.switch_off(&mut played.begun)?;
        Ok(Some((CallStack { callee: stop.callee, arguments, frames }, played)))
    }
}

struct Instrumented {
    wasm: Vec<u8>,
    bell: Option<Bell>,
    layout: Layout,
    /// The exported global that makes functions return.
    flag: String,
}

impl Instrumented {
    /// From here on functions run as in the original.
    fn switch_off(&self, begun: &mut Begun) -> Result<(), FreezeError> {
        let instance = begun.instance.handle;
        let flag = instance.get_global(&mut begun.store, &self.flag);
        let flag = flag.ok_or(FreezeError::Unexplained("an export that was added is missing"))?;
        Ok(flag.set(&mut begun.store, Val::I32(0)).map_err(InstanceError::from)?)
    }

    fn new(
        scene: Scene<'_>,
        probed: &Module<'_>,
        stop: &Place,
        bodies: &FunctionCodes<'_>,
        points: &[Arc<CallPoint>],
    ) -> Result<Option<Instrumented>, FreezeError> {
        let mut patch = Patch::new(probed);
        let mut types = FunctionTypes::new(probed);
        let flag = patch.counter();
        let flag_name = scene.probed().private_name("unwinding");
        patch.export(&flag_name, ExportKind::Global, flag);
        let bell = match scene.awaited.call {
            super::trigger::AwaitedCall::Function(function) => {
                Some(Bell::install(&mut patch, &mut types, probed, scene.probed(), function)?)
            }
            _ => None,
        };
        let mut sites: BTreeMap<u32, BTreeMap<CallSite, &CallPoint>> = BTreeMap::new();
        for (site, point) in stop.sites.iter().zip(points) {
            sites.entry(site.function).or_default().insert(*site, point);
        }
        if let Some(bell) = &bell {
            sites.entry(bell.function).or_default();
        }
        let layout = Layout::new(scene, bodies, stop, points, &mut patch)?;
        for (&function, sites) in &sites {
            let rings = bell.as_ref().filter(|bell| bell.function == function);
            let extra;
            let (body, rings) = match (bodies.get(function), rings) {
                (Ok(body), rings) => (body, rings),
                (Err(_), Some(_)) => {
                    extra = FunctionCodes::read(scene.module(), &[function].into())?;
                    (extra.get(function)?, rings)
                }
                (Err(error), None) => return Err(error.into()),
            };
            let Some(code) = instrument(body, sites, flag, rings, &layout)? else { return Ok(None) };
            patch.replace_body(function, code);
        }
        for entry in types.entries()? {
            patch.ty(&entry);
        }
        Ok(Some(Instrumented { wasm: patch.apply(), bell, layout, flag: flag_name }))
    }
}

/// The body of a function that can write itself down at `sites`; `None` if it cannot return before its time or becomes
/// too large.
fn instrument(
    body: &FunctionCode<'_>,
    sites: &BTreeMap<CallSite, &CallPoint>,
    flag: u32,
    bell: Option<&Bell>,
    layout: &Layout,
) -> Result<Option<Vec<u8>>, FreezeError> {
    let Some(leave) = leave(&body.results)? else { return Ok(None) };
    let mut locals = Locals { types: body.locals.clone(), passing: BTreeMap::new() };
    let mut code: Vec<u8> = Vec::with_capacity(body.bytes.len() + 1024);
    if let Some(bell) = bell {
        code.extend_from_slice(&bell.code);
        if_set(flag, &mut code);
        code.extend_from_slice(&leave);
        Instruction::End.encode(&mut code);
    }
    let by_index: BTreeMap<usize, (CallSite, &CallPoint)> =
        sites.iter().map(|(site, point)| (point.at, (*site, *point))).collect();
    // Where constructs open whose operands below are wanted, and the first of the locals that hold them.
    let mut opening: BTreeMap<usize, (&[ValType], u32)> = BTreeMap::new();
    for (_, point) in by_index.values() {
        for level in &point.levels[1..] {
            opening.entry(level.opened).or_insert((&level.below, 0));
        }
    }
    for index in 0..body.operators.len() {
        if let Some((types, first)) = opening.get_mut(&index) {
            *first = locals.types.len() as u32;
            locals.types.extend_from_slice(types);
            keep(&(*first..locals.types.len() as u32).collect::<Vec<_>>(), &mut code);
        }
        let Some((site, point)) = by_index.get(&index) else {
            code.extend_from_slice(body.instruction(index));
            continue;
        };
        let innermost = point.levels.last().map_or(0, |level| level.height);
        let passing = locals.passing(&point.operands[innermost..]);
        keep(&passing, &mut code);
        code.extend_from_slice(body.instruction(index));
        // For each level, the local that holds its lowest operand.
        let mut operands = Vec::with_capacity(point.kept);
        for (depth, level) in point.levels.iter().enumerate() {
            match point.levels.get(depth + 1) {
                Some(inner) => {
                    let held = opening.get(&inner.opened).map_or(0, |(_, first)| *first);
                    let below = inner.height - level.height;
                    operands.extend(held..held + below as u32);
                }
                None => operands.extend_from_slice(&passing[..point.kept - level.height]),
            }
        }
        if_set(flag, &mut code);
        layout.write(*site, &operands, &mut code);
        code.extend_from_slice(&leave);
        Instruction::End.encode(&mut code);
    }
    if !LOCALS.allows(locals.types.len() as u64) {
        return Ok(None);
    }
    let mut declared = Vec::with_capacity(locals.types.len());
    for &ty in &locals.types[body.parameters..] {
        declared.push(RoundtripReencoder.val_type(ty).map_err(|_| FreezeError::unknown("type"))?);
    }
    let mut function = Function::new_with_locals_types(declared);
    function.raw(code);
    Ok(BODY_BYTES.allows(function.byte_len() as u64).then(|| function.into_raw_body()))
}

fn if_set(flag: u32, code: &mut Vec<u8>) {
    Instruction::GlobalGet(flag).encode(code);
    Instruction::If(BlockType::Empty).encode(code);
}

/// The locals of an instrumented function.
struct Locals {
    types: Vec<ValType>,
    /// Those that hold operands just across a call, by type: calls share them.
    passing: BTreeMap<ValType, Vec<u32>>,
}

impl Locals {
    /// One for each operand.
    fn passing(&mut self, operands: &[ValType]) -> Vec<u32> {
        let mut used: BTreeMap<ValType, usize> = BTreeMap::new();
        let mut local = |ty: &ValType| {
            let held = self.passing.entry(*ty).or_default();
            let used = used.entry(*ty).or_default();
            if *used == held.len() {
                held.push(self.types.len() as u32);
                self.types.push(*ty);
            }
            *used += 1;
            held[*used - 1]
        };
        operands.iter().map(&mut local).collect()
    }
}

/// Copies the topmost operands to locals.
fn keep(locals: &[u32], code: &mut Vec<u8>) {
    for &local in locals.iter().rev() {
        Instruction::LocalSet(local).encode(code);
    }
    for &local in locals {
        Instruction::LocalGet(local).encode(code);
    }
}

/// Returns something; `None` if there is nothing of the type.
fn leave(results: &[ValType]) -> Result<Option<Vec<u8>>, FreezeError> {
    let mut code = Vec::new();
    for result in results {
        match result {
            ValType::I32 => Instruction::I32Const(0).encode(&mut code),
            ValType::I64 => Instruction::I64Const(0).encode(&mut code),
            ValType::F32 => Instruction::F32Const(0.0.into()).encode(&mut code),
            ValType::F64 => Instruction::F64Const(0.0.into()).encode(&mut code),
            ValType::V128 => Instruction::V128Const(0).encode(&mut code),
            ValType::Ref(ty) if ty.is_nullable() => {
                let heap_type = RoundtripReencoder.heap_type(ty.heap_type());
                Instruction::RefNull(heap_type.map_err(|_| FreezeError::unknown("type"))?).encode(&mut code);
            }
            ValType::Ref(_) => return Ok(None),
        }
    }
    Instruction::Return.encode(&mut code);
    Ok(Some(code))
}
