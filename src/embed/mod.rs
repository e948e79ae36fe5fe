//! Files that go into a module: what is to be embedded, read from this machine.
//!
//! ```
//! use preinit::embed::{EmbeddedTree, Source, Sources, embed};
//!
//! let mut sources = Sources::default();
//! sources.add(Source::new("/data", "test-programs/data"))?;
//! let wasm = std::fs::read("test-programs/c/wasi_files.wasm")?;
//! let embedded = embed(&wasm, &sources.tree()?)?;
//! // `embedded.wasm` is a module that finds `/data` wherever it runs; it can be pre-initialized like any other.
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! No example: the other items are what the ones above hold and give back.

mod archive;
mod budget;
mod directory;
mod error;
mod filter;
mod sources;

pub use error::SourceError;
pub use preinit_core::embed::{
    EmbedError, Embedded, EmbeddedEntry, EmbeddedKind, EmbeddedTree, Entry, NameError, Tree, Writing,
};
pub use sources::{Source, Sources, Times};

use preinit_core::component::is_component;
use preinit_core::module::Module;

/// Puts a tree of files into a module in binary form, which can read them.
///
/// # Errors
/// [`EmbedError`], if the module is not valid, deals with no files, or has a memory that cannot be used for it.
pub fn embed(wasm: &[u8], tree: &Tree) -> Result<Embedded, EmbedError> {
    preinit_core::embed::embed(&Module::parse(wasm)?, tree)
}

/// The same, where the module may also change them. Also for a component: then they go into its core module that asks for files
/// by WASI preview 1, before the adapter.
///
/// # Errors
/// As of [`embed`]; of a component also [`EmbedError::NoFilesInComponent`] and [`EmbedError::SeveralModules`].
///
/// ```
/// use preinit::embed::{Source, Sources, Writing, embed_for};
///
/// let mut sources = Sources::default();
/// sources.add(Source::new("/data", "test-programs/data"))?;
/// let wasm = std::fs::read("test-programs/c/wasi_files.wasm")?;
/// let embedded = embed_for(&wasm, &sources.tree()?, Writing::InMemory)?;
/// # assert!(!embedded.wasm.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn embed_for(wasm: &[u8], tree: &Tree, writing: Writing) -> Result<Embedded, EmbedError> {
    if is_component(wasm) {
        return preinit_core::embed::embed_in_component(wasm, tree, writing);
    }
    preinit_core::embed::embed_for(&Module::parse(wasm)?, tree, writing)
}
