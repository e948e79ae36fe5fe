//! Ends a run at a call without the help of a host: for modules in components, whose host cannot be asked before the instances
//! in it can be reached. A function that is added counts the calls that are meant, and traps at the one that is awaited; or, in
//! a run that reads frames, keeps its arguments and lets the functions in progress return.

use super::ResumeError;
use super::function_code::FunctionCodes;
use super::function_types::FunctionTypes;
use crate::module::{Module, Patch, SectionId};
use crate::probe::Probed;
use std::collections::BTreeSet;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{BlockType, ConstExpr, Encode, ExportKind, Function, Instruction, MemArg, ValType};
use wasmparser::Operator;

/// The call at which a run ends.
#[derive(Debug, Clone, PartialEq)]
pub struct CallStop {
    /// The function that is called. Of an import, the calls by its index are meant.
    pub function: u32,
    /// What it is called with: all conditions of one of these lists hold. Any call is meant if there are none.
    pub alternatives: Vec<Vec<Condition>>,
    /// Which of these calls, counted from 1.
    pub occurrence: u32,
}

/// What an argument of a call must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The parameter, and its value.
    I32(u32, i32),
    /// The parameter, and its value.
    I64(u32, i64),
    /// The parameter, and its value; no NaN is equal to anything.
    F32(u32, f32),
    /// The parameter, and its value; no NaN is equal to anything.
    F64(u32, f64),
    /// The parameter that is null.
    Null(u32),
    /// Bytes in a memory.
    Bytes {
        /// The memory.
        memory: u32,
        /// The parameter that has their address.
        address: u32,
        /// The parameter that has their number.
        len: u32,
        /// What they are.
        bytes: Vec<u8>,
    },
}

/// The probed form of a module that ends at a call by itself.
#[derive(Debug)]
pub struct StoppingModule {
    /// The binary.
    pub wasm: Vec<u8>,
    /// What was added.
    pub hook: StopHook,
    /// What was put into functions: function, the instruction before which it is, from the start of the body, and how long.
    pub(super) inserted: Vec<(u32, u32, u32)>,
}

/// What ends a run.
#[derive(Debug, Clone)]
pub struct StopHook {
    /// The function that counts, by function index.
    pub function: u32,
    /// The export of the global that counts.
    pub count: String,
    /// Exports of globals that keep the arguments of the awaited call, in runs that read frames.
    pub arguments: Vec<String>,
    /// What goes before a call of this import.
    import: Option<u32>,
    /// What goes to the start of this function.
    prologue: Option<(u32, Vec<u8>)>,
}

impl StoppingModule {
    /// The probed form of `module` that traps at the awaited call.
    ///
    /// # Errors
    /// If the module has no such function, or it takes what cannot be kept.
    pub fn new(module: &Module<'_>, probed: &Probed, stop: &CallStop) -> Result<StoppingModule, ResumeError> {
        let target = Module::read_valid(&probed.wasm)?;
        let mut patch = Patch::new(&target);
        let mut types = FunctionTypes::new(&target);
        let hook = StopHook::install((&mut patch, &mut types), (module, &target, probed), stop, None)?;
        let functions = hook.functions(module)?;
        let codes = FunctionCodes::read(module, &functions)?;
        let mut inserted = Vec::new();
        for function in functions {
            let code = codes.get(function)?;
            let start = code.first_instruction();
            let mut body = code.bytes[..start].to_vec();
            let prologue = hook.prologue(function);
            if !prologue.is_empty() {
                inserted.push((function, start as u32, prologue.len() as u32));
                body.extend_from_slice(prologue);
            }
            for (index, (operator, at)) in code.operators.iter().enumerate() {
                if let Some(check) = hook.before(operator) {
                    inserted.push((function, *at as u32, check.len() as u32));
                    body.extend_from_slice(&check);
                }
                body.extend_from_slice(&code.counted(index, probed.memory_count.as_ref()));
            }
            patch.replace_body(function, body);
        }
        for entry in types.entries()? {
            patch.ty(&entry);
        }
        Ok(StoppingModule { wasm: patch.apply(), hook, inserted })
    }
}

