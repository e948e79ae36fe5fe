//! What Winch supports.

use super::{Compiler, EngineOptions, Proposals, config};
use wasmtime::{Engine, Module};

/// Whether it supports what a module uses.
pub(crate) fn is_for_winch(wasm: &[u8]) -> bool {
    let config = config(Compiler::Winch, EngineOptions::default(), Proposals::of(wasm));
    let engine = config.and_then(|config| Engine::new(&config));
    engine.is_ok_and(|engine| Module::validate(&engine, wasm).is_ok())
}
