//! What runtimes have left over of the standard input that init has read a line of, said in a plain run with the number of bytes
//! and refused by a strict one, and that this is what an instance reads first. C and C++ are in `host_caches`, Ruby is in
//! `tests/clients`.

use preinit::host::{Stdin, WasiOptions};
use preinit::{Error, InitResult, Options, Output, Preinit};
use preinit_testing::guest::{Guest, World, compile};
use preinit_testing::{go_program, input, python_library, test_program};
use wasmtime::Engine;

const LINES: &[u8] = b"first\nsecond\nthird\n";

fn run(wasm: &[u8], init: &[&str], world: &World, strict: bool) -> Result<Output, Error> {
    let wasi = WasiOptions { stdin: Stdin::Bytes(LINES.to_vec()), ..world.at_build_time() };
    let options = Options {
        init_functions: init.iter().map(ToString::to_string).collect(),
        init_result: InitResult::Any,
        keep_init_functions: true,
        ..Options::default()
    };
    Preinit::from(options).wasi(wasi).strict(strict).run(wasm)
}

/// The title of the one finding about standard input.
fn about_input(output: &Output) -> &str {
    let is_about_it = |key: &str| ["handle.unread", "handle.end_of_input"].contains(&key);
    let mut findings = output.report.findings.iter().filter(|finding| is_about_it(&finding.key));
    let finding = findings.next().expect("there is a finding");
    assert!(findings.next().is_none() && finding.locations.len() == 1, "{finding:?}");
    &finding.title
}

/// Init reads the first of three lines.
fn reads_a_line(wasm: &[u8], init: &[&str], world: &World, of: &str) -> Vec<u8> {
    let output = run(wasm, init, world, false).unwrap();
    let title = about_input(&output);
    assert!(title.starts_with(&format!("a buffer of {of} holds 13 bytes of standard input")), "{title}");
    let error = run(wasm, init, world, true).unwrap_err();
    assert!(error.is_refusal() && error.to_string().contains("13 bytes of standard input"), "{error}");
    output.wasm
}

#[test(needs(Inputs, Python))]
fn python() {
    let world = World { dirs: vec![("/lib/python3.11", python_library())], ..World::default() };
    for (line, of) in [
        ("sys.stdin.readline()", "Python's TextIOWrapper"),
        ("sys.stdin.buffer.readline()", "Python's BufferedReader"),
    ] {
        let init = ["wizer.initialize".to_string(), format!("run(\"import sys; {line}\")")];
        let snapshot = reads_a_line(&input("cpython.wasm"), &[&init[0], &init[1]], &world, of);
        let world = World { stdin: b"own\n", ..world.clone() };
        let mut guest = Guest::start(&compile(&Engine::default(), &snapshot), &world, &[]);
        guest.call_with_text("run", "import sys; print(sys.stdin.readline(), end='', flush=True)");
        assert!(guest.stdout().starts_with("second\n"), "that is what is warned of: {}", guest.stdout());
    }
}

#[test(needs(Inputs))]
fn lua() {
    let init = ["wizer.initialize", "eval_int(\"return #io.read()\")"];
    reads_a_line(&input("lua.wasm"), &init, &World::default(), "libc");
}

#[test]
fn rust() {
    let wasm = test_program("rust/stdin.wasm");
    let snapshot = reads_a_line(&wasm, &["reads_a_line"], &World::default(), "Rust's BufReader");
    let world = World { stdin: b"own\n", ..World::default() };
    let mut guest = Guest::start(&compile(&Engine::default(), &snapshot), &world, &[]);
    assert_eq!(guest.value("next_byte", &[]), i64::from(b's'), "that is what is warned of");
}

#[test(needs(Go))]
fn go() {
    let wasm = go_program("stdin.go", tempfile::tempdir().unwrap().path());
    let snapshot = reads_a_line(&wasm, &["reads_a_line"], &World::default(), "Go's bufio.Reader");
    let world = World { stdin: b"own\n", ..World::default() };
    let mut guest = Guest::start(&compile(&Engine::default(), &snapshot), &world, &[]);
    assert_eq!(guest.value("next_byte", &[]), i64::from(b's'), "that is what is warned of");
}
