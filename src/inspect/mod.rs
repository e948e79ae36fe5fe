//! What a module is, and what to do with it, from its bytes alone.
//!
//! No example: the types are what an inspection holds; [`inspect`] is the one thing to call.

mod advice;
mod component;
mod language;
mod parts;

pub use advice::{Advice, Reason, Step};
pub(crate) use language::is_snapshot;
pub use parts::Part;

use crate::embedded_files::embedded_files;
use crate::execute::{COMMAND_START, DEFAULT_INIT_FUNCTIONS, REACTOR_INITIALIZE};
use crate::report::EmbeddedFile;
use preinit_core::component::is_component;
use preinit_core::module::{Module, ModuleError, is_function};
use preinit_core::wasi_version::WasiVersion;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is known of a module or component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// Module or component, and how it is entered.
    pub kind: Kind,
    /// Languages and tools that it says it was made by.
    pub producers: Vec<String>,
    /// What made it, as far as other signs show.
    pub language: Option<&'static str>,
    /// How many imports there are from each module.
    pub imports: BTreeMap<String, usize>,
    /// Exported functions that could be its init, the likeliest first; of a component no more than 100.
    pub init: Vec<String>,
    /// Proposals and properties that matter for pre-initialization.
    pub features: Vec<&'static str>,
    /// What takes how many bytes of the file.
    pub parts: Vec<Part>,
    /// Files in it.
    pub embedded: Vec<EmbeddedFile>,
    /// What to do with it.
    pub advice: Advice,
}

/// How something is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A program that runs in `_start`.
    Command,
    /// A library that is set up by `_initialize`.
    Reactor,
    /// A module with neither.
    Library,
    /// A component.
    Component,
}

/// Looks at a module or component in binary form.
///
/// # Errors
/// If it is not valid, or of a kind that cannot be pre-initialized.
///
/// ```
/// let wasm = preinit::wat_to_wasm(br#"(module (func (export "preinit")))"#)?;
/// let inspection = preinit::inspect::inspect(&wasm)?;
/// assert_eq!(inspection.kind, preinit::inspect::Kind::Library);
/// assert_eq!(inspection.init, ["preinit"]);
/// # Ok::<(), preinit::Error>(())
/// ```
pub fn inspect(wasm: &[u8]) -> Result<Inspection, ModuleError> {
    if is_component(wasm) {
        return component::inspect(wasm);
    }
    let module = Module::parse(wasm)?;
    let kind = kind(&module);
    let init = init(&module);
    let mut imports = BTreeMap::new();
    for import in &module.imports {
        *imports.entry(import.module.to_string()).or_insert(0) += 1;
    }
    let facts = advice::Facts { module: &module, kind, init: &init };
    Ok(Inspection {
        kind,
        producers: language::producers(&module),
        language: language::of(&module),
        imports,
        advice: facts.advice(),
        init,
        features: features(&module),
        parts: parts::of(&module),
        embedded: embedded_files(&module),
    })
}

fn kind(module: &Module<'_>) -> Kind {
    let exports = |name: &str| module.export(name).is_some_and(|export| is_function(export.kind));
    match (exports(COMMAND_START), exports(REACTOR_INITIALIZE)) {
        (true, _) => Kind::Command,
        (false, true) => Kind::Reactor,
        (false, false) => Kind::Library,
    }
}

/// The default init functions that are there; else what takes nothing and is named like one.
fn init(module: &Module<'_>) -> Vec<String> {
    let functions = || module.exports.iter().filter(|export| is_function(export.kind));
    let defaults =
        DEFAULT_INIT_FUNCTIONS.iter().filter(|name| functions().any(|export| export.name == **name));
    let mut found: Vec<String> = defaults.map(|name| (*name).to_string()).collect();
    if found.is_empty() {
        let named = functions()
            .filter(|export| is_named_like_init(export.name) && takes_nothing(module, export.index));
        found.extend(named.map(|export| export.name.to_string()));
        found.sort_by_key(String::len);
    }
    found
}

fn is_named_like_init(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["init", "setup", "warm"].iter().any(|word| name.contains(word)) && name != REACTOR_INITIALIZE
}

fn takes_nothing(module: &Module<'_>, function: u32) -> bool {
    module.signature(function).is_some_and(|ty| ty.params().is_empty())
}

fn features(module: &Module<'_>) -> Vec<&'static str> {
    let features = [
        ("threads", module.memories.iter().any(|memory| memory.shared)),
        ("exceptions", !module.tags.is_empty()),
        ("exceptions of the withdrawn form", module.code.legacy_exceptions),
        ("stack switching", module.code.makes_continuations),
        ("64-bit memory", module.memories.iter().any(|memory| memory.memory64)),
        ("several memories", module.memories.len() > 1),
        ("garbage collection", has_objects(module)),
        ("debug information", module.has_dwarf()),
        ("a snapshot already", language::is_snapshot(module)),
    ];
    features.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
}

fn has_objects(module: &Module<'_>) -> bool {
    use wasmparser::CompositeInnerType::{Array, Struct};
    module.types.iter().any(|ty| matches!(ty.composite_type.inner, Array(_) | Struct(_)))
}

/// Whether a module asks for WASI, in a version that init can be given.
fn asks_for_wasi(module: &Module<'_>) -> bool {
    module.imports.iter().any(|import| WasiVersion::of_module(import.module).is_some())
}
