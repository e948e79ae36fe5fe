//! Files in a module: a tree in a passive data segment, and functions that answer for it instead of the imports of WASI
//! preview 1.
//!
//! The functions are a layer that is compiled beforehand (`crates/file-layer`). They are merged into the module as
//! [`interpose`](crate::interpose) does it: no index moves. What they remember is in a page at the end of the module's
//! memory, which the module itself never sees (`page`). Nothing is copied at the start: files are copied from the segment as
//! they are read.
//!
//! No example: internal to the product; `preinit::embed` has one.

mod components;
mod embedded;
mod image;
mod layer;
mod layer_call;
mod page;
mod tree;
mod wide;

pub use components::embed_in_component;
pub use embedded::{EmbeddedEntry, EmbeddedKind, EmbeddedTree};
pub use layer::IMPORTS as FILE_FUNCTIONS;
pub use tree::{Entry, NameError, Tree};

use crate::component::ComponentError;
use crate::interpose::{InterposeError, Interposition};
use crate::module::{Module, ModuleError, Space};
use crate::wasi_version::WasiVersion;
use wasmparser::ExternalKind;

/// What becomes of changes that a program makes of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Writing {
    /// They are refused, as in a file system that can only be read.
    #[default]
    Refused,
    /// They are kept in the module's memory, for as long as its instance lives. What init has changed is part of a snapshot.
    InMemory,
}

/// A module with files in it.
#[derive(Debug)]
pub struct Embedded {
    /// The binary.
    pub wasm: Vec<u8>,
    /// Whether debug information had to go, because code moved.
    pub drops_dwarf: bool,
}

/// Why files cannot be embedded in a module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// It never asks for files.
    #[error("the module imports no function of WASI preview 1 that opens files or finds directories")]
    NoFiles,
    /// It asks for them in the older version.
    #[error(
        "the module imports the files of WASI snapshot 0 (`wasi_unstable`); only preview 1 is known here"
    )]
    Snapshot0,
    /// An import has another type than WASI says.
    #[error("the module imports `wasi_snapshot_preview1.{0}` with another type than WASI says")]
    OtherType(&'static str),
    /// There is no memory that WASI's functions could use.
    #[error("the module exports no memory named `memory`")]
    NoMemory,
    /// There is to be a file with the arguments, which the module does not ask for.
    #[error(
        "the module imports no `args_get` and `args_sizes_get` of WASI preview 1, so it has no arguments"
    )]
    NoArguments,
    /// The memory is not the module's own.
    #[error("the module imports its memory, and bookkeeping of files needs a page of it")]
    ImportedMemory,
    /// Several threads would do the bookkeeping at once.
    #[error("the module's memory is shared between threads, which the bookkeeping of files is not made for")]
    SharedMemory,
    /// The memory has pages of another size than 64 KiB.
    #[error("the module's memory has pages of another size than 64 KiB")]
    PageSize,
    /// There is no room for a page.
    #[error(
        "the module's memory begins with all the pages that it can have, and bookkeeping of files needs one"
    )]
    NoRoom,
    /// The tree has more bytes than a data segment can have.
    #[error("the files have {0} bytes with their names; a data segment has less than 4 GiB")]
    TooLarge(u64),
    /// A component cannot be read.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// Nothing in a component asks for files of preview 1.
    #[error(
        "no core module of the component asks for files by WASI preview 1, with a memory of its own; files of WASI 0.2 and later are not embedded yet"
    )]
    NoFilesInComponent,
    /// Several core modules of a component ask for files.
    #[error(
        "{0} core modules of the component ask for files by WASI preview 1, and each would have files of its own"
    )]
    SeveralModules(usize),
    /// A component has several instances of the core module that asks for files, which can change them.
    #[error(
        "the component makes {0} instances of the core module that asks for files, and each would change files of its own"
    )]
    SeveralInstances(usize),
    /// See [`InterposeError`].
    #[error(transparent)]
    Interpose(#[from] InterposeError),
    /// The layer is no module, which a test rules out.
    #[error("the file layer cannot be read, which is a bug in preinit: {0}")]
    Layer(#[from] ModuleError),
    /// The layer has something that it must not have, which a test rules out.
    #[error("the file layer cannot be merged, which is a bug in preinit: {0}")]
    Merge(String),
}

/// Puts a tree of files into `module`, which can read them.
///
/// The output is a module in its own right: it can be run, made a snapshot of, and have files embedded again.
///
/// # Errors
/// [`EmbedError`], if the module deals with no files, or has a memory that cannot be used for it.
///
/// ```
/// use preinit_core::embed::{EmbeddedTree, Entry, Tree, embed};
/// use preinit_core::module::Module;
///
/// let wasm = wat::parse_str(
///     r#"(module
///         (import "wasi_snapshot_preview1" "fd_prestat_get" (func (param i32 i32) (result i32)))
///         (memory (export "memory") 1))"#,
/// )?;
/// let mut tree = Tree::new();
/// tree.mount("/data", Entry::directory([("hello.txt", Entry::file("hello"))], 0)?)?;
/// let embedded = embed(&Module::parse(&wasm)?, &tree)?;
///
/// let module = Module::parse(&embedded.wasm)?;
/// let found = EmbeddedTree::all_in(&module);
/// let paths: Vec<_> = found[0].entries().map(|entry| entry.path).collect();
/// assert_eq!(paths, ["/data", "/data/hello.txt"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn embed(module: &Module<'_>, tree: &Tree) -> Result<Embedded, EmbedError> {
    embed_for(module, tree, Writing::Refused)
}

