//! Every sin of `test-programs/sins` is named, with the variable or the function, and nobody else is accused.

use super::{SECRET, audited, called_by, only, options, owner, quiet, with_data, with_secret};
use preinit::audit::{Level, audit};
use preinit::host::{Stdin, WasiOptions};
use preinit::stages::plan::Rename;
use preinit::{Options, Preinit};
use preinit_testing::guest::memory;
use preinit_testing::test_program as read;

#[test]
fn hash_keys() {
    let audit = audited("sins/rust-sins.wasm", "keeps_hash_keys", quiet());
    let finding = only(&audit, &["taint.random"]);
    owner(finding, "`rust_sins::INDEX`");
    called_by(finding, ".random_get", "keeps_hash_keys");
    assert!(finding.locations.iter().any(|place| place.what.contains("a copy")), "{finding:?}");
}

/// Objects are compared too.
#[test]
fn a_field_of_an_object() {
    let module = r#"(module
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (type $key (struct (field (mut i32))))
        (type $holder (struct (field (ref null $key))))
        (global $kept (mut (ref null $holder)) (ref.null $holder))
        (memory (export "memory") 1)
        (func (export "preinit")
            (drop (call $random (i32.const 0) (i32.const 4)))
            (global.set $kept (struct.new $holder (struct.new $key (i32.load (i32.const 0)))))
            (i32.store (i32.const 0) (i32.const 0)))
        (func (export "clean")
            (drop (call $random (i32.const 0) (i32.const 4)))
            (global.set $kept (struct.new $holder (struct.new $key (i32.const 7))))
            (i32.store (i32.const 0) (i32.const 0))))"#;
    let module = wat::parse_str(module).unwrap();
    let tainted = audit(&module, &options("preinit", quiet())).unwrap();
    let finding = only(&tainted, &["taint.random"]);
    assert_eq!(finding.locations.len(), 1, "{:?}", finding.locations);
    assert!(finding.locations[0].at.contains("$key"), "{:?}", finding.locations);
    owner(finding, "reached from global 0 ($kept)");
    let clean = audit(&module, &options("clean", quiet())).unwrap();
    assert!(clean.is_clean(), "{}", clean.text(true));
}

#[test]
fn an_environment_variable_that_is_kept() {
    let audit = audited("sins/sins.wasm", "keeps_environment", with_data(with_secret()));
    let keys = ["secret.env", "handle.environment", "handle.preopens"];
    let finding = only(&audit, &keys);
    assert!(finding.title.contains("`API_KEY`"), "{}", finding.title);
    owner(finding, "heap, reached from `api_key`");
    called_by(finding, ".environ_get", "keeps_environment");
    assert_eq!(finding.locations.len(), 1, "{:?}", finding.locations);
    // The place is where it says.
    let place = &finding.locations[0];
    let output =
        Preinit::from(options("keeps_environment", with_data(with_secret()))).run(&read("sins/sins.wasm"));
    let snapshot = output.unwrap();
    assert!(snapshot.report.findings.iter().any(|finding| finding.key == "secret.env"));
    let bytes = memory(&snapshot.wasm);
    let at = place.address.unwrap() as usize;
    assert_eq!(&bytes[at..at + SECRET.len()], SECRET.as_bytes());

    let audit = audited("sins/rust-sins.wasm", "keeps_environment", with_secret());
    let finding = only(&audit, &["secret.env", "handle.environment"]);
    owner(finding, "heap, reached from `rust_sins::TOKEN`");
}

#[test]
fn seeds_and_times() {
    let audit = audited("sins/sins.wasm", "seeds_with_time", quiet());
    let finding = only(&audit, &["taint.clock"]);
    for variable in ["`seed`", "`first_draw`", "`rand_state`"] {
        owner(finding, variable);
    }
    called_by(finding, ".clock_time_get", "seeds_with_time");

    let audit = audited("sins/rust-sins.wasm", "keeps_time", quiet());
    owner(only(&audit, &["taint.clock"]), "`rust_sins::STARTED`");
}

#[test]
fn directories_that_are_not_there_yet() {
    let audit = audited("sins/sins.wasm", "probes_directories", quiet());
    let finding = only(&audit, &["handle.preopens.empty"]);
    assert_eq!(finding.level, Level::Danger);
    called_by(finding, ".fd_prestat_get", "__wasilibc_populate_preopens");
    let audit = audited("sins/sins.wasm", "probes_directories", with_data(quiet()));
    let finding = only(&audit, &["handle.preopens"]);
    assert!(finding.title.contains("`/data` as descriptor 3"), "{}", finding.title);
}

#[test]
fn open_files_and_directories() {
    let audit = audited("sins/sins.wasm", "keeps_file_open", with_data(quiet()));
    let finding = only(&audit, &["handle.file"]);
    assert!(finding.title.contains("`/data/hello.txt`"), "{}", finding.title);
    owner(finding, "`log_file`");
    called_by(finding, ".path_open", "keeps_file_open");

    let audit = audited("sins/sins.wasm", "keeps_directory_open", with_data(quiet()));
    let finding = only(&audit, &["handle.directory"]);
    owner(finding, "`plain_fd`");
    called_by(finding, ".path_open", "keeps_directory_open");
}

