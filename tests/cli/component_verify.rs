//! All options of the command that change a component, and what `verify` says of what they make.

use super::{Place, code, done, stderr, stdout};

/// A component with everything that an option can change: an import that only init needs, a clock, a table that another core instance
/// fills, exports of several sorts.
const COMPONENT: &str = r#"(component
    (import "my:init/loader" (instance $loader (export "load" (func (result u32)))))
    (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (export "now" (func (result u64)))))
    (core func $load (canon lower (func $loader "load")))
    (core func $now (canon lower (func $clock "now")))
    (core module $owner
      (table (export "t") 4 funcref)
      (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))
    (core instance $owner (instantiate $owner))
    (core module $m
      (import "" "load" (func $load (result i32)))
      (import "" "now" (func $now (result i64)))
      (import "o" "t" (table $t 4 funcref))
      (memory 1)
      (global $g (mut i32) (i32.const 1))
      (func $seven (result i32) (i32.const 7))
      (elem declare func $seven)
      (func $mark (export "mark") (drop (i32.load (i32.const 0))))
      (func $only-init (i32.store (i32.const 40000) (i32.const 5)))
      (func $init (export "init")
        (drop (call $now))
        (global.set $g (i32.add (call $load) (i32.const 20)))
        (call $only-init)
        (call $mark)
        (table.set $t (i32.const 2) (ref.func $seven)))
      (func (export "get") (result i32) (i32.add (global.get $g) (i32.load (i32.const 40000)))))
    (core instance $i (instantiate $m (with "o" (instance $owner))
      (with "" (instance (export "load" (func $load)) (export "now" (func $now))))))
    (func (export "preinit") (canon lift (core func $i "init")))
    (func (export "get") (result u32) (canon lift (core func $i "get")))
    (func (export "call") (param "x" u32) (result u32) (canon lift (core func $owner "call"))))"#;

/// What goes with the option, what `verify` is told, and what it says. Where it is not told, it must not say that both are equal.
struct Row {
    option: &'static str,
    told: &'static str,
    not_told: Option<(i32, &'static str)>,
}

const fn row(option: &'static str, told: &'static str, not_told: Option<(i32, &'static str)>) -> Row {
    Row { option, told, not_told }
}

const ROWS: &[Row] = &[
    row("", "", None),
    row("--keep-init-func", "", None),
    row("--init-func preinit", "--init-func preinit", None),
    row("--init-func get --init-result any", "--init-func get", Some((1, "different"))),
    row("--rename-func answer=get", "--rename-func answer=get", Some((1, "component"))),
    row("--rename-func again=preinit", "--rename-func again=preinit", Some((1, "component"))),
    row("--cut-import my:init/loader", "--cut-import my:init/loader", Some((1, "component"))),
    row(
        "--cut-import my:init/loader -r a=get",
        "--cut-import my:init/loader -r a=get",
        Some((1, "component")),
    ),
    row("--layout compact", "", None),
    row("--layout mappable", "", None),
    row("--layout sparse", "", None),
    row("--strip-init", "", None),
    row("--strip-init --keep-init-func --layout compact", "", None),
    row("--rebase-clock", "", None),
    row(
        "--rebase-clock --cut-import my:init/loader --strip-init",
        "--cut-import my:init/loader",
        Some((1, "component")),
    ),
    row("--at export:mark", "--at export:mark", Some((1, "different"))),
    row("--at export:mark --rebase-clock=false", "--at export:mark", Some((1, "different"))),
    row("--at export:mark --strip-init --layout compact", "--at export:mark", Some((1, "different"))),
    row(
        "--at export:mark --rename-func go=preinit",
        "--at export:mark --rename-func go=preinit",
        Some((1, "different")),
    ),
    row(
        "--at export:mark --cut-import my:init/loader",
        "--at export:mark --cut-import my:init/loader",
        Some((1, "component")),
    ),
    row("--allow-live-handles", "--allow-live-handles", None),
    row("--allow-live-handles --keep-adapter-state", "--allow-live-handles --keep-adapter-state", None),
    row("--opt", "", None),
    row("--no-opt", "", None),
];

/// Options that make a state which is not that of the original after init, or that components lack: they are refused with `--verify`,
/// or on their own.
const REFUSED: &[(&str, &str)] = &[
    ("--zero-stack", "--zero-stack"),
    ("--reset-libc", "--reset-libc"),
    ("--scrub", "--scrub"),
    ("--before-capture get", "--before-capture"),
    ("--internalize", "--internalize"),
    ("--fresh-imports", "--fresh-imports"),
];

const HOST: &str = "--allow-wasi --stub my:init/loader#load";

#[test]
fn what_each_option_makes_is_verified() {
    let place = Place::new();
    place.write("c.wat", COMPONENT);
    for Row { option, told, not_told } in ROWS {
        let host = if option.contains("--stub-all") { "--allow-wasi --stub-all" } else { HOST };
        done(&place.line(&format!("c.wat -o out.wasm {host} {option}")));
        let output = place.line(&format!("verify c.wat out.wasm {host} {told} --sequences 3"));
        assert_eq!(code(&output), 0, "{option}: {}{}", stdout(&output), stderr(&output));
        done(&place.line(&format!("c.wat -o again.wasm {host} {option} --verify")));
        assert!(place.read("again.wasm") == place.read("out.wasm"), "{option}");
        if let Some((expected, words)) = not_told {
            let output = place.line(&format!("verify c.wat out.wasm {host} --sequences 3"));
            assert_eq!(code(&output), *expected, "{option}: {}{}", stdout(&output), stderr(&output));
            assert!(stdout(&output).contains(words), "{option}: {}", stdout(&output));
        }
    }
}

#[test]
fn what_cannot_be_verified_is_refused_by_its_name() {
    let place = Place::new();
    place.write("c.wat", COMPONENT);
    for (option, name) in REFUSED {
        let output = place.line(&format!("c.wat -o out.wasm {HOST} {option} --verify"));
        assert_ne!(code(&output), 0, "{option}");
        assert!(stderr(&output).contains(name), "{option}: {}", stderr(&output));
    }
}

/// A snapshot that was made with one option is not one that was made with another, and a call of what was cut shows.
#[test]
fn a_cut_import_that_is_still_called_is_different() {
    let place = Place::new();
    place.write("c.wat", COMPONENT);
    let make = "--init-func preinit --keep-init-func --cut-import my:init/loader";
    done(&place.line(&format!("c.wat -o out.wasm {HOST} {make}")));
    let verify = "--init-func preinit --cut-import my:init/loader --call preinit()";
    let output = place.line(&format!("verify c.wat out.wasm {HOST} {verify}"));
    assert_eq!(code(&output), 1, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("step.0.result"), "{}", stdout(&output));
    // It is an import of a component.
    let output = place.line("verify in.wasm in.wasm --init-func init --cut-import a:b/c");
    assert_eq!(code(&output), 2, "{}", stdout(&output));
    assert!(stderr(&output).contains("component"), "{}", stderr(&output));
}
