//! Snapshot 0 of WASI: what is laid out or numbered otherwise than in preview 1, and that all else is the same.

use std::fs;
use std::path::Path;

use super::{FD_READ, FD_WRITE, Guest, O_CREAT, allow, replay};
use crate::host::{
    Access, Class, Denied, Directory, FileTimes, HostOptions, ImportCalled, Output, Policy, Stdin,
    WasiImport, WasiOptions,
};

const HOUR: u64 = 3_600_000_000_000;
const CONTENTS: &[u8] = b"0123456789";

/// What lies around a record, to see what is written.
const AROUND: u8 = 0xa5;

fn options(host: &Path, access: Access) -> HostOptions {
    let dirs = vec![Directory { guest: "/data".into(), host: host.to_owned(), access }];
    let stdin = Stdin::Bytes(b"typed".to_vec());
    let file_times = FileTimes::Fixed;
    allow(WasiOptions { dirs, stdin, stdout: Output::Capture, file_times, ..WasiOptions::default() })
}

/// A file that the guest has made, in the directory and in memory over it.
fn with_file(check: impl Fn(&mut Guest, i64)) {
    for access in [Access::ReadWrite, Access::Overlay] {
        let dir = tempfile::tempdir().unwrap();
        let mut guest = Guest::snapshot0(&options(dir.path(), access));
        let file = guest.open(3, "file", O_CREAT, FD_READ | FD_WRITE).unwrap();
        assert_eq!(guest.write_fd(file, CONTENTS), 0);
        check(&mut guest, file);
    }
}

#[test]
fn seeking_counts_from_elsewhere() {
    with_file(|guest, file| {
        let mut seek = |offset: i64, whence: i64| {
            guest.ok("fd_seek", &[file, offset, whence, 64]);
            let position = guest.read_u64(64);
            guest.ok("fd_tell", &[file, 64]);
            assert_eq!(guest.read_u64(64), position);
            assert_eq!(guest.ledger().descriptors().get(file as u32).unwrap().position, Some(position));
            position
        };
        let (cur, end, set) = (0, 1, 2);
        assert_eq!(seek(0, cur), 10);
        assert_eq!(seek(3, set), 3);
        assert_eq!(seek(4, cur), 7);
        assert_eq!(seek(-1, cur), 6);
        assert_eq!(seek(-2, end), 8);
        assert_eq!(seek(5, end), 15);
        assert_eq!(seek(0, set), 0);
        assert_eq!(guest.read_fd(file, 4), b"0123");
        let unknown = guest.wasi_call("fd_seek", &[file, 0, 3, 64]).ok();
        assert!(matches!(unknown, None | Some(28)), "{unknown:?}");
    });
}

/// A call that writes attributes at 1024, which are checked to be those of this size and kind, and just 56 bytes.
fn is_stat(guest: &mut Guest, name: &str, args: &[i64], size: u64, filetype: u8) {
    guest.write(1016, &[AROUND; 80]);
    guest.ok(name, args);
    let record = guest.read(1016, 80);
    assert!(record[..8].iter().chain(&record[64..]).all(|byte| *byte == AROUND), "{record:x?}");
    let long = |at: usize| u64::from_le_bytes(record[8 + at..16 + at].try_into().unwrap());
    assert_eq!((long(0), record[24]), (1, filetype), "device and kind");
    assert!(long(8) > 0, "inode");
    assert_eq!(record[28..32], [1, 0, 0, 0], "links");
    assert_eq!(long(24), size);
    let time = long(32);
    assert!(time > 0 && [long(40), long(48)] == [time; 2], "{record:x?}");
    let entry = guest.ledger().entries().last().unwrap();
    assert_eq!(entry.writes[0].bytes, record[8..64], "the ledger has what was written");
}

