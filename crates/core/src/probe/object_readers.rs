//! Functions that read objects of the garbage-collected heap, for hosts that cannot: numbers go to a memory and references
//! to tables, where anybody can read them.

use super::{Probe, ProbeError, ProbeNames};
use crate::module::{Hierarchy, Module, Patch};
use wasm_encoder::{
    BlockType, Encode, ExportKind, Function, HeapType, Instruction, MemArg, RefType, ValType,
};
use wasmparser::{CompositeInnerType, StorageType};

/// The tables that references are read into, by what these point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scratch {
    /// Functions.
    Func,
    /// Values of the host.
    Extern,
    /// Objects.
    Any,
}

impl Scratch {
    /// So many elements of an array fit.
    pub const ELEMENTS: u32 = 1 << 14;

    const ALL: [Scratch; 3] = [Scratch::Func, Scratch::Extern, Scratch::Any];

    fn heap_type(self) -> HeapType {
        match self {
            Scratch::Func => HeapType::FUNC,
            Scratch::Extern => HeapType::EXTERN,
            Scratch::Any => HeapType::ANY,
        }
    }
}

/// Pages for the elements that are read at once, or the fields of the largest struct: a `v128` has 16 bytes.
const PAGES: u64 = (Scratch::ELEMENTS as u64 * 16).div_ceil(1 << 16);

const OBJECT: u32 = 0;
const ARRAY: HeapType = HeapType::Abstract { shared: false, ty: wasm_encoder::AbstractHeapType::Array };
const ANY: ValType = ValType::Ref(RefType::ANYREF);

/// Adds the functions for `types`, and what they write to.
pub(super) fn add(
    module: &Module<'_>,
    names: &ProbeNames,
    types: &[u32],
    patch: &mut Patch<'_, '_>,
) -> Result<(), ProbeError> {
    if types.is_empty() {
        return Ok(());
    }
    let memory = patch.memory(PAGES);
    patch.export(&names.export(Probe::ScratchMemory), ExportKind::Memory, memory);
    let tables = Scratch::ALL.map(|scratch| {
        let table = patch.table(scratch.heap_type(), u64::from(Scratch::ELEMENTS));
        patch.export(&names.export(Probe::ScratchTable(scratch)), ExportKind::Table, table);
        table
    });
    let of_object = function_type(patch, &[ANY], &[ValType::I32]);
    let of_struct = function_type(patch, &[ANY], &[]);
    let of_array = function_type(patch, &[ANY, ValType::I32, ValType::I32], &[]);
    let mut add = |probe, ty, body: Function| {
        let function = patch.function(ty, &body.into_raw_body());
        patch.export(&names.export(probe), ExportKind::Func, function);
    };
    add(Probe::TypeOf, of_object, type_of(module, types));
    add(Probe::ArrayLength, of_object, array_length());
    let reader = Reader { module, memory, tables };
    for &index in types {
        match module.composite(index) {
            Some(CompositeInnerType::Struct(ty)) => {
                let fields: Vec<StorageType> = ty.fields.iter().map(|field| field.element_type).collect();
                add(Probe::Object(index), of_struct, reader.read_struct(index, &fields));
            }
            Some(CompositeInnerType::Array(ty)) => {
                add(Probe::Object(index), of_array, reader.read_array(index, ty.0.element_type));
            }
            _ => {}
        }
    }
    Ok(())
}

fn function_type(patch: &mut Patch<'_, '_>, params: &[ValType], results: &[ValType]) -> u32 {
    const FUNCTION: u8 = 0x60;
    let mut entry = vec![FUNCTION];
    params.encode(&mut entry);
    results.encode(&mut entry);
    patch.ty(&entry)
}

/// An object is of every type above its own, so the deepest one that fits is its own.
fn type_of(module: &Module<'_>, types: &[u32]) -> Function {
    let mut ordered: Vec<(u32, u32)> = types.iter().map(|&ty| (depth(module, ty), ty)).collect();
    ordered.sort_by_key(|&(depth, ty)| (std::cmp::Reverse(depth), ty));
    let mut body = Function::new([]);
    for (_, ty) in ordered {
        body.instruction(&Instruction::LocalGet(OBJECT))
            .instruction(&Instruction::RefTestNonNull(HeapType::Concrete(ty)))
            .instruction(&Instruction::If(BlockType::Empty))
            .instruction(&Instruction::I32Const(ty as i32))
            .instruction(&Instruction::Return)
            .instruction(&Instruction::End);
    }
    body.instruction(&Instruction::I32Const(-1)).instruction(&Instruction::End);
    body
}

/// How many types are above this one.
fn depth(module: &Module<'_>, ty: u32) -> u32 {
    let above = |&ty: &u32| module.types.get(ty as usize)?.supertype_idx?.as_module_index();
    std::iter::successors(Some(ty), above).count() as u32
}

fn array_length() -> Function {
    let mut body = Function::new([]);
    body.instruction(&Instruction::LocalGet(OBJECT))
        .instruction(&Instruction::RefCastNonNull(ARRAY))
        .instruction(&Instruction::ArrayLen)
        .instruction(&Instruction::End);
    body
}

/// Where objects are read to.
struct Reader<'m, 'a> {
    module: &'m Module<'a>,
    memory: u32,
    /// In the order of [`Scratch::ALL`].
    tables: [u32; 3],
}

