//! Functions that write down their frames: those in progress store their locals and operands in an added memory and
//! return, when a flag says so after one of the calls that the first run found. Everything else is as it was.
//!
//! Operands that lie below an enclosing construct are out of reach after the call, so they are copied to locals where
//! the construct opens.

use super::ResumeError;
use super::call_stack::CallSite;
use super::call_stop::{CallStop, StopHook};
use super::calls_in_progress::CallsInProgress;
use super::entry_hook::EntryHook;
use super::frame_record::RecordLayout;
use super::function_code::{CallPoint, FunctionCode, FunctionCodes};
use super::function_types::FunctionTypes;
use crate::engine_limits::{BODY_BYTES, LOCALS};
use crate::module::{Module, Patch};
use crate::probe::{MemoryCount, Probed};
use std::collections::{BTreeMap, BTreeSet};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{BlockType, Encode, ExportKind, Function, Instruction};
use wasmparser::ValType;

/// A probed module whose functions in progress can write themselves down.
#[derive(Debug)]
pub struct Instrumented {
    /// The binary.
    pub wasm: Vec<u8>,
    /// The hook, where one was asked for.
    pub hook: Option<EntryHook>,
    /// What makes the functions return, where no host does.
    pub stop: Option<StopHook>,
    /// Where the frames are written.
    pub records: RecordLayout,
    /// The export of a global that makes the functions return when it is 1.
    pub flag: String,
}

impl Instrumented {
    /// Instruments the probed form of `module`, with a hook in the function `hooked`, if one is given.
    ///
    /// `None` if that cannot be done: a function in progress returns something that cannot be made up, or becomes too
    /// large.
    ///
    /// # Errors
    /// If the calls are not those of the module.
    pub fn new(
        module: &Module<'_>,
        probed: &Probed,
        calls: &CallsInProgress<'_>,
        hooked: Option<u32>,
    ) -> Result<Option<Instrumented>, ResumeError> {
        Instrumented::with(module, probed, calls, (hooked, None))
    }

    /// The same, where the module itself finds the call at which its functions return.
    ///
    /// # Errors
    /// Same as [`Instrumented::new`].
    pub fn stopping(
        module: &Module<'_>,
        probed: &Probed,
        calls: &CallsInProgress<'_>,
        stop: &CallStop,
    ) -> Result<Option<Instrumented>, ResumeError> {
        Instrumented::with(module, probed, calls, (None, Some(stop)))
    }

    fn with(
        module: &Module<'_>,
        probed: &Probed,
        calls: &CallsInProgress<'_>,
        (hooked, stop): (Option<u32>, Option<&CallStop>),
    ) -> Result<Option<Instrumented>, ResumeError> {
        let target = Module::read_valid(&probed.wasm)?;
        let mut patch = Patch::new(&target);
        let mut types = FunctionTypes::new(&target);
        let flag = patch.counter();
        let flag_name = probed.private_name("unwinding");
        patch.export(&flag_name, ExportKind::Global, flag);
        let hook = match hooked {
            Some(function) => Some(EntryHook::install(&mut patch, &mut types, &target, probed, function)?),
            None => None,
        };
        let place = (module, &target, probed);
        let stop = stop.map(|stop| StopHook::install((&mut patch, &mut types), place, stop, Some(flag)));
        let stop = stop.transpose()?;
        let records = RecordLayout::new(module, probed, calls, &mut patch)?;
        let mut functions: BTreeMap<u32, BTreeMap<usize, Call<'_>>> = BTreeMap::new();
        for (site, point) in calls.iter() {
            functions.entry(site.function).or_default().insert(point.at, Call { site, point });
        }
        // Functions that get code may be such as are not in progress.
        let mut others: BTreeSet<u32> = hooked.into_iter().collect();
        if let Some(stop) = &stop {
            others.extend(stop.functions(module)?);
        }
        others.retain(|function| !functions.contains_key(function));
        let other_codes = FunctionCodes::read(module, &others)?;
        functions.extend(others.iter().map(|function| (*function, BTreeMap::new())));
        for (function, calls_in_it) in functions {
            let codes = if others.contains(&function) { &other_codes } else { &calls.codes };
            let instrumentation = Instrumentation {
                flag,
                hook: hook.as_ref().filter(|hook| hook.function == function),
                stop: stop.as_ref(),
                records: &records,
                memory_count: probed.memory_count.as_ref(),
            };
            match instrumentation.body(function, codes.get(function)?, &calls_in_it)? {
                Some(body) => patch.replace_body(function, body),
                None => return Ok(None),
            }
        }
        for entry in types.entries()? {
            patch.ty(&entry);
        }
        Ok(Some(Instrumented { wasm: patch.apply(), hook, stop, records, flag: flag_name }))
    }
}

/// A call in a function that is being instrumented.
struct Call<'c> {
    site: CallSite,
    point: &'c CallPoint,
}

/// What is added to one function.
struct Instrumentation<'i> {
    flag: u32,
    hook: Option<&'i EntryHook>,
    stop: Option<&'i StopHook>,
    records: &'i RecordLayout,
    memory_count: Option<&'i MemoryCount>,
}

