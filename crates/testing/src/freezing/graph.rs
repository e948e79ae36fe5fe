//! Objects for generated programs: nodes that point to each other and to a global, arrays, `i31`, externalized ones and
//! exceptions. Looking at an object changes it, so that the program can tell one object from two equal ones.

use wasm_encoder::{
    AbstractHeapType, BlockType, Catch, FieldType, Function, HeapType, Instruction as I, RefType,
    StorageType, TypeSection, ValType,
};

/// Type indices; the function types follow.
const NODE: u32 = 0;
const BYTES: u32 = 1;
pub const TYPES: u32 = 2;

/// The global that holds the node that was made last but some.
const ROOT: u32 = 2;

/// Tags: one carries a number, one a node.
const NUMBER_TAG: u32 = 0;
pub const NODE_TAG: u32 = 1;

const NODE_STEPS: i32 = 6;

pub const EXNREF: ValType = reference(true, HeapType::Abstract { shared: false, ty: AbstractHeapType::Exn });
pub const NODE_REF: ValType = reference(false, HeapType::Concrete(NODE));
const NULLABLE_NODE: ValType = reference(true, HeapType::Concrete(NODE));
const ANYREF: ValType = reference(true, HeapType::ANY);
const I31: HeapType = HeapType::Abstract { shared: false, ty: AbstractHeapType::I31 };

const fn reference(nullable: bool, heap_type: HeapType) -> ValType {
    ValType::Ref(RefType { nullable, heap_type })
}

/// What locals, operands, parameters and results can be.
pub const VALUES: [ValType; 8] = [
    NODE_REF,
    NULLABLE_NODE,
    ANYREF,
    reference(false, HeapType::Concrete(BYTES)),
    reference(false, I31),
    ValType::EXTERNREF,
    reference(false, HeapType::EXTERN),
    EXNREF,
];

pub fn root_type() -> ValType {
    NULLABLE_NODE
}

pub fn declare(section: &mut TypeSection) {
    let field = |ty| FieldType { element_type: StorageType::Val(ty), mutable: true };
    section.ty().struct_([field(ValType::I64), field(NULLABLE_NODE), field(ANYREF)]);
    section.ty().array(&StorageType::I8, true);
}

/// The functions behind the program's own.
#[derive(Debug, Clone, Copy)]
pub struct Helpers {
    pub first: u32,
}

/// Signatures of the helpers.
pub fn signatures() -> [(Vec<ValType>, Vec<ValType>); 4] {
    [
        (vec![ANYREF], vec![ValType::I64]),
        (vec![ValType::I64], vec![NODE_REF]),
        (vec![EXNREF], vec![ValType::I64]),
        (vec![ValType::I64], vec![EXNREF]),
    ]
}

