//! The core module that reads what core instances export, and returns it in a memory of its own. So nothing of theirs changes,
//! however full their memories are, and floats keep all their bits.

use super::accessors::Shown;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, ImportSection, MemArg, MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// The export of the memory that results are in.
pub const BUFFER: &str = "buffer";

/// Bytes of a global in a result.
pub const GLOBAL_SIZE: usize = 16;

/// Where a result begins in the buffer, after the pair of pointer and length.
const RESULT: i32 = 16;

/// Bytes of a memory that a call returns.
const PIECE: i64 = 1 << 20;

const PAGE: u64 = 1 << 16;

/// The name of the function that returns the globals of the core instance with this index.
pub fn globals_export(instance: u32) -> String {
    format!("instance{instance}")
}

/// The name of the function that returns pieces of its k-th memory.
pub fn memory_export(instance: u32, k: usize) -> String {
    format!("instance{instance}-memory{k}")
}

/// The module for these core instances. It imports what they show from modules whose names are their indices.
pub fn accessor_module(shown: &[(u32, &Shown)]) -> Option<Vec<u8>> {
    let (mut imports, mut globals, mut memories) = (ImportSection::new(), 0, 0);
    for (instance, shown) in shown {
        let from = instance.to_string();
        for (name, ty) in &shown.memories {
            imports.import(&from, name, RoundtripReencoder.memory_type(*ty).ok()?);
            memories += 1;
        }
        for (name, ty) in &shown.globals {
            imports.import(&from, name, RoundtripReencoder.global_type(*ty).ok()?);
            globals += 1;
        }
    }
    let mut accessors = Accessors {
        functions: FunctionSection::new(),
        positions: GlobalSection::new(),
        exports: ExportSection::new(),
        code: CodeSection::new(),
        buffer: memories,
        next_global: 0,
        next_memory: 0,
        first_position: globals,
    };
    for (instance, shown) in shown {
        accessors.globals(*instance, shown);
        for (k, (_, ty)) in shown.memories.iter().enumerate() {
            accessors.memory(*instance, k, ty);
        }
    }
    accessors.exports.export(BUFFER, ExportKind::Memory, accessors.buffer);
    let most_globals = shown.iter().map(|(_, shown)| shown.globals.len() * GLOBAL_SIZE).max().unwrap_or(0);
    let bytes = RESULT as u64 + (PIECE as u64).max(most_globals as u64);
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    let mut buffers = MemorySection::new();
    let (minimum, maximum) = (bytes.div_ceil(PAGE), None);
    buffers.memory(MemoryType { minimum, maximum, memory64: false, shared: false, page_size_log2: None });
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&accessors.functions).section(&buffers);
    module.section(&accessors.positions).section(&accessors.exports).section(&accessors.code);
    Some(module.finish())
}

struct Accessors {
    functions: FunctionSection,
    /// For each memory how much of it was returned.
    positions: GlobalSection,
    exports: ExportSection,
    code: CodeSection,
    /// The memory index of the buffer, after those that are imported.
    buffer: u32,
    next_global: u32,
    next_memory: u32,
    first_position: u32,
}

impl Accessors {
    fn at(&self, offset: i32, align: u32) -> MemArg {
        MemArg { offset: u64::from(offset.unsigned_abs()), align, memory_index: self.buffer }
    }

    fn add(&mut self, name: &str, function: &Function) {
        self.exports.export(name, ExportKind::Func, self.functions.len());
        self.functions.function(0);
        self.code.function(function);
    }

    /// A function that writes all globals into the buffer.
    fn globals(&mut self, instance: u32, shown: &Shown) {
        let mut function = Function::new([]);
        let mut code = function.instructions();
        for (k, (_, ty)) in shown.globals.iter().enumerate() {
            let offset = RESULT + (k * GLOBAL_SIZE) as i32;
            code.i32_const(0).global_get(self.next_global);
            match ty.content_type {
                wasmparser::ValType::I32 => code.i32_store(self.at(offset, 2)),
                wasmparser::ValType::I64 => code.i64_store(self.at(offset, 3)),
                wasmparser::ValType::F32 => code.f32_store(self.at(offset, 2)),
                wasmparser::ValType::F64 => code.f64_store(self.at(offset, 3)),
                wasmparser::ValType::V128 => code.v128_store(self.at(offset, 4)),
                wasmparser::ValType::Ref(_) => code.drop().drop(),
            };
            self.next_global += 1;
        }
        let len = (shown.globals.len() * GLOBAL_SIZE) as i32;
        code.i32_const(0).i32_const(RESULT).i32_store(self.at(0, 2));
        code.i32_const(0).i32_const(len).i32_store(self.at(4, 2));
        code.i32_const(0).end();
        self.add(&globals_export(instance), &function);
    }

    /// A function that copies the next piece of a memory into the buffer, and begins anew after its end.
    fn memory(&mut self, instance: u32, k: usize, ty: &wasmparser::MemoryType) {
        const REST: u32 = 0;
        let position = self.first_position + self.positions.len();
        let is_mutable = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
        self.positions.global(is_mutable, &ConstExpr::i64_const(0));
        let mut function = Function::new([(1, ValType::I64)]);
        let mut code = function.instructions();
        code.memory_size(self.next_memory);
        if !ty.memory64 {
            code.i64_extend_i32_u();
        }
        code.i64_const(i64::from(ty.page_size_log2.unwrap_or(16))).i64_shl();
        code.global_get(position).i64_sub().local_tee(REST);
        code.i64_const(PIECE).i64_gt_u().if_(BlockType::Empty).i64_const(PIECE).local_set(REST).end();
        code.i32_const(RESULT).global_get(position);
        if !ty.memory64 {
            code.i32_wrap_i64();
        }
        code.local_get(REST).i32_wrap_i64().memory_copy(self.buffer, self.next_memory);
        code.i32_const(0).i32_const(RESULT).i32_store(self.at(0, 2));
        code.i32_const(0).local_get(REST).i32_wrap_i64().i32_store(self.at(4, 2));
        code.local_get(REST).i64_eqz().if_(BlockType::Empty).i64_const(0).global_set(position);
        code.else_().global_get(position).local_get(REST).i64_add().global_set(position).end();
        code.i32_const(0).end();
        self.next_memory += 1;
        self.add(&memory_export(instance, k), &function);
    }
}