/// The same, where the module may also change them.
///
/// # Errors
/// As of [`embed`].
///
/// No example: that of [`embed`] is one.
pub fn embed_for(module: &Module<'_>, tree: &Tree, writing: Writing) -> Result<Embedded, EmbedError> {
    embed_before(false, module, tree, writing)
}

/// The same, with or without an adapter of a component that answers for what is not embedded.
fn embed_before(
    before_adapter: bool,
    module: &Module<'_>,
    tree: &Tree,
    writing: Writing,
) -> Result<Embedded, EmbedError> {
    let memory = own_memory(module)?;
    if tree.has_arguments() && !asks_for_arguments(module) {
        return Err(EmbedError::NoArguments);
    }
    let image = image::encode(tree)?;
    let mut interposition = Interposition::new(module);
    let page = page::add(&mut interposition, module, memory, writing)?;
    let segment = interposition.passive_data(&image);
    layer::merge(&mut interposition, module, &layer::Place { page, segment, before_adapter })?;
    let addition = interposition.finish()?;
    Ok(Embedded { wasm: addition.wasm, drops_dwarf: addition.drops_dwarf })
}

/// Whether a module opens files, or looks for directories, by this version of WASI.
fn deals_with_files(module: &Module<'_>, version: WasiVersion) -> bool {
    module.imported_functions().any(|(_, import)| {
        WasiVersion::of_module(&import.module) == Some(version)
            && matches!(import.name.as_str(), "path_open" | "fd_prestat_get")
    })
}

/// Whether a module can be told its arguments.
fn asks_for_arguments(module: &Module<'_>) -> bool {
    ["args_get", "args_sizes_get"].iter().all(|name| {
        module.imported_functions().any(|(_, import)| {
            import.name == *name && WasiVersion::of_module(&import.module) == Some(WasiVersion::Preview1)
        })
    })
}

/// Whether a module would use descriptors by functions of snapshot 0, which the layer does not answer.
fn imports_of_snapshot0(module: &Module<'_>) -> bool {
    module.imported_functions().any(|(_, import)| {
        WasiVersion::of_module(&import.module) == Some(WasiVersion::Snapshot0)
            && FILE_FUNCTIONS.contains(&import.name.as_str())
    })
}

/// The memory that WASI's functions read and write.
fn own_memory(module: &Module<'_>) -> Result<u32, EmbedError> {
    if !deals_with_files(module, WasiVersion::Preview1) {
        return Err(if deals_with_files(module, WasiVersion::Snapshot0) {
            EmbedError::Snapshot0
        } else {
            EmbedError::NoFiles
        });
    }
    if imports_of_snapshot0(module) {
        return Err(EmbedError::Snapshot0);
    }
    let export = module.export("memory").filter(|export| export.kind == ExternalKind::Memory);
    let memory = export.ok_or(EmbedError::NoMemory)?.index;
    let ty = module.memories.get(memory as usize).ok_or(EmbedError::NoMemory)?;
    if memory < module.imported.memories {
        return Err(EmbedError::ImportedMemory);
    }
    if ty.shared {
        return Err(EmbedError::SharedMemory);
    }
    if ty.page_size_log2.is_some_and(|log2| log2 != 16) {
        return Err(EmbedError::PageSize);
    }
    Ok(memory)
}

/// The function that answers for an import of WASI preview 1 in a module with embedded files, by index; `None` if its name is
/// not there any more.
pub fn answering(module: &Module<'_>, import: &str) -> Option<u32> {
    let name = layer::answer_name(import);
    let names = module.names();
    let mut functions = (module.imported.functions..module.functions.len() as u32).rev();
    functions.find(|function| names.get(Space::Function, *function) == Some(name.as_str()))
}

/// Whether a function of a module with embedded files answers for an import, by its name.
pub fn is_answering(module: &Module<'_>, function: u32) -> bool {
    let names = module.names();
    function >= module.imported.functions
        && names.get(Space::Function, function).is_some_and(layer::is_answer_name)
        && !EmbeddedTree::all_in(module).is_empty()
}
