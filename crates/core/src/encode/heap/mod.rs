//! The functions that make the objects of the heap, as [`crate::plan::heap`] describes them.

mod array;
mod body_builder;
mod build;
mod builder_types;
mod prelude;

use super::{EncodeError, start_function};
use crate::module::{Module, Patch};
use crate::plan::heap::{Builder, HeapPlan, StreamKind, StreamRange};
use crate::plan::{PlannedHeap, StartSteps};
use crate::snapshot::Shape;
pub(super) use body_builder::BodyBuilder;
use body_builder::BuilderContext;
use builder_types::{BuilderTypes, STREAMS, StateField};
use wasm_encoder::{BlockType, Encode, HeapType, Instruction, RefType, ValType};

/// The start function, which comes first, and what it calls: builders, the dispatcher, parts. Each with its type, which is
/// added here.
pub(super) fn functions(
    module: &Module<'_>,
    heap: &PlannedHeap,
    steps: &StartSteps,
    patch: &mut Patch<'_, '_>,
) -> Result<Vec<(u32, Vec<u8>)>, EncodeError> {
    let types = BuilderTypes::of(module, heap);
    for entry in types.entries() {
        patch.ty(&entry);
    }
    let context = BuilderContext { module, heap, types };
    let first_called = module.functions.len() as u32 + 1;
    let plan = &heap.plan;

    let mut called = Vec::new();
    for &builder in &plan.builders {
        called.push((types.builder(), build::builder(context, builder)?));
    }
    let dispatcher = first_called + called.len() as u32;
    called.push((types.builder(), dispatch(context)));
    let mut before = Vec::new();
    for part in plan.prelude.chunks(HeapPlan::ENTRIES_PER_FUNCTION) {
        before.push(first_called + called.len() as u32);
        called.push((types.part(), prelude::entries(context, part)?));
    }
    let mut after = Vec::new();
    for steps in steps.steps.chunks(StartSteps::PER_FUNCTION) {
        after.push(first_called + called.len() as u32);
        let mut body = BodyBuilder::new(context, 1);
        for step in steps {
            start_function::encode_heap_step(step, &mut body)?;
        }
        called.push((types.part(), body.finish()));
    }
    let mut functions = vec![(types.start(), start_body(context, dispatcher, &before, &after))];
    functions.extend(called);
    Ok(functions)
}

/// Names for the functions, by their place after the module's own.
pub(super) fn names(module: &Module<'_>, heap: &HeapPlan) -> Vec<String> {
    let names = module.names();
    let describe = |kind: u32| {
        let named = |space, index: u32| match names.get(space, index) {
            Some(name) => name.to_string(),
            None => index.to_string(),
        };
        match heap.kinds[kind as usize].shape {
            Shape::Struct(ty) | Shape::Array(ty) => named(crate::module::Space::Type, ty),
            Shape::Exception(tag) => format!("exception {tag}"),
            Shape::String => "string".to_string(),
            Shape::Call(function) => format!("call {}", named(crate::module::Space::Function, function)),
        }
    };
    let name = |builder: &Builder| match *builder {
        Builder::Build(kind) => format!("preinit:build {}", describe(kind)),
        Builder::Fill(kind) => format!("preinit:fill {}", describe(kind)),
        Builder::Integers => "preinit:integers".to_string(),
        Builder::SetSlots(table) => format!("preinit:set slots {table}"),
        Builder::FillSlots(table) => format!("preinit:fill slots {table}"),
    };
    let mut all = vec![start_function::NAME.to_string()];
    all.extend(heap.builders.iter().map(name));
    all.push("preinit:runs".to_string());
    all
}

