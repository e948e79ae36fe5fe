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
        (
            r#"(module (import "env" "__syscall_openat" (func)) (func (export "mono_wasm_add_assembly")))"#,
            "docs/guests/dotnet.md",
            1,
        ),
        (r#"(module (import "env" "f" (func)) (func (export "preinit")))"#, "--stub-all\n", 0),
        (
            &format!(r#"(module {wasi} (func (export "_start")) (func (export "render")))"#),
            "-f 'render(…)'",
            0,
        ),
        (r#"(module (func (export "init_with") (param i32)))"#, "-f 'init_with(…)' gives it", 1),
        (
            r#"(module (func (export "_initialize")) (func (export "start-init") (param i32)))"#,
            "-f 'start-init(…)' gives it",
            0,
        ),
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

#[test]
fn components_are_told_apart() {
    let place = Place::new();
    let with = |core_ty: &str, ty: &str, exports: &str| {
        format!(
            r#"(core module $m (func (export "f") {core_ty})) (core instance $i (instantiate $m))
            (func $f {ty} (canon lift (core func $i "f"))) {exports}"#
        )
    };
    let function = |exports: &str| with("", "", exports);
    let exported = |name: &str| format!(r#"(export "{name}" (func $f))"#);
    let of_instance = |instance: &str, name: &str| {
        format!(
            r#"(component $c (import "f" (func $g)) (export "{name}" (func $g)))
            (instance $j (instantiate $c (with "f" (func $f)))) (export "{instance}" (instance $j))"#
        )
    };
    let stdin = r#"(import "wasi:cli/stdin@0.2.0" (instance))"#;
    for (parts, expected, exit) in [
        (function(&exported("wizer-initialize")), "component.wat -o snapshot.wasm\n", 0),
        (function(&exported("component-init")), "component.wat -o snapshot.wasm\n", 0),
        (function(&exported("warm-up")), "-f warm-up\n", 0),
        (with("(param i32)", r#"(param "n" s32)"#, &exported("init")), "-f 'init(…)' gives it", 1),
        (function(&exported("query")), "name one with -f", 1),
        (function(&of_instance("a:b/c@1.0.0", "init")), "-f 'a:b/c@1.0.0#init'\n", 0),
        (
            format!("{stdin} {}", function(&of_instance("wasi:cli/run@0.2.0", "run"))),
            "--allow-wasi --at stdin\n",
            0,
        ),
        (function(&of_instance("wasi:cli/run@0.2.0", "run")), "asks for nothing", 1),
        (
            format!(
                "{stdin} {}",
                function(&[of_instance("wasi:cli/run@0.2.0", "run"), exported("preinit")].concat())
            ),
            "--allow-wasi\n",
            0,
        ),
    ] {
        place.write("component.wat", format!("(component {parts})"));
        let output = place.line("inspect component.wat");
        assert!(stdout(&output).contains(expected), "{parts}: {}", stdout(&output));
        assert_eq!(code(&output), exit, "{parts}");
    }
}
