//! Where the stack, the variables and the heap lie in the first memory.

use super::code::Code;
use super::symbols::static_data;
use preinit_core::module::{Module, Space, is_function};
use preinit_core::snapshot::{Chunk, Image, Snapshot, Value};
use std::borrow::Cow;
use std::ops::Range;
use wasmparser::{ExternalKind, Operator};

/// What is known of the layout of memory 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// The shadow stack, if a stack pointer was recognized.
    pub stack: Option<Stack>,
    /// Where the heap begins, as the linker said or as far as the static data shows.
    pub heap_base: u64,
    /// Whether that is certain: the data segments alone do not show variables that begin as zero.
    pub heap_is_known: bool,
    /// The lowest address with static data; `None` without any, or if it is not known.
    pub lowest_data: Option<u64>,
}

/// A stack that grows down, as compilers from LLVM lay it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stack {
    /// Its lowest address, as far as is known.
    pub low: u64,
    /// The stack pointer at the snapshot.
    pub now: u64,
    /// The stack pointer in the input: the end of the stack.
    pub top: u64,
    /// Whether all static data lies above it.
    pub first: bool,
}

impl Stack {
    /// What no function in progress uses.
    pub fn free(&self) -> Range<u64> {
        self.low..self.now.min(self.top)
    }
}

impl Layout {
    pub fn of(module: &Module<'_>, code: &Code, snapshot: &Snapshot<'_>, end_of_variables: u64) -> Layout {
        let data = static_data(module);
        let ranges = || data.iter().filter(|data| data.memory == 0).map(|data| data.range.clone());
        let passive = module.data.iter().any(|data| data.is_passive() && !data.bytes.is_empty());
        let unknown = module.data.len() != data.len() || passive;
        let lowest_data = ranges().map(|range| range.start).min().filter(|_| !unknown);
        let end_of_data = ranges().map(|range| range.end).max().unwrap_or(0).max(end_of_variables);
        let stack = stack_pointer(module, code).and_then(|(global, top)| {
            let now = number(snapshot.globals.get(global as usize)?.value)?;
            let size = snapshot.memories.first()?.size;
            if top == 0 || top > size || now > top {
                return None;
            }
            let first = lowest_data.is_some_and(|lowest| lowest >= top);
            let below = ranges().map(|range| range.end).filter(|end| *end <= top).max().unwrap_or(0);
            let low =
                if first { 0 } else { below.max(if end_of_variables <= top { end_of_variables } else { 0 }) };
            Some(Stack { low, now, top, first })
        });
        let named = global_named(module, "__heap_base").and_then(|global| initial(module, global));
        let guessed = end_of_data.max(stack.as_ref().map_or(0, |stack| stack.top));
        let heap_is_known = named.is_some() || end_of_variables > 0;
        Layout { stack, heap_base: named.unwrap_or(guessed), heap_is_known, lowest_data }
    }
}

/// Why the free stack cannot be cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StackKept {
    /// There is no global that is surely a stack pointer.
    #[error("no stack pointer was recognized in the module")]
    Unknown,
    /// A function has left something on the stack.
    #[error("the stack pointer is at {now:#x} and not back at its initial value {top:#x}")]
    InUse {
        /// The stack pointer at the snapshot.
        now: u64,
        /// The stack pointer in the input.
        top: u64,
    },
    /// Variables may lie between the stack and address 0.
    #[error(
        "the stack does not come first in memory: {}; static data may lie below the stack pointer {top:#x} \
         (link with -Wl,--stack-first)",
        match lowest { Some(lowest) => format!("there is static data at {lowest:#x}"), None => "where the static data lies is not known".to_string() }
    )]
    NotFirst {
        /// The lowest address of static data.
        lowest: Option<u64>,
        /// The stack pointer in the input.
        top: u64,
    },
}

/// Clears the stack in `snapshot`, if nothing but the stack can be where it is. Gives the number of bytes that were not
/// zero.
///
/// # Errors
/// [`StackKept`], if that is not certain. Nothing is changed then.
pub fn zero_stack(module: &Module<'_>, snapshot: &mut Snapshot<'_>) -> Result<u64, StackKept> {
    let layout = Layout::of(module, &Code::of(module), snapshot, 0);
    let stack = layout.stack.ok_or(StackKept::Unknown)?;
    if stack.now != stack.top {
        return Err(StackKept::InUse { now: stack.now, top: stack.top });
    }
    if !stack.first {
        return Err(StackKept::NotFirst { lowest: layout.lowest_data, top: stack.top });
    }
    let Some(memory) = snapshot.memories.first_mut() else { return Err(StackKept::Unknown) };
    let mut cleared = 0;
    let chunks = std::mem::take(&mut memory.image).into_chunks();
    let clear = |chunk: Chunk<'_>| -> Option<(u64, usize)> {
        let keep = (stack.top.saturating_sub(chunk.offset)).min(chunk.bytes.len() as u64) as usize;
        cleared += chunk.bytes[..keep].iter().filter(|byte| **byte != 0).count() as u64;
        (keep < chunk.bytes.len()).then_some((chunk.offset, keep))
    };
    let mut clear = clear;
    let mut kept = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        let Some((offset, skip)) = clear(chunk.clone()) else { continue };
        let bytes = match chunk.bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[skip..]),
            Cow::Owned(mut bytes) => Cow::Owned(bytes.split_off(skip)),
        };
        kept.push(Chunk { offset: offset + skip as u64, bytes });
    }
    memory.image = Image::new(kept);
    Ok(cleared)
}

/// The global that is the stack pointer, and its initial value: the one of that name, or else the first mutable one if
/// functions begin by reserving room on it.
fn stack_pointer(module: &Module<'_>, code: &Code) -> Option<(u32, u64)> {
    let named = global_named(module, "__stack_pointer");
    let first = (module.imported.globals..module.globals.len() as u32)
        .find(|&index| module.globals[index as usize].ty.mutable)
        .filter(|&index| code.prologues(index) > 0);
    let global = named.or(first)?;
    Some((global, initial(module, global)?))
}

fn global_named(module: &Module<'_>, name: &str) -> Option<u32> {
    let exported = module.export(name).filter(|export| export.kind == ExternalKind::Global);
    exported.map(|export| export.index).or_else(|| {
        let names = module.names();
        (0..module.globals.len() as u32).find(|&index| names.get(Space::Global, index) == Some(name))
    })
}

/// The function that is exported, or called in the name section, by `name`.
pub(super) fn function_named(module: &Module<'_>, name: &str) -> Option<u32> {
    let exported = module.export(name).filter(|export| is_function(export.kind));
    exported.map(|export| export.index).or_else(|| {
        let names = module.names();
        (0..module.functions.len() as u32).find(|&index| names.get(Space::Function, index) == Some(name))
    })
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
