//! `preinit` runs the initialization of a WebAssembly module once, at build time, and writes a new module that
//! starts where initialization ended.

pub mod host;
