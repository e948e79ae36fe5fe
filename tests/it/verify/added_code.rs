//! Code that a snapshot adds: the verifier adds the same, or cannot tell.

use super::{quick, verdict, wasm};
use preinit::stages::engine::Compiler;
use preinit::verify::{Assumption, Outcome, Verdict, VerifyOptions, verify};
use preinit::{Layout, Options, Preinit};

const ORIGINAL: &str = r#"(module
    (memory (export "memory") 1)
    (func $i (export "preinit") (i32.store (i32.const 0) (i32.const 42)))
    (func $check (param i64) (result i32) (i64.eq (local.get 0) (i64.const 0x1122334455667788)))
    (func $auth (export "auth") (param i64) (result i32) (call $check (local.get 0))))"#;

/// The start of a snapshot of it: everything but exports.
const SNAPSHOT: &str = r#"(module
    (memory (export "memory") 1) (data (i32.const 0) "\2a")
    (func $i (i32.store (i32.const 0) (i32.const 42)))
    (func $check (param i64) (result i32) (i64.eq (local.get 0) (i64.const 0x1122334455667788)))
    (func $auth (param i64) (result i32) (call $check (local.get 0)))"#;

fn verdict_on(added: &str) -> Verdict {
    verdict(ORIGINAL, &format!("{SNAPSHOT} {added})"), &quick())
}

fn cannot_tell(verdict: &Verdict, words: &[&str]) {
    assert_eq!(verdict.outcome, Outcome::CouldNotTell, "{verdict}");
    let text = verdict.to_string();
    for word in words {
        assert!(text.contains(word), "{word} is missing in {text}");
    }
}

#[test]
fn an_export_of_an_added_function() {
    let magic = verdict_on(
        r#"(func (export "auth") (param i64) (result i32)
            (if (result i32) (i64.eq (local.get 0) (i64.const 0x4242424242424242))
                (then (i32.const 1)) (else (call $auth (local.get 0)))))"#,
    );
    cannot_tell(
        &magic,
        &[
            "the snapshot adds functions that are not those which this state needs",
            "function 3 (export `auth`)",
            "redirected: export `auth` leads to a function that was added",
            "added: 1 function\n",
        ],
    );
    assert_eq!(magic.coverage.functions_accounted, 0);
    assert_eq!(magic.coverage.exports_redirected, ["auth"]);
    // What it does is still looked at.
    let wrong = verdict_on(r#"(func (export "auth") (param i64) (result i32) (i32.const 1))"#);
    assert_eq!(wrong.outcome, Outcome::Different, "{wrong}");
    let harmless =
        verdict_on(r#"(func (export "auth") (param i64) (result i32) (call $auth (local.get 0)))"#);
    cannot_tell(&harmless, &["function 3 (export `auth`)"]);
}

#[test]
fn an_export_of_another_function_is_a_difference() {
    let verdict = verdict_on(r#"(export "auth" (func $check))"#);
    assert_eq!(verdict.outcome, Outcome::Different, "{verdict}");
    assert_eq!(verdict.differences[0].key, "export.auth");
}

#[test]
fn a_start_function() {
    let auth = r#"(export "auth" (func $auth))"#;
    for start in ["(func $s) (start $s)", "(func $s (drop (memory.grow (i32.const 0)))) (start $s)"] {
        cannot_tell(&verdict_on(&format!("{auth} {start}")), &["function 3 (start function)"]);
    }
    let verdict = verdict_on(&format!("{auth} (start $i)"));
    assert_eq!(verdict.outcome, Outcome::Different, "{verdict}");
}

#[test]
fn stubs_behind_added_functions() {
    let stubbed = r#"(module (memory (export "memory") 1) (data (i32.const 0) "\2a")
        (func unreachable) (func (param i64) (result i32) unreachable) (func (param i64) (result i32) unreachable)
        (func (export "auth") (param i64) (result i32) (i32.const 0)))"#;
    cannot_tell(
        &verdict(ORIGINAL, stubbed, &quick()),
        &["function 3 (export `auth`)", "3 of the bodies are stubs"],
    );
}

#[test]
fn what_nothing_can_reach_does_no_harm() {
    let verdict = verdict_on(r#"(export "auth" (func $auth)) (func $dead (param i32) unreachable)"#);
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    assert!(verdict.to_string().contains("added: 1 function\n"), "{verdict}");
}

#[test]
fn references_to_added_functions_are_differences() {
    let original = r#"(module
        (table $t (export "t") 2 funcref) (elem $passive func $f) (global $g (mut funcref) (ref.null func))
        (func $f (export "f") (result i32) (i32.const 1))
        (func (export "preinit") (table.set (i32.const 0) (ref.func $f)) (global.set $g (ref.func $f)))
        (func (export "fill") (table.init $passive (i32.const 1) (i32.const 0) (i32.const 1))))"#;
    let snapshot = |passive: &str, slot: &str, global: &str| {
        format!(
            r#"(module
            (table $t (export "t") 2 funcref) (elem $passive func ${passive}) (global $g (mut funcref) (ref.func ${global}))
            (elem (i32.const 0) func ${slot})
            (func $f (export "f") (result i32) (i32.const 1))
            (func (table.set (i32.const 0) (ref.func $f)) (global.set $g (ref.func $f)))
            (func (export "fill") (table.init $passive (i32.const 1) (i32.const 0) (i32.const 1)))
            (func $evil (result i32) (i32.const 1)))"#
        )
    };
    let right = verdict(original, &snapshot("f", "f", "f"), &quick());
    assert_eq!(right.outcome, Outcome::Equal, "{right}");
    for (passive, slot, global, key) in [
        ("evil", "f", "f", "element.0.items"),
        ("f", "evil", "f", "table.0.0"),
        ("f", "f", "evil", "global.0"),
    ] {
        let verdict = verdict(original, &snapshot(passive, slot, global), &quick());
        assert_eq!(verdict.outcome, Outcome::Different, "{key}: {verdict}");
        assert_eq!(verdict.differences[0].key, key, "{verdict}");
    }
}

