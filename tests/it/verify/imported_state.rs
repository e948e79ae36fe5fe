//! What the values of imports decide is in a snapshot as preinit puts it there, or the verifier does not vouch for it: with the values
//! that imports have here, a wrong one is in the right state.

use super::{quick, wasm};
use preinit::host::{HostOptions, Preload};
use preinit::verify::{Outcome, Verdict, VerifyOptions, verify};
use preinit::{Layout, Options, Preinit};

/// A module, what its init does, and, for some snapshots of it that hide something, what each has instead.
struct Case {
    name: &'static str,
    /// With INIT where init's body belongs, and CHANGED where the snapshots differ.
    module: &'static str,
    init: &'static str,
    original: &'static str,
    snapshots: &'static [&'static str],
}

const CASES: [Case; 12] = [
    Case {
        name: "data at an import",
        module: r#"(import "env" "n" (global $n i32)) (memory 1) CHANGED (func INIT)
            (func (export "load") (result i32) (i32.load8_u (global.get $n)))"#,
        init: "",
        original: r#"(data (global.get $n) "user")"#,
        snapshots: &[
            r#"(data (global.get $n) "root") (data (i32.const 0) "user")"#,
            r#"(data (global.get $n) "user")"#,
            r#"(data (i32.const 0) "user") (data (global.get $n) "")"#,
        ],
    },
    Case {
        name: "data at what is made of an import",
        module: r#"(import "env" "n" (global $n i32)) (global $at i32 (i32.add (global.get $n) (i32.const 8)))
            (memory 1) CHANGED (func INIT)
            (func (export "load") (result i32) (i32.load8_u (global.get $at)))"#,
        init: "",
        original: r#"(data (global.get $at) "user")"#,
        snapshots: &[
            r#"(data (global.get $at) "root") (data (i32.const 8) "user")"#,
            r#"(data (i32.mul (global.get $at) (i32.const 1)) "user")"#,
        ],
    },
    Case {
        name: "data of 64 bits",
        module: r#"(import "env" "n" (global $n i64)) (memory i64 1) CHANGED (func INIT)
            (func (export "load") (result i32) (i32.load8_u (global.get $n)))"#,
        init: "",
        original: r#"(data (global.get $n) "user")"#,
        snapshots: &[r#"(data (global.get $n) "root") (data (i64.const 0) "user")"#],
    },
    Case {
        name: "slots at an import",
        module: r#"(import "env" "n" (global $n i32)) (table 8 funcref) CHANGED
            (func $deny (export "deny") (result i32) (i32.const 0)) (func $allow (export "allow") (result i32) (i32.const 1))
            (func INIT)
            (func (export "check") (result i32) (call_indirect (result i32) (global.get $n)))"#,
        init: "",
        original: "(elem (global.get $n) func $deny)",
        snapshots: &[
            "(elem (global.get $n) func $allow) (elem (i32.const 0) func $deny)",
            "(elem (global.get $n) funcref (ref.func $allow)) (elem (i32.const 0) func $deny)",
            "(elem (global.get $n) func $deny)",
        ],
    },
    Case {
        name: "a slot that holds an import",
        module: r#"(import "env" "f" (global $f funcref)) (table 8 funcref) CHANGED (func INIT)
            (func (export "is_null") (result i32) (ref.is_null (table.get (i32.const 0))))"#,
        init: "(table.set (i32.const 0) (ref.null func))",
        original: "(elem (i32.const 0) funcref (global.get $f))",
        snapshots: &["(elem (i32.const 0) funcref (global.get $f))"],
    },
    Case {
        name: "a table that is filled with an import",
        module: r#"(import "env" "f" (global $f funcref)) CHANGED (func INIT)
            (func (export "is_null") (result i32) (ref.is_null (table.get (i32.const 1))))"#,
        init: "(table.fill (i32.const 0) (ref.null func) (i32.const 4))",
        original: "(table 4 funcref (global.get $f))",
        snapshots: &["(table 4 funcref (global.get $f))"],
    },
    Case {
        name: "a variable that begins as an import",
        module: r#"(import "env" "n" (global $n i32)) CHANGED (func INIT)
            (func (export "is_admin") (result i32) (global.get $admin))"#,
        init: "(global.set $admin (i32.const 0))",
        original: "(global $admin (mut i32) (global.get $n))",
        snapshots: &["(global $admin (mut i32) (global.get $n))"],
    },
    Case {
        name: "a variable that begins as what is made of an import",
        module: r#"(import "env" "n" (global $n i64)) (global $copy i64 (global.get $n)) CHANGED (func INIT)
            (func (export "is_admin") (result i64) (global.get $admin))"#,
        init: "(global.set $admin (i64.const 7))",
        original: "(global $admin (mut i64) (i64.add (global.get $copy) (i64.const 7)))",
        snapshots: &["(global $admin (mut i64) (i64.add (global.get $copy) (i64.const 7)))"],
    },
    Case {
        name: "a variable that begins as a function of an import",
        module: r#"(import "env" "f" (global $f funcref)) CHANGED (func INIT)
            (func (export "is_null") (result i32) (ref.is_null (global.get $g)))"#,
        init: "(global.set $g (ref.null func))",
        original: "(global $g (mut funcref) (global.get $f))",
        snapshots: &["(global $g (mut funcref) (global.get $f))"],
    },
    Case {
        name: "an object that is made of an import",
        module: r#"(type $s (struct (field (mut i32)))) (import "env" "n" (global $n i32)) CHANGED (func INIT)
            (func (export "is_admin") (result i32) (struct.get $s 0 (global.get $o)))"#,
        init: "(struct.set $s 0 (global.get $o) (i32.const 0))",
        original: "(global $o (ref $s) (struct.new $s (global.get $n)))",
        snapshots: &["(global $o (ref $s) (struct.new $s (global.get $n)))"],
    },
    Case {
        name: "an object of a segment that is made of an import",
        module: r#"(type $s (struct (field (mut i32)))) (type $a (array (mut (ref null $s))))
            (import "env" "n" (global $n i32)) CHANGED (func INIT)
            (func $o (result (ref null $s))
                (array.get $a (array.new_elem $a $e (i32.const 0) (i32.const 1)) (i32.const 0)))
            (func (export "is_admin") (result i32) (struct.get $s 0 (call $o)))"#,
        init: "(struct.set $s 0 (call $o) (i32.const 0))",
        original: "(elem $e (ref null $s) (item (struct.new $s (global.get $n))))",
        snapshots: &["(elem $e (ref null $s) (item (struct.new $s (global.get $n))))"],
    },
    Case {
        name: "a constant beside an import",
        module: r#"(import "env" "n" (global $n i32)) (global $one i32 (i32.const 1)) CHANGED (func INIT)
            (func (export "get") (result i32) (i32.add (global.get $c) (global.get $n)))"#,
        init: "",
        original: "(global $c i32 (i32.add (global.get $one) (global.get $n)))",
        snapshots: &[
            "(global $c i32 (i32.const 1))",
            "(global $c i32 (global.get $one))",
            "(global $c i32 (i32.add (i32.const 1) (global.get $n)))",
        ],
    },
];

impl Case {
    fn with(&self, changed: &str, export: &str) -> Vec<u8> {
        let body = format!("{export} {}", self.init);
        wasm(&format!("(module {})", self.module.replace("CHANGED", changed).replace("INIT", &body)))
    }
}

fn host() -> HostOptions {
    HostOptions { stub_all: true, ..HostOptions::default() }
}

fn verdict(original: &[u8], snapshot: &[u8], host: &HostOptions) -> Verdict {
    let options = VerifyOptions { host: host.clone(), sequences: 2, depth: 2, ..quick() };
    verify(original, snapshot, &options).unwrap()
}

fn made(original: &[u8], options: Options) -> Vec<u8> {
    Preinit::from(options).run(original).unwrap().wasm
}

fn cannot_tell(verdict: &Verdict, what: &str) {
    assert_eq!(verdict.outcome, Outcome::CouldNotTell, "{what}: {verdict}");
    assert!(verdict.to_string().contains("depend on what is provided for its imports"), "{what}: {verdict}");
}

#[test]
fn what_imports_decide_is_as_preinit_writes_it_or_not_vouched_for() {
    for case in &CASES {
        let original = case.with(case.original, r#"(export "preinit")"#);
        for layout in [Layout::Auto, Layout::Compact, Layout::Mappable, Layout::Sparse] {
            for keep in [false, true] {
                let options =
                    Options { layout, keep_init_functions: keep, host: host(), ..Options::default() };
                let honest = verdict(&original, &made(&original, options), &host());
                assert_eq!(honest.outcome, Outcome::Equal, "{}: {honest}", case.name);
            }
        }
        for snapshot in case.snapshots {
            for export in ["", r#"(export "preinit")"#] {
                let found = verdict(&original, &case.with(snapshot, export), &host());
                cannot_tell(&found, &format!("{}, {snapshot}", case.name));
            }
        }
    }
}

/// Whatever init did, constants are what they were, and so are functions in segments that no instance has used yet.
#[test]
fn what_init_cannot_change_may_stay_as_it_is() {
    let module = |init: &str| {
        wasm(&format!(
            r#"(module (import "env" "n" (global $n i32)) (import "env" "f" (global $f funcref))
            (global $c i32 (i32.add (global.get $n) (i32.const 1))) (global $g funcref (global.get $f))
            (table 2 funcref) (elem $e funcref (global.get $f) (ref.null func))
            (func {init}) (func (export "get") (result i32) (global.get $c))
            (func (export "fill") (table.init $e (i32.const 0) (i32.const 0) (i32.const 2))))"#
        ))
    };
    let found = verdict(&module(r#"(export "preinit")"#), &module(""), &host());
    assert_eq!(found.outcome, Outcome::Equal, "{found}");
}

/// An object that an import brings along holds here what init writes into it; elsewhere it may not.
#[test]
fn objects_that_imports_bring_along_are_written_to() {
    let s = "(type $s (struct (field (mut i32))))";
    let provider = format!(
        r#"(module {s} (global (export "o") (ref $s) (struct.new $s (i32.const 0)))
        (table (export "t") 1 (ref $s) (struct.new $s (i32.const 0)))
        (global (export "x") externref (extern.convert_any (struct.new $s (i32.const 0)))))"#
    );
    let wasm_of = |text: &str| wasm(text);
    let preload = Preload { name: "env".into(), wasm: wasm_of(&provider) };
    let host = HostOptions { preloads: vec![preload], ..HostOptions::default() };
    let imports = [
        (r#"(global $o (import "env" "o") (ref $s))"#, "(global.get $o)"),
        (r#"(table $t (import "env" "t") 1 (ref $s))"#, "(table.get $t (i32.const 0))"),
        (
            r#"(global $x (import "env" "x") externref)"#,
            "(ref.cast (ref $s) (any.convert_extern (global.get $x)))",
        ),
    ];
    for (import, object) in imports {
        let module = |export: &str| {
            wasm_of(&format!(
                r#"(module {s} {import} (func {export} (struct.set $s 0 {object} (i32.const 0)))
                (func (export "is_admin") (result i32) (struct.get $s 0 {object})))"#
            ))
        };
        let original = module(r#"(export "preinit")"#);
        let options = Options { host: host.clone(), ..Options::default() };
        let honest = verdict(&original, &made(&original, options), &host);
        assert_eq!(honest.outcome, Outcome::Equal, "{import}: {honest}");
        cannot_tell(&verdict(&original, &module(""), &host), import);
    }
}

/// An item that names a function is compared as a whole.
#[test]
fn items_that_name_a_function_are_compared_with_the_rest_of_them() {
    let module = |item: &str, export: &str| {
        wasm(&format!(
            r#"(module (type $s (struct (field funcref) (field i32))) (type $a (array (mut (ref null $s))))
            (func $f) (func $g) (elem declare func $f $g) (elem $e (ref null $s) (item {item}))
            (func {export})
            (func (export "y") (param i32) (result i32)
                (if (result i32) (i32.eq (local.get 0) (i32.const 0x13572468))
                    (then (struct.get $s 1 (array.get $a (array.new_elem $a $e (i32.const 0) (i32.const 1)) (i32.const 0))))
                    (else (i32.const 5)))))"#
        ))
    };
    let original = module("(struct.new $s (ref.func $f) (i32.const 0))", r#"(export "preinit")"#);
    for (item, outcome) in [
        ("(struct.new $s (ref.func $f) (i32.const 0))", Outcome::Equal),
        ("(struct.new $s (ref.func $f) (i32.const 1))", Outcome::Different),
        ("(struct.new $s (ref.func $g) (i32.const 0))", Outcome::Different),
    ] {
        let found = verdict(&original, &module(item, ""), &HostOptions::default());
        assert_eq!(found.outcome, outcome, "{item}: {found}");
        let has_items = found.differences.iter().any(|difference| difference.key == "element.1.items");
        assert_eq!(has_items, outcome == Outcome::Different, "{item}: {found}");
    }
}
