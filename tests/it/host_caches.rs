//! What libc keeps of the build's host: every run says so, and it can be put back without the functions that libc has for it.
//! The snapshots run on a stock engine with its own WASI, and with real directories.

use preinit::finding::{Finding, Level};
use preinit::host::{Access, Directory, HostOptions, Stdin, WasiOptions};
use preinit::stages::plan::Rename;
use preinit::{Error, Options, Output, Preinit, Warning};
use preinit_testing::guest::{Guest, World, compile};
use preinit_testing::{repository, test_program as read};
use wasmtime::Engine;

const MODULE: &str = "c/host_caches.wasm";

/// At build time, with directories of these names.
pub fn build(directories: &[&str]) -> WasiOptions {
    let host = repository().join("test-programs/data");
    let directory =
        |guest: &&str| Directory { guest: guest.to_string(), host: host.clone(), access: Access::ReadOnly };
    let quiet = preinit::host::Output::Discard;
    WasiOptions {
        dirs: directories.iter().map(directory).collect(),
        stdout: quiet,
        stderr: quiet,
        ..WasiOptions::default()
    }
}

fn options(init: &str, wasi: WasiOptions) -> Options {
    Options {
        init_functions: vec![init.to_string()],
        host: HostOptions { wasi: Some(wasi), ..HostOptions::default() },
        ..Options::default()
    }
}