/// Whatever is provided for the import here, it may be something else there.
#[test]
fn values_that_imports_decide() {
    let module = |(mutability, value): (&str, &str), init: &str| {
        format!(
            r#"(module (import "env" "n" (global $n i32))
            (global $g {mutability} {value}) {init}
            (func (export "g") (result i32) (global.get $g)))"#
        )
    };
    let (constant, variable) = ("i32", "(mut i32)");
    let init = r#"(func (export "preinit"))"#;
    let gone = "(func)";
    let options = VerifyOptions {
        host: preinit::host::HostOptions { stub_all: true, ..Default::default() },
        ..quick()
    };
    let (import, zero) = ("(global.get $n)", "(i32.const 0)");
    let of = |mutability: &str, before: &str, after: &str| {
        verdict(&module((mutability, before), init), &module((mutability, after), gone), &options)
    };
    for (mutability, before, after) in
        [(variable, zero, zero), (variable, import, zero), (constant, zero, zero), (constant, import, import)]
    {
        let verdict = of(mutability, before, after);
        assert_eq!(verdict.outcome, Outcome::Equal, "{mutability} {before} {after}: {verdict}");
    }
    let words = ["depend on what is provided for its imports"];
    cannot_tell(&of(variable, zero, import), &words);
    cannot_tell(&of(constant, zero, import), &words);
    cannot_tell(&of(constant, import, zero), &words);
    // Init may have set it to what the import has here.
    cannot_tell(&of(variable, import, import), &words);
}

