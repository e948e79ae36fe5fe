//! Where the stack, the variables and the heap are in the first memory.

use super::call_graph::CallGraph;
use super::named::global_named;
use super::static_data::static_data;
use preinit_core::module::Module;
use preinit_core::snapshot::{Snapshot, Value};
use std::ops::Range;
use wasmparser::Operator;

/// What is known of the addresses of memory 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddressMap {
    /// The shadow stack, if a stack pointer was recognized.
    pub stack: Option<ShadowStack>,
    /// Where the heap begins, as the linker said or as far as the static data shows.
    pub heap_base: u64,
    /// Whether that is certain: the data segments alone do not show variables that begin as zero.
    pub heap_is_known: bool,
    /// The lowest address of static data; `None` if there is none, or if it is not known.
    pub lowest_data: Option<u64>,
}

/// A stack that grows down, where compilers based on LLVM keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShadowStack {
    /// Its lowest address, as far as is known.
    pub low: u64,
    /// The stack pointer at the snapshot.
    pub pointer: u64,
    /// The stack pointer in the input, which is the end of the stack.
    pub top: u64,
    /// Whether all static data is above it.
    pub is_first: bool,
}

impl ShadowStack {
    /// The part that no function in progress uses.
    pub fn free(&self) -> Range<u64> {
        self.low..self.pointer.min(self.top)
    }
}

impl AddressMap {
    /// `end_of_variables` is the end of the last variable that debugging information knows, or 0.
    pub fn of(
        module: &Module<'_>,
        calls: &CallGraph<'_>,
        snapshot: &Snapshot<'_>,
        end_of_variables: u64,
    ) -> AddressMap {
        let data = static_data(module);
        let in_first = || data.iter().filter(|data| data.memory == 0).map(|data| data.range.clone());
        let passive = module.data.iter().any(|data| data.is_passive() && !data.bytes.is_empty());
        let is_known = module.data.len() == data.len() && !passive;
        let lowest_data = in_first().map(|range| range.start).min().filter(|_| is_known);
        let end_of_data = in_first().map(|range| range.end).max().unwrap_or(0).max(end_of_variables);
        let stack = stack_pointer(module, calls).and_then(|(global, top)| {
            let pointer = number(snapshot.globals.get(global as usize)?.value)?;
            let size = snapshot.memories.first()?.size;
            if top == 0 || top > size || pointer > top {
                return None;
            }
            let is_first = lowest_data.is_some_and(|lowest| lowest >= top);
            let data_below = in_first().map(|range| range.end).filter(|end| *end <= top).max().unwrap_or(0);
            let variables_below = if end_of_variables <= top { end_of_variables } else { 0 };
            let low = if is_first { 0 } else { data_below.max(variables_below) };
            Some(ShadowStack { low, pointer, top, is_first })
        });
        let named = global_named(module, "__heap_base").and_then(|global| initial(module, global));
        let guessed = end_of_data.max(stack.as_ref().map_or(0, |stack| stack.top));
        let heap_is_known = named.is_some() || end_of_variables > 0;
        AddressMap { stack, heap_base: named.unwrap_or(guessed), heap_is_known, lowest_data }
    }

    /// Nothing is known.
    pub fn unknown() -> AddressMap {
        AddressMap { stack: None, heap_base: u64::MAX, heap_is_known: false, lowest_data: None }
    }
}

/// The global that is the stack pointer, if there is one.
pub(crate) fn stack_pointer_of(module: &Module<'_>) -> Option<u32> {
    stack_pointer(module, &CallGraph::of(module)).map(|(global, _)| global)
}

/// The global that is the stack pointer, and its initial value: the global of that name, or else the first mutable one if
/// functions begin by reserving room on it.
fn stack_pointer(module: &Module<'_>, calls: &CallGraph<'_>) -> Option<(u32, u64)> {
    let named = global_named(module, "__stack_pointer");
    let first = (module.imported.globals..module.globals.len() as u32)
        .find(|&index| module.globals[index as usize].ty.mutable)
        .filter(|&index| calls.prologues(index) > 0);
    let global = named.or(first)?;
    Some((global, initial(module, global)?))
}

fn initial(module: &Module<'_>, global: u32) -> Option<u64> {
    let expr = module.globals.get(global as usize)?.init.as_ref()?;
    let mut operators = expr.get_operators_reader().into_iter();
    match operators.next()?.ok()? {
        Operator::I32Const { value } => Some(u64::from(value as u32)),
        Operator::I64Const { value } => Some(value as u64),
        _ => None,
    }
}

fn number(value: Value) -> Option<u64> {
    match value {
        Value::I32(value) => Some(u64::from(value as u32)),
        Value::I64(value) => Some(value as u64),
        _ => None,
    }
}
