//! Files in components whose preview 1 an adapter answers.

use super::host::{ARGUMENTS, elsewhere_with, entry};
use crate::embed::changes::with_scratch;
use crate::embed::files::{READERS, data, run};
use preinit::Preinit;
use preinit::embed::{EmbedError, Source, Sources, Tree, Writing, embed_for};
use preinit::host::{Output, WasiOptions};
use preinit_testing::command_component::command;
use preinit_testing::guest::World;
use preinit_testing::test_program;
use wasmtime_wasi::FsPerms;

/// Programs find and change the same files in the component as in directories of the host, without any of these.
#[test]
fn programs_in_components_have_embedded_files() {
    for name in READERS {
        let component = command(&test_program(name));
        let scratch = tempfile::tempdir().unwrap();
        let dirs = [(&*data(), "/data", FsPerms::ReadOnly), (scratch.path(), "/scratch", FsPerms::ReadWrite)];
        let mut expected = elsewhere_with(&component, &dirs);
        if name == "wasi/file_cases.wasm" {
            // Of a directory that is read in pieces, the adapter gives an entry twice.
            let scratch = tempfile::tempdir().unwrap();
            let dirs = vec![("/data", data()), ("/scratch", scratch.path().to_path_buf())];
            let world = World { dirs, is_writable: true, ..World::default() };
            (expected.0, ..) = run(&test_program(name), &world);
        }
        assert!(!expected.0.is_empty(), "{name}");
        assert_eq!(elsewhere_with(&with_scratch(&component), &[]), expected, "{name}");
    }
}

/// A component that is frozen in the midst of its changes goes on with them.
#[test]
fn a_frozen_component_has_its_embedded_files() {
    for (name, import) in [("wasi/files.wasm", "path_unlink_file"), ("wasi/directories.wasm", "path_rename")]
    {
        let component = with_scratch(&command(&test_program(name)));
        let whole = elsewhere_with(&component, &[]);
        let wasi = WasiOptions { stdout: Output::Capture, ..WasiOptions::default() };
        let trigger = format!("call:embed:{import}").parse().unwrap();
        let preinit = Preinit::new().init_function(entry(&component)).wasi(wasi).at(trigger);
        let made = preinit.run(&component).unwrap();
        let before = String::from_utf8(made.stdout).unwrap();
        let (after, said) = elsewhere_with(&made.wasm, &[]);
        assert_eq!((before + &after, said), whole, "{name}");
    }
}

/// Those of its own instance, by way of the adapter, from where the program stood.
#[test]
fn a_component_reads_its_arguments_from_a_file() {
    let core = wat::parse_str(include_str!("../embed/reads-arguments.wat")).unwrap();
    let mut sources = Sources::default();
    sources.arguments("/proc/self/cmdline");
    let expected: String = ARGUMENTS.iter().map(|argument| format!("{argument}\0")).collect();
    for writing in [Writing::Refused, Writing::InMemory] {
        let made = embed_for(&command(&core), &sources.tree().unwrap(), writing).unwrap().wasm;
        assert_eq!(elsewhere_with(&made, &[]).0, expected, "{writing:?}");
        for (place, expected) in
            [("call:embed:path_open", &*expected), ("export:before_rest", &expected[4..])]
        {
            let args = vec!["of".to_string(), "the build".to_string()];
            let wasi = WasiOptions { stdout: Output::Capture, args, ..WasiOptions::default() };
            let preinit = Preinit::new().init_function(entry(&made)).wasi(wasi).at(place.parse().unwrap());
            let frozen = preinit.run(&made).unwrap();
            assert_eq!(elsewhere_with(&frozen.wasm, &[]).0, expected, "{writing:?}, frozen at {place}");
        }
    }
}

/// An adapter that makes its state asks the module for memory, which then grows: also in an instance of a snapshot.
#[test]
fn an_adapter_that_lets_the_memory_grow_spoils_nothing() {
    let core = wat::parse_str(include_str!("grows-when-called-back.wat")).unwrap();
    let component = command(&core);
    let dirs = [(&*data(), "/data", FsPerms::ReadOnly)];
    let expected = ("a===".to_string(), String::new());
    assert_eq!(elsewhere_with(&component, &dirs), expected);
    for writing in [Writing::Refused, Writing::InMemory] {
        let made = embed_for(&component, &data_tree(), writing).unwrap().wasm;
        assert_eq!(elsewhere_with(&made, &[]), expected, "{writing:?}");
        let wasi = WasiOptions { stdout: Output::Capture, ..WasiOptions::default() };
        let trigger = "call:embed:path_open".parse().unwrap();
        let frozen = Preinit::new().init_function(entry(&made)).wasi(wasi).at(trigger).run(&made).unwrap();
        assert_eq!(elsewhere_with(&frozen.wasm, &[]), expected, "{writing:?}, frozen");
    }
}

