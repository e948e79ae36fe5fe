//! Our own guests (`test-programs/README.md` says what each is for), before and after.

use preinit::host::{FileTimes, Output, WasiOptions};
use preinit::{Preinit, Warning, wat_to_wasm};
use preinit_testing::guest::{Answer, Guest, World, compile, interface};
use preinit_testing::{repository, test_program as read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wasmtime::{Engine, Trap};

fn folder() -> PathBuf {
    repository().join("test-programs")
}

fn read_text(file: &str) -> Vec<u8> {
    let path = folder().join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn quiet() -> WasiOptions {
    WasiOptions { stdout: Output::Capture, stderr: Output::Capture, ..WasiOptions::default() }
}

/// Answers of `query` before init, after init, and in the snapshot; the last two are the same.
fn query_survives(
    file: &str,
    preinit: &Preinit,
    init: &[&str],
    arguments: std::ops::Range<i32>,
) -> Vec<Answer> {
    let wasm = read(file);
    let output = preinit.run(&wasm).unwrap();
    assert!(output.wasm == preinit.run(&wasm).unwrap().wasm, "a second run gives other bytes");
    let engine = Engine::default();
    let (before, after) = (compile(&engine, &wasm), compile(&engine, &output.wasm));
    let (imports, mut exports) = interface(&before);
    exports.retain(|name| !init.contains(&name.as_str()));
    assert_eq!(interface(&after), (imports, exports));

    let mut original = Guest::start(&before, &World::default(), init);
    let mut copy = Guest::start(&after, &World::default(), &[]);
    let expected = original.answers("query", arguments.clone());
    assert_eq!(copy.answers("query", arguments), expected);
    if copy.exports("count") {
        assert_eq!(copy.call("count", &[]), original.call("count", &[]));
    }
    expected
}

fn returned(values: &[i32]) -> Vec<Answer> {
    values.iter().map(|&value| Answer::Returned(value.into())).collect()
}

#[test]
fn primes() {
    let answers = query_survives("c/primes.wasm", &Preinit::new(), &["_initialize", "preinit"], 0..5000);
    // The primes 2 and 3, and what is filed under the words of the next ones: 1/3 repeats one decimal, 1/5 none.
    assert_eq!(answers[1..3], returned(&[2 + 1, 3]));

    let mut copy = Guest::start(
        &compile(&Engine::default(), &Preinit::new().run(&read("c/primes.wasm")).unwrap().wasm),
        &World::default(),
        &[],
    );
    assert_eq!(copy.value("prime", &[539_777]), 7_999_993);
    assert_eq!(copy.value("prime", &[539_778]), 0);
    assert_eq!(copy.value("lookup", &[3]), 6, "1/7 repeats six decimals");
}

#[test]
fn constructors_run_once() {
    let preinit = Preinit::new();
    query_survives("cpp/constructors.wasm", &preinit, &["_initialize", "preinit"], -10..500);
    let wasm = preinit.run(&read("cpp/constructors.wasm")).unwrap().wasm;
    let mut copy = Guest::start(&compile(&Engine::default(), &wasm), &World::default(), &[]);
    assert_eq!(copy.value("count", &[]), 3);
}

#[test]
fn assemblyscript() {
    query_survives("assemblyscript/guest.wasm", &Preinit::new(), &["preinit"], 0..500);
}

/// Collections, strings, lambdas, sealed classes, exceptions and cycles, all of them objects.
#[test]
fn kotlin() {
    let preinit = Preinit::new().wasi(quiet());
    let answers = query_survives("kotlin/catalog.wasm", &preinit, &["wizer.initialize"], 0..200);
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Returned(_))), "{answers:?}");
    let distinct = answers.iter().filter(|answer| !answers[..5].contains(answer)).count();
    assert!(distinct > 50, "answers that depend on the argument: {answers:?}");
}

