use super::binary;
use crate::component::{Component, without_export};

/// The unused exports of each core module, once `init` is no export any more.
fn unused(text: &str) -> Vec<Vec<String>> {
    let wasm = without_export(&binary(text), "init").unwrap();
    let component = Component::parse(&wasm).unwrap();
    let unused = component.unused_exports().unwrap();
    unused.into_iter().map(|names| names.into_iter().map(str::to_string).collect()).collect()
}

const MODULE: &str = r#"(core module $m
    (func (export "init")) (func (export "run")) (func (export "post")) (func (export "post-of-init"))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable) (memory (export "memory") 1))"#;

#[test]
fn what_was_only_for_init_is_unused() {
    let text = format!(
        r#"(component {MODULE} (core instance $i (instantiate $m))
            (func (export "init") (canon lift (core func $i "init") (post-return (func $i "post-of-init"))))
            (func (export "run") (canon lift (core func $i "run") (post-return (func $i "post")))))"#
    );
    assert_eq!(unused(&text), [["init", "post-of-init", "realloc"]]);
}

/// Another export, another component, another core instance, a lowered function and a destructor use it too.
#[test]
fn what_others_use_stays() {
    let with = |more: &str| {
        unused(&format!(
            r#"(component {MODULE} (core instance $i (instantiate $m))
                (func $init (canon lift (core func $i "init")))
                (export "init" (func $init))
                (func (export "run") (canon lift (core func $i "run") (post-return (func $i "post")))) {more})"#
        ))
    };
    assert_eq!(with("")[0], ["init", "post-of-init", "realloc"]);
    assert_eq!(with(r#"(export "again" (func $init))"#)[0], ["post-of-init", "realloc"]);
    assert_eq!(with(r#"(instance (export "init" (func $init)))"#)[0], ["post-of-init", "realloc"]);
    assert_eq!(with("(core func (canon lower (func $init)))")[0], ["post-of-init", "realloc"]);
    let given = r#"(core module $n (import "m" "post-of-init" (func)))"#;
    let bundle = r#"(core instance (instantiate $n (with "m" (instance (export "post-of-init" (func $i "post-of-init"))))))"#;
    assert_eq!(with(&format!("{given} {bundle}"))[0], ["init", "realloc"]);
    let whole = r#"(core instance (instantiate $n (with "m" (instance $i))))"#;
    assert!(with(&format!("{given} {whole}"))[0].is_empty());
    let destructor = r#"(core module $d (func (export "drop") (param i32)) (func (export "other")))
        (core instance $d (instantiate $d)) (type (resource (rep i32) (dtor (func $d "drop"))))"#;
    assert_eq!(with(destructor)[1], ["other"]);
}

#[test]
fn nothing_is_known_of_modules_that_are_handed_over() {
    let text = |more: &str| {
        format!(
            r#"(component $root {MODULE} (core instance $i (instantiate $m))
                (func (export "init") (canon lift (core func $i "init"))) {more})"#
        )
    };
    assert!(!unused(&text(""))[0].is_empty());
    for more in [
        r#"(export "m" (core module $m))"#,
        "(component (alias outer $root $m (core module $n)) (core instance (instantiate $n)))",
        r#"(component $c (import "m" (core module))) (instance (instantiate $c (with "m" (core module $m))))"#,
    ] {
        assert!(unused(&text(more)).iter().all(Vec::is_empty), "{more}");
    }
}
