//! Directories and files.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{FD_READ, FD_WRITE, Guest, O_CREAT, O_DIRECTORY, StartError, allow};
use crate::host::{Access, Clock, Directory, FileTimes, HostError, HostOptions, WasiOptions};

fn options(host: &Path, writable: bool) -> WasiOptions {
    let access = if writable { Access::ReadWrite } else { Access::ReadOnly };
    let dirs = vec![Directory { guest: "/data".into(), host: host.to_owned(), access }];
    WasiOptions { dirs, ..WasiOptions::default() }
}

/// Reads the directory 3 with a buffer of `len` bytes, as libc does: entries that are cut off are asked for again.
/// Gives name, inode and cookie. Calls `between` before each read but the first.
fn list(guest: &mut Guest, len: usize, mut between: impl FnMut()) -> Vec<(String, u64, u64)> {
    let mut entries = Vec::<(String, u64, u64)>::new();
    loop {
        let cookie = entries.last().map_or(0, |entry| entry.2);
        guest.ok("fd_readdir", &[3, 1024, len as i64, cookie as i64, 8]);
        let used = guest.read_u32(8) as usize;
        let bytes = guest.read(1024, used);
        let mut rest = &bytes[..];
        while rest.len() >= 24 {
            let number = |at: usize| u64::from_le_bytes(rest[at..at + 8].try_into().unwrap());
            let name_len = rest[16] as usize;
            let Some(name) = rest.get(24..24 + name_len) else { break };
            entries.push((String::from_utf8(name.to_vec()).unwrap(), number(8), number(0)));
            rest = &rest[24 + name_len..];
        }
        if used < len {
            return entries;
        }
        between();
    }
}

#[test]
fn directories_are_sorted_whatever_the_buffer() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["zebra", "b", "a-rather-long-name-of-32-letters", "middle", "!", "é"];
    for name in names {
        fs::write(dir.path().join(name), name).unwrap();
    }
    let expected = [".", "..", "!", "a-rather-long-name-of-32-letters", "b", "middle", "zebra", "é"];
    let mut listings = Vec::new();
    for len in [57, 64, 100, 4096] {
        let mut guest = Guest::wasi(&allow(options(dir.path(), false)));
        let entries = list(&mut guest, len, || ());
        let found: Vec<&str> = entries.iter().map(|entry| &*entry.0).collect();
        assert_eq!(found, expected, "buffer of {len}");
        assert_eq!(entries.iter().map(|entry| entry.2).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
        let inodes: Vec<u64> = entries.iter().map(|entry| entry.1).collect();
        assert_eq!(inodes, [1, 1, 2, 3, 4, 5, 6, 7], "in the order of first sight");
        listings.push(entries);
    }
    assert!(listings.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_directory_can_be_emptied_while_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    for index in 0..20 {
        fs::write(dir.path().join(format!("file-{index:02}")), "").unwrap();
    }
    let mut guest = Guest::wasi(&allow(options(dir.path(), false)));
    let mut deleted = 0;
    let delete = || {
        fs::remove_file(dir.path().join(format!("file-{deleted:02}"))).unwrap();
        deleted += 1;
    };
    assert_eq!(list(&mut guest, 96, delete).len(), 22);
    assert!(deleted > 5);
    assert_eq!(list(&mut guest, 4096, || ()).len(), 22 - deleted, "reading from the start sees the change");
}

#[test]
fn another_directory_under_the_same_number_is_read_anew() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        fs::create_dir(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join(format!("in-{name}")), "").unwrap();
    }
    let mut guest = Guest::wasi(&allow(options(dir.path(), false)));
    let mut last = 0;
    for name in ["one", "two"] {
        let fd = guest.open(3, name, O_DIRECTORY, FD_READ).unwrap();
        assert!(last == 0 || last == fd, "the number is used again");
        last = fd;
        guest.ok("fd_readdir", &[fd, 1024, 4096, 2, 8]);
        let used = guest.read_u32(8) as usize;
        assert_eq!(guest.read(1024 + 24, used - 24), format!("in-{name}").as_bytes());
        guest.ok("fd_close", &[fd]);
    }
}

#[test]
fn large_directories_are_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    for index in 0..2000 {
        fs::write(dir.path().join(format!("a-file-with-a-longer-name-{index:04}")), "").unwrap();
    }
    let mut guest = Guest::wasi(&allow(options(dir.path(), false)));
    assert_eq!(list(&mut guest, 4096, || ()).len(), 2002);
}

/// The `filestat` of everything in `dir`, by descriptor and by path.
fn stats(dir: &Path, times: FileTimes) -> Vec<Vec<u8>> {
    let mut guest = Guest::wasi(&allow(WasiOptions { file_times: times, ..options(dir, false) }));
    let mut stats = Vec::new();
    let file = guest.open(3, "file", 0, FD_READ).unwrap();
    for fd in [3, file] {
        guest.ok("fd_filestat_get", &[fd, 64]);
        stats.push(guest.read(64, 64));
    }
    for path in ["linked", "sub", "file"] {
        guest.write(512, path.as_bytes());
        guest.ok("path_filestat_get", &[3, 0, 512, path.len() as i64, 64]);
        stats.push(guest.read(64, 64));
    }
    stats
}

fn word(stat: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(stat[at..at + 8].try_into().unwrap())
}