/// Frozen while it fills a map, parses, and throws: frames and globals share the objects that they hold.
#[test]
fn kotlin_in_the_middle() {
    let wasm = read("kotlin/catalog.wasm");
    let engine = Engine::default();
    let init = ["wizer.initialize"];
    let expected = Guest::start(&compile(&engine, &wasm), &World::default(), &init).answers("query", 0..200);
    for at in ["kotlin.collections.HashMap.rehash#3", "kotlin.collections.HashMap.addKey#40", "parse#700"] {
        let at = format!("call:{at}");
        let preinit = Preinit::new().wasi(quiet()).init_function(init[0]).at(at.parse().unwrap());
        let output = preinit.run(&wasm).unwrap_or_else(|error| panic!("{at}: {error}"));
        assert!(output.report.frozen.as_ref().unwrap().frames >= 2, "{at}");
        assert!(output.report.heap.objects > 100, "{at}");
        let mut frozen = Guest::start(&compile(&engine, &output.wasm), &World::default(), &init);
        assert_eq!(frozen.answers("query", 0..200), expected, "{at}");
    }
}

#[test]
fn rust() {
    let preinit = Preinit::new().wasi(quiet());
    let answers = query_survives("rust/guest.wasm", &preinit, &["wizer.initialize"], 0..1000);
    assert_ne!(answers[0], answers[1]);
    let output = preinit.run(&read("rust/guest.wasm")).unwrap();
    assert_eq!(output.report.random_bytes, 16, "the keys of one hash map");
    assert!(output.report.warnings.iter().any(|warning| matches!(warning, preinit::Warning::Random(_))));
    let mut copy = Guest::start(&compile(&Engine::default(), &output.wasm), &World::default(), &[]);
    assert_eq!(copy.value("count", &[]), 1);
}

#[test]
fn every_kind_of_state() {
    let answers = query_survives("wat/state.wat", &Preinit::new(), &["preinit"], 0..10);
    let expected = [1818850419, 107, 9804, 40, 21, -1, -2147483648, 291, -97877293, -97877276];
    assert_eq!(answers, returned(&expected));
}

/// What a run prints and how it ends.
fn run_command(wasm: &[u8], world: &World) -> (Answer, String) {
    let mut guest = Guest::start(&compile(&Engine::default(), wasm), world, &[]);
    let end = guest.call("_start", &[]);
    (end, guest.stdout())
}

fn resumed(file: &str) -> (Vec<u8>, Vec<u8>) {
    let wasm = read(file);
    let preinit = Preinit::new().wasi(quiet()).rename("_start", "preinit.resume");
    let snapshot = preinit.run(&wasm).unwrap().wasm;
    (wasm, snapshot)
}

#[test]
fn a_command_resumes_at_main() {
    let (wasm, snapshot) = resumed("c/command.wasm");
    let world = World {
        args: vec!["command", "27", "6171", "99999"],
        env: vec![("NAME", "Ann")],
        ..World::default()
    };
    let text = "hello Ann\n27: 111 steps\n6171: 261 steps\n99999: out of range\ngoodbye, longest 26623\n";
    assert_eq!(run_command(&wasm, &world), (Answer::Exited(3), text.to_string()));
    assert_eq!(run_command(&snapshot, &world), (Answer::Exited(3), text.to_string()));

    let world = World { args: vec!["command", "97"], ..World::default() };
    let text = "hello nobody\n97: 118 steps\ngoodbye, longest 26623\n";
    assert_eq!(run_command(&wasm, &world), (Answer::Returned(0), text.to_string()));
    assert_eq!(run_command(&snapshot, &world), (Answer::Returned(0), text.to_string()));
}

#[test]
fn a_command_with_constructors_resumes_at_main() {
    let (wasm, snapshot) = resumed("cpp/constructors-command.wasm");
    let expected = run_command(&wasm, &World::default());
    assert_eq!(expected.0, Answer::Returned(0));
    assert!(expected.1.starts_with("3 constructions\nquery(0) = -4\n"), "{}", expected.1);
    assert!(expected.1.ends_with("registry of 300 names destroyed\n"), "{}", expected.1);
    assert_eq!(run_command(&snapshot, &World::default()), expected);
}

/// The old `_start` would run constructors over the state that init built.
#[test]
fn a_command_entered_at_its_start_traps() {
    let snapshot = Preinit::new().wasi(quiet()).run(&read("c/command.wasm")).unwrap().wasm;
    let (end, text) = run_command(&snapshot, &World::default());
    assert_eq!((end, text.as_str()), (Answer::Trapped(Trap::UnreachableCodeReached), ""));
}

