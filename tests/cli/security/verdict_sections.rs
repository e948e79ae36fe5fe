//! The verifier does not vouch for custom sections that a run time acts upon.

use crate::{Place, code, done, stdout};

/// A custom section of at most 100 bytes.
fn section(name: &str, payload: &str) -> Vec<u8> {
    let length = u8::try_from(1 + name.len() + payload.len()).unwrap();
    assert!(length < 128);
    let mut section = vec![0, length, u8::try_from(name.len()).unwrap()];
    section.extend([name.as_bytes(), payload.as_bytes()].concat());
    section
}

/// With sections after the original and the snapshot. The exit code, and the answer.
fn verify(original: &[Vec<u8>], snapshot: &[Vec<u8>]) -> (i32, String) {
    let place = Place::new();
    done(&place.line("in.wasm -o out.wasm"));
    for (path, more) in [("in.wasm", original), ("out.wasm", snapshot)] {
        place.write(path, [place.read(path), more.concat()].concat());
    }
    let output = place.line("verify in.wasm out.wasm --time 50ms");
    (code(&output), stdout(&output))
}

#[test]
fn sections_that_a_run_time_acts_upon_are_not_vouched_for() {
    let (a, b) = (section("preinit.js", "a"), section("preinit.js", "b"));
    let (none, one, other, both) = (vec![], vec![a.clone()], vec![b.clone()], vec![a, b]);
    for (original, snapshot, how) in [
        (&none, &one, "added"),
        (&one, &other, "changed"),
        (&one, &both, "changed"),
        (&one, &none, "missing"),
    ] {
        let (exit, text) = verify(original, snapshot);
        assert_eq!(exit, 2, "{how}: {text}");
        assert!(
            text.contains(&format!("not known: the custom section `preinit.js` ({how}) decides ")),
            "{text}"
        );
    }
    // One of each kind that is told by its name.
    let names = [
        "preinit.js.helper",
        "component-type:a",
        "icp:public candid",
        "cw_migrate_version",
        "jwt",
        "io.kubewarden.metadata",
        "zed:api-version",
        "teavm.imports",
    ];
    let (exit, text) = verify(&none, &names.map(|name| section(name, "a")));
    assert_eq!(exit, 2, "{text}");
    for name in names {
        assert!(text.contains(&format!("not known: the custom section `{name}` (added) decides ")), "{text}");
    }
    for name in ["wasmedge", "precompiled_v8_v1", "wamr-aot"] {
        let (exit, text) = verify(&none, &[section(name, "a")]);
        assert_eq!(exit, 1, "{text}");
        assert!(text.contains("carries machine code that its host runs instead of its functions"), "{text}");
    }
    // preinit keeps them as they are, and others do no harm.
    let harmless = ["build_id", "metadata.code.branch_hint", ".debug_x", "signature", "target_features"];
    let mut more = one.clone();
    more.extend(harmless.map(|name| section(name, "a")));
    let (exit, text) = verify(&one, &more);
    assert_eq!(exit, 0, "{text}");
    for name in harmless {
        assert!(text.contains(&format!("`{name}` (added)")), "{text}");
    }
}

/// Somebody may read what is not known here.
#[test]
fn sections_that_are_not_known_are_not_vouched_for() {
    for name in ["name2", "preinit", "a preinit.js", "Name", "metadata.codes", "a.debug_info", "\u{e9}"] {
        let (a, b) = (section(name, "a"), section(name, "b"));
        for (original, snapshot, how) in [
            (vec![], vec![a.clone()], "added"),
            (vec![a.clone()], vec![b], "changed"),
            (vec![a], vec![], "missing"),
        ] {
            let (exit, text) = verify(&original, &snapshot);
            assert_eq!(exit, 2, "{name} {how}: {text}");
            let words = format!("what hosts do with the custom section `{name}` ({how}) is not known");
            assert!(text.contains(&words), "{text}");
        }
    }
    let place = Place::new();
    done(&place.line("in.wasm -o out.wasm"));
    place.write("out.wasm", [place.read("out.wasm"), section("abc", "x"), section("abd", "y")].concat());
    for (ignored, expected) in [("custom.abc", 2), ("custom.ab*", 0), ("custom.*", 0), ("abc", 2)] {
        let output = place.line(&format!("verify in.wasm out.wasm --time 50ms --ignore {ignored}"));
        assert_eq!(code(&output), expected, "{ignored}: {}", stdout(&output));
        assert!(stdout(&output).contains("`abd` (added)"), "{}", stdout(&output));
    }
}

