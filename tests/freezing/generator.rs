//! Programs of deeply nested structured control with operands below everything, that call the host in random places.
//! Whatever is dropped goes into a checksum first, so that a wrong value shows.

use super::graph::{self, Helpers};
use super::machine::{IMPORTS, Number};
use std::collections::VecDeque;
use wasm_encoder::{
    BlockType, Catch, CodeSection, ConstExpr, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, HeapType, ImportSection,
    Instruction as I, MemorySection, MemoryType, Module, RefType, TableSection, TableType, TagKind,
    TagSection, TagType, TypeSection, ValType,
};

/// Calls, loops and rounds that a run may make.
const FUEL: i64 = 60;

const FUEL_GLOBAL: u32 = 0;
const SUM_GLOBAL: u32 = 1;

/// A fuzzer's bytes while there are any, then a generator.
struct Random {
    bytes: VecDeque<u8>,
    state: u64,
}

impl Random {
    fn next(&mut self) -> u64 {
        if let Some(low) = self.bytes.pop_front() {
            return u64::from(low) | u64::from(self.bytes.pop_front().unwrap_or(0)) << 8;
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn choose<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// The module's types, as far as code asks for them.
#[derive(Default)]
struct Types {
    /// How many types come before the functions'.
    first: u32,
    section: TypeSection,
    known: Vec<(Vec<ValType>, Vec<ValType>)>,
}

impl Types {
    fn get(&mut self, parameters: &[ValType], results: &[ValType]) -> u32 {
        let found = self.known.iter().position(|(p, r)| p == parameters && r == results);
        found.unwrap_or_else(|| {
            self.known.push((parameters.to_vec(), results.to_vec()));
            self.section.ty().function(parameters.iter().copied(), results.iter().copied());
            self.known.len() - 1
        }) as u32
            + self.first
    }

    fn block(&mut self, parameters: &[ValType], results: &[ValType]) -> BlockType {
        match (parameters, results) {
            ([], []) => BlockType::Empty,
            ([], [result]) => BlockType::Result(*result),
            _ => BlockType::FunctionType(self.get(parameters, results)),
        }
    }
}

struct Program {
    random: Random,
    /// Without what the baseline compiler does not know.
    plain: bool,
    /// Makes objects, if it has any.
    helpers: Option<Helpers>,
    types: Types,
    /// The type of the functions that references point to: nothing to `i32`.
    callback: u32,
    /// Signatures of all functions, imports first.
    functions: Vec<(Vec<ValType>, Vec<ValType>)>,
}

/// What a program may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// What the baseline compiler knows.
    Plain,
    /// That, references to functions, vectors and exceptions.
    References,
    /// All that, and objects.
    Objects,
}

impl Means {
    pub fn of(seed: u64) -> Means {
        if seed.is_multiple_of(2) { Means::Plain } else { Means::References }
    }
}

/// A module with an export `entry` that takes nothing.
pub fn program(seed: u64, means: Means) -> Vec<u8> {
    chosen(Random { bytes: VecDeque::new(), state: seed }, means)
}

/// The same, of choices that somebody else makes.
pub fn program_of(bytes: &[u8], means: Means) -> Vec<u8> {
    chosen(Random { bytes: bytes.iter().copied().collect(), state: 0 }, means)
}

fn chosen(random: Random, means: Means) -> Vec<u8> {
    let mut types = Types::default();
    if means == Means::Objects {
        graph::declare(&mut types.section);
        types.first = graph::TYPES;
    }
    let mut program = Program {
        random,
        plain: means == Means::Plain,
        helpers: (means == Means::Objects).then_some(Helpers { first: 0 }),
        types,
        callback: 0,
        functions: Vec::new(),
    };
    program.callback = program.types.get(&[], &[ValType::I32]);
    program.module()
}

fn number(number: &Number) -> ValType {
    match number {
        Number::I32 => ValType::I32,
        Number::I64 => ValType::I64,
        Number::F32 => ValType::F32,
        Number::F64 => ValType::F64,
    }
}

impl Program {
    fn ty(&mut self) -> ValType {
        let concrete =
            |nullable| ValType::Ref(RefType { nullable, heap_type: HeapType::Concrete(self.callback) });
        let mut types =
            vec![ValType::I32, ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::FUNCREF];
        if !self.plain {
            types.extend([ValType::V128, ValType::EXTERNREF, concrete(true), concrete(false)]);
        }
        if self.helpers.is_some() {
            types.extend(graph::VALUES);
            types.extend(graph::VALUES);
        }
        self.random.choose(&types)
    }

    fn types(&mut self, most: usize) -> Vec<ValType> {
        let count = self.random.below(most + 1);
        (0..count).map(|_| self.ty()).collect()
    }

    fn module(mut self) -> Vec<u8> {
        let mut imports = ImportSection::new();
        for (name, parameters, results) in IMPORTS {
            let parameters: Vec<ValType> = parameters.iter().map(number).collect();
            let results: Vec<ValType> = results.iter().map(number).collect();
            let ty = self.types.get(&parameters, &results);
            imports.import("env", name, EntityType::Function(ty));
            self.functions.push((parameters, results));
        }
        let imported = self.functions.len();
        // Callbacks first, so that there is something to point to.
        for _ in 0..2 {
            self.functions.push((vec![], vec![ValType::I32]));
        }
        for _ in 0..2 + self.random.below(4) {
            let (parameters, results) = (self.types(3), self.types(2));
            self.functions.push((parameters, results));
        }
        let entry_results = vec![ValType::I64; self.random.below(3)];
        self.functions.push((vec![], entry_results));
        let entry = self.functions.len() as u32 - 1;
        let tag = self.types.get(&[ValType::I32], &[]);
        if let Some(helpers) = &mut self.helpers {
            helpers.first = entry + 1;
        }

        let mut functions = FunctionSection::new();
        let mut code = CodeSection::new();
        for index in imported..self.functions.len() {
            let (parameters, results) = self.functions[index].clone();
            functions.function(self.types.get(&parameters, &results));
            code.function(&self.function(parameters, results));
        }
        if let Some(helpers) = self.helpers {
            for (function, (parameters, results)) in helpers.functions().iter().zip(graph::signatures()) {
                functions.function(self.types.get(&parameters, &results));
                code.function(function);
            }
        }
        let mut tables = TableSection::new();
        let size = self.functions.len() as u64;
        tables.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: size,
            maximum: None,
            shared: false,
        });
        let mut elements = ElementSection::new();
        let all: Vec<u32> = (0..self.functions.len() as u32).collect();
        elements.active(Some(0), &ConstExpr::i32_const(0), Elements::Functions(all.into()));
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: !self.plain && self.random.one_in(2),
            shared: false,
            page_size_log2: None,
        });
        let mut globals = GlobalSection::new();
        let mutable = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
        globals.global(mutable, &ConstExpr::i64_const(FUEL)).global(mutable, &ConstExpr::i64_const(0));
        if self.helpers.is_some() {
            let root = GlobalType { val_type: graph::root_type(), ..mutable };
            let ValType::Ref(ty) = graph::root_type() else { unreachable!() };
            globals.global(root, &ConstExpr::ref_null(ty.heap_type));
        }
        let mut exports = ExportSection::new();
        exports.export("entry", ExportKind::Func, entry);
        exports.export("fuel", ExportKind::Global, FUEL_GLOBAL);
        exports.export("sum", ExportKind::Global, SUM_GLOBAL);
        exports.export("memory", ExportKind::Memory, 0);

        let node_tag = self.helpers.map(|_| self.types.get(&[graph::NODE_REF], &[]));
        let mut module = Module::new();
        module
            .section(&self.types.section)
            .section(&imports)
            .section(&functions)
            .section(&tables)
            .section(&memories);
        if !self.plain {
            let mut tags = TagSection::new();
            for tag in [tag].into_iter().chain(node_tag) {
                tags.tag(TagType { kind: TagKind::Exception, func_type_idx: tag });
            }
            module.section(&tags);
        }
        module.section(&globals).section(&exports).section(&elements).section(&code);
        module.finish()
    }

    fn function(&mut self, parameters: Vec<ValType>, results: Vec<ValType>) -> Function {
        let mut locals = self.types(6);
        locals.extend([ValType::I32, ValType::I64]);
        let declared = locals.clone();
        let mut all = parameters.clone();
        all.extend(locals);
        let unset = all.iter().enumerate().filter(|(index, ty)| {
            *index >= parameters.len() && matches!(ty, ValType::Ref(ty) if !ty.nullable)
        });
        let mut body = Body {
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

struct Body<'p> {
    program: &'p mut Program,
    locals: Vec<ValType>,
    /// Locals that have a value.
    set: Vec<usize>,
    results: Vec<ValType>,
    code: Function,
    /// What a branch to each label carries, outermost first.
    labels: Vec<Vec<ValType>>,
    /// Operands of the innermost construct.
    stack: Vec<ValType>,
    depth: usize,
}

impl Body<'_> {
    fn emit(&mut self, instruction: I<'_>) {
        self.code.instruction(&instruction);
    }

    /// Ends the program when it has run for long.
    fn burn(&mut self) {
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
    fn digest(&mut self) {
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

    fn is_of_graph(&self, ty: ValType) -> bool {
        self.program.helpers.is_some() && graph::VALUES.contains(&ty)
    }

    fn constant(&mut self, ty: ValType) {
        let value = self.program.random.next();
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

    fn push(&mut self, ty: ValType) {
        let locals: Vec<usize> = self.set.iter().copied().filter(|local| self.locals[*local] == ty).collect();
        if locals.is_empty() || self.program.random.one_in(3) {
            return self.constant(ty);
        }
        let local = self.program.random.choose(&locals);
        self.emit(I::LocalGet(local as u32));
        self.stack.push(ty);
    }

    fn push_all(&mut self, types: &[ValType]) {
        types.iter().for_each(|ty| self.push(*ty));
    }

    fn pop(&mut self, count: usize) {
        self.stack.truncate(self.stack.len() - count);
    }

    /// Leaves exactly `types`.
    fn settle(&mut self, types: &[ValType]) {
        if self.stack != types {
            while !self.stack.is_empty() {
                self.digest();
            }
            self.push_all(types);
        }
        self.stack.clear();
    }

    fn condition(&mut self) {
        self.emit(I::GlobalGet(SUM_GLOBAL));
        let shift = self.program.random.below(60) as i64;
        self.emit(I::I64Const(shift));
        self.emit(I::I64ShrU);
        self.emit(I::I32WrapI64);
        let mask = self.program.random.choose(&[1, 3]);
        self.emit(I::I32Const(mask));
        self.emit(I::I32And);
    }

    fn sequence(&mut self) {
        let length = 1 + self.program.random.below(4);
        for _ in 0..length {
            self.statement();
        }
    }

    fn statement(&mut self) {
        match self.program.random.below(16) {
            0..=3 => self.host(),
            4..=7 if self.depth < 5 => self.construct(),
            8 => {
                let ty = self.program.ty();
                self.push(ty);
            }
            9 => self.assign(),
            10 => self.branch(),
            11 => self.digest(),
            12 | 13 => self.call(),
            14 if !self.program.plain && self.depth < 5 => self.try_table(),
            _ => {
                let types = self.program.types(3);
                self.push_all(&types);
            }
        }
    }

    fn assign(&mut self) {
        let local = self.program.random.below(self.locals.len());
        if self.stack.last() != Some(&self.locals[local]) {
            self.push(self.locals[local]);
        }
        if self.program.random.one_in(2) {
            self.emit(I::LocalSet(local as u32));
            self.stack.pop();
        } else {
            self.emit(I::LocalTee(local as u32));
        }
        if !self.set.contains(&local) {
            self.set.push(local);
        }
    }

    fn host(&mut self) {
        let function = self.program.random.below(IMPORTS.len());
        let (parameters, results) = self.program.functions[function].clone();
        self.push_all(&parameters);
        if self.program.random.one_in(4) {
            let ty = self.program.types.get(&parameters, &results);
            self.emit(I::I32Const(function as i32));
            self.emit(I::CallIndirect { type_index: ty, table_index: 0 });
        } else {
            self.emit(I::Call(function as u32));
        }
        self.pop(parameters.len());
        self.stack.extend(results);
    }

    fn call(&mut self) {
        let function =
            IMPORTS.len() + self.program.random.below(self.program.functions.len() - IMPORTS.len());
        let (parameters, results) = self.program.functions[function].clone();
        if !self.program.plain && results == self.results && self.program.random.one_in(2) {
            // A tail call, in code that may go on behind it.
            self.condition();
            self.emit(I::If(BlockType::Empty));
            let below = std::mem::take(&mut self.stack);
            self.push_all(&parameters);
            self.emit(I::ReturnCall(function as u32));
            self.stack = below;
            self.emit(I::End);
            return;
        }
        if !self.program.plain && self.program.random.one_in(4) {
            let callback = self.program.callback;
            self.emit(I::RefFunc(IMPORTS.len() as u32 + 1));
            self.emit(I::CallRef(callback));
            self.stack.push(ValType::I32);
            return;
        }
        self.push_all(&parameters);
        if self.program.random.one_in(3) {
            let ty = self.program.types.get(&parameters, &results);
            self.emit(I::I32Const(function as i32));
            self.emit(I::CallIndirect { type_index: ty, table_index: 0 });
        } else {
            self.emit(I::Call(function as u32));
        }
        self.pop(parameters.len());
        self.stack.extend(results);
    }

    /// A branch to any label, taken or not.
    fn branch(&mut self) {
        let depth = self.program.random.below(self.labels.len());
        let carried = self.labels[self.labels.len() - 1 - depth].clone();
        match self.program.random.below(4) {
            0 => {
                let same: Vec<u32> = (0..self.labels.len())
                    .filter(|depth| self.labels[self.labels.len() - 1 - depth] == carried)
                    .map(|depth| depth as u32)
                    .collect();
                self.condition();
                self.emit(I::If(BlockType::Empty));
                let below = std::mem::take(&mut self.stack);
                self.push_all(&carried);
                self.condition();
                let targets: Vec<u32> = same.iter().map(|depth| depth + 1).collect();
                self.emit(I::BrTable(targets.into(), depth as u32 + 1));
                self.stack = below;
                self.emit(I::End);
            }
            1 if !self.program.plain && depth > 0 => {
                // Carries what it must and a reference that decides.
                self.push_all(&carried);
                self.emit(I::RefNull(HeapType::Concrete(self.program.callback)));
                self.emit(I::GlobalGet(SUM_GLOBAL));
                self.emit(I::I64Const(1));
                self.emit(I::I64And);
                self.emit(I::I32WrapI64);
                let callback =
                    RefType { nullable: true, heap_type: HeapType::Concrete(self.program.callback) };
                let choice = self.program.types.block(&[ValType::Ref(callback)], &[ValType::Ref(callback)]);
                self.emit(I::If(choice));
                self.emit(I::Drop);
                self.emit(I::RefFunc(IMPORTS.len() as u32));
                self.emit(I::End);
                self.emit(I::BrOnNull(depth as u32));
                self.stack.push(ValType::Ref(RefType { nullable: false, ..callback }));
            }
            _ => {
                self.push_all(&carried);
                self.condition();
                self.emit(I::BrIf(depth as u32));
            }
        }
    }

    /// A construct that takes some of the operands.
    fn construct(&mut self) {
        let taken = self.program.random.below(self.stack.len().min(3) + 1);
        let parameters = self.stack.split_off(self.stack.len() - taken);
        let results = self.program.types(3);
        let below = std::mem::replace(&mut self.stack, parameters.clone());
        let set = self.set.clone();
        let ty = self.program.types.block(&parameters, &results);
        self.depth += 1;
        match self.program.random.below(3) {
            0 => {
                self.emit(I::Block(ty));
                self.labels.push(results.clone());
                self.sequence();
                self.settle(&results);
            }
            1 => {
                self.emit(I::Loop(ty));
                self.labels.push(parameters.clone());
                self.burn();
                self.sequence();
                // Round again, now and then.
                self.push_all(&parameters);
                self.condition();
                self.emit(I::BrIf(0));
                self.settle(&results);
            }
            _ => {
                self.condition();
                self.emit(I::If(ty));
                self.labels.push(results.clone());
                self.sequence();
                self.settle(&results);
                self.emit(I::Else);
                self.set.clone_from(&set);
                self.stack = parameters;
                self.sequence();
                self.settle(&results);
            }
        }
        self.emit(I::End);
        self.depth -= 1;
        self.labels.pop();
        self.set = set;
        self.stack = below;
        self.stack.extend(results);
    }

    /// Throws in the middle, and catches here or further out.
    fn try_table(&mut self) {
        let results = self.program.types(2);
        let set = self.set.clone();
        let below = std::mem::take(&mut self.stack);
        let caught = self.program.types.block(&[], &[ValType::I32]);
        let tried = self.program.types.block(&[], &results);
        let done = self.program.types.block(&[], &results);
        self.depth += 2;
        self.emit(I::Block(done));
        self.labels.push(results.clone());
        self.emit(I::Block(caught));
        self.labels.push(vec![ValType::I32]);
        let mut catches = vec![Catch::One { tag: 0, label: 0 }];
        if let Some(empty) = self.labels.iter().rev().position(Vec::is_empty) {
            catches.insert(0, Catch::All { label: empty as u32 });
            if self.program.random.one_in(2) {
                catches.reverse();
            }
        }
        self.emit(I::TryTable(tried, catches.into()));
        self.labels.push(results.clone());
        self.sequence();
        self.condition();
        self.emit(I::If(BlockType::Empty));
        match self.program.helpers.filter(|_| self.program.random.one_in(2)) {
            Some(helpers) => {
                let number = self.program.random.next();
                helpers.throw(number).into_iter().for_each(|instruction| self.emit(instruction));
            }
            None => {
                self.emit(I::I32Const(5));
                self.emit(I::Throw(0));
            }
        }
        self.emit(I::End);
        self.sequence();
        self.settle(&results);
        self.emit(I::End);
        self.labels.pop();
        self.emit(I::Br(1));
        self.emit(I::End);
        self.labels.pop();
        self.stack = vec![ValType::I32];
        self.set.clone_from(&set);
        self.settle(&results);
        self.emit(I::End);
        self.labels.pop();
        self.depth -= 2;
        self.set = set;
        self.stack = below;
        self.stack.extend(results);
    }
}

/// `PREINIT_DUMP=SEED` writes that program to a file.
#[test]
fn the_generator_makes_valid_programs() {
    let dumped: Option<u64> = std::env::var("PREINIT_DUMP").ok().map(|seed| seed.parse().unwrap());
    for seed in (0..300).chain(dumped) {
        let means = if seed < 200 { Means::of(seed) } else { Means::Objects };
        let wasm = program(seed, means);
        if dumped == Some(seed) {
            std::fs::write(std::env::temp_dir().join(format!("{seed}.wasm")), &wasm).unwrap();
        }
        if let Err(error) = preinit::module::Module::parse(&wasm) {
            panic!("seed {seed}: {error}");
        }
    }
}
