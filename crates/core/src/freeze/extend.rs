//! Adds the code that resumes a program to its module: types, functions, a flag, and the entry export as a wrapper that
//! resumes at its first call. What comes out is a module like any other, for which the rest of the pipeline writes state.

use super::ResumeError;
use super::call_stack::CallStack;
use super::calls_in_progress::CallsInProgress;
use super::function_types::FunctionTypes;
use super::resume::Resume;
use super::roots::Roots;
use crate::addition::{AddedState, Addition};
use crate::module::{Module, Names, Patch, SectionId, Space, export_section, is_function};
use crate::snapshot::{GlobalState, Heap, Reference, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;
use wasm_encoder::{BlockType, Encode, Function, Instruction};
use wasmparser::FuncType;

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
    /// The calls in progress.
    pub calls: &'p CallsInProgress<'a>,
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
    let StoppedProgram { module, stack, heap, .. } = program;
    let entry = module.export(entry_name);
    let entry = entry.ok_or(ResumeError::Unexplained("an entry that does not exist"))?.index;
    let mut patch = Patch::new(module);
    let roots = Roots::new(module, program.calls, stack, &mut patch)?;
    let mut added = AddedFunctions::new(module, patch);
    let resume = added.resume(program, &roots)?;
    let wrapper = added.wrapper(entry, resume)?;
    let AddedFunctions { mut patch, types, names, code_bytes, .. } = added;

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
        Addition { wasm: patch.apply(), state, slots, entries: vec![entry_name.to_string()], drops_dwarf };
    Ok(Resumption { addition, code_bytes })
}

/// The functions that are added.
struct AddedFunctions<'m, 'a> {
    module: &'m Module<'a>,
    known_names: Names<'a>,
    patch: Patch<'m, 'a>,
    types: FunctionTypes<'m>,
    names: Vec<(u32, String)>,
    code_bytes: usize,
}

impl<'m, 'a> AddedFunctions<'m, 'a> {
    fn new(module: &'m Module<'a>, patch: Patch<'m, 'a>) -> AddedFunctions<'m, 'a> {
        AddedFunctions {
            module,
            known_names: module.names(),
            patch,
            types: FunctionTypes::new(module),
            names: Vec::new(),
            code_bytes: 0,
        }
    }

    /// Adds a function that does what is left of `original`, and tells its index.
    fn add(&mut self, what: &str, original: u32, ty: u32, function: Function) -> u32 {
        let body = function.into_raw_body();
        self.code_bytes += body.len();
        let index = self.patch.function(ty, &body);
        let name = match self.known_names.get(Space::Function, original) {
            Some(name) => name.to_string(),
            None => match self.module.imported_functions().find(|(index, _)| *index == original) {
                Some((_, import)) => import.dotted(),
                None => format!("function {original}"),
            },
        };
        self.names.push((index, format!("{what}:{}", beginning(&name))));
        index
    }

    fn signature(&self, function: u32) -> Result<&'m FuncType, ResumeError> {
        let signature = self.module.signature(function);
        signature.ok_or(ResumeError::Unexplained("a function without a signature"))
    }

    /// Adds the functions that go on with the calls in progress. The last of them does all of it.
    fn resume(&mut self, program: StoppedProgram<'_, '_>, roots: &Roots) -> Result<u32, ResumeError> {
        let StoppedProgram { module, calls, stack, .. } = program;
        // The call that the program was stopped at.
        let callee = self.signature(stack.callee)?;
        let mut call = Function::new([]);
        for (value, ty) in stack.arguments.iter().zip(callee.params()) {
            roots.push(module, *value, *ty, &mut call)?;
        }
        // All other functions have read theirs.
        roots.clear(&mut call);
        call.instruction(&Instruction::Call(stack.callee)).instruction(&Instruction::End);
        let ty = self.types.function(&[], callee.results());
        let mut resumed = self.add("resume", stack.callee, ty, call);
        for (frame, point) in stack.frames.iter().zip(&calls.points) {
            let code = calls.codes.get(frame.site.function)?;
            let resume = Resume { module, code, point, frame, roots };
            let function = resume.function(resumed, &mut self.types)?;
            let ty = self.types.function(&[], &code.results);
            resumed = self.add("resume", frame.site.function, ty, function);
        }
        Ok(resumed)
    }

    /// Adds the function that calls `resume` the first time, and `entry` from then on.
    fn wrapper(&mut self, entry: u32, resume: u32) -> Result<u32, ResumeError> {
        let flag = self.patch.counter();
        let mut wrapper = Function::new([]);
        wrapper
            .instruction(&Instruction::GlobalGet(flag))
            .instruction(&Instruction::I32Eqz)
            .instruction(&Instruction::If(BlockType::Empty))
            .instruction(&Instruction::I32Const(1))
            .instruction(&Instruction::GlobalSet(flag))
            .instruction(&Instruction::Call(resume))
            .instruction(&Instruction::Return)
            .instruction(&Instruction::End);
        for parameter in 0..self.signature(entry)?.params().len() as u32 {
            wrapper.instruction(&Instruction::LocalGet(parameter));
        }
        wrapper.instruction(&Instruction::Call(entry)).instruction(&Instruction::End);
        let ty = self.module.functions.get(entry as usize);
        let ty = *ty.ok_or(ResumeError::Unexplained("an entry that does not exist"))?;
        Ok(self.add("resume-once", entry, ty, wrapper))
    }
}

/// As much of a name as there may be for each of very many calls in progress.
fn beginning(name: &str) -> Cow<'_, str> {
    const LONGEST: usize = 200;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
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