/// What is zero here, and what is null, may be something else in the memory and the table of another host.
#[test]
fn what_is_written_to_imports() {
    let module = |init: &str, segments: &str| {
        format!(
            r#"(module (import "env" "memory" (memory 1)) (import "env" "table" (table 4 funcref))
            (func $f (export "f") (result i32) (i32.load (i32.const 0))) {segments}
            (func {init} (i32.store8 (i32.const 0) (i32.const 7)) (table.set (i32.const 0) (ref.func $f))))"#
        )
    };
    let original = wasm(&module(r#"(export "preinit")"#, "(elem declare func $f)"));
    let host = preinit::host::HostOptions { stub_all: true, ..Default::default() };
    let options = VerifyOptions { host: host.clone(), ..quick() };
    let honest = Preinit::from(Options { host, ..Options::default() }).run(&original).unwrap().wasm;
    let verdict = verify(&original, &honest, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    for segments in [
        r#"(data (i32.const 0) "\07\00\00\00") (elem (i32.const 0) func $f)"#,
        r#"(data (i32.const 0) "\07") (data (i32.const 99) "\00") (elem (i32.const 0) func $f)"#,
        r#"(data (i32.const 0) "\07") (elem (i32.const 0) funcref (ref.func $f) (ref.null func))"#,
    ] {
        let verdict = verify(&original, &wasm(&module("", segments)), &options).unwrap();
        cannot_tell(&verdict, &["or write there, in another way than this state needs"]);
    }
}

/// A snapshot that writes zeros over what an imported memory may hold is right only where it holds zeros.
#[test]
fn what_must_be_said_of_imports() {
    let module = |memory: &str, init: &str| {
        wasm(&format!(
            r#"(module (import "env" "memory" (memory {memory}))
            (func (export "f") (result i32) (i32.load (i32.const 64)))
            (func (export "preinit") {init}))"#
        ))
    };
    // Two islands that become one piece; many of them, which a start function writes; one of 64 bits.
    let few = "(i32.store8 (i32.const 1) (i32.const 7)) (i32.store8 (i32.const 5) (i32.const 7))";
    let grown = format!("{few} (drop (memory.grow (i32.const 1)))");
    let wide = "(i32.store8 (i64.const 1) (i32.const 7)) (i32.store8 (i64.const 5) (i32.const 7))";
    let host = preinit::host::HostOptions { stub_all: true, ..Default::default() };
    for (memory, init) in [("1", few), ("1 3", &grown), ("i64 1", wide)] {
        let original = match memory {
            "i64 1" => wasm(&format!(
                r#"(module (import "env" "memory" (memory i64 1)) (func (export "preinit") {init}))"#
            )),
            _ => module(memory, init),
        };
        let made = |fresh_imports: bool| {
            let options = Options { fresh_imports, host: host.clone(), ..Options::default() };
            Preinit::from(options).run(&original).unwrap().wasm
        };
        let on = |snapshot: &[u8], fresh_imports: bool| {
            let options = VerifyOptions { fresh_imports, host: host.clone(), ..quick() };
            verify(&original, snapshot, &options).unwrap()
        };
        let (plain, fresh) = (made(false), made(true));
        assert_ne!(plain, fresh, "{init}");
        for said in [false, true] {
            let verdict = on(&plain, said);
            assert_eq!(verdict.outcome, Outcome::Equal, "{init}: {verdict}");
            assert!(verdict.coverage.assumptions.is_empty(), "{init}: {verdict}");
            let elsewhere = "imported memories, tables or globals hold something else than init got";
            assert!(verdict.to_string().contains(elsewhere), "{init}: {verdict}");
        }
        let unsaid = on(&fresh, false);
        cannot_tell(&unsaid, &["right only if imported memories hold nothing but zeros", "was not said"]);
        assert_eq!(unsaid.coverage.assumptions_needed, [Assumption::FreshImports], "{init}: {unsaid}");
        let said = on(&fresh, true);
        assert_eq!(said.outcome, Outcome::Equal, "{init}: {said}");
        assert_eq!(said.coverage.assumptions, [Assumption::FreshImports], "{init}: {said}");
        assert!(said.to_string().contains("\nassumed: imported memories hold nothing but zeros"), "{said}");
    }
}

const EVERYTHING: &str = r#"(module
    (import "env" "memory" (memory 1 500))
    (import "env" "table" (table 4 funcref))
    (import "env" "count" (global $count (mut i32)))
    (type $list (struct (field $head i32) (field $tail (mut (ref null $list)))))
    (global $all (mut (ref null $list)) (ref.null $list))
    (func $f (export "five") (result i32) (i32.const 5))
    (func (export "preinit") (local $k i32)
        (drop (memory.grow (i32.const 320)))
        (loop $more
            (i32.store (i32.mul (local.get $k) (i32.const 65000)) (local.get $k))
            (global.set $all (struct.new $list (local.get $k) (global.get $all)))
            (local.set $k (i32.add (local.get $k) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get $k) (i32.const 300))))
        (global.set $count (i32.const 9))
        (drop (table.grow (ref.func $f) (i32.const 3))))
    (func (export "first") (result i32) (struct.get $list $head (global.get $all)))
    (func (export "read") (param i32) (result i32) (i32.load (local.get 0))))"#;