impl StopHook {
    /// Adds what it takes to `patch`, a patch of the probed module `target`; the code in other functions is left to the
    /// caller. With `flag`, the index of a global, the awaited call does not trap, but sets it to 1.
    pub(super) fn install(
        (patch, types): (&mut Patch<'_, '_>, &mut FunctionTypes<'_>),
        (module, target, probed): (&Module<'_>, &Module<'_>, &Probed),
        stop: &CallStop,
        flag: Option<u32>,
    ) -> Result<StopHook, ResumeError> {
        let signature = target.signature(stop.function);
        let signature = signature.ok_or(ResumeError::Unexplained("a function without a signature"))?;
        let parameters = signature.params();
        let is_import = stop.function < module.imported.functions;
        let count = patch.counter();
        let count_name = probed.private_name("stop count");
        patch.export(&count_name, ExportKind::Global, count);
        let mut arguments = Vec::new();
        let mut kept = Vec::new();
        for &ty in parameters.iter().filter(|_| flag.is_some()) {
            let index = variable(patch, target, ty)?;
            let name = probed.private_name(&format!("stop argument {}", arguments.len()));
            patch.export(&name, ExportKind::Global, index);
            arguments.push(name);
            kept.push(index);
        }
        let check = Check { stop, count, parameters: parameters.len() as u32, is_import, flag, kept: &kept };
        let results = if is_import { parameters } else { &[] };
        let ty = types.function(parameters, results);
        let function = patch.function(ty, &check.body().into_raw_body());
        let mut prologue = Vec::new();
        (0..check.parameters).for_each(|local| Instruction::LocalGet(local).encode(&mut prologue));
        Instruction::Call(function).encode(&mut prologue);
        Ok(StopHook {
            function,
            count: count_name,
            arguments,
            import: is_import.then_some(stop.function),
            prologue: (!is_import).then_some((stop.function, prologue)),
        })
    }

    /// The functions that get code.
    pub(super) fn functions(&self, module: &Module<'_>) -> Result<BTreeSet<u32>, ResumeError> {
        let mut functions = BTreeSet::new();
        functions.extend(self.prologue.as_ref().map(|(function, _)| *function));
        if self.import.is_some() {
            for (function, body) in (module.imported.functions..).zip(module.bodies()) {
                for operator in body.get_operators_reader()? {
                    if self.is_before(&operator?) {
                        functions.insert(function);
                        break;
                    }
                }
            }
        }
        Ok(functions)
    }

    /// The code at the start of a function.
    pub(super) fn prologue(&self, function: u32) -> &[u8] {
        match &self.prologue {
            Some((hooked, code)) if *hooked == function => code,
            _ => &[],
        }
    }

    /// The code before an instruction.
    pub(super) fn before(&self, operator: &Operator<'_>) -> Option<Vec<u8>> {
        let mut code = Vec::new();
        Instruction::Call(self.function).encode(&mut code);
        self.is_before(operator).then_some(code)
    }

    fn is_before(&self, operator: &Operator<'_>) -> bool {
        matches!(
            operator,
            Operator::Call { function_index } | Operator::ReturnCall { function_index } if Some(*function_index) == self.import
        )
    }
}

/// Adds a variable of a type.
fn variable(
    patch: &mut Patch<'_, '_>,
    target: &Module<'_>,
    ty: wasmparser::ValType,
) -> Result<u32, ResumeError> {
    const MUTABLE: u8 = 1;
    let ty = RoundtripReencoder.val_type(ty).map_err(|_| ResumeError::unknown("type"))?;
    let zero = match ty {
        ValType::I32 => ConstExpr::i32_const(0),
        ValType::I64 => ConstExpr::i64_const(0),
        ValType::F32 => ConstExpr::f32_const(0.0.into()),
        ValType::F64 => ConstExpr::f64_const(0.0.into()),
        ValType::V128 => ConstExpr::v128_const(0),
        ValType::Ref(ty) if ty.nullable => ConstExpr::ref_null(ty.heap_type),
        ValType::Ref(_) => {
            let why = "the function that is called there takes a reference that cannot be null";
            return Err(ResumeError::Refused(why.to_string()));
        }
    };
    let added = patch.add(SectionId::GLOBAL, |out| {
        ty.encode(out);
        out.push(MUTABLE);
        zero.encode(out);
    });
    Ok(target.globals.len() as u32 + added)
}

/// The function that counts: it takes what the awaited one takes, and returns it if that is an import.
struct Check<'c> {
    stop: &'c CallStop,
    count: u32,
    parameters: u32,
    is_import: bool,
    flag: Option<u32>,
    kept: &'c [u32],
}