#[test]
fn file_attributes_do_not_tell_the_machine() {
    let when = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let [first, second] = [0, 5].map(|other_files| {
        let dir = tempfile::tempdir().unwrap();
        for index in 0..other_files {
            fs::write(dir.path().join(format!("other-{index}")), "").unwrap();
        }
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::create_dir(dir.path().join("sub").join("further")).unwrap();
        fs::write(dir.path().join("file"), "contents").unwrap();
        fs::hard_link(dir.path().join("file"), dir.path().join("linked")).unwrap();
        for name in ["", "sub", "file"] {
            let times = fs::FileTimes::new().set_modified(when).set_accessed(SystemTime::now());
            fs::File::open(dir.path().join(name)).unwrap().set_times(times).unwrap();
        }
        (stats(dir.path(), FileTimes::Real), stats(dir.path(), FileTimes::Fixed))
    });
    assert_eq!(first, second);
    for stat in &first.0 {
        assert_eq!((word(stat, 0), word(stat, 24)), (1, 1), "device and links");
        assert_eq!([40, 48, 56].map(|at| word(stat, at)), [1_000_000_000_000_000_000; 3]);
    }
    for stat in &first.1 {
        assert_eq!([40, 48, 56].map(|at| word(stat, at)), [Clock::DEFAULT_START; 3]);
    }
    let inodes: Vec<u64> = first.0.iter().map(|stat| word(stat, 8)).collect();
    assert_eq!(inodes, [1, 2, 2, 3, 2], "the same file has the same inode");
    let sizes: Vec<u64> = first.0.iter().map(|stat| word(stat, 32)).collect();
    assert_eq!(sizes, [0, 8, 8, 0, 8]);
    assert_eq!(first.0.iter().map(|stat| stat[16]).collect::<Vec<_>>(), [3, 4, 4, 3, 4]);
}

#[test]
fn files_written_during_the_run_have_the_fixed_clocks_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut guest = Guest::wasi(&allow(options(dir.path(), true)));
    let file = guest.open(3, "new", O_CREAT, FD_READ | FD_WRITE).unwrap();
    assert_eq!(guest.write_fd(file, b"contents"), 0);
    for fd in [3, file] {
        guest.ok("fd_filestat_get", &[fd, 64]);
        assert_eq!(guest.read_u64(64 + 48), Clock::DEFAULT_START);
    }
    guest.ok("fd_filestat_set_times", &[file, 0, 0, 1 << 3]);
    guest.ok("fd_filestat_get", &[file, 64]);
    let time = guest.read_u64(64 + 48);
    assert!(
        (0..1_000_000_000).contains(&(time - Clock::DEFAULT_START)),
        "`now` is the guest's own now: {time}"
    );
    let real = fs::metadata(dir.path().join("new")).unwrap().modified().unwrap();
    assert_eq!(real, SystemTime::UNIX_EPOCH + Duration::from_nanos(time), "outside too");
    assert_eq!(fs::read(dir.path().join("new")).unwrap(), b"contents");
}

#[test]
fn directories_are_read_only_unless_writable() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("old"), "old").unwrap();
    let mut guest = Guest::wasi(&allow(options(dir.path(), false)));
    assert!(guest.open(3, "new", O_CREAT, FD_WRITE).is_err());
    assert!(guest.open(3, "old", 0, FD_WRITE).is_err());
    guest.write(512, b"old");
    assert_ne!(guest.wasi_call("path_unlink_file", &[3, 512, 3]).unwrap(), 0);
    assert_ne!(guest.wasi_call("path_create_directory", &[3, 512, 3]).unwrap(), 0);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(guest.ledger().files_written().is_empty());
    let old = guest.open(3, "old", 0, FD_READ).unwrap();
    assert_eq!(guest.read_fd(old, 10), b"old");
}

#[test]
fn changes_are_listed_by_path() {
    let dir = tempfile::tempdir().unwrap();
    let mut guest = Guest::wasi(&allow(options(dir.path(), true)));
    guest.write(512, b"sub");
    guest.ok("path_create_directory", &[3, 512, 3]);
    let sub = guest.open(3, "sub", O_DIRECTORY, FD_READ).unwrap();
    let file = guest.open(sub, "file", O_CREAT, FD_READ | FD_WRITE).unwrap();
    assert_eq!(guest.write_fd(file, b"12345"), 0);
    guest.write(512, b"filename");
    guest.ok("path_rename", &[sub, 512, 4, 3, 516, 4]);
    let ledger = guest.ledger();
    let changes: Vec<_> = ledger.files_written().into_iter().map(|change| (change.path, change.by)).collect();
    let expected = [
        ("/data/sub", "path_create_directory"),
        ("/data/sub/file", "path_open"),
        ("/data/name", "path_rename"),
    ];
    assert_eq!(changes, expected.map(|(path, by)| (path.to_owned(), by.to_owned())));
    assert_eq!(ledger.files_opened(), ["/data/sub", "/data/sub/file"]);
    assert_eq!(fs::read(dir.path().join("name")).unwrap(), b"12345");
}

#[test]
fn a_missing_directory_is_named() {
    let error = Guest::start("(module)", &allow(options(Path::new("/does/not/exist"), false))).err().unwrap();
    let StartError::Host(error @ HostError::Directory { .. }) = error else { panic!("{error:?}") };
    let expected = "cannot open directory `/does/not/exist`, which the guest would see as `/data`";
    assert_eq!(error.to_string(), expected);
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn the_guest_stays_in_its_directories() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("inner")).unwrap();
    fs::write(dir.path().join("secret"), "secret").unwrap();
    let mut guest = Guest::wasi(&allow(options(&dir.path().join("inner"), true)));
    assert!(guest.open(3, "../secret", 0, FD_READ).is_err());
    assert!(guest.open(3, dir.path().join("secret").to_str().unwrap(), 0, FD_READ).is_err());
    let mut guest =
        Guest::wasi(&HostOptions { wasi: Some(WasiOptions::default()), ..HostOptions::default() });
    assert_eq!(guest.wasi_call("fd_prestat_get", &[3, 64]).unwrap(), 8, "no directory by default");
}
