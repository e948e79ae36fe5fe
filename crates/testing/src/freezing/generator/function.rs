//! One function: its locals, its operands, and the checksum.

use super::{FUEL, FUEL_GLOBAL, Program, SUM_GLOBAL, graph};
use crate::freezing::machine::IMPORTS;
use wasm_encoder::{BlockType, Function, HeapType, Instruction as I, ValType};

impl Program {
    pub fn function(&mut self, parameters: Vec<ValType>, results: Vec<ValType>) -> Function {
        let mut locals = self.types(6);
        locals.extend([ValType::I32, ValType::I64]);
        let declared = locals.clone();
        let mut all = parameters.clone();
        all.extend(locals);
        let unset = all.iter().enumerate().filter(|(index, ty)| {
            *index >= parameters.len() && matches!(ty, ValType::Ref(ty) if !ty.nullable)
        });
        let mut body = FunctionBody {
            set: (0..all.len()).filter(|index| !unset.clone().any(|(unset, _)| unset == *index)).collect(),
            program: self,
            locals: all,
            results: results.clone(),
            code: Function::new_with_locals_types(declared),
            labels: vec![results.clone()],
            stack: Vec::new(),
            depth: 0,
        };
        body.burn();
        body.sequence();
        body.settle(&results);
        body.code.instruction(&I::End);
        body.code
    }
}

pub struct FunctionBody<'p> {
    pub program: &'p mut Program,
    pub locals: Vec<ValType>,
    /// Locals that have a value.
    pub set: Vec<usize>,
    pub results: Vec<ValType>,
    pub code: Function,
    /// What a branch to each label carries, outermost first.
    pub labels: Vec<Vec<ValType>>,
    /// Operands of the innermost construct.
    pub stack: Vec<ValType>,
    pub depth: usize,
}

impl FunctionBody<'_> {
    pub fn emit(&mut self, instruction: I<'_>) {
        self.code.instruction(&instruction);
    }

    /// Ends the program when it has run for long.
    pub fn burn(&mut self) {
        self.emit(I::GlobalGet(FUEL_GLOBAL));
        self.emit(I::I64Const(1));
        self.emit(I::I64Sub);
        self.emit(I::GlobalSet(FUEL_GLOBAL));
        self.emit(I::GlobalGet(FUEL_GLOBAL));
        self.emit(I::I64Const(0));
        self.emit(I::I64LtS);
        self.emit(I::If(BlockType::Empty));
        // So that a second call of the entry runs too.
        self.emit(I::I64Const(FUEL));
        self.emit(I::GlobalSet(FUEL_GLOBAL));
        self.emit(I::Unreachable);
        self.emit(I::End);
    }

    /// Takes the topmost operand into the checksum.
    pub fn digest(&mut self) {
        let Some(ty) = self.stack.pop() else { return };
        match ty {
            ValType::I32 => self.emit(I::I64ExtendI32U),
            ValType::I64 => {}
            ValType::F32 => {
                self.emit(I::I32ReinterpretF32);
                self.emit(I::I64ExtendI32U);
            }
            ValType::F64 => self.emit(I::I64ReinterpretF64),
            ValType::V128 => self.emit(I::I64x2ExtractLane(1)),
            ty if self.is_of_graph(ty) => {
                let code = self.program.helpers.map(|helpers| helpers.digest(ty)).unwrap_or_default();
                code.into_iter().for_each(|instruction| self.emit(instruction));
            }
            ValType::Ref(ty) if ty.heap_type == HeapType::Concrete(self.program.callback) && !ty.nullable => {
                self.emit(I::Drop);
                self.emit(I::I64Const(3));
            }
            ValType::Ref(_) => {
                self.emit(I::RefIsNull);
                self.emit(I::I64ExtendI32U);
            }
        }
        self.emit(I::GlobalGet(SUM_GLOBAL));
        self.emit(I::I64Const(0x0123_4567_89ab_cdef | 1));
        self.emit(I::I64Mul);
        self.emit(I::I64Xor);
        self.emit(I::GlobalSet(SUM_GLOBAL));
    }

    pub fn is_of_graph(&self, ty: ValType) -> bool {
        self.program.helpers.is_some() && graph::VALUES.contains(&ty)
    }

    pub fn constant(&mut self, ty: ValType) {
        let value = self.program.choices.next();
        match ty {
            ValType::I32 => self.emit(I::I32Const(value as i32)),
            ValType::I64 => self.emit(I::I64Const(value as i64)),
            ValType::F32 => self.emit(I::F32Const((value as i16 as f32).into())),
            ValType::F64 => self.emit(I::F64Const((value as i32 as f64 / 3.0).into())),
            ValType::V128 => self.emit(I::V128Const(i128::from(value as i64) * 77)),
            ty if self.is_of_graph(ty) => {
                let code = self.program.helpers.map(|helpers| helpers.value(ty, value)).unwrap_or_default();
                code.into_iter().for_each(|instruction| self.emit(instruction));
            }
            ValType::Ref(ty) if ty.heap_type == HeapType::EXTERN => self.emit(I::RefNull(HeapType::EXTERN)),
            ValType::Ref(ty) if ty.nullable && value.is_multiple_of(3) => self.emit(I::RefNull(ty.heap_type)),
            ValType::Ref(_) => self.emit(I::RefFunc(IMPORTS.len() as u32 + (value % 2) as u32)),
        }
        self.stack.push(ty);
    }

    pub fn push(&mut self, ty: ValType) {
        let locals: Vec<usize> = self.set.iter().copied().filter(|local| self.locals[*local] == ty).collect();
        if locals.is_empty() || self.program.choices.one_in(3) {
            return self.constant(ty);
        }
        let local = self.program.choices.choose(&locals);
        self.emit(I::LocalGet(local as u32));
        self.stack.push(ty);
    }

    pub fn push_all(&mut self, types: &[ValType]) {
        types.iter().for_each(|ty| self.push(*ty));
    }

    pub fn pop(&mut self, count: usize) {
        self.stack.truncate(self.stack.len() - count);
    }

    /// Leaves exactly `types`.
    pub fn settle(&mut self, types: &[ValType]) {
        if self.stack != types {
            while !self.stack.is_empty() {
                self.digest();
            }
            self.push_all(types);
        }
        self.stack.clear();
    }

    pub fn condition(&mut self) {
        self.emit(I::GlobalGet(SUM_GLOBAL));
        let shift = self.program.choices.below(60) as i64;
        self.emit(I::I64Const(shift));
        self.emit(I::I64ShrU);
        self.emit(I::I32WrapI64);
        let mask = self.program.choices.choose(&[1, 3]);
        self.emit(I::I32Const(mask));
        self.emit(I::I32And);
    }
}