fn start_body(context: BuilderContext<'_>, dispatcher: u32, before: &[u32], after: &[u32]) -> Vec<u8> {
    let BuilderContext { heap, types, .. } = context;
    let plan = &heap.plan;
    let mut out = Vec::new();
    1u32.encode(&mut out);
    1u32.encode(&mut out);
    ValType::Ref(RefType { nullable: true, heap_type: HeapType::Concrete(types.state()) }).encode(&mut out);
    let mut push = |instruction: Instruction<'_>| instruction.encode(&mut out);
    for field in StateField::all() {
        let null = |field| match types.field_type(field) {
            ValType::Ref(ty) => Instruction::RefNull(ty.heap_type),
            _ => Instruction::I32Const(0),
        };
        match field {
            StateField::Registry => {
                push(Instruction::I32Const(plan.entries as i32));
                push(Instruction::ArrayNewDefault(types.registry()));
            }
            StateField::Exceptions => match types.exceptions() {
                Some(exceptions) => {
                    push(Instruction::I32Const(plan.exceptions as i32));
                    push(Instruction::ArrayNewDefault(exceptions));
                }
                None => push(null(field)),
            },
            StateField::Functions => match heap.functions {
                Some(segment) => {
                    push(Instruction::I32Const(0));
                    push(Instruction::I32Const(plan.functions.len() as i32 + 1));
                    push(Instruction::ArrayNewElem {
                        array_type_index: types.functions(),
                        array_elem_index: segment,
                    });
                }
                None => push(null(field)),
            },
            StateField::Stream(kind) => {
                let StreamRange { offset, len } = plan.data.stream(kind);
                if len == 0 {
                    push(null(field));
                    continue;
                }
                push(Instruction::I32Const(offset as i32));
                push(Instruction::I32Const(len as i32));
                push(Instruction::ArrayNewData {
                    array_type_index: types.stream(kind),
                    array_data_index: heap.data,
                });
            }
            StateField::Cursor(_) => push(Instruction::I32Const(0)),
            StateField::Arrays => push(Instruction::I32Const(plan.data.arrays as i32)),
        }
    }
    push(Instruction::StructNew(types.state()));
    push(Instruction::LocalSet(0));
    let mut call = |function: u32, arguments: &[i32]| {
        push(Instruction::LocalGet(0));
        push(Instruction::RefAsNonNull);
        arguments.iter().for_each(|&argument| push(Instruction::I32Const(argument)));
        push(Instruction::Call(function));
    };
    before.iter().for_each(|&function| call(function, &[]));
    let run = |runs: StreamRange, call: &mut dyn FnMut(u32, &[i32])| {
        if runs.len > 0 {
            call(dispatcher, &[runs.offset as i32, runs.len as i32]);
        }
    };
    run(plan.data.object_runs, &mut call);
    after.iter().for_each(|&function| call(function, &[]));
    run(plan.data.table_runs, &mut call);
    push(Instruction::DataDrop(heap.data));
    push(Instruction::ElemDrop(heap.builders));
    if let Some(functions) = heap.functions {
        push(Instruction::ElemDrop(functions));
    }
    push(Instruction::End);
    out
}

/// Calls a builder for each run. The parameters are the state, and where in the data segment the runs are.
fn dispatch(context: BuilderContext<'_>) -> Vec<u8> {
    const OFFSET: u32 = 1;
    const LEN: u32 = 2;
    let BuilderContext { heap, types, .. } = context;
    let words = types.stream(StreamKind::Words);
    let array = |ty| ValType::Ref(RefType { nullable: true, heap_type: HeapType::Concrete(ty) });
    let mut body = BodyBuilder::new(context, 3);
    let runs = body.local(array(words));
    let builders = body.local(array(types.functions()));
    let at = body.local(ValType::I32);
    body.push(Instruction::LocalGet(OFFSET));
    body.push(Instruction::LocalGet(LEN));
    body.push(Instruction::ArrayNewData { array_type_index: words, array_data_index: heap.data });
    body.push(Instruction::LocalSet(runs));
    body.push(Instruction::I32Const(0));
    body.push(Instruction::I32Const(heap.plan.builders.len() as i32));
    body.push(Instruction::ArrayNewElem {
        array_type_index: types.functions(),
        array_elem_index: heap.builders,
    });
    body.push(Instruction::LocalSet(builders));
    body.push(Instruction::Loop(BlockType::Empty));
    body.push(Instruction::LocalGet(0));
    for ahead in [1, 2] {
        body.push(Instruction::LocalGet(runs));
        body.push(Instruction::LocalGet(at));
        body.push(Instruction::I32Const(ahead));
        body.push(Instruction::I32Add);
        body.push(Instruction::ArrayGet(words));
    }
    body.push(Instruction::LocalGet(builders));
    body.push(Instruction::LocalGet(runs));
    body.push(Instruction::LocalGet(at));
    body.push(Instruction::ArrayGet(words));
    body.push(Instruction::ArrayGet(types.functions()));
    body.push(Instruction::RefCastNonNull(HeapType::Concrete(types.builder())));
    body.push(Instruction::CallRef(types.builder()));
    body.advance(at, 3);
    body.push(Instruction::LocalGet(at));
    body.push(Instruction::LocalGet(LEN));
    body.push(Instruction::I32LtU);
    body.push(Instruction::BrIf(0));
    body.push(Instruction::End);
    debug_assert_eq!(STREAMS.len(), 5);
    body.finish()
}
