//! `--untrusted`: what a module that nobody trusts gets is little.

use crate::{Place, code, done, failed, stderr, stdout};

/// Wants 600 MiB.
const LARGE: &str = r#"(module (memory 1) (func (export "preinit") (drop (memory.grow (i32.const 9599)))))"#;

const SWITCHES: &str = r#"(module (type $f (func)) (type $c (cont $f)) (func (export "preinit")))"#;
const SMALL_PAGES: &str = r#"(module (memory 1 (pagesize 1)) (func (export "preinit")))"#;
const WIDE: &str = r#"(module (func (export "preinit")
    (drop (drop (i64.add128 (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4))))))"#;
const ASKS_FOR_RANDOM: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "preinit") (drop (call $random (i32.const 0) (i32.const 8)))))"#;

/// Accepted without the preset, refused with it: the module, more options, and what the message says.
const REFUSED: &[(&str, &str, &str)] = &[
    (LARGE, "", "the limit is 536870912"),
    (SWITCHES, "", "stack switching"),
    (SMALL_PAGES, "", "a proposal that is off by default: "),
    (WIDE, "", "wide arithmetic"),
    (ASKS_FOR_RANDOM, "--allow-wasi", "refused, since warnings are errors"),
    (LARGE, "--max-memory 700MiB --env A=1", "refused, since warnings are errors"),
];

/// A component whose types need one.
const FIXED_LENGTH: &str = r#"(component
    (import "f" (func $f (param "x" (list u8 4))))
    (core func $lowered (canon lower (func $f)))
    (core module $init (import "" "f" (func (param i32 i32 i32 i32))) (func (export "init")))
    (core instance $i (instantiate $init (with "" (instance (export "f" (func $lowered))))))
    (func (export "init") (canon lift (core func $i "init"))))"#;

#[test]
fn components_have_no_more_than_modules() {
    let place = Place::new();
    place.write("in.wat", FIXED_LENGTH);
    done(&place.line("in.wat -o out.wasm -f init --stub-all"));
    for line in ["in.wat -o untrusted.wasm", "audit in.wat", "verify in.wat out.wasm"] {
        let output = place.line(&format!("{line} -f init --stub-all --untrusted"));
        assert_ne!(code(&output), 0, "{line}");
        assert!(stderr(&output).contains("a proposal that is off by default"), "{line}: {}", stderr(&output));
    }
    place.write("plain.wat", FIXED_LENGTH.replace("(list u8 4)", "(tuple u8 u8 u8 u8)"));
    done(&place.line("plain.wat -o out.wasm -f init --stub f --untrusted"));
}

#[test]
fn what_is_not_needed_is_refused() {
    let place = Place::new();
    for (module, options, words) in REFUSED {
        place.write("in.wat", module);
        done(&place.line(&format!("in.wat -o out.wasm {options}")));
        failed(&place.line(&format!("in.wat -o untrusted.wasm --untrusted {options}")), 1, words);
        assert!(!place.join("untrusted.wasm").exists(), "{options}");
        for command in ["audit in.wat", "verify in.wat out.wasm"] {
            let output = place.line(&format!("{command} --untrusted {options}"));
            let is_verify = command.starts_with("verify");
            // A verification warns of options only.
            let is_accepted = is_verify && *module == ASKS_FOR_RANDOM;
            assert_eq!(code(&output) == 0, is_accepted, "{command} {options}: {}", stdout(&output));
        }
    }
}

#[test]
fn what_is_typed_counts() {
    let place = Place::new();
    place.write("in.wat", LARGE);
    done(&place.line("in.wat -o out.wasm --untrusted --max-memory 700MiB"));
    place.write("in.wat", r#"(module (func (export "preinit") (loop $l (br $l))))"#);
    failed(&place.line("in.wat -o out.wasm --untrusted --timeout 300ms"), 1, "300ms");
}

#[test]
fn no_directory_is_writable() {
    let place = Place::new();
    for command in ["in.wasm -o out.wasm -f init", "audit in.wasm -f init", "verify in.wasm in.wasm -f init"]
    {
        let output = place.line(&format!("{command} --untrusted --allow-wasi --dir-rw .::."));
        assert_eq!(code(&output), 2, "{command}");
        assert!(stderr(&output).contains("cannot be used with"), "{}", stderr(&output));
    }
}

#[test]
fn a_module_that_needs_little_is_accepted() {
    let place = Place::new();
    done(&place.line("in.wasm -o out.wasm -f init --untrusted --verify"));
    done(&place.line("verify in.wasm out.wasm -f init --untrusted"));
    done(&place.line("audit in.wasm -f init --untrusted"));
}
