//! A program that has made room for its arguments or variables and does not have them yet.

use preinit::embed::{Sources, Writing, embed_for};
use preinit::host::{Output, WasiOptions};
use preinit::{Error, Preinit};

/// Asks for the sizes, then for the texts, as a libc does; `$first` and `$last` are places before and after, `$between` is where it
/// makes room.
fn program(sizes: &str, get: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "{sizes}" (func $sizes (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "{get}" (func $get (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func $first (export "first")) (func $between (export "between")) (func $last (export "last"))
            (func (export "_start")
                (call $first)
                (drop (call $sizes (i32.const 0) (i32.const 4)))
                (call $between)
                (if (i32.load (i32.const 0)) (then (drop (call $get (i32.const 16) (i32.const 256)))))
                (call $last)))"#
    );
    wat::parse_str(text).unwrap()
}

fn frozen(wasm: &[u8], place: &str, args: &[&str], env: &[(&str, &str)]) -> Result<(), Error> {
    let text = |text: &&str| (*text).to_string();
    let wasi = WasiOptions {
        args: args.iter().map(text).collect(),
        env: env.iter().map(|(name, value)| (text(name), text(value))).collect(),
        stdout: Output::Discard,
        ..WasiOptions::default()
    };
    Preinit::new().init_function("_start").wasi(wasi).at(place.parse().unwrap()).run(wasm).map(|_| ())
}

fn is_refused(made: Result<(), Error>) -> bool {
    match made {
        Ok(()) => false,
        Err(error) => {
            assert!(matches!(&error, Error::Freeze(error) if error.is_refusal()), "{error}");
            assert!(error.to_string().contains("it has room for those of this run"), "{error}");
            true
        }
    }
}

#[test]
fn texts_of_another_run_would_have_no_room() {
    for (sizes, get) in [("args_sizes_get", "args_get"), ("environ_sizes_get", "environ_get")] {
        let wasm = program(sizes, get);
        let made = |place: &str| is_refused(frozen(&wasm, place, &["program", "x"], &[("NAME", "value")]));
        for place in ["export:between", &format!("wasi_snapshot_preview1.{get}")] {
            assert!(made(place), "{place}");
        }
        for place in ["export:first", &format!("wasi_snapshot_preview1.{sizes}"), "export:last"] {
            assert!(!made(place), "{place}");
        }
        // It has learned that there are none, and asks for none.
        assert!(!is_refused(frozen(&wasm, "export:between", &[], &[])), "{get}");
    }
}

/// The file with the arguments is asked for its length alone.
#[test]
fn the_length_of_the_file_with_the_arguments_is_no_room() {
    let wasm = wat::parse_str(include_str!("../embed/reads-arguments.wat")).unwrap();
    let mut sources = Sources::default();
    sources.arguments("/proc/self/cmdline");
    let wasm = embed_for(&wasm, &sources.tree().unwrap(), Writing::Refused).unwrap().wasm;
    let made = |place: &str| is_refused(frozen(&wasm, place, &["program"], &[]));
    assert!(!made("export:before_rest") && !made("wasi_snapshot_preview1.args_sizes_get#2"));
    assert!(made("wasi_snapshot_preview1.args_get"));
}

/// Where the run ends between them, that is a warning.
#[test]
fn a_run_that_ends_before_it_has_the_texts_is_warned_of() {
    for (sizes, get) in [("args_sizes_get", "args_get"), ("environ_sizes_get", "environ_get")] {
        let both = program(sizes, get);
        let sizes_alone = format!(
            r#"(module
                (import "wasi_snapshot_preview1" "{sizes}" (func $sizes (param i32 i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "_start") (drop (call $sizes (i32.const 0) (i32.const 4)))))"#
        );
        let sizes_alone = wat::parse_str(sizes_alone).unwrap();
        for (wasm, word, is_warned) in
            [(&both, "x", false), (&sizes_alone, "x", true), (&sizes_alone, "", false)]
        {
            let words = [word].into_iter().filter(|word| !word.is_empty());
            let args = words.clone().map(str::to_string).collect();
            let env = words.map(|word| (word.to_string(), word.to_string())).collect();
            let wasi = WasiOptions { args, env, stdout: Output::Discard, ..WasiOptions::default() };
            let preinit = Preinit::new().init_function("_start").wasi(wasi);
            let report = preinit.clone().run(wasm).unwrap().report;
            let said = report.findings.iter().any(|finding| finding.key == "handle.sizes");
            assert_eq!(said, is_warned, "{get}: {:?}", report.findings);
            let strict = preinit.strict(true).run(wasm);
            assert_eq!(matches!(strict, Err(Error::Strict { .. })), is_warned, "{get}");
        }
    }
}
