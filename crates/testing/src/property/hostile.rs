//! Bytes from anywhere, as a module and as the choice of options:
//!
//! 1. preinit either refuses them, with a text and never by one of the errors that stand for its own mistakes, or
//! 2. writes a module that validates and kept what is never changed, and
//! 3. that starts in the state in which the original's init ends.

use crate::added_functions::{EMPTY_INIT, with_empty_init};
use crate::invariants;
use crate::machine::Setup;
use crate::oracle::Pair;
use preinit::host::{Limits, WasiOptions};
use preinit::stages::module::{Module, is_function};
use preinit::{Error, Options, Preinit};
use std::borrow::Cow;
use wasmparser::ValType;

/// The body: `bytes` begin with two of options. Tells whether there is a snapshot; panics if a property does not hold.
pub fn check(bytes: &[u8]) -> bool {
    let &[flags, function, ref module @ ..] = bytes else { return false };
    let Ok(wasm) = preinit::wat_to_wasm(module) else { return false };
    let (wasm, init) = with_init(wasm, function);
    let is_set = |bit: u8| flags >> bit & 1 == 1;
    let preinit = Preinit::from(Options {
        init_functions: init.into_iter().collect(),
        keep_init_functions: is_set(0),
        internalize: is_set(1),
        limits: Limits { timeout: None, max_memory: 64 << 20, fuel: Some(100_000) },
        ..Options::default()
    });
    let (stubs, wasi) = (is_set(2), is_set(3));
    let preinit = if wasi { preinit.wasi(WasiOptions::default()) } else { preinit };
    let output = match preinit.stub_all(stubs).run(&wasm) {
        Ok(output) => output,
        Err(error @ (Error::Probe(_) | Error::Capture(_) | Error::Encode(_))) => panic!("{error}"),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return false;
        }
    };
    invariants::check(&wasm, &output.wasm, output.report.start_function, false);
    // What WASI answers to init here is not what the engines of the test answer.
    if !wasi && imports_are_plain(&wasm) {
        let setup = Setup { stubs, bounded: true, ..Setup::default() };
        let init = &output.report.init_functions;
        let pair = Pair { original: &wasm, snapshot: &output.wasm, init, setup, internalized: is_set(1) };
        pair.agree(&[]);
    }
    true
}

/// Chooses one of the exports that can be init, and adds one that does nothing if there is none.
fn with_init(wasm: Cow<'_, [u8]>, choice: u8) -> (Cow<'_, [u8]>, Option<String>) {
    let Ok(module) = Module::parse(&wasm) else { return (wasm, None) };
    let candidates = module.exports.iter().filter(|e| is_function(e.kind) && module.is_nullary(e.index));
    let names: Vec<&str> = candidates.map(|export| export.name).collect();
    match names.get(usize::from(choice) % names.len().max(1)) {
        Some(name) => {
            let name = name.to_string();
            (wasm, Some(name))
        }
        None => (with_empty_init(&wasm).into(), Some(EMPTY_INIT.to_string())),
    }
}

/// Whether the engines of the test can make up the imported functions: not those of types with supertypes or subtypes,
/// nor with results that cannot be null.
fn imports_are_plain(wasm: &[u8]) -> bool {
    let Ok(module) = Module::parse(wasm) else { return false };
    let plain = |result: &ValType| !matches!(result, ValType::Ref(ty) if !ty.is_nullable());
    (0..module.imported.functions).all(|function| {
        let ty = &module.types[module.functions[function as usize] as usize];
        let results = module.signature(function).map(|ty| ty.results());
        ty.is_final && ty.supertype_idx.is_none() && results.is_some_and(|types| types.iter().all(plain))
    })
}
