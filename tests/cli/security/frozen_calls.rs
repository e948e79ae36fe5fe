//! What the calls in progress of a program that is frozen hold is bounded, like its memories.

use super::memory::{MIB, OWN, measured};
use crate::{Place, done, failed};

/// A function that calls itself `deep` times, with 1000 locals, and then `$y`.
fn functions(deep: u32) -> String {
    format!(
        "(func $r (param i32) (local {})
            (if (local.get 0) (then (call $r (i32.sub (local.get 0) (i32.const 1))))) (call $y))
        (func $p (export \"preinit\") (call $r (i32.const {deep})))",
        "i64 ".repeat(1000)
    )
}

fn module(deep: u32) -> String {
    format!(r#"(module (import "env" "y" (func $y)) (memory (export "memory") 1) {})"#, functions(deep))
}

fn component(deep: u32) -> String {
    format!(
        r#"(component
            (core module $m (func $y) (memory (export "memory") 1) {})
            (core instance $i (instantiate $m))
            (func (export "preinit") (canon lift (core func $i "preinit"))))"#,
        functions(deep)
    )
}

#[test]
fn what_calls_in_progress_hold_is_bounded() {
    let place = Place::new();
    for (large, small, at, frames) in [
        (module(600), module(60), "env.y --stub-all", ""),
        (module(600), module(60), "env.y --stub-all", "--frames inspect"),
        (component(600), component(60), "call:y", ""),
    ] {
        let line = format!("--at {at} -f preinit --max-memory 16MiB");
        place.write("in.wat", large);
        let (output, most) = measured(&place, &format!("in.wat -o out.wasm {line} {frames} --untrusted"));
        failed(&output, 1, "locals and operands; the limit of memory has room for 262144");
        assert!(most < OWN + 32 * MIB, "{line}: {} MiB", most / MIB);
        place.write("in.wat", small);
        done(&place.line(&format!("in.wat -o out.wasm {line} {frames}")));
        done(&place.line(&format!("verify in.wat out.wasm {line}")));
    }
}
