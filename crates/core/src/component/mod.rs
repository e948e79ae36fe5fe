//! A component is a tree of definitions: core modules, nested components, and what joins them. Here it is taken apart and put
//! together again; each of its core modules goes through the other stages by itself.
//!
//! ```text
//! bytes ─parse→ Component ─elaborate→ [CoreInstance]  (in the order in which they come to be)
//!                   └─ with_modules ─→ bytes ─without_export─→ bytes
//! ```
//!
//! No example: internal to the product; the crate's example shows the pipeline.

mod accessor_module;
mod accessors;
mod clock;
mod clock_module;
mod clock_use;
mod concurrency;
mod copies;
mod core_functions;
mod custom_sections;
mod cut;
mod definition;
mod depth;
mod elaborate;
mod error;
mod last_module;
mod names;
mod parse;
mod reencoded_section;
mod reindex;
mod rename;
mod rewrite;
mod section;
mod shift;
mod table_writes;
mod taken_handles;
#[cfg(test)]
mod tests;
mod trapping;
mod unfolded;
mod unused;
mod unused_exports;

pub use accessor_module::GLOBAL_SIZE;
pub use accessors::{Accessors, Shown};
pub use clock::with_shifted_clock;
pub use clock_module::is_clock_module;
pub use core_functions::CoreFunction;
pub use custom_sections::CustomSection;
pub use cut::without_imports;
pub use depth::check_depth;
pub use elaborate::CoreInstance;
pub use error::ComponentError;
pub use last_module::{ForeignFunction, ForeignPlace, LAST_MODULE, LastModule, SharedItems, Siblings};
pub use parse::is_component;
pub use rename::with_renamed_exports;
pub use shift::without_export;
pub use table_writes::{TableWrite, table_writes};

use definition::{Definition, Step};
use wasmparser::ComponentExternalKind;

/// A parsed and validated component. Everything borrows from its bytes.
pub struct Component<'a> {
    /// The whole binary.
    pub bytes: &'a [u8],
    root: Definition<'a>,
    modules: Vec<CoreModule<'a>>,
}

/// A core module that stands in a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoreModule<'a> {
    /// Its binary.
    pub bytes: &'a [u8],
    /// The name that it has in its own section of names, or in that of its component.
    pub name: Option<&'a str>,
}

impl<'a> Component<'a> {
    /// The core modules, in the order of the file.
    pub fn modules(&self) -> &[CoreModule<'a>] {
        &self.modules
    }

    /// Whether it, or a component in it, can take handles without a call of the host: of resources of its own, or of tasks.
    ///
    /// # Errors
    /// [`ComponentError::Malformed`], which parsing rules out.
    pub fn makes_handles(&self) -> Result<bool, ComponentError> {
        concurrency::makes_handles(self.bytes)
    }

    /// Whether it, or a component in it, can start threads, whose handles have numbers of their own.
    ///
    /// # Errors
    /// [`ComponentError::Malformed`], which parsing rules out.
    pub fn starts_threads(&self) -> Result<bool, ComponentError> {
        concurrency::starts_threads(self.bytes)
    }

    /// Whether it, or a component in it, can have calls wait until it wants more (`backpressure.inc`).
    ///
    /// # Errors
    /// [`ComponentError::Malformed`], which parsing rules out.
    pub fn uses_backpressure(&self) -> Result<bool, ComponentError> {
        concurrency::uses_backpressure(self.bytes)
    }

    /// Whether it, or a component in it, uses what belongs to concurrent tasks: asynchronous functions, streams, futures, and
    /// their builtins.
    ///
    /// # Errors
    /// [`ComponentError::Malformed`], which parsing rules out.
    pub fn is_concurrent(&self) -> Result<bool, ComponentError> {
        concurrency::is_concurrent(self.bytes)
    }

    /// Whether the outermost component exports a function of this name.
    pub fn exports_function(&self, wanted: &str) -> bool {
        let is_wanted = |step: &Step<'_>| matches!(step, Step::Export { kind: ComponentExternalKind::Func, name, .. } if *name == wanted);
        self.root.steps.iter().any(is_wanted)
    }

    /// What messages call a core module, by its place in [`Component::modules`].
    pub fn module_name(&self, module: usize) -> String {
        match self.modules.get(module).and_then(|module| module.name) {
            Some(name) => format!("core module {module} (`{}`)", crate::printable::Printable(name)),
            None => format!("core module {module}"),
        }
    }
}
