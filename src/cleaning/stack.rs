//! Clears the part of the stack that no function uses.

use crate::guest::{AddressMap, CallGraph};
use preinit_core::module::Module;
use preinit_core::snapshot::{Chunk, Image, Snapshot};
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
}

/// Clears the stack in `snapshot`, if nothing but the stack can be where it is.
///
/// # Errors
/// [`StackKept`], if that is not certain. Nothing is changed then.
pub(crate) fn zero_stack(module: &Module<'_>, snapshot: &mut Snapshot<'_>) -> Result<(), StackKept> {
    let addresses = AddressMap::of(module, &CallGraph::of(module), snapshot, 0);
    let stack = addresses.stack.ok_or(StackKept::Unknown)?;
    if stack.pointer != stack.top {
        return Err(StackKept::InUse { now: stack.pointer, top: stack.top });
    }
    if !stack.is_first {
        return Err(StackKept::NotFirst { lowest: addresses.lowest_data, top: stack.top });
    }
    let memory = snapshot.memories.first_mut().ok_or(StackKept::Unknown)?;
    let chunks = std::mem::take(&mut memory.image).into_chunks();
    memory.image = Image::new(chunks.into_iter().filter_map(|chunk| from(stack.top, chunk)).collect());
    Ok(())
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
