//! The page with the bookkeeping, in memories that grow.

use super::driver::{Driver, OUT, Open, READ, embedded, module};
use super::furnished;
use preinit::wasmtime::Engine;
use preinit_testing::guest::{Guest, World, compile};

const PAGE: usize = 65_536;

fn driver(memory: &str) -> (tempfile::TempDir, Driver) {
    let dir = furnished();
    let wasm = embedded(&module(memory), dir.path());
    let driver = Driver::start(&compile(&Engine::default(), &wasm), &World::default());
    (dir, driver)
}

/// A program that takes all of its memory for its own never meets the page, and what is open stays so.
#[test]
fn the_page_moves_with_the_end_of_the_memory() {
    let (_dir, mut driver) = driver("2");
    assert_eq!(driver.call("fd_prestat_get", &[3, OUT.into()]), 0);
    let fd = driver.open(3, "a/b/long", Open { rights: READ, ..Open::default() }).unwrap();
    let first = driver.read(fd, 10, None).unwrap();
    let mut size = 2;
    for more in [1, 0, 3, 1, 7] {
        assert_eq!(driver.guest.value("size", &[]), size);
        assert_eq!(driver.guest.value("grow", &[more]), size);
        let new = driver.guest.read(size as usize * PAGE, more as usize * PAGE);
        assert!(new.iter().all(|byte| *byte == 0), "memory that was added is zero");
        driver.guest.write(size as usize * PAGE, &vec![0xff; more as usize * PAGE]);
        size += i64::from(more);
        assert_eq!(driver.call("fd_tell", &[fd.into(), OUT.into()]), 0);
        assert_eq!(driver.long(OUT), 10);
    }
    assert_eq!(driver.read(fd, 10, Some(0)).unwrap(), first);
    assert_eq!(driver.guest.value("size", &[]), size);
}

#[test]
fn a_memory_that_is_full_says_so_as_before() {
    let (_dir, mut driver) = driver("2 4");
    assert_eq!(driver.guest.value("grow", &[2]), 2);
    assert_eq!(driver.guest.value("grow", &[1]), -1);
    assert_eq!(driver.guest.value("size", &[]), 4);
    assert_eq!(driver.call("fd_prestat_get", &[3, OUT.into()]), 0);
}

/// Addresses of the layer have 32 bits, those of the memory 64.
#[test]
fn a_memory_of_64_bits_has_files_too() {
    let dir = furnished();
    std::fs::write(dir.path().join("hello.txt"), "abcdef").unwrap();
    let plain = wat::parse_str(include_str!("wide.wat")).unwrap();
    let wasm = embedded(&plain, dir.path());
    let mut guest = Guest::start(&compile(&Engine::default(), &wasm), &World::default(), &[]);
    let two = |text: &[u8; 2]| i64::from(u16::from_le_bytes(*text));
    assert_eq!(guest.value("open", &[]), i64::from(b'd'));
    assert_eq!(guest.value("next", &[]), two(b"ab"));
    for (more, old) in [(0, 1), (3, 1), (1, 4)] {
        assert_eq!(guest.value("grow", &[more]), old);
    }
    assert_eq!(guest.value("pages", &[]), 5);
    assert_eq!(guest.value("next", &[]), two(b"cd"));
    assert_eq!(guest.value("size", &[]), 6);
    assert_eq!(guest.value("entry", &[]), i64::from(b'a'));
    assert_eq!(guest.value("grow", &[2000]), -1);
    assert_eq!(guest.value("next", &[]), two(b"ef"));
}
