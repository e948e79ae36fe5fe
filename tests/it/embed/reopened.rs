//! Files of the host that are opened anew for each use.

use super::driver::{Driver, OTHER_PATH, OUT, Open, READ, WRITE, module};
use super::files::{data, run};
use preinit::Preinit;
use preinit::embed::{Sources, Writing, embed_for};
use preinit::host::{Output, WasiOptions};
use preinit::wasmtime::Engine;
use preinit_testing::guest::{Answer, World, compile};
use std::fs;
use std::path::Path;

const BADF: i32 = 8;

/// A module for which these files of the host are opened anew.
fn reopening(wasm: &[u8], paths: &[&str], writing: Writing) -> Vec<u8> {
    let mut sources = Sources::default();
    paths.iter().for_each(|path| sources.reopen(*path));
    embed_for(wasm, &sources.tree().unwrap(), writing).unwrap().wasm
}

fn driver(directory: &Path, guest: &'static str, path: &str, writing: Writing) -> Driver {
    let wasm = reopening(&module("2"), &[path], writing);
    let world = World { dirs: vec![(guest, directory.to_owned())], is_writable: true, ..World::default() };
    let mut driver = Driver::start(&compile(&Engine::default(), &wasm), &world);
    assert_eq!(driver.call("fd_prestat_get", &[3, OUT.into()]), 0);
    driver
}

const TO_READ: Open = Open { follow: 1, flags: 0, rights: READ, fdflags: 0 };

/// Whether it was taken for one that is opened anew shows in its number.
fn is_ours(fd: u32) -> bool {
    fd >= 512
}

#[test]
fn a_file_reads_on_wherever_it_was_replaced() {
    for writing in [Writing::Refused, Writing::InMemory] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        fs::write(&file, "first text").unwrap();
        let mut driver = driver(dir.path(), "/data", "/data/./f", writing);
        let fd = driver.open(3, "./f", TO_READ).unwrap();
        assert!(is_ours(fd), "{fd}");
        assert_eq!(driver.read(fd, 5, None), Ok(b"first".to_vec()));
        fs::remove_file(&file).unwrap();
        assert_eq!(driver.read(fd, 5, None), Err(BADF));
        assert_eq!(driver.stat_open(fd), Err(BADF));
        fs::write(&file, "other, longer text").unwrap();
        assert_eq!(driver.read(fd, 5, None), Ok(b", lon".to_vec()));
        assert_eq!(driver.read(fd, 5, Some(0)), Ok(b"other".to_vec()));
        assert_eq!(driver.stat_open(fd).map(|said| said[2]), Ok(18));
        for (offset, whence, position) in [(0, 1, 10), (-4, 2, 14), (2, 0, 2)] {
            assert_eq!(driver.call("fd_seek", &[fd.into(), offset, whence, OUT.into()]), 0);
            assert_eq!(driver.long(OUT), position);
        }
        assert_eq!(driver.call("fd_fdstat_get", &[fd.into(), OUT.into()]), 0);
        assert_eq!(driver.long(OUT) & 0xff, 4);
        assert_eq!(driver.long(OUT + 8) & (WRITE as u64), 0);
        for (name, args) in [
            ("fd_write", vec![i64::from(fd), 512, 1, OUT.into()]),
            ("fd_filestat_set_size", vec![fd.into(), 1]),
            ("fd_filestat_set_times", vec![fd.into(), 0, 0, 4]),
            ("fd_readdir", vec![fd.into(), 20480, 100, 0, OUT.into()]),
        ] {
            assert_ne!(driver.call(name, &args), 0, "{name}");
        }
        assert_eq!(driver.call("fd_renumber", &[fd.into(), 3]), 0);
        assert_eq!(driver.call("fd_close", &[3]), 0);
        assert_eq!(fs::read_to_string(&file).unwrap(), "other, longer text");
    }
}

/// Only what is named, and only to be read.
#[test]
fn other_files_are_the_hosts() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("a")).unwrap();
    for name in ["f", "ff", "a/f"] {
        fs::write(dir.path().join(name), name).unwrap();
    }
    let mut driver = driver(dir.path(), "/data", "/data/f", Writing::Refused);
    let numbers = ["f", "ff", "a/f", "a/../f"].map(|path| driver.open(3, path, TO_READ).unwrap());
    assert_eq!(numbers.map(is_ours), [true, false, false, false]);
    let write = driver.open(3, "f", Open { rights: READ | WRITE, ..TO_READ }).unwrap();
    assert!(!is_ours(write));
    assert_eq!(driver.open(3, "none", TO_READ), Err(44));
    // A name in a directory that is no preopened one is not known.
    let below = driver.open(3, "a", Open { flags: 2, ..TO_READ }).unwrap();
    let in_it = driver.open(below, "f", TO_READ).unwrap();
    assert!(!is_ours(in_it));
    let len = driver.put_path(OTHER_PATH, "f");
    assert_eq!(len, 1);
}

/// Names of directories that are no plain ones.
#[test]
fn directories_are_found_by_their_names() {
    for (guest, path) in
        [(".", "f"), ("/", "/f"), ("/data/", "/data//f"), ("data", "data/f"), ("/a/b", "/a/b/f")]
    {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), "text").unwrap();
        let mut driver = driver(dir.path(), guest, path, Writing::Refused);
        let fd = driver.open(3, "f", TO_READ).unwrap();
        assert!(is_ours(fd), "{guest} {path}");
        assert_eq!(driver.read(fd, 9, None), Ok(b"text".to_vec()), "{guest} {path}");
    }
    let mut sources = Sources::default();
    for path in ["", "/", ".", "a/../b", ".."] {
        sources.reopen(path);
        assert!(sources.tree().is_err(), "{path}");
        sources = Sources::default();
    }
}

/// Frozen with a file open, a program reads on in the instance.
#[test]
fn a_program_is_frozen_with_a_file_of_the_host_open() {
    // What is opened anew is asked for its type, sought in and closed, and its directory for its name.
    let imports = r#"(module (import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_seek" (func (param i32 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_fdstat_get" (func (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func (param i32 i32 i32) (result i32)))"#;
    let text = include_str!("reads-on.wat").replacen("(module", imports, 1);
    let plain = wat::parse_str(text).unwrap();
    let on_host = World { dirs: vec![("/data", data())], ..World::default() };
    let (whole, _, _) = run(&plain, &on_host);
    let freeze = |wasm: &[u8], nth: u32| {
        let wasi = WasiOptions { stdout: Output::Capture, ..on_host.at_build_time() };
        let trigger = format!("wasi_snapshot_preview1.fd_write#{nth}").parse().unwrap();
        Preinit::new().init_function("_start").wasi(wasi).at(trigger).run(wasm)
    };
    assert!(freeze(&plain, 2).unwrap_err().to_string().contains("file `/data/hello.txt` at position 3"));
    let wasm = reopening(&plain, &["/data/hello.txt"], Writing::Refused);
    for nth in 1..=5 {
        let made = freeze(&wasm, nth).unwrap();
        let before = String::from_utf8(made.stdout).unwrap();
        let (after, _, ended) = run(&made.wasm, &on_host);
        assert_eq!((before + &after, ended), (whole.clone(), Answer::Returned(0)), "frozen at write {nth}");
    }
}
