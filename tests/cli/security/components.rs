//! What components can hold in each other.

use crate::{Place, failed};
use wasm_encoder::Encode;

/// A component whose section of types has these contents.
fn with_types(types: &[u8]) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0\x07".to_vec();
    types.encode(&mut bytes);
    bytes
}

/// Types of components, and of instances, in each other, or a component in a component: the engine and the validator read each by a call
/// of its own.
#[test]
fn nothing_is_nested_too_deep() {
    let place = Place::new();
    let types = |kind: u8| with_types(&[&[1][..], &[kind, 1, 1].repeat(200_000), &[kind, 0]].concat());
    let mut component = with_types(&[0]);
    for _ in 0..200 {
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        component.encode(&mut outer);
        component = outer;
    }
    for wasm in [types(0x41), types(0x42), component] {
        place.write("in.wasm", wasm);
        for line in [
            "in.wasm -o out.wasm",
            "in.wasm -o out.wasm --stub a",
            "inspect in.wasm",
            "audit in.wasm --untrusted",
            "verify in.wasm in.wasm",
        ] {
            failed(&place.line(line), 2, "are nested more than 100 deep");
        }
    }
}
