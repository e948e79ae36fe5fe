#![doc = include_str!("../README.md")]
//!
//! ## Inside
//!
//! The stages, one file or folder each, and what flows between them:
//!
//! ```text
//! bytes ─module→ Module ─probe→ Probed ─execute→ Initialized ─capture→ Snapshot ─plan→ Plan ─encode→ bytes
//! ```

pub mod audit;
pub mod cache;
pub use preinit_core::capture;
mod checks;
mod cleaning;
pub use preinit_core::encode;
pub mod engine;
mod error;
mod evidence;
pub mod execute;
pub mod finding;
pub mod freeze;
mod guest;
pub mod host;
pub mod instance;
pub use preinit_core::layout;
pub use preinit_core::module;
mod options;
mod ownership;
pub mod page;
mod pipeline;
pub use preinit_core::plan;
mod preinit;
pub use preinit_core::probe;
pub mod report;
pub use preinit_core::segments;
pub use preinit_core::snapshot;
pub use preinit_core::strip;
mod temporary;
pub mod verify;
mod warning;
mod wording;

/// The stages, for tests and benchmarks. Nothing here is part of the stable interface.
#[doc(hidden)]
pub mod stages {
    pub use crate::wording::{Bytes, counted};
    pub use crate::{cache, engine, execute, freeze, instance};
    /// Who can change a file.
    pub mod ownership {
        pub use crate::ownership::*;
    }
    /// Files that are written under another name first.
    pub mod temporary {
        pub use crate::temporary::*;
    }
    pub use preinit_core::{capture, encode, layout, module, plan, probe, segments, snapshot, strip};
}

pub use cleaning::StackKept;
pub use error::{Error, OptionsError};
pub use options::Options;
pub use preinit::{Output, Preinit};
pub use report::Report;
pub use warning::Warning;

use std::borrow::Cow;

/// The binary form of a module given as binary or as text (WAT); binaries are passed through.
///
/// # Errors
/// If the text does not parse.
pub fn wat_to_wasm(input: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    if input.starts_with(b"\0asm") {
        return Ok(Cow::Borrowed(input));
    }
    let unreadable = |error| Err(Error::Module(error));
    if input.is_empty() {
        return unreadable(module::ModuleError::Empty);
    }
    if std::str::from_utf8(input).is_err() {
        return unreadable(module::ModuleError::Unrecognized);
    }
    wat::parse_bytes(input).or_else(|error| unreadable(module::ModuleError::Text(error.to_string())))
}
