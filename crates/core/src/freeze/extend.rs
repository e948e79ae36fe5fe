//! Adds the code that resumes a program to its module: types, functions, a flag, and the entry export as a wrapper that
//! resumes at its first call. What comes out is a module like any other, for which the rest of the pipeline writes state.

use super::ResumeError;
use super::call_stack::CallStack;
use super::function_code::{CallPoint, FunctionCodes};
use super::function_types::FunctionTypes;
use super::resume::{self, ResumedFrame};
use super::roots::Roots;
use crate::addition::{AddedState, Addition};
use crate::module::{Module, Patch, SectionId, Space, export_section, is_function};
use crate::snapshot::{GlobalState, Heap, Reference, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use wasm_encoder::{BlockType, Encode, Function, Instruction};

/// What is added to a module so that it resumes a stopped program.
#[derive(Debug)]
pub struct Resumption {
    /// The code and its roots.
    pub addition: Addition,
    /// Bytes of the added functions.
    pub code_bytes: usize,
}

/// A program that was stopped: its functions in progress, where each is, and what it holds.
#[derive(Clone, Copy)]
pub struct StoppedProgram<'p, 'a> {
    /// The module.
    pub module: &'p Module<'a>,
    /// The functions in progress.
    pub bodies: &'p FunctionCodes<'a>,
    /// For each frame, what the validator knows about its call.
    pub points: &'p [Arc<CallPoint>],
    /// The frames.
    pub stack: &'p CallStack,
    /// The objects that the state reaches, those of the frames last.
    pub heap: &'p Heap,
}

/// Code that resumes a program when its export `entry` is called for the first time.
///
/// # Errors
/// [`ResumeError::Refused`], if there is more left to do in one function than engines accept.
pub fn extend(program: StoppedProgram<'_, '_>, entry_name: &str) -> Result<Resumption, ResumeError> {
    let StoppedProgram { module, bodies, points, stack, heap } = program;
    let entry = module.export(entry_name);
    let entry = entry.ok_or(ResumeError::Unexplained("an entry that does not exist"))?.index;
    let mut patch = Patch::new(module);
    let mut types = FunctionTypes::new(module);
    let mut names: Vec<(u32, String)> = Vec::new();
    let known = module.names();
    let name = |function: u32| match known.get(Space::Function, function) {
        Some(name) => name.to_string(),
        None => match module.imported_functions().find(|(index, _)| *index == function) {
            Some((_, import)) => import.to_string(),
            None => format!("function {function}"),
        },
    };
    let signature = |function: u32| {
        module.signature(function).ok_or(ResumeError::Unexplained("a function without a signature"))
    };
    let roots = Roots::new(module, bodies, points, stack, &mut patch)?;
    let mut code_bytes = 0;
    let mut add = |patch: &mut Patch<'_, '_>, ty: u32, function: Function| {
        let body = function.into_raw_body();
        code_bytes += body.len();
        patch.function(ty, &body)
    };

    // The call that the program was stopped at.
    let callee = signature(stack.callee)?;
    let mut call = Function::new([]);
    for (value, ty) in stack.arguments.iter().zip(callee.params()) {
        roots.push(module, *value, *ty, &mut call)?;
    }
    // All other functions have read theirs.
    roots.clear(&mut call);
    call.instruction(&Instruction::Call(stack.callee)).instruction(&Instruction::End);
    let ty = types.function(&[], callee.results());
    let mut resumed = add(&mut patch, ty, call);
    names.push((resumed, format!("resume:{}", name(stack.callee))));

    for (frame, point) in stack.frames.iter().zip(points) {
        let body = bodies.get(frame.site.function)?;
        let function =
            resume::function(module, ResumedFrame { body, point, frame }, resumed, &roots, &mut types)?;
        let ty = types.function(&[], &body.results);
        resumed = add(&mut patch, ty, function);
        names.push((resumed, format!("resume:{}", name(frame.site.function))));
    }

    let flag = patch.counter();
    let original = signature(entry)?;
    let mut wrapper = Function::new([]);
    wrapper
        .instruction(&Instruction::GlobalGet(flag))
        .instruction(&Instruction::I32Eqz)
        .instruction(&Instruction::If(BlockType::Empty))
        .instruction(&Instruction::I32Const(1))
        .instruction(&Instruction::GlobalSet(flag))
        .instruction(&Instruction::Call(resumed))
        .instruction(&Instruction::Return)
        .instruction(&Instruction::End);
    for parameter in 0..original.params().len() as u32 {
        wrapper.instruction(&Instruction::LocalGet(parameter));
    }
    wrapper.instruction(&Instruction::Call(entry)).instruction(&Instruction::End);
    let ty = module.functions.get(entry as usize);
    let ty = *ty.ok_or(ResumeError::Unexplained("an entry that does not exist"))?;
    let wrapper = add(&mut patch, ty, wrapper);
    names.push((wrapper, format!("resume-once:{}", name(entry))));

    for entry in types.entries()? {
        patch.ty(&entry);
    }
    let declared = referenced(stack);
    if !declared.is_empty() {
        const DECLARATIVE: u8 = 3;
        const FUNCTIONS: u8 = 0;
        patch.add(SectionId::ELEMENT, |out| {
            out.extend([DECLARATIVE, FUNCTIONS]);
            (declared.len() as u32).encode(out);
            declared.iter().for_each(|function| function.encode(out));
        });
    }
    patch.replacements.set(SectionId::EXPORT, exports(module, entry, wrapper));
    patch.name_functions(&names);
    let drops_dwarf = patch.drop_moved_dwarf();
    let state = AddedState {
        globals: vec![GlobalState { value: Value::I32(0), import_changed: false }],
        tables: roots.states().collect(),
        declarative_elements: usize::from(!declared.is_empty()),
        heap: Some(heap.clone()),
        ..AddedState::default()
    };
    let slots = roots.places().collect();
    let addition =
        Addition { wasm: patch.apply(), state, slots, entry: Some(entry_name.to_string()), drops_dwarf };
    Ok(Resumption { addition, code_bytes })
}

/// All exports, those of the entry function as the wrapper.
fn exports(module: &Module<'_>, entry: u32, wrapper: u32) -> Vec<u8> {
    let index = |export: &wasmparser::Export<'_>| match is_function(export.kind) && export.index == entry {
        true => wrapper,
        false => export.index,
    };
    export_section(module.exports.iter().map(|export| (export.name, export.kind, index(export))))
}

/// The functions that the added code makes references of.
fn referenced(stack: &CallStack) -> BTreeSet<u32> {
    let frames = stack.frames.iter();
    let values = frames.flat_map(|frame| frame.locals.iter().flatten().chain(&frame.operands));
    let functions = values.chain(&stack.arguments).filter_map(|value| match value {
        Value::Ref(Reference::Func(function)) => Some(*function),
        _ => None,
    });
    functions.collect()
}
