//! `preinit` runs the initialization of a WebAssembly module once, at build time, and writes a new module that
//! starts where initialization ended.

pub mod encode;
pub mod host;
pub mod module;
pub mod plan;
pub mod probe;
pub mod segments;
pub mod snapshot;
