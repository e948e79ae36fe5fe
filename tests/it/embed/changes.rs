//! Changes of embedded files: of whole programs, in snapshots, and where memory ends.

use super::driver::{BUFFER, Driver, OUT, Open, PATH, READ, WRITE, embedded_writable, module};
use super::files::{READERS, data, run};
use super::furnished;
use preinit::Preinit;
use preinit::embed::{Entry, Source, Sources, Writing, embed_for};
use preinit::host::{Output, WasiOptions};
use preinit::wasmtime::Engine;
use preinit_testing::guest::{Answer, Guest, World, compile};
use preinit_testing::test_program;
use std::collections::BTreeMap;

const NOSPC: i32 = 51;
const PAGE: usize = 65_536;

/// A program with these directories in it, which it may change.
pub fn with_scratch(wasm: &[u8]) -> Vec<u8> {
    let mut sources = Sources::default();
    sources.add(Source::new("/data", data())).unwrap();
    let mut tree = sources.tree().unwrap();
    let empty = Entry::Directory { entries: BTreeMap::new(), modified: 0 };
    tree.mount("/scratch", empty).unwrap();
    embed_for(wasm, &tree, Writing::InMemory).unwrap().wasm
}

#[test]
fn programs_change_what_is_embedded() {
    for name in READERS {
        let wasm = test_program(name);
        let scratch = tempfile::tempdir().unwrap();
        let dirs = vec![("/data", data()), ("/scratch", scratch.path().to_path_buf())];
        let expected = run(&wasm, &World { dirs, is_writable: true, ..World::default() });
        assert_eq!(run(&with_scratch(&wasm), &World::default()), expected, "{name}");
    }
}

/// Frozen in the midst of its changes, a program goes on with them.
#[test]
fn changes_are_part_of_a_frozen_program() {
    for (name, import) in [
        ("wasi/files.wasm", "path_open"),
        ("wasi/files.wasm", "fd_read"),
        ("wasi/files.wasm", "path_unlink_file"),
        ("wasi/directories.wasm", "path_create_directory"),
        ("wasi/directories.wasm", "path_remove_directory"),
        ("wasi/descriptors.wasm", "fd_read"),
        ("wasi/file_cases.wasm", "fd_pread"),
        ("wasi/file_cases.wasm", "fd_readdir"),
        ("wasi/file_cases.wasm", "path_rename"),
        ("wasi/file_cases.wasm", "fd_renumber"),
    ] {
        let wasm = with_scratch(&test_program(name));
        let whole = run(&wasm, &World::default());
        let wasi = WasiOptions { stdout: Output::Capture, ..WasiOptions::default() };
        let trigger = format!("call:embed:{import}").parse().unwrap();
        let preinit = Preinit::new().init_function("_start").wasi(wasi).at(trigger);
        // Functions that answer for files are as much in use as others are.
        let made = preinit.strip_init(true).run(&wasm).unwrap();
        let before = String::from_utf8(made.stdout).unwrap();
        let (after, said, ended) = run(&made.wasm, &World::default());
        assert_eq!((before + &after, said, ended), whole, "{name} at {import}");
    }
}

fn driver(memory: &str) -> (tempfile::TempDir, Driver) {
    let dir = furnished();
    let wasm = embedded_writable(&module(memory), dir.path());
    let mut driver = Driver::start(&compile(&Engine::default(), &wasm), &World::default());
    assert_eq!(driver.call("fd_prestat_get", &[3, OUT.into()]), 0);
    (dir, driver)
}

fn create(driver: &mut Driver, path: &str) -> u32 {
    driver.open(3, path, Open { flags: 1, rights: READ | WRITE, ..Open::default() }).unwrap()
}

/// Writes so many bytes of this value. Gives how many were written.
fn write(driver: &mut Driver, fd: u32, len: u32, byte: u8) -> Result<u32, i32> {
    driver.guest.write(BUFFER as usize, &vec![byte; len as usize]);
    driver.guest.write(512, &(BUFFER as u32).to_le_bytes());
    driver.guest.write(516, &len.to_le_bytes());
    match driver.call("fd_write", &[fd.into(), 512, 1, OUT.into()]) {
        0 => Ok(driver.word(OUT)),
        errno => Err(errno),
    }
}