#[test]
fn attributes_are_shorter() {
    with_file(|guest, file| {
        is_stat(guest, "fd_filestat_get", &[file, 1024], 10, 4);
        guest.write(512, b"filed");
        is_stat(guest, "path_filestat_get", &[3, 0, 512, 4, 1024], 10, 4);
        is_stat(guest, "fd_filestat_get", &[3, 1024], 0, 3);
        assert_eq!(guest.wasi_call("path_filestat_get", &[3, 0, 512, 5, 1024]).unwrap(), 44);
        assert_eq!(guest.wasi_call("fd_filestat_get", &[99, 1024]).unwrap(), 8);
        // The last bytes of the memory have room for one of snapshot 0, but not of preview 1.
        let last = 2 * 65536 - 56;
        guest.ok("fd_filestat_get", &[file, last]);
        assert_eq!(guest.read_u64(last as usize + 24), 10);
        guest.ok("path_filestat_get", &[3, 0, 512, 4, last]);
        assert!(guest.wasi_call("fd_filestat_get", &[file, last + 8]).is_err());
        assert!(guest.wasi_call("path_filestat_get", &[3, 0, 2 * 65536 - 2, 4, 1024]).is_err());
    });
}

#[test]
fn there_is_one_right_less() {
    with_file(|guest, file| {
        guest.ok("fd_fdstat_get", &[file, 64]);
        for at in [72, 80] {
            let rights = guest.read_u64(at);
            assert_eq!(rights >> 29, 0, "{rights:x}");
        }
        assert_ne!(guest.read_u64(72) & (FD_READ | FD_WRITE) as u64, 0);
    });
}