#[test]
fn imports_are_kept_or_made_the_modules_own() {
    let (consumer, provider) = (read("wat/consumer.wat"), read("wat/provider.wat"));
    let expected = returned(&[-943266129, -943266117, -943266105, -943266093]);
    let engine = Engine::default();
    let env = compile(&engine, &provider);
    let module = compile(&engine, &consumer);
    let mut original = Guest::start_with(&module, &World::default(), &["preinit"], Some(&env));
    assert_eq!(original.answers("query", 0..4), expected);

    let preinit = Preinit::new().preload("env", provider);
    for internalize in [false, true] {
        let snapshot = preinit.clone().internalize(internalize).run(&consumer).unwrap().wasm;
        let module = compile(&engine, &snapshot);
        let imports = interface(&module).0;
        assert_eq!(imports.iter().any(|name| name == "env.memory"), !internalize, "{imports:?}");
        let mut copy = Guest::start_with(&module, &World::default(), &[], Some(&env));
        assert_eq!(copy.answers("query", 0..4), expected, "internalize: {internalize}");
    }
}

/// Nothing in the consumer can name a function that the provider keeps to itself.
#[test]
fn a_private_function_of_a_provider_is_refused() {
    let private = String::from_utf8(read_text("wat/provider.wat")).unwrap().replace("(export \"one\") ", "");
    let consumer = String::from_utf8(read_text("wat/consumer.wat")).unwrap();
    let consumer = consumer.lines().filter(|line| !line.contains("\"one\"")).collect::<Vec<_>>().join("\n");
    let preinit = Preinit::new().preload("env", wat_to_wasm(private.as_bytes()).unwrap());
    let error = preinit.run(&wat_to_wasm(consumer.as_bytes()).unwrap()).expect_err("a private function");
    let text = error.to_string();
    assert!(text.contains("table 0 ($table), element 1: function of another module"), "{text}");
}

/// Types are the same wherever they are declared, so nothing tells whose object one is.
#[test]
fn objects_that_a_preloaded_module_may_have_made_are_warned_of() {
    let text = |own: &str| {
        let module = format!(
            r#"(module (type $box (struct (field (mut i32))))
            (import "env" "make" (func $make (result (ref $box))))
            (global $kept (mut (ref null $box)) (ref.null $box))
            (func (export "preinit") (global.set $kept {own}))
            (func (export "value") (result i32) (struct.get $box 0 (global.get $kept))))"#
        );
        wat_to_wasm(module.as_bytes()).unwrap().into_owned()
    };
    let provider = wat_to_wasm(
        br#"(module (type $box (struct (field (mut i32)))) (func (export "make") (result (ref $box)) (struct.new $box (i32.const 5))))"#,
    );
    let preinit = Preinit::new().preload("env", provider.unwrap());
    let warnings = |own| preinit.run(&text(own)).unwrap().report.warnings;
    assert_eq!(warnings("(call $make)"), [Warning::PreloadedObjects("env".into())]);
    assert_eq!(warnings("(struct.new $box (i32.const 7))"), [Warning::PreloadedObjects("env".into())]);
    assert_eq!(warnings("(ref.null $box)"), []);
    let no_objects = br#"(module (func (export "kept") (param i32)))"#;
    let preinit = Preinit::new().preload("env", wat_to_wasm(no_objects).unwrap());
    let consumer = br#"(module (type $box (struct (field (mut i32))))
        (import "env" "kept" (func $kept (param i32))) (global $box (mut (ref null $box)) (ref.null $box))
        (func (export "preinit") (global.set $box (struct.new $box (i32.const 7))) (call $kept (i32.const 7)))
        (func (export "value") (result i32) (struct.get $box 0 (global.get $box))))"#;
    assert_eq!(preinit.run(&wat_to_wasm(consumer).unwrap()).unwrap().report.warnings, []);
}

/// Copies the guests' data folder, its files in this order and `age` old.
fn data_folder(files: &[&str], age: Duration) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in files {
        let path = copy.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, std::fs::read(folder().join("data").join(file)).unwrap()).unwrap();
        let file = std::fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(std::time::SystemTime::now() - age).unwrap();
    }
    copy
}