impl Check<'_> {
    fn body(&self) -> Function {
        let Check { stop, count, .. } = *self;
        let awaited = Instruction::I32Const(stop.occurrence.cast_signed());
        let mut code = Function::new([]);
        self.leave_others(&mut code);
        code.instruction(&Instruction::GlobalGet(count))
            .instruction(&Instruction::I32Const(1))
            .instruction(&Instruction::I32Add)
            .instruction(&Instruction::GlobalSet(count))
            .instruction(&Instruction::GlobalGet(count))
            .instruction(&awaited)
            .instruction(&Instruction::I32Eq)
            .instruction(&Instruction::If(BlockType::Empty));
        match self.flag {
            None => code.instruction(&Instruction::Unreachable),
            Some(flag) => {
                for (parameter, kept) in (0u32..).zip(self.kept) {
                    code.instruction(&Instruction::LocalGet(parameter))
                        .instruction(&Instruction::GlobalSet(*kept));
                }
                code.instruction(&Instruction::I32Const(1)).instruction(&Instruction::GlobalSet(flag))
            }
        };
        code.instruction(&Instruction::End)
            // The functions in progress return, so nobody gets here again.
            .instruction(&Instruction::GlobalGet(count))
            .instruction(&awaited)
            .instruction(&Instruction::I32GtU)
            .instruction(&Instruction::If(BlockType::Empty))
            .instruction(&Instruction::Unreachable)
            .instruction(&Instruction::End);
        self.hand_on(&mut code);
        code.instruction(&Instruction::End);
        code
    }

    fn hand_on(&self, code: &mut Function) {
        for local in (0..self.parameters).filter(|_| self.is_import) {
            code.instruction(&Instruction::LocalGet(local));
        }
    }

    /// Returns if none of the alternatives is what the call is made with.
    fn leave_others(&self, code: &mut Function) {
        if self.stop.alternatives.is_empty() {
            return;
        }
        code.instruction(&Instruction::Block(BlockType::Empty));
        for conditions in &self.stop.alternatives {
            code.instruction(&Instruction::Block(BlockType::Empty));
            conditions.iter().for_each(|condition| condition.leave_unless(code));
            code.instruction(&Instruction::Br(1)).instruction(&Instruction::End);
        }
        self.hand_on(code);
        code.instruction(&Instruction::Return).instruction(&Instruction::End);
    }
}

impl Condition {
    /// Leaves the innermost construct unless it holds.
    fn leave_unless(&self, code: &mut Function) {
        let (parameter, constant, differs) = match self {
            Condition::I32(parameter, value) => {
                (parameter, Instruction::I32Const(*value), Instruction::I32Ne)
            }
            Condition::I64(parameter, value) => {
                (parameter, Instruction::I64Const(*value), Instruction::I64Ne)
            }
            Condition::F32(parameter, value) => {
                (parameter, Instruction::F32Const((*value).into()), Instruction::F32Ne)
            }
            Condition::F64(parameter, value) => {
                (parameter, Instruction::F64Const((*value).into()), Instruction::F64Ne)
            }
            Condition::Null(parameter) => {
                code.instruction(&Instruction::LocalGet(*parameter))
                    .instruction(&Instruction::RefIsNull)
                    .instruction(&Instruction::I32Eqz)
                    .instruction(&Instruction::BrIf(0));
                return;
            }
            Condition::Bytes { memory, address, len, bytes } => {
                Condition::I32(*len, bytes.len() as i32).leave_unless(code);
                for (offset, byte) in (0u64..).zip(bytes) {
                    code.instruction(&Instruction::LocalGet(*address))
                        .instruction(&Instruction::I32Load8U(MemArg {
                            offset,
                            align: 0,
                            memory_index: *memory,
                        }))
                        .instruction(&Instruction::I32Const(i32::from(*byte)))
                        .instruction(&Instruction::I32Ne)
                        .instruction(&Instruction::BrIf(0));
                }
                return;
            }
        };
        code.instruction(&Instruction::LocalGet(*parameter))
            .instruction(&constant)
            .instruction(&differs)
            .instruction(&Instruction::BrIf(0));
    }
}