/// What the program has for its own is not what its files are in, whichever of them grows.
#[test]
fn files_and_the_program_grow_side_by_side() {
    let (_dir, mut driver) = driver("2 9");
    let fd = create(&mut driver, "n");
    for round in 1..=7u8 {
        let size = i64::from(round) + 1;
        assert_eq!(write(&mut driver, fd, 70_000, round), Ok(70_000));
        assert_eq!(driver.guest.value("grow", &[1]), size);
        let new = driver.guest.read(size as usize * PAGE, PAGE);
        assert!(new.iter().all(|byte| *byte == 0), "memory that was added is zero");
        driver.guest.write(size as usize * PAGE, &vec![0xff; PAGE]);
    }
    // Its maximum is that of the program's own pages.
    assert_eq!(driver.guest.value("grow", &[1]), -1);
    assert_eq!(driver.guest.value("grow", &[0]), 9);
    assert_eq!(write(&mut driver, fd, 70_000, 8), Ok(70_000));
    for round in 0..8u8 {
        let read = driver.read(fd, 70_000, Some(i64::from(round) * 70_000)).unwrap();
        assert!(read.len() == 70_000 && read.iter().all(|byte| *byte == round + 1), "{round}");
    }
    assert_eq!(driver.guest.value("size", &[]), 9);
}

/// If a host grows the memory, files go on behind what it has added, which is the program's.
#[test]
fn files_go_on_after_a_host_has_grown_the_memory() {
    let (_dir, mut driver) = driver("2 20");
    let fd = create(&mut driver, "n");
    assert_eq!(write(&mut driver, fd, 70_000, 1), Ok(70_000));
    let end = driver.guest.memory_size();
    driver.guest.grow_memory(2);
    driver.guest.write(end, &vec![0xff; 2 * PAGE]);
    assert_eq!(driver.guest.value("size", &[]), (end / PAGE + 2) as i64);
    assert_eq!(write(&mut driver, fd, 70_000, 2), Ok(70_000));
    assert_eq!(driver.guest.value("size", &[]), (end / PAGE + 2) as i64);
    assert!(driver.guest.read(end, 2 * PAGE).iter().all(|byte| *byte == 0xff));
    let read = driver.read(fd, 110_000, Some(0)).unwrap();
    assert!(read[..70_000].iter().all(|byte| *byte == 1) && read[70_000..].iter().all(|byte| *byte == 2));
}

/// What was removed makes room for what comes.
#[test]
fn memory_of_what_is_gone_is_used_again() {
    let (_dir, mut driver) = driver("2");
    let mut fill = || {
        for round in 0..20 {
            let fd = create(&mut driver, "n");
            assert_eq!(write(&mut driver, fd, 70_000, round), Ok(70_000));
            let len = driver.put_path(PATH, "n");
            assert_eq!(driver.call("path_unlink_file", &[3, PATH.into(), len]), 0);
            // It is there until it is closed.
            assert_eq!(driver.read(fd, 1, Some(69_999)), Ok(vec![round]));
            assert_eq!(driver.call("fd_close", &[fd.into()]), 0);
        }
        driver.guest.memory_size()
    };
    let first = fill();
    assert_eq!(fill(), first);
    assert!(first < 9 * PAGE, "{first}");
}

/// When the memory cannot grow, what was written stays as it is.
#[test]
fn a_full_memory_refuses_and_keeps_what_is_there() {
    let (_dir, mut driver) = driver("2");
    let fd = create(&mut driver, "n");
    assert_eq!(write(&mut driver, fd, 9, 7), Ok(9));
    // Somebody outside takes all but a few pages. What is there must first be moved behind them.
    let pages = driver.guest.memory_size() / PAGE;
    driver.guest.grow_memory((65_536 - 2 * pages) as u64);
    let mut written = 9;
    let refused = loop {
        match write(&mut driver, fd, 70_000, 7) {
            Ok(len) => written += len,
            Err(errno) => break errno,
        }
    };
    assert_eq!(refused, NOSPC);
    assert!(written < 200_000, "{written}");
    let read = driver.read(fd, 100_000, Some(0)).unwrap();
    assert!(read.iter().all(|byte| *byte == 7));
    assert_eq!(read.len(), (written as usize).min(100_000));
    let mut errnos = Vec::new();
    for name in 0..2000 {
        let len = driver.put_path(PATH, &format!("a-directory-with-a-rather-long-name-{name}"));
        errnos.push(driver.call("path_create_directory", &[3, PATH.into(), len]));
    }
    assert!(errnos.iter().all(|errno| matches!(*errno, 0 | NOSPC)) && errnos.contains(&NOSPC), "{errnos:?}");
    let listed = driver.list(3, 4096).unwrap().len();
    let (_other, mut fresh) = self::driver("2");
    let before = fresh.list(3, 4096).unwrap().len();
    assert_eq!(listed, before + 1 + errnos.iter().filter(|errno| **errno == 0).count());
    // What is removed makes room.
    assert_eq!(driver.call("fd_filestat_set_size", &[fd.into(), 0]), 0);
    assert_eq!(write(&mut driver, fd, 5000, 7), Ok(5000));
}