impl Instrumentation<'_> {
    /// The body of a function that can write itself down at `calls`, which are given by the index of the instruction.
    /// `None` if it cannot return early or becomes too large.
    fn body(
        &self,
        index: u32,
        function: &FunctionCode<'_>,
        calls: &BTreeMap<usize, Call<'_>>,
    ) -> Result<Option<Vec<u8>>, ResumeError> {
        let prologue = match (self.hook, self.stop) {
            (Some(hook), _) => &hook.code,
            (None, Some(stop)) => stop.prologue(index),
            (None, None) => &[],
        };
        let early_return = match early_return(&function.results)? {
            Some(early_return) => early_return,
            None if prologue.is_empty() && calls.is_empty() => Vec::new(),
            None => return Ok(None),
        };
        let mut locals = Locals { types: function.locals.clone(), passing: BTreeMap::new() };
        let mut code: Vec<u8> = Vec::with_capacity(function.bytes.len() + 1024);
        if !prologue.is_empty() {
            code.extend_from_slice(prologue);
            self.return_early(&early_return, &mut code, |_| {});
        }
        let mut openings = Openings::of(calls);
        for index in 0..function.operators.len() {
            openings.copy_operands(index, &mut locals, &mut code);
            let operator = &function.operators[index].0;
            let stop = self.stop.and_then(|stop| stop.before(operator));
            let Some(Call { site, point }) = calls.get(&index) else {
                code.extend_from_slice(&stop.unwrap_or_default());
                code.extend_from_slice(&function.counted(index, self.memory_count));
                continue;
            };
            let innermost = point.levels.last().map_or(0, |level| level.height);
            let passing = locals.passing(&point.operands[innermost..]);
            copy_topmost(&passing, &mut code);
            let operands = openings.operands(point, &passing);
            let write_down = |code: &mut Vec<u8>| {
                self.return_early(&early_return, code, |code| self.records.write(*site, &operands, code));
            };
            if let Some(stop) = stop {
                code.extend_from_slice(&stop);
                write_down(&mut code);
            }
            code.extend_from_slice(function.instruction(index));
            write_down(&mut code);
        }
        locals.declare(function.parameters, code)
    }

    /// Runs `first` and returns, if the flag says so.
    fn return_early(&self, early_return: &[u8], code: &mut Vec<u8>, first: impl FnOnce(&mut Vec<u8>)) {
        Instruction::GlobalGet(self.flag).encode(code);
        Instruction::If(BlockType::Empty).encode(code);
        first(code);
        code.extend_from_slice(early_return);
        Instruction::End.encode(code);
    }
}

/// The constructs whose operands below are wanted, by the index of the instruction that opens them: the types of the
/// operands, and the first of the locals that hold them.
struct Openings<'o> {
    held: BTreeMap<usize, (&'o [ValType], u32)>,
}

impl<'o> Openings<'o> {
    fn of(calls: &BTreeMap<usize, Call<'o>>) -> Openings<'o> {
        let mut held: BTreeMap<usize, (&[ValType], u32)> = BTreeMap::new();
        for call in calls.values() {
            for level in &call.point.levels[1..] {
                held.entry(level.opened).or_insert((&level.below, 0));
            }
        }
        Openings { held }
    }

    /// Copies the operands to new locals, if such a construct opens here.
    fn copy_operands(&mut self, index: usize, locals: &mut Locals, code: &mut Vec<u8>) {
        if let Some((types, first)) = self.held.get_mut(&index) {
            *first = locals.types.len() as u32;
            locals.types.extend_from_slice(types);
            copy_topmost(&(*first..locals.types.len() as u32).collect::<Vec<_>>(), code);
        }
    }

    /// The locals that hold the operands below a call, from the bottom. `passing` hold those of the innermost construct.
    fn operands(&self, point: &CallPoint, passing: &[u32]) -> Vec<u32> {
        let mut operands = Vec::with_capacity(point.kept);
        for (depth, level) in point.levels.iter().enumerate() {
            match point.levels.get(depth + 1) {
                Some(inner) => {
                    let first = self.held.get(&inner.opened).map_or(0, |(_, first)| *first);
                    let below = inner.height - level.height;
                    operands.extend(first..first + below as u32);
                }
                None => operands.extend_from_slice(&passing[..point.kept - level.height]),
            }
        }
        operands
    }
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

    /// The body that has them, all but the parameters declared; `None` if it is too large.
    fn declare(self, parameters: usize, code: Vec<u8>) -> Result<Option<Vec<u8>>, ResumeError> {
        if !LOCALS.allows(self.types.len() as u64) {
            return Ok(None);
        }
        let mut declared = Vec::with_capacity(self.types.len());
        for &ty in &self.types[parameters..] {
            declared.push(RoundtripReencoder.val_type(ty).map_err(|_| ResumeError::unknown("type"))?);
        }
        let mut function = Function::new_with_locals_types(declared);
        function.raw(code);
        Ok(BODY_BYTES.allows(function.byte_len() as u64).then(|| function.into_raw_body()))
    }
}

/// Copies the topmost operands to locals.
fn copy_topmost(locals: &[u32], code: &mut Vec<u8>) {
    for &local in locals.iter().rev() {
        Instruction::LocalSet(local).encode(code);
    }
    for &local in locals {
        Instruction::LocalGet(local).encode(code);
    }
}

/// Returns something; `None` if there is nothing of the type.
fn early_return(results: &[ValType]) -> Result<Option<Vec<u8>>, ResumeError> {
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
                let heap_type = heap_type.map_err(|_| ResumeError::unknown("type"))?;
                Instruction::RefNull(heap_type).encode(&mut code);
            }
            ValType::Ref(_) => return Ok(None),
        }
    }
    Instruction::Return.encode(&mut code);
    Ok(Some(code))
}
