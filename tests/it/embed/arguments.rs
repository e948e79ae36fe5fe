//! A file that has the arguments of the instance that reads it.

use super::driver::{Driver, OUT, Open, READ, WRITE, module};
use super::files::run;
use preinit::Preinit;
use preinit::embed::{EmbedError, Sources, Writing, embed_for};
use preinit::host::{Output, WasiOptions};
use preinit::wasmtime::Engine;
use preinit_testing::guest::{Answer, World, compile};

const PATH: &str = "/proc/self/cmdline";
const TO_READ: Open = Open { follow: 1, flags: 0, rights: READ, fdflags: 0 };
const TOO_BIG: i32 = 1;
/// Bytes that the arguments may have, with a pointer to each.
const ROOM: usize = 20 << 10;

fn with_arguments(wasm: &[u8], writing: Writing) -> Result<Vec<u8>, EmbedError> {
    let mut sources = Sources::default();
    sources.arguments(PATH);
    embed_for(wasm, &sources.tree().unwrap(), writing).map(|embedded| embedded.wasm)
}

fn driver(args: Vec<&'static str>, writing: Writing) -> Driver {
    let wasm = with_arguments(&module("2"), writing).unwrap();
    let world = World { args, ..World::default() };
    let mut driver = Driver::start(&compile(&Engine::default(), &wasm), &world);
    assert_eq!(driver.call("fd_prestat_get", &[3, OUT.into()]), 0);
    driver
}

#[test]
fn arguments_are_read_like_a_file() {
    for writing in [Writing::Refused, Writing::InMemory] {
        let mut driver = driver(vec!["app.wasm", "--title", "\u{e9}t\u{e9}", ""], writing);
        let bytes = "app.wasm\0--title\0\u{e9}t\u{e9}\0\0".as_bytes();
        let fd = driver.open(3, "cmdline", TO_READ).unwrap();
        assert_eq!(driver.stat(3, "cmdline", 1).map(|said| said[2]), Ok(bytes.len() as u64));
        assert_eq!(driver.stat_open(fd).map(|said| said[1..].to_vec()), Ok(vec![4, bytes.len() as u64]));
        let pieces: Vec<u8> = (0..8).flat_map(|_| driver.read(fd, 5, None).unwrap()).collect();
        assert_eq!(pieces, bytes);
        assert_eq!(driver.read(fd, 7, Some(9)), Ok(b"--title".to_vec()));
        assert_eq!(driver.call("fd_seek", &[fd.into(), -1, 2, OUT.into()]), 0);
        assert_eq!(driver.read(fd, 9, None), Ok(b"\0".to_vec()));
        assert_eq!(driver.list(3, 500).unwrap().last(), Some(&("cmdline".to_string(), 4)));
        let write = driver.open(3, "cmdline", Open { rights: READ | WRITE, ..TO_READ });
        assert_eq!(write, Err(if writing == Writing::InMemory { 63 } else { 69 }));
        let truncate = driver.open(3, "cmdline", Open { flags: 8, ..TO_READ });
        assert!(truncate.is_err());
    }
}

/// What is told of it can change, and its name; its bytes are still the arguments.
#[test]
fn a_renamed_file_has_the_arguments() {
    let mut driver = driver(vec!["app", "x"], Writing::InMemory);
    let old = driver.put_path(super::driver::PATH, "cmdline");
    let new = driver.put_path(super::driver::OTHER_PATH, "args");
    let (from, to) = (super::driver::PATH.into(), super::driver::OTHER_PATH.into());
    assert_eq!(driver.call("path_rename", &[3, from, old, 3, to, new]), 0);
    let fd = driver.open(3, "args", TO_READ).unwrap();
    assert_eq!(driver.call("fd_filestat_set_times", &[fd.into(), 5, 5, 5]), 0);
    assert_eq!(driver.read(fd, 99, None), Ok(b"app\0x\0".to_vec()));
    assert_eq!(driver.stat(3, "args", 1).map(|said| said[2]), Ok(6));
}

#[test]
fn more_arguments_than_there_is_room_for_are_an_error() {
    let args = |bytes: usize| vec![&*String::leak("x".repeat(bytes - 4 - 1))];
    for writing in [Writing::Refused, Writing::InMemory] {
        let mut most = driver(args(ROOM), writing);
        let fd = most.open(3, "cmdline", TO_READ).unwrap();
        assert_eq!(most.read(fd, 40_000, None).map(|bytes| bytes.len()), Ok(ROOM - 4));
        let mut more = driver(args(ROOM + 1), writing);
        let fd = more.open(3, "cmdline", TO_READ).unwrap();
        assert_eq!(more.read(fd, 10, None), Err(TOO_BIG));
        assert_eq!(more.read(fd, 10, Some(0)), Err(TOO_BIG));
    }
}

/// A program that is frozen with the file open reads the arguments of the instance, from where it stood.
#[test]
fn a_frozen_program_reads_those_of_its_instance() {
    let wasm =
        with_arguments(&wat::parse_str(include_str!("reads-arguments.wat")).unwrap(), Writing::Refused);
    let wasm = wasm.unwrap();
    for (trigger, expected) in
        [("open:/proc/self/cmdline", "run\0--now\0"), ("export:before_rest", "--now\0")]
    {
        let args = vec!["old".to_string(), "--then".to_string()];
        let wasi = WasiOptions { stdout: Output::Capture, args, ..WasiOptions::default() };
        let trigger = trigger.parse().unwrap();
        let made = Preinit::new().init_function("_start").wasi(wasi).at(trigger).run(&wasm).unwrap();
        let world = World { args: vec!["run", "--now"], ..World::default() };
        let (out, _, ended) = run(&made.wasm, &world);
        assert_eq!((out.as_str(), ended), (expected, Answer::Returned(0)));
    }
}

#[test]
fn a_module_without_arguments_is_refused() {
    let wasm = wat::parse_str(include_str!("reads-on.wat")).unwrap();
    let error = with_arguments(&wasm, Writing::Refused).unwrap_err();
    assert!(matches!(error, EmbedError::NoArguments), "{error}");
}
