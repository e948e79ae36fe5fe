//! The engine-independent half of preinit.
//!
//! It knows no engine, no files and no command line, and builds for `wasm32-unknown-unknown`.
//!
//! ```text
//! bytes ─module→ Module ─probe→ Probed ─(an engine runs it)→ Instance ─capture→ Snapshot ─plan→ Plan ─encode→ bytes
//! ```

pub mod addition;
pub mod capture;
pub mod component;
pub mod constant_exports;
pub mod embed;
pub mod encode;
pub mod engine_limits;
pub mod freeze;
mod hex;
pub mod interpose;
pub mod layout;
pub mod module;
pub mod nearest;
mod parallel;
pub mod plan;
pub mod printable;
pub mod probe;
pub mod rebase;
pub mod segments;
pub mod snapshot;
pub mod state_file;
pub mod strip;
pub mod wasi_version;

pub use hex::hex;
