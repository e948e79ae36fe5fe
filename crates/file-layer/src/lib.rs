//! The functions of WASI preview 1 that deal with files, for a module that has files in itself.
//!
//! `preinit` merges this into a module, where each function answers instead of the import of its name: for what lies in the
//! embedded tree by itself, for everything else by the import. It has no data and no memory of its own. Its bookkeeping is
//! in a page of the module's memory (`state`), the tree in a passive data segment (`tree`).
//!
//! Where it can be seen, it does what Wasmtime does in a directory that may only be read. Writing gives `ROFS`; or, with the
//! feature `write`, changes are kept in memory (`write`).

#![no_std]

mod arguments;
mod descriptor_calls;
mod descriptors;
mod directories;
mod errno;
mod files;
mod host;
mod memory;
mod path;
mod path_calls;
mod poll;
mod preopens;
#[cfg(not(feature = "write"))]
mod refusals;
mod renumber;
mod reopen;
mod sockets;
mod state;
mod tree;
#[cfg(feature = "write")]
mod write;

/// The tree as it is now.
#[cfg(feature = "write")]
use write::view;
#[cfg(not(feature = "write"))]
mod view;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
