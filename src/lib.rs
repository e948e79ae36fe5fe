#![doc = include_str!("../docs/library.md")]
#![cfg_attr(
    not(all(feature = "audit", feature = "verify")),
    allow(dead_code, unused_imports, reason = "audit and verify use more of the modules that they share")
)]

#[cfg(feature = "audit")]
pub mod audit;
mod bounded_text;
#[cfg(feature = "cache")]
mod cache;
#[cfg(not(feature = "cache"))]
#[path = "cache/absent.rs"]
mod cache;
mod changed_globals;
mod checks;
mod cleaning;
mod component;
mod debug_info;
mod demangling;
#[cfg(feature = "embed")]
pub mod embed;
mod embedded_files;
mod engine;
pub mod error;
mod evidence;
mod execute;
pub mod finding;
mod freeze;
mod guest;
pub mod host;
pub mod inspect;
mod instance;
mod literal;
mod options;
mod output;
#[cfg(any(feature = "cache", feature = "verify"))]
mod ownership;
mod page;
mod pipeline;
mod preinit;
mod preloaded;
mod prepared;
mod regular_file;
mod repetition;
pub mod report;
mod stage_clock;
#[cfg(any(feature = "cache", feature = "verify"))]
mod temporary;
#[cfg(feature = "verify")]
pub mod verify;
mod warning;
mod way;
pub mod wizer;
mod wording;

/// The stages, for tests, benchmarks and the command line. Nothing here is part of the stable interface.
#[doc(hidden)]
pub mod stages {
    pub use crate::regular_file::open_regular_file;
    pub use crate::wording::{Bytes, PrintablePath, counted, nearest};
    pub use preinit_core::hex;
    pub use preinit_core::{
        addition, capture, component, constant_exports, embed, encode, engine_limits, interpose, layout,
        module, plan, printable, probe, segments, snapshot, state_file, strip, terminal_output, wasi_version,
    };

    #[cfg(feature = "cache")]
    pub mod cache {
        pub use crate::cache::*;
    }
    pub mod engine {
        pub use crate::engine::*;
    }
    pub mod execute {
        pub use crate::execute::*;
    }
    pub mod freeze {
        pub use crate::freeze::*;
    }
    pub mod instance {
        pub use crate::instance::*;
    }
    #[cfg(feature = "cache")]
    pub mod ownership {
        pub use crate::ownership::*;
    }
    pub mod page {
        pub use crate::page::*;
    }
    #[cfg(any(feature = "cache", feature = "verify"))]
    pub mod temporary {
        pub use crate::temporary::*;
    }
    pub mod way {
        pub use crate::way::*;
    }
}

#[cfg(feature = "cache")]
pub use cache::{CompileCache, PreparedCode};
pub use cleaning::{NotScrubbed, StackKept};
pub use engine::{Compiler, TierReason, WantedCode};
pub use error::{Error, OptionsError};
pub use execute::{InitResult, InitStage, StageHook};
pub use freeze::{FrameReader, Trigger, TriggerError};
pub use options::Options;
pub use output::Output;
pub use preinit::Preinit;
pub use preinit_core::layout::Layout;
pub use preinit_core::plan::Rename;
pub use preloaded::PreloadedChange;
pub use prepared::Prepared;
pub use report::Report;
pub use warning::Warning;
/// The engine, for [`Preinit::linker`].
pub use wasmtime;

use preinit_core::module::ModuleError;
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
        return unreadable(ModuleError::Empty);
    }
    if std::str::from_utf8(input).is_err() {
        return unreadable(ModuleError::Unrecognized);
    }
    wat::parse_bytes(input).or_else(|error| unreadable(ModuleError::Text(error.to_string())))
}