#[test]
fn a_secret_in_freed_memory() {
    let audit = audited("sins/sins.wasm", "frees_secret", with_secret());
    let finding = only(&audit, &["secret.env"]);
    let owners: Vec<&str> = finding.locations.iter().map(|place| place.owner.as_str()).collect();
    let freed = |owner: &&&str| {
        owner.contains("only from the library's")
            || owner.contains("no pointer")
            || owner.contains("no variable")
    };
    // The copy and the one of libc; nothing of the program leads there.
    assert_eq!(owners.iter().filter(freed).count(), 2, "{owners:?}");
    called_by(finding, ".environ_get", "frees_secret");
}

#[test]
fn constructors_that_run_twice() {
    let audit = audited("sins/twice.wasm", "", quiet());
    let finding = only(&audit, &["constructors"]);
    assert!(
        finding.title.contains("`_start`") && finding.title.contains("a second time"),
        "{}",
        finding.title
    );
    owner(finding, "`registry`");
    // What would run them is not exported any more.
    let without = Options {
        renames: vec![Rename { dst: "_start".into(), src: "query".into() }],
        ..options("", quiet())
    };
    assert!(preinit::audit::audit(&read("sins/twice.wasm"), &without).unwrap().is_clean());
}

/// As linked without start files: every export runs the constructors.
#[test]
fn constructors_in_every_export() {
    let module = r#"(module
        (memory (export "memory") 1)
        (func $__wasm_call_ctors (i32.store (i32.const 1024) (i32.const 7)))
        (func (export "preinit") (call $__wasm_call_ctors) (i32.store (i32.const 1024) (i32.const 8)))
        (func (export "query") (result i32) (call $__wasm_call_ctors) (i32.load (i32.const 1024))))"#;
    let audit = audit(&wat::parse_str(module).unwrap(), &Options::default()).unwrap();
    let finding = only(&audit, &["constructors"]);
    assert!(finding.title.contains("`query`"), "{}", finding.title);
    assert_eq!(finding.locations[0].address, Some(1024));
    // Constructors that may as well run again are nobody's concern.
    let harmless = module.replace("(i32.const 8)", "(i32.const 7)");
    let audit = preinit::audit::audit(&wat::parse_str(harmless).unwrap(), &Options::default()).unwrap();
    assert!(audit.is_clean(), "{}", audit.text(true));
}

#[test]
fn output_that_is_not_flushed() {
    let audit = audited("sins/sins.wasm", "does_not_flush", quiet());
    let finding = only(&audit, &["handle.unflushed"]);
    assert!(finding.title.starts_with("init printed 15 bytes to standard output"), "{}", finding.title);
    assert!(!finding.title.contains("squares"), "{}", finding.title);
    owner(finding, "`__stdout_FILE`");
}

#[test]
fn standard_input() {
    let wasi = WasiOptions { stdin: Stdin::Bytes(b"correct horse battery\n".to_vec()), ..quiet() };
    let audit = audited("sins/sins.wasm", "keeps_input", wasi);
    let finding = only(&audit, &["secret.stdin", "taint.stdin"]);
    owner(finding, "`passphrase`");
    called_by(finding, ".fd_read", "keeps_input");
}

#[test]
fn another_course() {
    let mode = |mode: &str| WasiOptions {
        env: vec![("A".into(), "1".into()), ("MODE".into(), mode.into())],
        ..quiet()
    };
    let audit = audited("sins/sins.wasm", "decides_by_environment", mode("fast"));
    let finding = only(&audit, &["course.env", "taint.env"]);
    assert!(
        finding.title.contains("`MODE`") && finding.title.contains("from host call 3 on"),
        "{}",
        finding.title
    );
    assert!(finding.title.contains("fd_fdstat_get"), "{}", finding.title);
    let tainted: Vec<&str> = audit
        .findings
        .iter()
        .filter(|finding| finding.key == "taint.env")
        .flat_map(|finding| &finding.locations)
        .map(|place| place.owner.as_str())
        .collect();
    assert!(tainted.contains(&"`mode`"), "{tainted:?}");
    // Both values were too short to search for, which is said.
    assert!(
        audit.not_covered.iter().any(|text| text.starts_with("2 values shorter")),
        "{:?}",
        audit.not_covered
    );
}

#[test]
fn the_clean_are_not_accused() {
    let data = with_data(quiet());
    for (file, init, wasi) in [
        ("sins/sins.wasm", "clean", quiet()),
        ("sins/sins.wasm", "clean", with_secret()),
        ("sins/sins.wasm", "clean_with_clock", quiet()),
        ("sins/sins.wasm", "clean_with_file", data.clone()),
        ("sins/sins.wasm", "clean_with_environment", quiet()),
        ("sins/rust-sins.wasm", "clean", quiet()),
        ("c/primes.wasm", "", quiet()),
        ("cpp/constructors.wasm", "", quiet()),
        ("assemblyscript/guest.wasm", "", quiet()),
        ("wat/state.wat", "", quiet()),
    ] {
        let audit = audited(file, init, wasi);
        assert!(audit.is_clean(), "{file} {init}: {}", audit.text(true));
    }
    // The program's own entry runs its constructors; in the snapshot it is another.
    for (file, wasi) in [("c/command.wasm", quiet()), ("cpp/constructors-command.wasm", quiet())] {
        let rename = Rename { dst: "_start".into(), src: "preinit.resume".into() };
        let renamed = Options { renames: vec![rename], ..options("", wasi.clone()) };
        let audit = preinit::audit::audit(&read(file), &renamed).unwrap();
        assert!(audit.is_clean(), "{file}: {}", audit.text(true));
        let accused = audited(file, "", wasi);
        assert_eq!(only(&accused, &["constructors"]).level, Level::Danger, "{file}");
    }
}
