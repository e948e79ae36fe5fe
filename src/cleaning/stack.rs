//! Clears the part of the stack that no function uses.

use crate::guest::{AddressMap, CallGraph};
use preinit_core::module::Module;
use preinit_core::snapshot::{Chunk, Image, MemoryState, Snapshot};
use std::borrow::Cow;

/// Why the free stack cannot be cleared.
///
/// ```
/// use preinit::{Error, Preinit, StackKept};
///
/// let wasm = preinit::wat_to_wasm(br#"(module (memory 1) (func (export "preinit")))"#)?;
/// let error = Preinit::new().zero_stack(true).run(&wasm).unwrap_err();
/// assert!(matches!(error, Error::StackKept(StackKept::Unknown)), "{error}");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StackKept {
    /// No global is certainly a stack pointer.
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
        "the stack is not the first thing in memory: {}; static data may lie below the stack pointer {top:#x} \
         (link with -Wl,--stack-first)",
        lowest.map_or_else(
            || "where the static data lies is not known".to_string(),
            |lowest| format!("there is static data at {lowest:#x}"),
        )
    )]
    NotFirst {
        /// The lowest address of static data, if it is known.
        lowest: Option<u64>,
        /// The stack pointer in the input.
        top: u64,
    },
    /// There is something where the stack has never been.
    #[error(
        "there is something at {address:#x}, where the stack was never: it has not gone below {lowest:#x}. The program keeps it at an \
         address of its own"
    )]
    NotStack {
        /// The first address that is not zero.
        address: u64,
        /// The lowest stack pointer that there was.
        lowest: u64,
    },
}

/// What a function may have below the stack pointer if it calls no other one: `RedZoneSize` of LLVM's `WebAssemblyFrameLowering`.
const RED_ZONE: u64 = 128;

/// Clears the stack in `snapshot`, if nothing but the stack can be where it is. `lowest` is the lowest stack pointer that there was.
///
/// # Errors
/// [`StackKept`], if that is not certain. Nothing is changed then.
pub(crate) fn zero_stack(
    module: &Module<'_>,
    snapshot: &mut Snapshot<'_>,
    lowest: Option<u64>,
) -> Result<(), StackKept> {
    let top = top_of_stack(module, snapshot)?;
    let memory = snapshot.memories.first_mut().ok_or(StackKept::Unknown)?;
    let lowest = lowest.map_or(top, |lowest| lowest.min(top));
    if let Some(address) = first_set(&memory.image).filter(|first| *first < lowest.saturating_sub(RED_ZONE)) {
        return Err(StackKept::NotStack { address, lowest });
    }
    clear(memory, top);
    Ok(())
}

/// Clears it in two states of one instance, to compare the rest of them. How far the stack has gone is not known.
pub(crate) fn zero_stacks(module: &Module<'_>, first: &mut Snapshot<'_>, second: &mut Snapshot<'_>) {
    let Ok(top) = top_of_stack(module, first) else { return };
    first.memories.first_mut().into_iter().for_each(|memory| clear(memory, top));
    second.memories.first_mut().into_iter().for_each(|memory| clear(memory, top));
}

/// The initial value of the stack pointer, if the stack is free and no static data is below it.
fn top_of_stack(module: &Module<'_>, snapshot: &Snapshot<'_>) -> Result<u64, StackKept> {
    let addresses = AddressMap::of(module, &CallGraph::of(module), snapshot, 0);
    let stack = addresses.stack.ok_or(StackKept::Unknown)?;
    if stack.pointer != stack.top {
        return Err(StackKept::InUse { now: stack.pointer, top: stack.top });
    }
    if !stack.is_first {
        return Err(StackKept::NotFirst { lowest: addresses.lowest_data, top: stack.top });
    }
    Ok(stack.top)
}

/// The first address that is not zero.
fn first_set(image: &Image<'_>) -> Option<u64> {
    let set = |chunk: &Chunk<'_>| {
        let at = chunk.bytes.iter().position(|byte| *byte != 0)?;
        Some(chunk.offset + at as u64)
    };
    image.chunks().iter().find_map(set)
}

fn clear(memory: &mut MemoryState<'_>, top: u64) {
    let chunks = std::mem::take(&mut memory.image).into_chunks();
    memory.image = Image::new(chunks.into_iter().filter_map(|chunk| from(top, chunk)).collect());
}

/// The part of `chunk` from `address` on.
fn from(address: u64, chunk: Chunk<'_>) -> Option<Chunk<'_>> {
    let below = address.saturating_sub(chunk.offset);
    if below >= chunk.bytes.len() as u64 {
        return None;
    }
    let bytes = match chunk.bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[below as usize..]),
        Cow::Owned(mut bytes) => Cow::Owned(bytes.split_off(below as usize)),
    };
    Some(Chunk { offset: chunk.offset + below, bytes })
}
