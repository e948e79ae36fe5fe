//! The audit: every sin of `test-programs/sins` is named, with the variable or the function, and nobody else is accused.

use preinit::audit::{Audit, Finding, Level, audit};
use preinit::host::{Directory, HostOptions, Output, Stdin, WasiOptions};
use preinit::plan::Rename;
use preinit::{Options, Preinit, wat_to_wasm};
use std::path::{Path, PathBuf};

const SECRET: &str = "hunter2-hunter2-hunter2";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("test-programs")
}

fn read(file: &str) -> Vec<u8> {
    let path = folder().join(file);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    wat_to_wasm(&bytes).unwrap().into_owned()
}

fn quiet() -> WasiOptions {
    WasiOptions { stdout: Output::Discard, stderr: Output::Discard, ..WasiOptions::default() }
}

fn with_secret() -> WasiOptions {
    WasiOptions { env: vec![("API_KEY".into(), SECRET.into())], ..quiet() }
}

fn with_data(wasi: WasiOptions) -> WasiOptions {
    let data = Directory { guest: "/data".into(), host: folder().join("data"), writable: false };
    WasiOptions { dirs: vec![data], ..wasi }
}

fn options(init: &str, wasi: WasiOptions) -> Options {
    Options {
        init_functions: (!init.is_empty()).then(|| init.to_string()).into_iter().collect(),
        host: HostOptions { wasi: Some(wasi), ..HostOptions::default() },
        ..Options::default()
    }
}

fn audited(file: &str, init: &str, wasi: WasiOptions) -> Audit {
    audit(&read(file), &options(init, wasi)).unwrap_or_else(|error| panic!("{file} {init}: {error}"))
}

/// The finding with this key. All accusations must have one of `keys`.
#[track_caller]
fn only<'a>(audit: &'a Audit, keys: &[&str]) -> &'a Finding {
    for finding in audit.findings.iter().filter(|finding| finding.level < Level::Note) {
        assert!(keys.contains(&finding.key.as_str()), "unexpected {}: {}", finding.key, audit.text(true));
    }
    let found = audit.findings.iter().find(|finding| finding.key == keys[0]);
    found.unwrap_or_else(|| panic!("no {}: {}", keys[0], audit.text(true)))
}

#[track_caller]
fn owner(finding: &Finding, expected: &str) {
    let owners: Vec<&str> = finding.places.iter().map(|place| place.owner.as_str()).collect();
    assert!(owners.contains(&expected), "{owners:?}");
}

#[track_caller]
fn called_by(finding: &Finding, import: &str, function: &str) {
    let found = finding.sites.iter().any(|site| {
        site.import.ends_with(import) && site.backtrace.iter().any(|frame| frame.contains(function))
    });
    assert!(found, "{:?}", finding.sites);
}

#[test]
fn hash_keys() {
    let audit = audited("sins/rust-sins.wasm", "keeps_hash_keys", quiet());
    let finding = only(&audit, &["taint.random"]);
    owner(finding, "`rust_sins::INDEX`");
    called_by(finding, ".random_get", "keeps_hash_keys");
    assert!(finding.places.iter().any(|place| place.what.contains("a copy")), "{finding:?}");
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
    assert_eq!(finding.places.len(), 1, "{:?}", finding.places);
    assert!(finding.places[0].at.contains("$key"), "{:?}", finding.places);
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
    assert_eq!(finding.places.len(), 1, "{:?}", finding.places);
    // The place is where it says.
    let place = &finding.places[0];
    let output =
        Preinit::from(options("keeps_environment", with_data(with_secret()))).run(&read("sins/sins.wasm"));
    let snapshot = output.unwrap();
    assert!(snapshot.report.findings.iter().any(|finding| finding.key == "secret.env"));
    let engine = wasmtime::Engine::default();
    let bytes = memory(&engine, &snapshot.wasm);
    let at = place.address.unwrap() as usize;
    assert_eq!(&bytes[at..at + SECRET.len()], SECRET.as_bytes());

    let audit = audited("sins/rust-sins.wasm", "keeps_environment", with_secret());
    let finding = only(&audit, &["secret.env", "handle.environment"]);
    owner(finding, "heap, reached from `rust_sins::TOKEN`");
}

/// The memory of a fresh instance whose imports all trap.
fn memory(engine: &wasmtime::Engine, wasm: &[u8]) -> Vec<u8> {
    let module = wasmtime::Module::new(engine, wasm).unwrap();
    let mut store = wasmtime::Store::new(engine, ());
    let mut linker = wasmtime::Linker::new(engine);
    linker.define_unknown_imports_as_traps(&module).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    instance.get_memory(&mut store, "memory").unwrap().data(&store).to_vec()
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
    let owners: Vec<&str> = finding.places.iter().map(|place| place.owner.as_str()).collect();
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
    assert_eq!(finding.places[0].address, Some(1024));
    // Constructors that may as well run again are nobody's concern.
    let harmless = module.replace("(i32.const 8)", "(i32.const 7)");
    let audit = preinit::audit::audit(&wat::parse_str(harmless).unwrap(), &Options::default()).unwrap();
    assert!(audit.is_clean(), "{}", audit.text(true));
}