/// A directory is listed to its end while what was listed is removed.
#[test]
fn what_is_listed_can_be_removed_meanwhile() {
    let (_dir, mut driver) = driver("2");
    for name in 0..300 {
        let fd = create(&mut driver, &format!("a/b/empty/file-{name}"));
        assert_eq!(driver.call("fd_close", &[fd.into()]), 0);
    }
    let how = Open { flags: 2, rights: READ, ..Open::default() };
    let directory = driver.open(3, "a/b/empty", how).unwrap();
    let mut cookie = 0;
    let mut removed = 0;
    loop {
        assert_eq!(driver.call("fd_readdir", &[directory.into(), BUFFER.into(), 300, cookie, OUT.into()]), 0);
        if driver.word(OUT) == 0 {
            break;
        }
        cookie = driver.long(BUFFER) as i64;
        let len = driver.word(BUFFER + 16) as usize;
        let name = String::from_utf8(driver.guest.read(BUFFER as usize + 24, len)).unwrap();
        if !matches!(name.as_str(), "." | "..") {
            let len = driver.put_path(PATH, &name);
            assert_eq!(driver.call("path_unlink_file", &[directory.into(), PATH.into(), len]), 0, "{name}");
            removed += 1;
        }
    }
    assert_eq!(removed, 300);
    let len = driver.put_path(PATH, "a/b/empty");
    assert_eq!(driver.call("path_remove_directory", &[3, PATH.into(), len]), 0);
    // It is open still, but nothing can be made in it.
    let made = driver.open(directory, "n", Open { flags: 1, rights: WRITE, ..Open::default() });
    assert_eq!(made, Err(44));
}

/// Paths that end in ways of which Wasmtime and Linux think differently; here it is as on Linux.
#[test]
fn paths_of_directories_end_as_on_linux() {
    let (_dir, mut driver) = driver("2");
    let mut one = |name: &str, path: &str| {
        let len = driver.put_path(PATH, path);
        driver.call(name, &[3, PATH.into(), len])
    };
    for (call, path, errno) in [
        ("path_create_directory", "x/", 0),
        ("path_create_directory", "x", 20),
        ("path_create_directory", "x/.", 20),
        ("path_create_directory", "d/", 20),
        ("path_remove_directory", "x/.", 28),
        ("path_remove_directory", "a/b/..", 55),
        ("path_remove_directory", "d/", 54),
        ("path_remove_directory", "d", 54),
        ("path_remove_directory", ".", 28),
        ("path_remove_directory", "..", 63),
        ("path_remove_directory", "x//", 0),
        ("path_unlink_file", "f/", 54),
        ("path_unlink_file", "a/", 31),
        ("path_unlink_file", ".", 31),
        ("path_unlink_file", "x", 44),
        ("path_unlink_file", "loop", 0),
        ("path_unlink_file", "", 44),
        ("path_unlink_file", "/f", 63),
    ] {
        assert_eq!(one(call, path), errno, "{call} {path}");
    }
}

/// A memory with addresses of 64 bits has the same code, made wider.
#[test]
fn a_memory_of_64_bits_has_changes_too() {
    let plain = wat::parse_str(include_str!("wide-writes.wat")).unwrap();
    let dir = furnished();
    let wasm = embedded_writable(&plain, dir.path());
    let mut guest = Guest::start(&compile(&Engine::default(), &wasm), &World::default(), &[]);
    assert_eq!(guest.call("write", &[]), Answer::Returned(300_000));
    assert_eq!(guest.value("grow", &[2]), 3);
    assert_eq!(guest.value("read", &[]), i64::from(b'z'));
    assert_eq!(guest.value("grow", &[70_000]), -1);
}