/// In every layout, and where imports become the module's own.
#[test]
fn what_preinit_adds_is_accounted_for() {
    let original = wasm(EVERYTHING);
    for layout in [Layout::Auto, Layout::Compact, Layout::Mappable, Layout::Sparse] {
        let choices = [(false, false, false), (true, false, true), (false, true, true)];
        let tried = if layout == Layout::Auto { 3 } else { 1 };
        for (internalize, keep, strip) in choices.into_iter().take(tried) {
            let host = preinit::host::HostOptions { stub_all: true, ..Default::default() };
            let options = Options {
                layout,
                internalize,
                keep_init_functions: keep,
                strip_init: strip,
                host: host.clone(),
                ..Options::default()
            };
            let snapshot = Preinit::from(options).run(&original).unwrap().wasm;
            let engines = vec![Compiler::Cranelift];
            let few = VerifyOptions { sequences: 1, depth: 2, engines, host, internalize, ..quick() };
            let verdict = verify(&original, &snapshot, &few).unwrap();
            let what = format!("{layout:?}, {internalize}, {keep}, {strip}: {verdict}");
            assert_eq!(verdict.outcome, Outcome::Equal, "{what}");
            assert!(verdict.coverage.functions_accounted > 0, "{what}");
            assert!(what.contains("what preinit adds for this state"), "{what}");
        }
    }
}

#[test]
fn what_an_answer_without_returns_is_worth() {
    let of = |body: &str, options: &VerifyOptions| {
        let module = |init: &str| {
            format!(
                r#"(module (global $g (mut i32) (i32.const 0)) (func {init}) (func (export "f") {body}))"#
            )
        };
        verdict(&module(r#"(export "preinit")"#), &module(""), options)
    };
    let few = VerifyOptions { fuel: 1000, ..quick() };
    let endless = of("(loop $l (br $l))", &few);
    assert_eq!(endless.outcome, Outcome::Equal);
    assert!(
        endless.to_string().contains("no call came to its end: only the state and the code"),
        "{endless}"
    );
    let traps = of("unreachable", &few);
    assert!(traps.to_string().contains("no call returned: those that ended trapped"), "{traps}");
    let none = of("", &VerifyOptions { sequences: 0, ..quick() });
    assert!(none.to_string().contains("no call was made: only the state and the code"), "{none}");
    let returns = of("", &quick());
    assert!(!returns.to_string().contains("no call"), "{returns}");
}

#[test]
fn custom_sections_that_differ_are_named() {
    let module =
        |init: &str, sections: &str| format!(r#"(module (func {init}) (func (export "f")) {sections})"#);
    let original = module(
        r#"(export "preinit")"#,
        r#"(@custom "same" "1") (@custom "build_id" "2") (@custom "licenses" "3")"#,
    );
    let snapshot = module("", r#"(@custom "same" "1") (@custom "licenses" "4") (@custom ".debug_\n" "5")"#);
    let verdict = verdict(&original, &snapshot, &quick());
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    let text = verdict.to_string();
    let named = "these differ: `.debug_\\n` (added), `build_id` (missing), `licenses` (changed)\n";
    assert!(text.contains(named), "{text}");
}

/// Types that look the same are the same only in groups that are the same: here a call of the other type must trap.
#[test]
fn recursion_groups_that_differ_are_differences() {
    let module = |types: &str, data: &str, init: &str| {
        format!(
            r#"(module {types} (type $n (func))
                (memory (export "m") 1) {data} (table 1 funcref) (elem (i32.const 0) $f)
                (func {init} (type $n) (i32.store (i32.const 8) (i32.const 77)))
                (func $f (type $user) (i32.const 666))
                (func (export "login") (param i32) (result i32)
                    (if (i32.eq (local.get 0) (i32.const 123454321))
                        (then (return (call_indirect (type $admin) (i32.const 0)))))
                    (i32.const 0)))"#
        )
    };
    let (init, data) = ("(export \"preinit\")", "(data (i32.const 8) \"\\4d\")");
    let user = "(type $user (func (result i32)))";
    let admin = "(type $admin (func (result i32)))";
    let grouped = format!("(rec {user} {admin})");
    let apart = format!("{user} {admin}");
    for (before, after, outcome) in [
        (&grouped, &apart, Outcome::Different),
        (&apart, &grouped, Outcome::Different),
        (&grouped, &grouped, Outcome::Equal),
        (&apart, &apart, Outcome::Equal),
    ] {
        let verdict = verdict(&module(before, "", init), &module(after, data, ""), &quick());
        assert_eq!(verdict.outcome, outcome, "{before} {after}: {verdict}");
        let groups = verdict.differences.iter().filter(|difference| difference.key == "type.0.group");
        assert_eq!(groups.count(), usize::from(outcome == Outcome::Different), "{verdict}");
    }
}
