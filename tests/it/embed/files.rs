//! Programs of a real compiler, on a directory and on the same directory embedded.

use super::driver::embedded;
use preinit::Preinit;
use preinit::host::{Output, WasiOptions};
use preinit::wasmtime::Engine;
use preinit_testing::guest::{Answer, Guest, World, compile};
use preinit_testing::{repository, test_program};

pub fn data() -> std::path::PathBuf {
    repository().join("test-programs/data")
}

/// What a program prints, and how it ends.
pub fn run(wasm: &[u8], world: &World) -> (String, String, Answer) {
    let mut guest = Guest::start(&compile(&Engine::default(), wasm), world, &[]);
    let ended = guest.call("_start", &[]);
    (guest.stdout(), guest.stderr(), ended)
}

/// Programs that read what they find in `/data`, and change `/scratch`.
pub const READERS: [&str; 4] =
    ["wasi/descriptors.wasm", "wasi/directories.wasm", "wasi/file_cases.wasm", "wasi/files.wasm"];

#[test]
fn programs_read_what_is_embedded() {
    for name in READERS {
        let wasm = test_program(name);
        // Programs leave files behind.
        let (scratch, other_scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let directories = vec![("/data", data()), ("/scratch", scratch.path().to_path_buf())];
        let on_host = World { dirs: directories, is_writable: true, ..World::default() };
        let expected = run(&wasm, &on_host);
        // The other directory is the host's still.
        let directory = vec![("/scratch", other_scratch.path().to_path_buf())];
        let beside = World { dirs: directory, is_writable: true, ..World::default() };
        assert_eq!(run(&embedded(&wasm, &data()), &beside), expected, "{name}");
    }
}

/// Frozen at each of its host calls, a program reads and lists on what was open.
#[test]
fn what_is_open_stays_open_in_a_frozen_program() {
    let plain = wat::parse_str(include_str!("reads-on.wat")).unwrap();
    let wasm = embedded(&plain, &data());
    let on_host = World { dirs: vec![("/data", data())], ..World::default() };
    let (whole, _, _) = run(&wasm, &World::default());
    let (expected, ..) = run(&plain, &on_host);
    assert_eq!(sorted(&whole), sorted(&expected), "the host lists in an order of its own");
    assert!(whole.contains("began"));
    for nth in 1..=7 {
        let wasi = WasiOptions { stdout: Output::Capture, ..WasiOptions::default() };
        let trigger = format!("wasi_snapshot_preview1.fd_write#{nth}").parse().unwrap();
        let made = Preinit::new().init_function("_start").wasi(wasi).at(trigger).run(&wasm).unwrap();
        let before = String::from_utf8(made.stdout).unwrap();
        assert_eq!(made.report.frozen.unwrap().preopens, Vec::<String>::new());
        let (after, _, ended) = run(&made.wasm, &World::default());
        assert_eq!((before + &after, ended), (whole.clone(), Answer::Returned(0)), "frozen at write {nth}");
    }
}

fn sorted(text: &str) -> Vec<char> {
    let mut letters: Vec<char> = text.chars().collect();
    letters.sort_unstable();
    letters
}

/// A place can be the opening of a path, whoever opens it.
#[test]
fn a_program_is_frozen_where_it_opens_an_embedded_file() {
    let plain = wat::parse_str(include_str!("reads-on.wat")).unwrap();
    let wasm = embedded(&plain, &data());
    let (whole, ..) = run(&wasm, &World::default());
    let frozen = |place: &str| {
        let wasi = WasiOptions { stdout: Output::Capture, ..WasiOptions::default() };
        Preinit::new().init_function("_start").wasi(wasi).at(place.parse().unwrap()).run(&wasm)
    };
    let made = frozen("open:/data/./hello.txt").unwrap();
    assert_eq!(made.stdout, b"");
    assert_eq!(run(&made.wasm, &World::default()).0, whole);
    assert!(frozen("open:/data/other.txt").is_err());
}