impl Helpers {
    fn look(self) -> I<'static> {
        I::Call(self.first)
    }

    fn make(self) -> I<'static> {
        I::Call(self.first + 1)
    }

    fn look_at_exception(self) -> I<'static> {
        I::Call(self.first + 2)
    }

    fn make_exception(self) -> I<'static> {
        I::Call(self.first + 3)
    }

    /// Code that makes a value of type `ty`, one of [`VALUES`]. The number decides which.
    pub fn value(self, ty: ValType, number: u64) -> Vec<I<'static>> {
        let seed = I::I64Const((number >> 8) as i64);
        let null = |heap_type| vec![I::RefNull(heap_type)];
        let any = |nullable| match number % 5 {
            0 if nullable => null(HeapType::ANY),
            1 => vec![I::I32Const((number >> 8) as i32), I::RefI31],
            2 => vec![I::I32Const((number >> 8) as i32 & 255), I::I32Const(3), I::ArrayNew(BYTES)],
            3 if nullable => vec![I::GlobalGet(ROOT)],
            _ => vec![seed.clone(), self.make()],
        };
        let ValType::Ref(reference) = ty else { return Vec::new() };
        match reference.heap_type {
            HeapType::Concrete(BYTES) => {
                vec![I::I32Const((number >> 8) as i32 & 255), I::I32Const(2), I::ArrayNew(BYTES)]
            }
            HeapType::Concrete(_) if reference.nullable && number.is_multiple_of(4) => {
                vec![I::GlobalGet(ROOT)]
            }
            HeapType::Concrete(_) => vec![seed, self.make()],
            I31 => vec![I::I32Const((number >> 8) as i32), I::RefI31],
            HeapType::ANY => any(true),
            HeapType::EXTERN => [any(reference.nullable), vec![I::ExternConvertAny]].concat(),
            heap_type if number.is_multiple_of(4) => null(heap_type),
            _ => vec![seed, self.make_exception()],
        }
    }

    /// Code that makes a number of a value on the stack, and changes it where it can.
    pub fn digest(self, ty: ValType) -> Vec<I<'static>> {
        match ty {
            EXNREF => vec![self.look_at_exception()],
            ValType::Ref(ty) if ty.heap_type == HeapType::EXTERN => vec![I::AnyConvertExtern, self.look()],
            _ => vec![self.look()],
        }
    }

    /// Throws the node that a number stands for.
    pub fn throw(self, number: u64) -> Vec<I<'static>> {
        vec![I::I64Const(number as i64), self.make(), I::Throw(NODE_TAG)]
    }

    pub fn functions(self) -> [Function; 4] {
        [look(), self.make_function(), self.look_at_exception_function(), self.make_exception_function()]
    }

    /// Makes a node that points to the last ones, and sometimes lets them point to it.
    fn make_function(self) -> Function {
        let node = |field| I::StructSet { struct_type_index: NODE, field_index: field };
        let bit = |bit: u32| [I::LocalGet(0), I::I64Const(1i64 << bit), I::I64And, I::I64Eqz, I::I32Eqz];
        let mut function = Function::new([(1, NODE_REF)]);
        let mut code = vec![I::LocalGet(0), I::GlobalGet(ROOT)];
        code.extend(bit(0));
        code.push(I::If(BlockType::Result(ANYREF)));
        code.extend([I::GlobalGet(ROOT), I::Else, I::I32Const(77), I::RefI31, I::End]);
        code.extend([I::StructNew(NODE), I::LocalSet(1)]);
        code.extend(bit(1));
        // A cycle.
        code.extend([I::GlobalGet(ROOT), I::RefIsNull, I::I32Eqz, I::I32And]);
        code.extend([I::If(BlockType::Empty), I::GlobalGet(ROOT), I::LocalGet(1), node(1), I::End]);
        code.extend(bit(2));
        code.extend([I::If(BlockType::Empty), I::LocalGet(1), I::GlobalSet(ROOT), I::End]);
        code.extend(bit(3));
        code.extend([I::If(BlockType::Empty), I::LocalGet(1), I::LocalGet(1), I::ExternConvertAny]);
        code.extend([I::AnyConvertExtern, node(2), I::End, I::LocalGet(1), I::End]);
        for instruction in &code {
            function.instruction(instruction);
        }
        function
    }

    fn look_at_exception_function(self) -> Function {
        let mut function = Function::new([]);
        let catches = vec![Catch::One { tag: NUMBER_TAG, label: 0 }, Catch::One { tag: NODE_TAG, label: 1 }];
        let code = [
            I::LocalGet(0),
            I::RefIsNull,
            I::If(BlockType::Empty),
            I::I64Const(9),
            I::Return,
            I::End,
            I::Block(BlockType::Result(NODE_REF)),
            I::Block(BlockType::Result(ValType::I32)),
            I::TryTable(BlockType::Empty, catches.into()),
            I::LocalGet(0),
            I::ThrowRef,
            I::End,
            I::Unreachable,
            I::End,
            I::I64ExtendI32U,
            I::Return,
            I::End,
            self.look(),
            I::End,
        ];
        for instruction in &code {
            function.instruction(instruction);
        }
        function
    }

    fn make_exception_function(self) -> Function {
        let mut function = Function::new([]);
        let code = [
            I::Block(BlockType::Result(EXNREF)),
            I::TryTable(BlockType::Empty, vec![Catch::AllRef { label: 0 }].into()),
            I::LocalGet(0),
            I::I64Const(1),
            I::I64And,
            I::I64Eqz,
            I::If(BlockType::Empty),
            I::LocalGet(0),
            self.make(),
            I::Throw(NODE_TAG),
            I::Else,
            I::LocalGet(0),
            I::I32WrapI64,
            I::Throw(NUMBER_TAG),
            I::End,
            I::End,
            I::Unreachable,
            I::End,
            I::End,
        ];
        for instruction in &code {
            function.instruction(instruction);
        }
        function
    }
}