#[test]
fn no_number_of_sections_hides_one_that_matters() {
    let mut sections: Vec<_> = (0..3000).map(|number| section(&format!("a{number}"), "")).collect();
    sections.push(section("preinit.js", "{}"));
    sections.push(section("preinit.js.helper", "f()"));
    let (exit, text) = verify(&[], &sections);
    assert_eq!(exit, 2, "{text}");
    assert!(text.contains("these differ: `preinit.js` (added), `preinit.js.helper` (added), `"), "{text}");
    assert!(
        text.contains("`preinit.js` (added) and 1 more decides what JavaScript puts into an instance"),
        "{text}"
    );
    assert!(text.contains("more"), "{text}");
}

/// In a component, the core modules are what counts.
#[test]
fn nor_in_a_component() {
    let place = Place::new();
    let component = |more: &str| {
        format!(
            r#"(component (core module $m (memory (export "memory") 1)
                (func (export "preinit") (i32.store (i32.const 8) (i32.const 7))) {more})
                (core instance $i (instantiate $m))
                (func (export "preinit") (canon lift (core func $i "preinit"))))"#
        )
    };
    place.write("in.wat", component(""));
    place.write("more.wat", component(r#"(@custom "preinit.js" "{}")"#));
    done(&place.line("in.wat -o out.wasm"));
    done(&place.line("more.wat -o more.wasm"));
    let verify = |left: &str, right: &str| {
        let output = place.line(&format!("verify {left} {right} --time 50ms"));
        (code(&output), stdout(&output))
    };
    let (exit, text) = verify("in.wat", "out.wasm");
    assert_eq!(exit, 0, "{text}");
    let (exit, text) = verify("more.wat", "more.wasm");
    assert_eq!(exit, 0, "{text}");
    let (exit, text) = verify("in.wat", "more.wasm");
    assert_ne!(exit, 0, "{text}");
    assert!(text.contains("the custom section `preinit.js` (added) decides"), "{text}");
}

/// Nor those of a component itself, or of one in it: `section` is spliced in at its end, or at that of the component within.
#[test]
fn nor_in_a_component_itself() {
    let place = Place::new();
    let component = |outer: &str, inner: &str| {
        format!(
            r#"(component
                (component $inner (core module $n) (core instance (instantiate $n)) {inner})
                (instance (instantiate $inner))
                (core module $m (memory (export "memory") 1)
                  (func (export "preinit") (i32.store (i32.const 8) (i32.const 7))))
                (core instance $i (instantiate $m))
                (func (export "preinit") (canon lift (core func $i "preinit"))) {outer})"#
        )
    };
    let custom = |name: &str, text: &str| format!(r#"(@custom "{name}" "{text}")"#);
    let verify = |original: [&str; 2], snapshot: [&str; 2]| {
        for (name, [outer, inner]) in [("in", original), ("other", snapshot)] {
            place.write(&format!("{name}.wat"), component(outer, inner));
            done(&place.line(&format!("{name}.wat -o {name}.wasm")));
        }
        let output = place.line("verify in.wat other.wasm --time 50ms");
        (code(&output), stdout(&output))
    };
    let (a, b) = (custom("preinit.js", "a"), custom("preinit.js", "b"));
    for (original, snapshot, how) in [
        (["", ""], [a.as_str(), ""], "added"),
        ([&a, ""], [&b, ""], "changed"),
        ([&a, ""], ["", ""], "missing"),
        (["", ""], ["", &a], "added in component /0"),
        (["", &a], ["", &b], "changed in component /0"),
    ] {
        let (exit, text) = verify(original, snapshot);
        assert_eq!(exit, 2, "{how}: {text}");
        let words = format!("not known: the custom section `preinit.js` ({how}) decides ");
        assert!(text.contains(&words), "{how}: {text}");
        let (exit, text) = verify(snapshot, snapshot);
        assert_eq!(exit, 0, "{how}: {text}");
    }
    // Machine code in the place of functions.
    for name in ["wasmedge", "wamr-aot", "precompiled_v8"] {
        let (exit, text) = verify(["", ""], [&custom(name, "x"), ""]);
        assert_eq!(exit, 2, "{name}: {text}");
    }
    // What does no harm is named.
    let (exit, text) = verify(["", ""], [&custom("build_id", "x"), &custom("licenses", "x")]);
    assert_eq!(exit, 0, "{text}");
    assert!(text.contains("`build_id` (added), `licenses` (added in component /0)"), "{text}");
    let (exit, text) = verify(["", ""], [&custom("build_id", "x"), &custom("other", "x")]);
    assert_eq!(exit, 2, "{text}");
    assert!(text.contains("the custom section `other` (added in component /0) is not known"), "{text}");
}
