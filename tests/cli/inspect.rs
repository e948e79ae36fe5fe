//! What `inspect` says. That its advice works is tested with the library, on real programs.

use super::{Place, code, stdout};

#[test]
fn programs_and_libraries_are_told_apart() {
    let place = Place::new();
    let inspect = |text: &str| {
        place.write("module.wat", text);
        place.line("inspect module.wat")
    };
    let wasi = r#"(import "wasi_snapshot_preview1" "fd_read" (func (param i32 i32 i32 i32) (result i32)))"#;
    for (text, expected, exit) in [
        (r#"(module (func (export "preinit")))"#, "use       preinit module.wat -o snapshot.wasm\n", 0),
        (
            r#"(module (func (export "set-up")) (func (export "initialize")))"#,
            "snapshot.wasm -f initialize\n",
            0,
        ),
        (&format!(r#"(module {wasi} (func (export "_start")))"#), "--allow-wasi --at stdin\n", 0),
        (r#"(module (func (export "_initialize")))"#, "-f _initialize\n", 0),
        (r#"(module (func (export "f") (param i32)))"#, "no command of preinit\n", 1),
        (r#"(module (import "__wbindgen_placeholder__" "f" (func)))"#, "docs/javascript.md", 1),
        (r#"(module (import "env" "f" (func)) (func (export "preinit")))"#, "--stub-all\n", 0),
    ] {
        let output = inspect(text);
        assert!(stdout(&output).contains(expected), "{text}: {}", stdout(&output));
        assert_eq!(code(&output), exit, "{text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&place.line("inspect --json in.wasm"))).expect("JSON");
    assert_eq!(json["kind"], "library");
    assert_eq!(json["init"][0], "wizer-initialize");
}
