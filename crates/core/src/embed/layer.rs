//! Merges the file layer into a module.

use super::EmbedError;
use super::layer_call::LayerCall;
use super::page::Page;
use super::wide::Wide;
use crate::interpose::Interposition;
use crate::module::{Module, Space, is_function};
use crate::wasi_version::{DESCRIPTOR_FUNCTIONS, WasiVersion};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{Encode, Function, Instruction, ValType};
use wasmparser::{FuncType, Operator};

/// Compiled from `crates/file-layer`, whose `build.sh` writes them; the other one changes files in memory.
const LAYER: &[u8] = include_bytes!("layer.wasm");
const WRITABLE_LAYER: &[u8] = include_bytes!("writable-layer.wasm");

/// What stands for the places that are known only now.
const BUILT_IN: &str = "embed";
/// What a function answers that the module does not import: `NOSYS`.
const NOT_THERE: i32 = 52;

/// Functions of WASI preview 1 that the layer answers.
pub const IMPORTS: &[&str] = DESCRIPTOR_FUNCTIONS;

/// Where the layer's state and the tree are.
pub(super) struct Place {
    pub page: Page,
    /// The data segment with the tree.
    pub segment: u32,
    /// Whether an adapter of a component answers what the layer asks.
    pub before_adapter: bool,
}

/// What the names of functions of the layer begin with.
const PREFIX: &str = "embed:";

/// What a function that answers is called; the layer exports it under that name.
pub(super) fn answer_name(import: &str) -> String {
    format!("{PREFIX}{import}")
}

/// Whether a function with this name is the layer's.
pub(super) fn is_answer_name(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// What a function of the layer becomes.
#[derive(Clone, Copy)]
enum Target {
    /// A function of the module.
    Function(u32),
    /// Where the page is.
    Base,
    /// A copy out of the tree.
    Image,
}

/// Lets the layer answer the imports that it knows.
pub(super) fn merge(
    interposition: &mut Interposition<'_, '_>,
    module: &Module<'_>,
    place: &Place,
) -> Result<(), EmbedError> {
    let layer = Module::parse(if place.page.more.is_some() { WRITABLE_LAYER } else { LAYER })?;
    let answered = answered(module, &layer)?;
    let needed = needed(&layer, answered.values().map(|answer| answer.function))?;
    let mut targets = imports(interposition, module, &layer, &needed, place)?;
    let first = interposition.next_function();
    let defined: Vec<u32> =
        needed.iter().copied().filter(|function| *function >= layer.imported.functions).collect();
    for (place, function) in (first..).zip(&defined) {
        targets.insert(*function, Target::Function(place));
    }
    let linked = Linked { targets: &targets, place };
    let names = layer.names();
    let bodies = layer.bodies();
    for function in defined {
        let body = &bodies[(function - layer.imported.functions) as usize];
        let name = names.get(Space::Function, function).unwrap_or("a part");
        let name = format!("embed:layer {}", name.trim_start_matches("embed:"));
        let ty = signature(&layer, function)?;
        interposition.function(&encoded(ty), linked.body(body, ty.params().len())?, &name);
    }
    let call = LayerCall::new(interposition, module, place);
    for (import, answer) in answered {
        let Some(Target::Function(function)) = targets.get(&answer.function).copied() else { continue };
        let body = call.body(function, answer.parameters);
        interposition.replace_as(import, body, answer_name(answer.name))?;
    }
    Ok(())
}

/// Who answers for an import.
struct Answer {
    /// A function of the layer.
    function: u32,
    name: &'static str,
    parameters: u32,
}

/// The imports of the module that the layer answers, by function index.
fn answered(module: &Module<'_>, layer: &Module<'_>) -> Result<BTreeMap<u32, Answer>, EmbedError> {
    let mut answered = BTreeMap::new();
    for (index, import) in module.imported_functions() {
        let known = IMPORTS.iter().find(|name| **name == import.name);
        let Some(name) = known.filter(|_| import.module == WasiVersion::Preview1.module()) else { continue };
        let export = layer.export(&answer_name(name)).filter(|export| is_function(export.kind));
        let function = export.ok_or_else(|| EmbedError::Merge(format!("nothing answers {name}")))?.index;
        let ty = signature(layer, function)?;
        if module.signature(index) != Some(ty) {
            return Err(EmbedError::OtherType(name));
        }
        answered.insert(index, Answer { function, name, parameters: ty.params().len() as u32 });
    }
    Ok(answered)
}

/// Functions of the layer that these reach.
fn needed(layer: &Module<'_>, roots: impl Iterator<Item = u32>) -> Result<BTreeSet<u32>, EmbedError> {
    let bodies = layer.bodies();
    let mut needed = BTreeSet::new();
    let mut pending: Vec<u32> = roots.collect();
    while let Some(function) = pending.pop() {
        if !needed.insert(function) {
            continue;
        }
        let Some(defined) = function.checked_sub(layer.imported.functions) else { continue };
        let operators = bodies[defined as usize].get_operators_reader().map_err(unreadable)?;
        for operator in operators {
            if let Operator::Call { function_index } = operator.map_err(unreadable)? {
                pending.push(function_index);
            }
        }
    }
    Ok(needed)
}

/// What the layer's imports become. The module's own imports do not move, so one that it does not have is a function that
/// says so.
fn imports(
    interposition: &mut Interposition<'_, '_>,
    module: &Module<'_>,
    layer: &Module<'_>,
    needed: &BTreeSet<u32>,
    place: &Place,
) -> Result<BTreeMap<u32, Target>, EmbedError> {
    let mut targets = BTreeMap::new();
    for (function, import) in layer.imported_functions().filter(|(function, _)| needed.contains(function)) {
        let target = match (import.module.as_str(), import.name.as_str()) {
            (BUILT_IN, "base") => Target::Base,
            (BUILT_IN, "image") => Target::Image,
            (BUILT_IN, "more") => match place.page.more {
                Some(more) => Target::Function(more.function),
                None => return Err(EmbedError::Merge("it asks for more pages".to_string())),
            },
            _ => {
                let ty = signature(layer, function)?;
                let mut own = module.imported_functions().filter(|(_, own)| *own == import);
                Target::Function(match own.next() {
                    Some((own, _)) => own,
                    None => {
                        let mut body = Function::new([]);
                        body.instruction(&Instruction::I32Const(NOT_THERE)).instruction(&Instruction::End);
                        interposition.function(&encoded(ty), body, &format!("embed:no {}", import.name))
                    }
                })
            }
        };
        targets.insert(function, target);
    }
    Ok(targets)
}

fn signature<'l>(layer: &'l Module<'_>, function: u32) -> Result<&'l FuncType, EmbedError> {
    layer.signature(function).ok_or_else(|| EmbedError::Merge(format!("function {function} has no type")))
}

/// A type in binary form. The layer has only numbers.
fn encoded(ty: &FuncType) -> Vec<u8> {
    let types = |types: &[wasmparser::ValType]| -> Vec<ValType> {
        let number = |ty: &wasmparser::ValType| match ty {
            wasmparser::ValType::I64 => ValType::I64,
            _ => ValType::I32,
        };
        types.iter().map(number).collect()
    };
    let mut encoded = vec![0x60];
    types(ty.params()).as_slice().encode(&mut encoded);
    types(ty.results()).as_slice().encode(&mut encoded);
    encoded
}

fn unreadable(error: wasmparser::BinaryReaderError) -> EmbedError {
    EmbedError::Merge(error.to_string())
}

/// The layer's code, in terms of the module.
struct Linked<'l> {
    targets: &'l BTreeMap<u32, Target>,
    place: &'l Place,
}

