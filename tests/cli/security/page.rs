//! A page of HTML shows what a module says and runs none of it.

use crate::{Place, code, stderr};

const SCRIPTS: [&str; 5] = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\" onload=\"alert(1)",
    "<!--<script>",
    "alert(1)\u{9b}31m\u{7f}\u{202e}",
];

#[test]
fn a_page_runs_no_script_of_the_module() {
    let place = Place::new();
    for script in SCRIPTS {
        let name: String = script.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        place.write(
            "in.wat",
            format!(
                r#"(module
                (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
                (import "{name}" "{name}" (func $import))
                (memory (export "memory") 1)
                (data (i32.const 0) "\10\00\00\00\30\00\00\00") (data (i32.const 16) "{name}")
                (func (export "{name}") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
                    (call $import))
                (@custom "{name}" "{name}"))"#
            ),
        );
        let line =
            ["in.wat", "-o", "out.wasm", "--allow-wasi", "--stub-all", "--report", "page.html", "-f", script];
        let made = place.run(line);
        assert_eq!(code(&made), 0, "{}", stderr(&made));
        harmless(&place, script);
        let audited = place.run([
            "audit",
            "in.wat",
            "--allow-wasi",
            "--stub-all",
            "--report",
            "page.html",
            "-f",
            script,
        ]);
        assert_eq!(code(&audited), 0, "{}", stderr(&audited));
        harmless(&place, script);
        // A refusal has a page too.
        let refused =
            place.run(["in.wat", "-o", "out.wasm", "--allow-wasi", "--report", "page.html", "-f", script]);
        assert_eq!(code(&refused), 1, "{}", stderr(&refused));
        harmless(&place, script);
    }
}

fn harmless(place: &Place, script: &str) {
    let page = String::from_utf8(place.read("page.html")).unwrap();
    assert!(!page.contains(script), "{script}");
    assert!(!page.contains("alert(1)</script>"), "{script}");
    assert!(page.contains("alert(1)") || !script.contains("alert(1)"), "the page shows the name");
}