/// The `subscription` to a clock, with an identifier that says nothing.
fn sleep(clock: u32, nanoseconds: u64, absolute: bool) -> Vec<u8> {
    let words = [7, 0, 0x0102_0304_0506_0708, u64::from(clock), nanoseconds, 0, u64::from(absolute)];
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The `subscription` to a descriptor; `tag` 1 reads, 2 writes.
fn ready(tag: u8, fd: u32) -> Vec<u8> {
    [9, u64::from(tag), u64::from(fd), 0, 0, 0, 0].iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn now(guest: &mut Guest, clock: i64) -> u64 {
    guest.ok("clock_time_get", &[clock, 0, 64]);
    guest.read_u64(64)
}

#[test]
fn subscriptions_have_an_identifier() {
    let mut guest = Guest::snapshot0(&allow(WasiOptions::default()));
    for (clock, absolute) in [(0, false), (1, false), (0, true), (1, true)] {
        let before = now(&mut guest, i64::from(clock));
        let timeout = if absolute { before + HOUR } else { HOUR };
        let given = sleep(clock, timeout, absolute);
        guest.write(128, &given);
        guest.ok("poll_oneoff", &[128, 256, 1, 64]);
        assert_eq!((guest.read_u32(64), guest.read_u64(256)), (1, 7), "userdata");
        assert_eq!(guest.read(264, 3), [0, 0, 0], "no error, a clock event");
        assert_eq!(guest.read(128, 56), given, "as it was");
        assert_eq!(guest.ledger().entries().last().unwrap().call.reads[0].bytes, given);
        let after = now(&mut guest, i64::from(clock));
        assert!((HOUR..HOUR + HOUR / 60).contains(&(after - before)), "{clock} {absolute}: {before} {after}");
    }
    let before = now(&mut guest, 1);
    guest.write(128, &[sleep(1, 2 * HOUR, false), ready(1, 0), sleep(0, HOUR, false), ready(2, 1)].concat());
    guest.write(512, &[AROUND; 96]);
    guest.ok("poll_oneoff", &[128, 512, 4, 64]);
    assert_eq!(guest.read_u32(64), 2, "both descriptors, not the clocks");
    assert_eq!((guest.read(522, 1), guest.read(554, 1)), (vec![1], vec![2]));
    assert_eq!(guest.read(576, 32), [AROUND; 32]);
    assert!(now(&mut guest, 1) - before < HOUR);
    // Events may be written over the subscriptions.
    guest.write(128, &[sleep(0, HOUR, false), sleep(1, HOUR, false)].concat());
    guest.ok("poll_oneoff", &[128, 128, 2, 64]);
    assert_eq!((guest.read_u32(64), guest.read_u64(128), guest.read_u64(160)), (2, 7, 7));
    for subscription in [sleep(2, HOUR, false), sleep(9, HOUR, false), ready(3, 0)] {
        guest.write(128, &subscription);
        assert_eq!(guest.wasi_call("poll_oneoff", &[128, 512, 1, 64]).unwrap(), 28);
    }
    guest.write(128, &ready(1, 1));
    assert_eq!(guest.wasi_call("poll_oneoff", &[128, 512, 1, 64]).unwrap(), 8, "not readable");
    assert_eq!(guest.wasi_call("poll_oneoff", &[128, 512, 0, 64]).unwrap(), 28);
    assert!(guest.wasi_call("poll_oneoff", &[128, 512, 1 << 30, 64]).is_err());
    assert!(guest.wasi_call("poll_oneoff", &[2 * 65536 - 48, 512, 1, 64]).is_err());
}

fn session(guest: &mut Guest) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    let file = guest.open(3, "file", 0, FD_READ).unwrap();
    guest.ok("fd_seek", &[file, -3, 1, 64]);
    seen.push(guest.read_fd(file, 100));
    guest.ok("fd_filestat_get", &[file, 64]);
    seen.push(guest.read(64, 56));
    guest.write(128, &sleep(1, HOUR, false));
    guest.ok("poll_oneoff", &[128, 256, 1, 64]);
    seen.push(guest.read(256, 32));
    seen.push(guest.read_fd(0, 5));
    guest.ok("random_get", &[100, 16]);
    seen.push(guest.read(100, 16));
    assert_eq!(guest.write_fd(1, b"printed"), 0);
    seen
}

#[test]
fn a_replay_sees_the_same() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), CONTENTS).unwrap();
    let mut guest = Guest::snapshot0(&options(dir.path(), Access::ReadOnly));
    let seen = session(&mut guest);
    assert_eq!((&seen[0][..], &seen[3][..]), (&b"789"[..], &b"typed"[..]));
    assert_eq!(guest.store.data().stdout(), b"printed");
    let ledger = guest.ledger().clone();
    assert_eq!(ledger.random_bytes(), 16);
    assert_eq!(ledger.files_opened(), ["/data/file"]);
    assert_eq!(ledger.inputs().len(), 2);
    assert!(ledger.stubs().is_empty());
    dir.close().unwrap();
    let mut again = Guest::snapshot0(&replay(&allow(WasiOptions::default()), &mut guest));
    assert_eq!(session(&mut again), seen);
    assert_eq!(*again.ledger(), ledger);
}

#[test]
fn classes_are_those_of_preview_1() {
    for (class, name, args) in [
        (Class::Random, "random_get", &[64, 8][..]),
        (Class::Clock, "poll_oneoff", &[128, 256, 1, 64]),
        (Class::Environment, "environ_sizes_get", &[64, 68]),
        (Class::Stdin, "fd_filestat_get", &[0, 64]),
        (Class::Output, "fd_fdstat_get", &[1, 64]),
        (Class::Files, "fd_prestat_get", &[3, 64]),
        (Class::Process, "sched_yield", &[]),
    ] {
        let mut options = allow(WasiOptions::default());
        options.policies.set(class, Policy::Deny);
        let mut guest = Guest::snapshot0(&options);
        let error = guest.wasi_call(name, args).unwrap_err();
        assert_eq!(error.downcast_ref::<Denied>().map(|denied| denied.class), Some(class), "{name}");
    }
}

#[test]
fn without_wasi_the_error_knows_what_it_is() {
    let mut guest = Guest::snapshot0(&HostOptions::default());
    let error = guest.wasi_call("sched_yield", &[]).unwrap_err();
    let called = error.downcast_ref::<ImportCalled>().unwrap();
    assert_eq!(called.wasi(), Some(WasiImport::Provided));
}