/// Indices of the layer, as far as they are of the module too.
struct Indices<'l> {
    linked: &'l Linked<'l>,
}

impl Reencode for Indices<'_> {
    type Error = Infallible;

    fn global_index(&mut self, _: u32) -> Result<u32, reencode::Error<Infallible>> {
        // The layer has one global: its stack pointer.
        Ok(self.linked.place.page.stack)
    }

    fn memory_index(&mut self, _: u32) -> Result<u32, reencode::Error<Infallible>> {
        Ok(self.linked.place.page.memory)
    }
}

impl Linked<'_> {
    fn body(&self, body: &wasmparser::FunctionBody<'_>, parameters: usize) -> Result<Function, EmbedError> {
        let mut indices = Indices { linked: self };
        let mut locals = Vec::new();
        for local in body.get_locals_reader().map_err(unreadable)? {
            let (count, ty) = local.map_err(unreadable)?;
            locals.push((count, indices.val_type(ty).map_err(|error| EmbedError::Merge(error.to_string()))?));
        }
        let first_added = parameters as u32 + locals.iter().map(|(count, _)| count).sum::<u32>();
        locals.extend([(2, ValType::I32), (1, ValType::I64)]);
        let mut out = Function::new(locals);
        let wide = Wide { scratch: first_added };
        for operator in body.get_operators_reader().map_err(unreadable)? {
            let operator = operator.map_err(unreadable)?;
            self.operator(operator, &mut indices, &wide, &mut out)?;
        }
        Ok(out)
    }

    fn operator(
        &self,
        operator: Operator<'_>,
        indices: &mut Indices<'_>,
        wide: &Wide,
        out: &mut Function,
    ) -> Result<(), EmbedError> {
        let memory64 = self.place.page.memory64;
        if let Operator::Call { function_index } = operator {
            match self.targets.get(&function_index) {
                Some(Target::Function(function)) => {
                    out.instruction(&Instruction::Call(*function));
                }
                Some(Target::Base) => {
                    out.instruction(&Instruction::GlobalGet(self.place.page.base));
                }
                Some(Target::Image) => {
                    if memory64 {
                        wide.third_operand(out);
                    }
                    let (mem, data_index) = (self.place.page.memory, self.place.segment);
                    out.instruction(&Instruction::MemoryInit { mem, data_index });
                }
                None => return Err(EmbedError::Merge(format!("a call of function {function_index}"))),
            }
            return Ok(());
        }
        if memory64 {
            wide.widen(&operator, out)?;
        }
        let instruction =
            indices.instruction(operator).map_err(|error| EmbedError::Merge(error.to_string()))?;
        out.instruction(&instruction);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{IMPORTS, LAYER, WRITABLE_LAYER, answer_name};
    use crate::module::Module;

    #[test]
    fn the_layer_has_no_data_and_answers_what_it_should() {
        for layer in [LAYER, WRITABLE_LAYER] {
            let layer = Module::parse(layer).unwrap();
            assert!(layer.data.is_empty(), "its data would be at addresses of the module's own");
            assert!(layer.elements.is_empty());
            assert_eq!(layer.globals.iter().filter(|global| global.ty.mutable).count(), 1);
            for name in IMPORTS {
                assert!(layer.export(&answer_name(name)).is_some(), "{name}");
            }
        }
    }
}
