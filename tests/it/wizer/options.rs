//! Renames, kept init functions, and what is said of mistakes.

use super::{block_on, fails, instantiate, runs, store, wasm};
use preinit::wizer::Wizer;

#[test]
fn renames_and_kept_init_functions() {
    let wat = r#"(module
        (func (export "wizer-initialize")) (func (export "func_a") (result i32) i32.const 1)
        (func (export "func_b") (result i32) i32.const 2) (func (export "func_c") (result i32) i32.const 3))"#;
    let printed = |wizer: &Wizer| {
        let snapshot = block_on(wizer.run(&mut store(), &wasm(wat), instantiate))?;
        Ok::<_, wasmtime::Error>(wasmprinter::print_bytes(snapshot).unwrap())
    };
    let mut wizer = Wizer::new();
    wizer
        .func_rename("func_a", "func_b")
        .func_rename("func_b", "func_c")
        .func_rename("_start", "wizer.resume");
    let text = printed(&wizer).unwrap();
    for (name, index) in [("func_a", 2), ("func_b", 3)] {
        assert!(text.contains(&format!("(export \"{name}\" (func {index}))")), "{text}");
    }
    assert!(!text.contains("func_c") && !text.contains("wizer-initialize"));
    assert!(printed(Wizer::new().keep_init_func(true)).unwrap().contains("wizer-initialize"));
    assert!(printed(wizer.func_rename("func_a", "func_c")).is_err());
}

#[test]
fn what_goes_wrong_is_said() {
    fails("(module)", "the Wasm module does not have a `wizer-initialize` export");
    fails(
        r#"(module (memory (export "wizer-initialize") 1))"#,
        "`wizer-initialize` export is not a function",
    );
    fails(
        r#"(module (func (export "wizer-initialize") (result i32) i32.const 0))"#,
        "`wizer-initialize` function export does not have type `[] -> []`",
    );
    fails(
        r#"(module (func (export "wizer-initialize") unreachable))"#,
        "the `wizer-initialize` function trapped",
    );
    fails(
        r#"(module (import "x" "f" (func $f)) (func (export "wizer-initialize") (call $f)))"#,
        "the `wizer-initialize` function trapped",
    );
    assert!(Wizer::new().instrument(b"garbage").is_err());
    assert_eq!(Wizer::new().get_init_func(), "wizer-initialize");
    runs(
        r#"(module (import "x" "f" (func $f))
            (func (export "wizer-initialize")) (func (export "run") (result i32) (call $f) (i32.const 42)))"#,
        42,
    );
}