impl Reader<'_, '_> {
    /// The parameter is the struct.
    fn read_struct(&self, index: u32, fields: &[StorageType]) -> Function {
        let ty = ValType::Ref(RefType { nullable: true, heap_type: HeapType::Concrete(index) });
        const STRUCT: u32 = 1;
        let mut body = Function::new([(1, ty)]);
        body.instruction(&Instruction::LocalGet(OBJECT))
            .instruction(&Instruction::RefCastNonNull(HeapType::Concrete(index)))
            .instruction(&Instruction::LocalSet(STRUCT));
        let (mut offset, mut slots) = (0, [0; 3]);
        for (field, &ty) in (0u32..).zip(fields) {
            let place = match self.place(ty) {
                Place::Nowhere => continue,
                Place::Memory(_) => 0,
                Place::Table(at) => {
                    slots[at] += 1;
                    slots[at] - 1
                }
            };
            body.instruction(&Instruction::I32Const(place))
                .instruction(&Instruction::LocalGet(STRUCT))
                .instruction(&get_field(index, field, ty));
            self.write(&mut body, ty, offset);
            offset += self.place(ty).bytes();
        }
        body.instruction(&Instruction::End);
        body
    }

    /// The parameters are the array, the first element, and how many are read.
    fn read_array(&self, index: u32, element: StorageType) -> Function {
        const FIRST: u32 = 1;
        const COUNT: u32 = 2;
        const ARRAY: u32 = 3;
        const AT: u32 = 4;
        let ty = ValType::Ref(RefType { nullable: true, heap_type: HeapType::Concrete(index) });
        let mut body = Function::new([(1, ty), (1, ValType::I32)]);
        let place = self.place(element);
        if place == Place::Nowhere {
            body.instruction(&Instruction::End);
            return body;
        }
        let step = if let Place::Memory(width) = place { width } else { 1 };
        body.instruction(&Instruction::LocalGet(OBJECT))
            .instruction(&Instruction::RefCastNonNull(HeapType::Concrete(index)))
            .instruction(&Instruction::LocalSet(ARRAY))
            .instruction(&Instruction::Block(BlockType::Empty))
            .instruction(&Instruction::Loop(BlockType::Empty))
            .instruction(&Instruction::LocalGet(COUNT))
            .instruction(&Instruction::I32Eqz)
            .instruction(&Instruction::BrIf(1))
            .instruction(&Instruction::LocalGet(AT))
            .instruction(&Instruction::LocalGet(ARRAY))
            .instruction(&Instruction::LocalGet(FIRST))
            .instruction(&get_element(index, element));
        self.write(&mut body, element, 0);
        for (local, by) in [(AT, step as i32), (FIRST, 1), (COUNT, -1)] {
            body.instruction(&Instruction::LocalGet(local))
                .instruction(&Instruction::I32Const(by))
                .instruction(&Instruction::I32Add)
                .instruction(&Instruction::LocalSet(local));
        }
        body.instruction(&Instruction::Br(0))
            .instruction(&Instruction::End)
            .instruction(&Instruction::End)
            .instruction(&Instruction::End);
        body
    }

    fn place(&self, ty: StorageType) -> Place {
        match ty {
            StorageType::I8 => Place::Memory(1),
            StorageType::I16 => Place::Memory(2),
            StorageType::Val(wasmparser::ValType::I32 | wasmparser::ValType::F32) => Place::Memory(4),
            StorageType::Val(wasmparser::ValType::I64 | wasmparser::ValType::F64) => Place::Memory(8),
            StorageType::Val(wasmparser::ValType::V128) => Place::Memory(16),
            StorageType::Val(wasmparser::ValType::Ref(ty)) => match self.module.hierarchy(ty.heap_type()) {
                Hierarchy::Func => Place::Table(0),
                Hierarchy::Extern => Place::Table(1),
                Hierarchy::Any => Place::Table(2),
                Hierarchy::Exn | Hierarchy::Cont => Place::Nowhere,
            },
        }
    }

    /// Writes what is on the stack, above the address or slot.
    fn write(&self, body: &mut Function, ty: StorageType, offset: u64) {
        let memory = MemArg { offset, align: 0, memory_index: self.memory };
        body.instruction(&match ty {
            StorageType::I8 => Instruction::I32Store8(memory),
            StorageType::I16 => Instruction::I32Store16(memory),
            StorageType::Val(wasmparser::ValType::I32) => Instruction::I32Store(memory),
            StorageType::Val(wasmparser::ValType::F32) => Instruction::F32Store(memory),
            StorageType::Val(wasmparser::ValType::I64) => Instruction::I64Store(memory),
            StorageType::Val(wasmparser::ValType::F64) => Instruction::F64Store(memory),
            StorageType::Val(wasmparser::ValType::V128) => Instruction::V128Store(memory),
            StorageType::Val(wasmparser::ValType::Ref(_)) => match self.place(ty) {
                Place::Table(at) => Instruction::TableSet(self.tables[at]),
                _ => Instruction::Unreachable,
            },
        });
    }
}

/// Where a value goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// So many bytes of the memory.
    Memory(u64),
    /// A slot of one of the tables.
    Table(usize),
    /// It is not read.
    Nowhere,
}

impl Place {
    fn bytes(self) -> u64 {
        if let Place::Memory(width) = self { width } else { 0 }
    }
}

fn get_field(struct_type_index: u32, field_index: u32, ty: StorageType) -> Instruction<'static> {
    match ty {
        StorageType::I8 | StorageType::I16 => Instruction::StructGetU { struct_type_index, field_index },
        StorageType::Val(_) => Instruction::StructGet { struct_type_index, field_index },
    }
}

fn get_element(array: u32, ty: StorageType) -> Instruction<'static> {
    match ty {
        StorageType::I8 | StorageType::I16 => Instruction::ArrayGetU(array),
        StorageType::Val(_) => Instruction::ArrayGet(array),
    }
}