/// Locals of [`look`]: where it is, the sum, how many steps it made, and the node that it found.
const AT: u32 = 0;
const SUM: u32 = 1;
const STEPS: u32 = 2;
const FOUND: u32 = 3;

/// Walks from an object over some others, counts what it finds, and counts up in each.
fn look() -> Function {
    let mut function = Function::new([(1, ValType::I64), (1, ValType::I32), (1, NULLABLE_NODE)]);
    let again = [
        I::LocalGet(STEPS),
        I::I32Const(1),
        I::I32Add,
        I::LocalTee(STEPS),
        I::I32Const(NODE_STEPS),
        I::I32LtU,
        I::BrIf(0),
        I::End,
        I::LocalGet(SUM),
        I::End,
    ];
    let parts: [&[I<'_>]; 5] = [&END_AT_NULL, &END_AT_I31, &END_AT_BYTES, &VISIT_NODE, &again];
    function.instruction(&I::Loop(BlockType::Empty));
    for instruction in parts.into_iter().flatten() {
        function.instruction(instruction);
    }
    function
}

const END_AT_NULL: [I<'static>; 12] = [
    I::LocalGet(AT),
    I::RefIsNull,
    I::If(BlockType::Empty),
    I::LocalGet(SUM),
    I::Return,
    I::End,
    I::LocalGet(SUM),
    I::I64Const(31),
    I::I64Mul,
    I::I64Const(7),
    I::I64Add,
    I::LocalSet(SUM),
];

const END_AT_I31: [I<'static>; 11] = [
    I::LocalGet(AT),
    I::RefTestNonNull(I31),
    I::If(BlockType::Empty),
    I::LocalGet(AT),
    I::RefCastNonNull(I31),
    I::I31GetS,
    I::I64ExtendI32S,
    I::LocalGet(SUM),
    I::I64Add,
    I::Return,
    I::End,
];

const END_AT_BYTES: [I<'static>; 22] = [
    I::LocalGet(AT),
    I::RefTestNonNull(HeapType::Concrete(BYTES)),
    I::If(BlockType::Empty),
    I::LocalGet(AT),
    I::RefCastNonNull(HeapType::Concrete(BYTES)),
    I::I32Const(1),
    I::LocalGet(AT),
    I::RefCastNonNull(HeapType::Concrete(BYTES)),
    I::I32Const(1),
    I::ArrayGetU(BYTES),
    I::I32Const(1),
    I::I32Add,
    I::ArraySet(BYTES),
    I::LocalGet(AT),
    I::RefCastNonNull(HeapType::Concrete(BYTES)),
    I::I32Const(1),
    I::ArrayGetU(BYTES),
    I::I64ExtendI32U,
    I::LocalGet(SUM),
    I::I64Add,
    I::Return,
    I::End,
];

const VISIT_NODE: [I<'static>; 24] = [
    I::LocalGet(AT),
    I::RefCastNullable(HeapType::Concrete(NODE)),
    I::LocalTee(FOUND),
    I::LocalGet(FOUND),
    get(0),
    I::I64Const(1),
    I::I64Add,
    I::StructSet { struct_type_index: NODE, field_index: 0 },
    I::LocalGet(SUM),
    I::LocalGet(FOUND),
    get(0),
    I::I64Xor,
    I::LocalSet(SUM),
    I::LocalGet(STEPS),
    I::I32Const(1),
    I::I32And,
    I::If(BlockType::Result(ANYREF)),
    I::LocalGet(FOUND),
    get(2),
    I::Else,
    I::LocalGet(FOUND),
    get(1),
    I::End,
    I::LocalSet(AT),
];

const fn get(field_index: u32) -> I<'static> {
    I::StructGet { struct_type_index: NODE, field_index }
}
