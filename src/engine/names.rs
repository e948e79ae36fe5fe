//! What the engine is not told: names of functions. It copies one into each frame of a backtrace, and a backtrace can have very
//! many frames, which may all be of one function with a name that is as long as the module.

use std::borrow::Cow;
use wasmparser::{BinaryReader, Chunk, CustomSectionReader, Name, NameSectionReader, Parser, Payload};

/// Bytes of a name that the engine may copy for a few frames; longer ones are not demangled either.
pub(crate) const LONGEST: usize = 4096;

/// A kind of names that nobody knows.
const UNKNOWN: u8 = 0x7f;

/// A module or component in which the engine finds no name of a function that is very long.
pub(crate) fn without_long_names(wasm: &[u8]) -> Cow<'_, [u8]> {
    hidden(wasm, LONGEST)
}

/// The same in which it finds none at all, for backtraces of very many frames.
pub(super) fn without_names(wasm: &[u8]) -> Cow<'_, [u8]> {
    hidden(wasm, 0)
}

/// Hides all names of a module that has one of more than `longest` bytes. Nothing moves, so offsets in the binary stay
/// what they are.
fn hidden(wasm: &[u8], longest: usize) -> Cow<'_, [u8]> {
    let mut hidden = Cow::Borrowed(wasm);
    for_each_section(wasm, |section| {
        if section.name() == "name" && has_longer(section.data(), longest) {
            for at in subsections(section.data()) {
                hidden.to_mut()[section.data_offset() + at] = UNKNOWN;
            }
        }
    });
    hidden
}

/// Custom sections of a binary and all that are in it, up to where it cannot be read.
fn for_each_section(wasm: &[u8], mut found: impl FnMut(&CustomSectionReader<'_>)) {
    let mut parser = Parser::new(0);
    let mut outer = Vec::new();
    let mut at = 0;
    while let Some(rest) = wasm.get(at..)
        && let Ok(Chunk::Parsed { consumed, payload }) = parser.parse(rest, true)
    {
        at += consumed;
        match payload {
            Payload::CustomSection(section) => found(&section),
            Payload::CodeSectionStart { size, .. } => {
                parser.skip_section();
                at += size as usize;
            }
            Payload::ModuleSection { parser: inner, .. }
            | Payload::ComponentSection { parser: inner, .. } => {
                outer.push(std::mem::replace(&mut parser, inner));
            }
            Payload::End(_) => match outer.pop() {
                Some(outer) => parser = outer,
                None => break,
            },
            _ => {}
        }
    }
}

/// Whether a function has a name of more than `longest` bytes.
fn has_longer(payload: &[u8], longest: usize) -> bool {
    NameSectionReader::new(BinaryReader::new(payload, 0)).flatten().any(|names| match names {
        Name::Function(map) => map.into_iter().flatten().any(|naming| naming.name.len() > longest),
        _ => false,
    })
}

/// Where the subsections with names of functions begin.
fn subsections(payload: &[u8]) -> Vec<usize> {
    const FUNCTIONS: u8 = 1;
    let mut reader = BinaryReader::new(payload, 0);
    let mut found = Vec::new();
    while !reader.eof() {
        let at = reader.original_position();
        let (Ok(id), Ok(size)) = (reader.read_u8(), reader.read_var_u32()) else { break };
        if id == FUNCTIONS {
            found.push(at);
        }
        if reader.read_bytes(size as usize).is_err() {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::{Engine, Module};

    /// What the engine calls function 0 and the module.
    fn names(wasm: &[u8]) -> (Option<String>, Option<String>) {
        let engine = Engine::default();
        let module = Module::new(&engine, wasm).unwrap();
        let mut store = wasmtime::Store::new(&engine, ());
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        let error =
            instance.get_typed_func::<(), ()>(&mut store, "f").unwrap().call(&mut store, ()).unwrap_err();
        let trace = error.downcast_ref::<wasmtime::WasmBacktrace>().unwrap();
        (trace.frames()[0].func_name().map(str::to_owned), module.name().map(str::to_owned))
    }

    fn module(name: &str) -> Vec<u8> {
        let text =
            format!(r#"(module $own (func ${name} (export "f") unreachable) (func $other) (memory $m 1))"#);
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn only_long_names_are_hidden() {
        let named = |name: &str| (Some(name.to_owned()), Some("own".to_owned()));
        let hidden = (None, Some("own".to_owned()));
        for (len, is_long) in [(1, false), (LONGEST, false), (LONGEST + 1, true), (100_000, true)] {
            let name = "n".repeat(len);
            let wasm = module(&name);
            let short = without_long_names(&wasm);
            assert_eq!(matches!(short, Cow::Owned(_)), is_long, "{len}");
            assert_eq!(names(&short), if is_long { hidden.clone() } else { named(&name) }, "{len}");
            let none = without_names(&wasm);
            assert_eq!((none.len(), names(&none)), (wasm.len(), hidden.clone()), "{len}");
        }
    }

    #[test]
    fn names_are_hidden_wherever_they_are() {
        // In a component, in a component in it, behind code, and twice in a module.
        let long = "n".repeat(LONGEST + 1);
        let inner = format!(r#"(core module (func ${long} unreachable))"#);
        let text = format!("(component {inner} (component (core module (func $short)) {inner}) {inner})");
        let wasm = wat::parse_str(text).unwrap();
        let count = |wasm: &[u8]| {
            let payloads = Parser::new(0).parse_all(wasm).map(Result::unwrap);
            let has_long = |payload: &Payload<'_>| {
                matches!(payload, Payload::CustomSection(section)
                    if section.name() == "name" && has_longer(section.data(), LONGEST))
            };
            payloads.filter(has_long).count()
        };
        assert_eq!((count(&wasm), count(&without_long_names(&wasm))), (3, 0));
        let mut twice = module(&long);
        let names = Parser::new(0).parse_all(&twice).find_map(|payload| match payload.unwrap() {
            Payload::CustomSection(section) if section.name() == "name" => Some(section.data().to_vec()),
            _ => None,
        });
        let names = wasm_encoder::CustomSection { name: "name".into(), data: names.unwrap().into() };
        wasm_encoder::Section::append_to(&names, &mut twice);
        assert_eq!((count(&twice), count(&without_long_names(&twice))), (2, 0));
    }

    #[test]
    fn what_cannot_be_read_is_left_as_it_is() {
        let wasm = module(&"n".repeat(LONGEST + 1));
        for end in 0..wasm.len() {
            assert_eq!(without_names(&wasm[..end]).len(), end);
        }
        assert!(matches!(without_names(b"\0asm\x01\0\0\0"), Cow::Borrowed(_)));
    }
}