fn run(file: &str, options: Options) -> Output {
    Preinit::from(options).run(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn keys(output: &Output) -> Vec<&str> {
    output.report.findings.iter().map(|finding| finding.key.as_str()).collect()
}

fn about_input(output: &Output) -> Vec<&str> {
    keys(output).into_iter().filter(|key| ["handle.unread", "handle.end_of_input"].contains(key)).collect()
}

/// An instance that has other directories than the build.
fn world() -> World {
    let data = repository().join("test-programs/data");
    let elsewhere = repository().join("test-programs/wat");
    World {
        env: vec![("MODE", "run")],
        dirs: vec![("/elsewhere", elsewhere), ("/data", data)],
        ..World::default()
    }
}

fn instance(wasm: &[u8], world: &World) -> Guest {
    let engine = Engine::default();
    Guest::start(&compile(&engine, wasm), world, &[])
}

#[test]
fn every_run_says_what_libc_has_cached() {
    for (init, directories, expected) in [
        ("looks_for_file", &[][..], &[("handle.preopens.empty", Level::Danger)][..]),
        ("looks_for_file", &["/data"], &[("handle.preopens", Level::Warning)]),
        // Its constructors look for directories.
        (
            "looks_for_variable",
            &["/data"],
            &[("handle.preopens", Level::Warning), ("handle.environment", Level::Warning)],
        ),
        (
            "looks_for_both",
            &[],
            &[("handle.preopens.empty", Level::Danger), ("handle.environment", Level::Warning)],
        ),
    ] {
        let options = options(init, build(directories));
        let output = run(MODULE, options.clone());
        let found: Vec<(&str, Level)> =
            output.report.findings.iter().map(|Finding { key, level, .. }| (key.as_str(), *level)).collect();
        assert_eq!(found, expected, "{init} {directories:?}");
        let strict = Preinit::from(Options { strict: true, ..options.clone() }).run(&read(MODULE));
        assert!(matches!(&strict, Err(Error::Strict { findings, .. }) if findings.len() == expected.len()));
        // The record of the run shows the same.
        let replayed = Options {
            host: HostOptions { replay: Some(output.ledger.clone().into()), ..options.host.clone() },
            ..options
        };
        assert_eq!(keys(&run(MODULE, replayed)), keys(&output), "{init}, replayed");
    }
    // A libc that is made to forget, by the program itself, has nothing cached.
    for init in ["clean", "clean_with_file", "clean_with_environment"] {
        assert_eq!(keys(&run("sins/sins.wasm", options(init, build(&["/data"])))), [""; 0], "{init}");
    }
    let found = run("sins/sins.wasm", options("probes_directories", build(&[])));
    assert_eq!(keys(&found), ["handle.preopens.empty"]);
    let found = run("sins/rust-sins.wasm", options("keeps_environment", build(&[])));
    assert_eq!(keys(&found), ["handle.environment"]);
}

#[test]
fn what_libc_has_cached_is_put_back() {
    for directories in [&[][..], &["/data"], &["/data", "/a", "/b"], &["/a", "/b", "/c", "/d", "/e", "/data"]]
    {
        for (init, has_files, has_variables) in [
            ("looks_for_file", true, false),
            ("looks_for_variable", false, true),
            ("looks_for_both", true, true),
        ] {
            let name = format!("{init} {directories:?}");
            let kept = run(MODULE, options(init, build(directories)));
            let mut kept = instance(&kept.wasm, &world());
            assert_ne!(kept.value("size", &[]), 38, "{name}: as it was");
            assert_eq!(kept.value("mode", &[]) == i64::from(b'r'), !has_variables, "{name}: as it was");

            let reset = Options { reset_libc: true, strict: true, ..options(init, build(directories)) };
            let reset = run(MODULE, reset);
            let mut reset = instance(&reset.wasm, &world());
            let seen = i64::from(has_files && directories.contains(&"/data"));
            assert_eq!(reset.value("seen_by_init", &[]), seen, "{name}: init's own state stays");
            for _ in 0..2 {
                assert_eq!(reset.value("size", &[]), 38, "{name}");
                assert_eq!(reset.value("first_byte", &[]), i64::from(b'H'), "{name}");
                assert_eq!(reset.value("mode", &[]), i64::from(b'r'), "{name}");
            }
        }
    }
}

/// The audit looks at what would be in the snapshot then.
#[test]
fn the_audit_sees_what_is_put_back() {
    for directories in [&[][..], &["/data"]] {
        let kept = options("looks_for_both", build(directories));
        let reset = Options { reset_libc: true, ..kept.clone() };
        let accused = |options: &Options| {
            let audit = preinit::audit::audit(&read(MODULE), options).unwrap();
            let cached = audit.findings.iter().filter(|finding| finding.key.starts_with("handle."));
            cached.filter(|finding| finding.level < Level::Note).count()
        };
        assert_eq!((accused(&kept), accused(&reset)), (2, 0), "{directories:?}");
    }
}

/// A program that is frozen in the middle of a call finds directories after that.
#[test]
fn what_libc_has_cached_is_put_back_in_a_frozen_program() {
    let at = |reset_libc| Options {
        at: Some("wasi_snapshot_preview1.environ_sizes_get".parse().unwrap()),
        reset_libc,
        ..options("looks_for_both", build(&[]))
    };
    for (reset, expected) in [(false, false), (true, true)] {
        let output = run(MODULE, at(reset));
        assert_eq!(output.report.warnings.contains(&Warning::NoDirectories), !reset);
        let mut guest = instance(&output.wasm, &world());
        guest.value("looks_for_both", &[]);
        assert_eq!(guest.value("size", &[]) == 38, expected, "{reset}");
        assert_eq!(guest.value("mode", &[]), i64::from(b'r'), "it has not asked for the environment yet");
    }
}

/// A pointer that the program reads itself must stay valid.
#[test]
fn an_environment_that_a_constructor_fetches_is_kept() {
    let reset = Options { reset_libc: true, ..options("looks_for_both", build(&[])) };
    let output = run("c/host_caches-eager.wasm", reset);
    assert_eq!(keys(&output), ["handle.environment"]);
    let mut guest = instance(&output.wasm, &world());
    assert_eq!(guest.value("first_variable", &[]), 0);
    assert_eq!(guest.value("size", &[]), 38);
}

/// What is not known to be libc's is left alone.
#[test]
fn other_variables_are_not_put_back() {
    let module = |populate: &str| {
        let text = format!(
            r#"(module
                (import "wasi_snapshot_preview1" "fd_prestat_get" (func $ask (param i32 i32) (result i32)))
                (import "wasi_snapshot_preview1" "path_open"
                    (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (global $__stack_pointer (mut i32) (i32.const 1024))
                (func $populate
                    (if (i32.load8_u (i32.const 2000)) (then (return)))
                    (drop (call $ask (i32.const 3) (i32.const 2048)))
                    {populate})
                (func (export "preinit") (call $populate))
                (func (export "flag") (result i32) (i32.load (i32.const 2000))))"#
        );
        wat::parse_str(text).unwrap()
    };
    for (populate, flag, warnings) in [
        ("(i32.store8 (i32.const 2000) (i32.const 1))", 0, &[][..]),
        ("(i32.store8 (i32.const 2000) (i32.const 2))", 2, &[Warning::NoResetHooks]),
        ("(i32.store16 (i32.const 2000) (i32.const 0x101))", 0x101, &[Warning::NoResetHooks]),
        (
            "(i32.store8 (i32.const 2000) (i32.const 1)) (global.set 0 (i32.const 1008))",
            1,
            &[Warning::NoResetHooks],
        ),
        (
            "(i32.store8 (i32.const 2000) (i32.const 1)) (drop (memory.grow (i32.const 1)))",
            1,
            &[Warning::NoResetHooks],
        ),
    ] {
        let options = Options { reset_libc: true, ..options("preinit", build(&[])) };
        let output = Preinit::from(options).run(&module(populate)).unwrap();
        assert_eq!(output.report.warnings, warnings, "{populate}");
        assert_eq!(instance(&output.wasm, &world()).value("flag", &[]), flag, "{populate}");
    }
}

#[test]
fn every_run_says_which_exports_undo_it() {
    let output = run("sins/twice.wasm", Options { init_functions: Vec::new(), ..options("", build(&[])) });
    assert_eq!(keys(&output), ["constructors"]);
    let rename = Rename { dst: "_start".into(), src: "query".into() };
    let renamed = Options { init_functions: Vec::new(), renames: vec![rename], ..options("", build(&[])) };
    assert_eq!(keys(&run("sins/twice.wasm", renamed)), [""; 0]);
    // Without WASI, too; and constructors that may as well run again are nobody's concern.
    let module = |by_init: u32| {
        let text = format!(
            r#"(module
                (memory (export "memory") 1)
                (func $__wasm_call_ctors (i32.store (i32.const 1024) (i32.const 7)))
                (func (export "preinit") (call $__wasm_call_ctors) (i32.store (i32.const 1024) (i32.const {by_init})))
                (func (export "query") (result i32) (call $__wasm_call_ctors) (i32.load (i32.const 1024))))"#
        );
        wat::parse_str(text).unwrap()
    };
    assert_eq!(keys(&Preinit::new().run(&module(8)).unwrap()), ["constructors"]);
    assert_eq!(keys(&Preinit::new().run(&module(7)).unwrap()), [""; 0]);
}

#[test]
fn standard_input_that_is_left_over() {
    let with = |stdin: &[u8]| WasiOptions { stdin: Stdin::Bytes(stdin.to_vec()), ..build(&[]) };
    let lines = b"first\nsecond\nthird\n";
    for file in [MODULE, "cpp/input.wasm"] {
        for show_values in [true, false] {
            let mut options = options("reads_a_line", with(lines));
            options.host.show_values = show_values;
            let output = run(file, options);
            let unread = output.report.findings.iter().find(|finding| finding.key == "handle.unread");
            let title = &unread.unwrap().title;
            assert!(title.contains("13 bytes"), "{title}");
            assert_eq!(title.contains("\"second\\nthird\\n\""), show_values, "{title}");
        }
        let output = run(file, options("reads_a_line", with(lines)));
        assert_eq!(about_input(&output), ["handle.unread"], "{file}");
        assert_eq!(output.report.stdin_bytes, Some(19));
        let mut guest = instance(&output.wasm, &World { stdin: b"own", ..world() });
        assert_eq!(guest.value("next_byte", &[]), i64::from(b's'), "{file}: that is what is warned of");

        for stdin in [&lines[..], b""] {
            let output = run(file, options("reads_to_the_end", with(stdin)));
            assert_eq!(about_input(&output), ["handle.end_of_input"], "{file}");
            let mut guest = instance(&output.wasm, &World { stdin: b"own", ..world() });
            assert_eq!(guest.value("next_byte", &[]), -1, "{file}: that is what is warned of");
        }
        // All that was read is consumed, and there may be more.
        assert_eq!(about_input(&run(file, options("reads_a_line", with(b"first\n")))), [""; 0], "{file}");
    }
    let output = run(MODULE, options("reads_and_forgets", with(lines)));
    assert_eq!(about_input(&output), [""; 0]);
    let mut guest = instance(&output.wasm, &World { stdin: b"own", ..world() });
    assert_eq!(guest.value("next_byte", &[]), i64::from(b'o'));
}

/// Any other runtime has buffers of its own, of which the calls show little.
#[test]
fn standard_input_that_no_libc_has_read() {
    let module = wat::parse_str(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func $more (result i32)
                (i32.store (i32.const 0) (i32.const 64))
                (i32.store (i32.const 4) (i32.const 4))
                (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
                (i32.load (i32.const 8)))
            (func (export "some") (drop (call $more)))
            (func (export "all") (loop (br_if 0 (call $more)))))"#,
    )
    .unwrap();
    let with =
        |init, stdin: &[u8]| options(init, WasiOptions { stdin: Stdin::Bytes(stdin.to_vec()), ..build(&[]) });
    let output = Preinit::from(with("some", b"abcdef")).run(&module).unwrap();
    assert_eq!(keys(&output), ["handle.unread"]);
    let title = &output.report.findings[0].title;
    assert!(title.starts_with("init read 4 bytes of standard input"), "{title}");
    let output = Preinit::from(with("all", b"abcdef")).run(&module).unwrap();
    assert_eq!((keys(&output), output.report.stdin_bytes), (vec![], Some(6)));
    // The audit says that, too.
    let audit = preinit::audit::audit(&module, &with("all", b"abcdef")).unwrap();
    assert!(audit.findings.iter().any(|finding| finding.key == "handle.end_of_input"));
}