#[test]
fn output_that_is_not_flushed() {
    let audit = audited("sins/sins.wasm", "does_not_flush", quiet());
    let finding = only(&audit, &["handle.unflushed"]);
    assert!(finding.title.contains("\"squares: 998001\""), "{}", finding.title);
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
        .flat_map(|finding| &finding.places)
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

#[test]
fn libc_is_reset() {
    let reset = |wasi| Options { reset_libc: true, ..options("probes_directories", wasi) };
    for wasi in [quiet(), with_data(quiet())] {
        let audit = preinit::audit::audit(&read("sins/sins.wasm"), &reset(wasi.clone())).unwrap();
        assert!(audit.is_clean(), "{}", audit.text(true));
        let output = Preinit::from(reset(wasi)).run(&read("sins/sins.wasm")).unwrap();
        assert_eq!(output.report.warnings, []);
    }
    // Without the hooks, it is said that there are none.
    let module = r#"(module (memory (export "memory") 1) (func (export "preinit")))"#;
    let output = Preinit::new().reset_libc(true).run(&wat::parse_str(module).unwrap()).unwrap();
    assert_eq!(output.report.warnings, [preinit::Warning::NoResetHooks]);
}

#[test]
fn the_free_stack_is_cleared() {
    let stack_first = |pointer: u32, data: u32| {
        let module = format!(
            r#"(module
                (memory (export "memory") 1)
                (global $__stack_pointer (mut i32) (i32.const {pointer}))
                (data (i32.const {data}) "kept")
                (func $work (local i32)
                    (local.set 0 (i32.sub (global.get 0) (i32.const 16)))
                    (global.set 0 (local.get 0))
                    (i32.store (local.get 0) (i32.const 0x55555555))
                    (global.set 0 (i32.add (local.get 0) (i32.const 16))))
                (func (export "preinit") (call $work))
                (func (export "unbalanced") (call $work) (global.set 0 (i32.const {})))
                (func (export "read") (param i32) (result i32) (i32.load (local.get 0))))"#,
            pointer - 16
        );
        wat::parse_str(module).unwrap()
    };
    let engine = wasmtime::Engine::default();
    let module = stack_first(1024, 1024);
    let dirty = memory(&engine, &Preinit::new().run(&module).unwrap().wasm);
    assert_eq!(&dirty[1008..1012], [0x55; 4]);
    let clean = memory(&engine, &Preinit::new().zero_stack(true).run(&module).unwrap().wasm);
    assert_eq!((&clean[..1024], &clean[1024..1028]), (&[0u8; 1024][..], &b"kept"[..]));

    // Without a name, it is known by what functions do with it.
    let nameless = wat::parse_str(
        r#"(module
            (memory (export "memory") 1)
            (global (mut i32) (i32.const 1024))
            (data (i32.const 1024) "kept")
            (func $work (param i32) (result i32) (local i32)
                (global.set 0 (local.tee 1 (i32.sub (global.get 0) (i32.const 32))))
                (i32.store (local.get 1) (local.get 0))
                (global.set 0 (i32.add (local.get 1) (i32.const 32)))
                (local.get 0))
            (func (export "preinit") (drop (call $work (i32.const 0x55555555)))))"#,
    );
    let nameless = nameless.unwrap();
    assert_eq!(memory(&engine, &Preinit::new().run(&nameless).unwrap().wasm)[992..996], [0x55; 4]);
    assert_eq!(
        memory(&engine, &Preinit::new().zero_stack(true).run(&nameless).unwrap().wasm)[992..996],
        [0; 4]
    );

    let refused = |module: &[u8], init: &str| {
        let error = Preinit::new().zero_stack(true).init_function(init).run(module).unwrap_err();
        assert!(error.is_refusal());
        error.to_string()
    };
    let error = refused(&stack_first(1024, 1000), "preinit");
    assert!(error.contains("there is static data at 0x3e8"), "{error}");
    let error = refused(&module, "unbalanced");
    assert!(
        error.contains("the stack pointer is at 0x3f0 and not back at its initial value 0x400"),
        "{error}"
    );
    let error = refused(&wat::parse_str(r#"(module (func (export "preinit")))"#).unwrap(), "preinit");
    assert!(error.contains("no stack pointer was recognized"), "{error}");
}

/// Nothing outside is read or written twice.
#[test]
fn only_the_first_run_touches_the_outside() {
    let directory = tempfile::tempdir().unwrap();
    let module = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 200) "file")
        (data (i32.const 300) "\c8\00\00\00\04\00\00\00")
        (func (export "preinit")
            (drop (call $random (i32.const 400) (i32.const 8)))
            (drop (call $open (i32.const 3) (i32.const 0) (i32.const 200) (i32.const 4) (i32.const 1) (i64.const 0x41)
                (i64.const 0) (i32.const 1) (i32.const 8)))
            (i32.store (i32.const 500) (call $write (i32.load (i32.const 8)) (i32.const 300) (i32.const 1) (i32.const 16)))))"#;
    let dir = Directory { guest: "/".into(), host: directory.path().into(), writable: true };
    let wasi = WasiOptions { dirs: vec![dir], ..quiet() };
    let audit = audit(&wat::parse_str(module).unwrap(), &options("", wasi)).unwrap();
    assert_eq!(std::fs::read(directory.path().join("file")).unwrap(), b"file", "{}", audit.text(true));
    assert!(audit.runs >= 3, "{}", audit.runs);
    let finding = audit.findings.iter().find(|finding| finding.key == "taint.random").unwrap();
    assert_eq!(
        finding.places.iter().map(|place| (place.address, place.bytes)).collect::<Vec<_>>(),
        [(Some(400), 8)]
    );
}

#[test]
fn audits_are_repeatable() {
    let run = || {
        let audit = audited("sins/rust-sins.wasm", "keeps_hash_keys", quiet());
        (audit.findings, audit.varied, audit.weight)
    };
    assert_eq!(run(), run());
}