const DATA: [&str; 7] =
    ["zebra.txt", "B.txt", "apple.txt", "file-10", "file-2", "hello.txt", "middle/inner.txt"];

fn host_facts(data: &Path) -> (Vec<u8>, Vec<u8>, World) {
    let world = World { dirs: vec![("/data", data.to_path_buf())], ..World::default() };
    let options = WasiOptions { file_times: FileTimes::Fixed, ..world.at_build_time() };
    let output = Preinit::new().wasi(options).run(&read("c/wasi_files.wasm")).unwrap();
    (output.wasm, output.stdout, world)
}

#[test]
fn a_guest_sees_nothing_of_this_machine() {
    let data = data_folder(&DATA, Duration::ZERO);
    let started = Instant::now();
    let (wasm, stdout, world) = host_facts(data.path());
    assert!(started.elapsed() < Duration::from_secs(600), "init waits an hour if sleeps are real");
    assert_eq!(stdout, b"wasi_files: init writes to stdout\n");

    let mut guest = Guest::start(&compile(&Engine::default(), &wasm), &world, &[]);
    let mut fact = |name: &str| guest.value(name, &[]);
    let expected = [
        ("file_size", 38),
        ("missing_errno", 44),
        ("dir_sorted", 1),
        ("dir_pages_agree", 1),
        ("preopens", 1),
        ("arg_count", 0),
        ("env_count", 0),
        ("stdin_size", 0),
        ("polled_events", 1),
        ("polled_userdata", 1001),
        ("yielded", 0),
        ("tty_0", 0),
        ("tty_1", 0),
        ("tty_2", 0),
        ("bad_fd_errno", 8),
    ];
    for (name, value) in expected {
        assert_eq!(fact(name), value, "{name}");
    }
    assert_ne!(fact("write_errno"), 0);
    assert_ne!(fact("escape_errno"), 0);
    assert_ne!(fact("random_first"), fact("random_second"));
    let year_2000 = 946_684_800_000_000_000;
    assert!((year_2000..year_2000 + 1_000_000_000).contains(&fact("realtime")), "{}", fact("realtime"));
    assert_eq!(fact("file_mtime"), year_2000);
    assert!((1_000_000_000..1_100_000_000).contains(&fact("slept")), "{}", fact("slept"));

    let bytes: Vec<u8> = (0..)
        .map(|at| guest.value("listing", &[at]))
        .take_while(|&byte| byte >= 0)
        .map(|byte| u8::try_from(byte).unwrap())
        .collect();
    let listing = String::from_utf8(bytes).unwrap();
    let names: Vec<&str> = listing.trim_end_matches('\0').split('\0').collect();
    assert_eq!(
        names,
        [".", "..", "B.txt", "apple.txt", "file-10", "file-2", "hello.txt", "middle", "zebra.txt"]
    );
}

/// Other inodes, another order on the disk, other times: the same snapshot.
#[test]
fn two_machines_make_the_same_snapshot() {
    let mut backwards = DATA;
    backwards.reverse();
    let here = data_folder(&DATA, Duration::ZERO);
    let there = data_folder(&backwards, Duration::from_secs(86_400));
    assert!(host_facts(here.path()).0 == host_facts(there.path()).0);
}

/// Descriptors of the build machine are forgotten: the snapshot reads the files of the machine that it runs on.
#[test]
fn a_snapshot_opens_the_files_of_its_own_machine() {
    let data = data_folder(&DATA, Duration::ZERO);
    let (wasm, _, mut world) = host_facts(data.path());
    let module = compile(&Engine::default(), &wasm);
    let mut guest = Guest::start(&module, &world, &[]);
    assert_eq!(guest.value("reread", &[]), guest.value("file_hash", &[]));

    let other = data_folder(&DATA[..2], Duration::ZERO);
    std::fs::write(other.path().join("hello.txt"), "something else").unwrap();
    world.dirs[0].1 = other.path().to_path_buf();
    let mut guest = Guest::start(&module, &world, &[]);
    assert_ne!(guest.value("reread", &[]), guest.value("file_hash", &[]));
}