/// A component that is frozen where it reads standard input goes on in the middle of nothing that keeps the memory from growing.
#[test]
fn an_adapter_can_let_the_memory_grow_at_standard_input() {
    let text = include_str!("grows-when-called-back.wat")
        .replace(
            "(memory (export",
            r#"(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
               (memory (export"#,
        )
        .replace(
            r#"(func (export "_start") (local $fd i32)"#,
            r#"(func (export "_start") (local $fd i32)
               (call $print (i32.const 114))
               (i32.store (i32.const 300) (i32.const 400)) (i32.store (i32.const 304) (i32.const 1))
               (drop (call $read (i32.const 0) (i32.const 300) (i32.const 1) (i32.const 308)))"#,
        );
    let component = command(&wat::parse_str(&text).unwrap());
    for writing in [Writing::Refused, Writing::InMemory] {
        let made = embed_for(&component, &data_tree(), writing).unwrap().wasm;
        assert_eq!(elsewhere_with(&made, &[]), ("ra===".to_string(), String::new()), "{writing:?}");
        let frozen = |at: &str| {
            let wasi = WasiOptions { stdout: Output::Capture, ..WasiOptions::default() };
            Preinit::new().init_function(entry(&made)).wasi(wasi).at(at.parse().unwrap()).run(&made)
        };
        let after = frozen("stdin").unwrap();
        assert_eq!(elsewhere_with(&after.wasm, &[]), ("a===".to_string(), String::new()), "{writing:?}");
        // In the middle of an answer about files it could not grow.
        let refused = frozen("wasi_snapshot_preview1.fd_read").unwrap_err();
        assert!(refused.is_refusal(), "{refused}");
        assert!(
            refused.to_string().contains("freeze it at `stdin`, or at `call:embed:fd_read`"),
            "{refused}"
        );
    }
}

/// Two instances would change files of their own, where a directory of the host is one for both.
#[test]
fn several_instances_cannot_change_files() {
    let text = r#"(component
        (core module $m (func (export "fd_prestat_get") (param i32 i32) (result i32) i32.const 8))
        (core instance $wasi (instantiate $m))
        (core module $asking (import "wasi_snapshot_preview1" "fd_prestat_get" (func (param i32 i32) (result i32)))
            (memory (export "memory") 1))
        (core instance (instantiate $asking (with "wasi_snapshot_preview1" (instance $wasi))))
        (core instance (instantiate $asking (with "wasi_snapshot_preview1" (instance $wasi)))))"#;
    let wasm = wat::parse_str(text).unwrap();
    assert!(embed_for(&wasm, &data_tree(), Writing::Refused).is_ok());
    let made = embed_for(&wasm, &data_tree(), Writing::InMemory).map(|_| ());
    assert!(matches!(made, Err(EmbedError::SeveralInstances(2))), "{made:?}");
}

fn data_tree() -> Tree {
    let mut sources = Sources::default();
    sources.add(Source::new("/data", data())).unwrap();
    sources.tree().unwrap()
}

#[test]
fn components_without_files_of_preview_1_are_refused() {
    let tree = data_tree();
    let embedded = |text: &str| {
        let wasm = wat::parse_str(text).unwrap();
        embed_for(&wasm, &tree, Writing::Refused).map(|_| ())
    };
    let asking = r#"(core module (import "wasi_snapshot_preview1" "fd_prestat_get" (func (param i32 i32) (result i32)))
        (memory (export "memory") 1))"#;
    assert!(matches!(embedded("(component)"), Err(EmbedError::NoFilesInComponent)));
    assert!(embedded(&format!("(component {asking})")).is_ok());
    assert!(embedded(&format!("(component (component {asking}))")).is_ok());
    let twice = embedded(&format!("(component {asking} (component {asking}))"));
    assert!(matches!(twice, Err(EmbedError::SeveralModules(2))));
}
