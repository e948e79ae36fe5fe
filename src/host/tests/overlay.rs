//! Directories that are changed in memory only.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{FD_READ, FD_WRITE, Guest, O_CREAT, O_DIRECTORY, allow, replay};
use crate::host::{Access, Clock, Directory, HostOptions, WasiOptions};

const O_EXCL: i64 = 4;
const O_TRUNC: i64 = 8;
const FOLLOW: i64 = 1;
const APPEND: i64 = 1;

pub(super) fn options(host: &Path, access: Access) -> HostOptions {
    let dirs = vec![Directory { guest: "/data".into(), host: host.to_owned(), access }];
    allow(WasiOptions { dirs, ..WasiOptions::default() })
}

/// A directory with some things in it.
pub(super) fn furnished() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    for (name, text) in [("f", "file f"), ("a/g", "file g"), ("a/b/h", "file h")] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    #[cfg(unix)]
    for (name, target) in [("l", "a/g"), ("d", "a"), ("up", "a/../f"), ("a/out", "../../x"), ("loop", "loop")]
    {
        std::os::unix::fs::symlink(target, dir.path().join(name)).unwrap();
    }
    dir
}

/// All that is in a directory: files with their contents, links with their targets.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(path) = left.pop() {
        let name = path.strip_prefix(dir).unwrap().to_string_lossy().into_owned();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        let bytes = if kind.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            b"directory".to_vec()
        } else if kind.is_symlink() {
            fs::read_link(&path).unwrap().to_string_lossy().into_owned().into_bytes()
        } else {
            fs::read(&path).unwrap()
        };
        found.insert(name, bytes);
    }
    found
}

impl Guest {
    fn path_call(&mut self, name: &str, fd: i64, path: &str) -> i32 {
        self.write(512, path.as_bytes());
        self.wasi_call(name, &[fd, 512, path.len() as i64]).unwrap()
    }

    fn two_paths(&mut self, name: &str, old: &str, new: &str) -> i32 {
        self.write(512, old.as_bytes());
        self.write(768, new.as_bytes());
        let (old, new) = (old.len() as i64, new.len() as i64);
        let args = match name {
            "path_link" => vec![3, 0, 512, old, 3, 768, new],
            "path_symlink" => vec![512, old, 3, 768, new],
            _ => vec![3, 512, old, 3, 768, new],
        };
        self.wasi_call(name, &args).unwrap()
    }

    /// Type and size; the errno if there is none.
    fn stat(&mut self, path: &str, follow: i64) -> Result<(u8, u64), i32> {
        self.write(512, path.as_bytes());
        match self.wasi_call("path_filestat_get", &[3, follow, 512, path.len() as i64, 64]).unwrap() {
            0 => Ok((self.read(80, 1)[0], self.read_u64(96))),
            errno => Err(errno),
        }
    }

    fn open_for(
        &mut self,
        path: &str,
        (follow, oflags): (i64, i64),
        rights: i64,
        fdflags: i64,
    ) -> Result<i64, i32> {
        self.write(512, path.as_bytes());
        let args = [3, follow, 512, path.len() as i64, oflags, rights, 0, fdflags, 504];
        match self.wasi_call("path_open", &args).unwrap() {
            0 => Ok(i64::from(self.read_u32(504))),
            errno => Err(errno),
        }
    }

    /// Names and types of what a directory holds.
    fn names(&mut self, fd: i64) -> Result<Vec<(String, u8)>, i32> {
        match self.wasi_call("fd_readdir", &[fd, 2048, 8192, 0, 8]).unwrap() {
            0 => {}
            errno => return Err(errno),
        }
        let used = self.read_u32(8) as usize;
        let bytes = self.read(2048, used);
        let (mut rest, mut names) = (&bytes[..], Vec::new());
        while rest.len() >= 24 {
            let len = rest[16] as usize;
            names.push((String::from_utf8(rest[24..24 + len].to_vec()).unwrap(), rest[20]));
            rest = &rest[24 + len..];
        }
        Ok(names)
    }
}

#[test]
fn changes_are_read_back_and_nothing_outside_changes() {
    let dir = furnished();
    let before = contents(dir.path());
    let options = options(dir.path(), Access::Overlay);
    let mut guest = Guest::wasi(&options);
    let made = guest.open(3, "a/made", O_CREAT, FD_READ | FD_WRITE).unwrap();
    assert_eq!(guest.write_fd(made, b"contents"), 0);
    guest.ok("fd_seek", &[made, 0, 0, 16]);
    assert_eq!(guest.read_fd(made, 100), b"contents");
    let changed = guest.open(3, "f", 0, FD_READ | FD_WRITE).unwrap();
    guest.ok("fd_seek", &[changed, 0, 2, 16]);
    assert_eq!(guest.write_fd(changed, b", longer"), 0);
    let other = guest.open(3, "f", 0, FD_READ).unwrap();
    assert_eq!(guest.read_fd(other, 100), b"file f, longer");
    assert_eq!(guest.path_call("path_create_directory", 3, "new"), 0);
    assert_eq!(guest.two_paths("path_rename", "a/made", "new/name"), 0);
    assert_eq!(guest.two_paths("path_rename", "a/b", "new/b"), 0);
    assert_eq!(guest.path_call("path_unlink_file", 3, "a/g"), 0);
    assert_eq!(guest.stat("a/g", 0), Err(44));
    assert_eq!(guest.stat("new/b/h", 0), Ok((4, 6)));
    let moved = guest.open(3, "new/b/h", 0, FD_READ).unwrap();
    assert_eq!(guest.read_fd(moved, 100), b"file h");
    let listed = guest.open(3, "new", O_DIRECTORY, FD_READ).unwrap();
    let names = guest.names(listed).unwrap();
    let names: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [".", "..", "b", "name"]);
    let lost = ["/data/f", "/data/new", "/data/new/name", "/data/a/b", "/data/new/b", "/data/a/g"];
    assert_eq!(guest.ledger().files_lost(), lost);
    assert_eq!(contents(dir.path()), before);
}

#[test]
fn what_is_made_and_removed_again_is_not_lost() {
    let dir = furnished();
    let mut guest = Guest::wasi(&options(dir.path(), Access::Overlay));
    let file = guest.open(3, "tmp", O_CREAT, FD_WRITE).unwrap();
    guest.ok("fd_close", &[file]);
    assert_eq!(guest.path_call("path_unlink_file", 3, "tmp"), 0);
    assert_eq!(guest.ledger().files_lost(), [""; 0]);
    assert_eq!(guest.ledger().overlaid().collect::<Vec<_>>(), ["/data"]);
    let mut writable = Guest::wasi(&options(dir.path(), Access::ReadWrite));
    writable.open(3, "tmp", O_CREAT, FD_WRITE).unwrap();
    assert_eq!(writable.ledger().files_lost(), [""; 0]);
    assert_eq!(writable.ledger().files_written().len(), 1);
}

#[test]
fn a_file_that_was_open_before_shows_the_change() {
    let dir = furnished();
    let mut guest = Guest::wasi(&options(dir.path(), Access::Overlay));
    let reader = guest.open(3, "f", 0, FD_READ).unwrap();
    assert_eq!(guest.read_fd(reader, 5), b"file ");
    let writer = guest.open(3, "f", 0, FD_WRITE).unwrap();
    guest.ok("fd_seek", &[writer, 5, 0, 16]);
    assert_eq!(guest.write_fd(writer, b"changed"), 0);
    assert_eq!(guest.read_fd(reader, 100), b"changed");
}

#[test]
fn appending_and_sizes() {
    let dir = furnished();
    let mut guest = Guest::wasi(&options(dir.path(), Access::Overlay));
    let file = guest.open_for("f", (0, 0), FD_READ | FD_WRITE, APPEND).unwrap();
    for text in [b"1", b"2"] {
        guest.ok("fd_seek", &[file, 0, 0, 16]);
        assert_eq!(guest.write_fd(file, text), 0);
    }
    guest.ok("fd_seek", &[file, 0, 0, 16]);
    assert_eq!(guest.read_fd(file, 100), b"file f12");
    guest.ok("fd_filestat_set_size", &[file, 4]);
    assert_eq!(guest.stat("f", 0), Ok((4, 4)));
    guest.ok("fd_filestat_set_size", &[file, 6]);
    guest.ok("fd_seek", &[file, 0, 0, 16]);
    assert_eq!(guest.read_fd(file, 100), b"file\0\0");
    // More than a guest may use.
    assert_eq!(guest.wasi_call("fd_filestat_set_size", &[file, 1 << 40]).unwrap(), 51);
    assert_eq!(guest.wasi_call("fd_filestat_set_size", &[file, -1]).unwrap(), 51);
}

#[test]
fn attributes_and_times_are_the_same_everywhere() {
    let mut all = Vec::new();
    for _ in 0..2 {
        let dir = furnished();
        let mut guest = Guest::wasi(&options(dir.path(), Access::Overlay));
        let file = guest.open(3, "new", O_CREAT, FD_READ | FD_WRITE).unwrap();
        assert_eq!(guest.write_fd(file, b"x"), 0);
        guest.ok("fd_filestat_get", &[file, 64]);
        let stat = guest.read(64, 64);
        assert_eq!(guest.read_u64(64 + 48), Clock::DEFAULT_START);
        guest.ok("fd_filestat_set_times", &[file, 0, 5_000_000_000, 1 << 2]);
        guest.ok("fd_filestat_get", &[file, 64]);
        assert_eq!(guest.read_u64(64 + 48), 5_000_000_000);
        guest.ok("fd_fdstat_get", &[file, 64]);
        all.push((stat, guest.read(64, 24)));
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0].1[0], 4, "a regular file");
}

#[test]
fn descriptors_are_numbered_as_without_an_overlay() {
    let numbers = |access| {
        let dir = furnished();
        let mut guest = Guest::wasi(&options(dir.path(), access));
        let mut numbers = Vec::new();
        for path in ["f", "a/g", "new"] {
            numbers.push(guest.open(3, path, O_CREAT, FD_READ | FD_WRITE).unwrap());
        }
        guest.ok("fd_close", &[numbers[1]]);
        numbers.push(guest.open(3, "a", O_DIRECTORY, FD_READ).unwrap());
        guest.ok("fd_renumber", &[numbers[2], numbers[0]]);
        assert_eq!(guest.write_fd(numbers[0], b"new"), 0);
        assert_eq!(guest.wasi_call("fd_tell", &[numbers[2], 16]).unwrap(), 8);
        assert_eq!(guest.stat("new", 0), Ok((4, 3)));
        numbers.push(guest.open(3, "f", 0, FD_READ).unwrap());
        numbers
    };
    assert_eq!(numbers(Access::Overlay), numbers(Access::ReadWrite));
}

#[test]
fn a_recording_replays_without_the_directory() {
    let dir = furnished();
    let options = options(dir.path(), Access::Overlay);
    let work = |guest: &mut Guest| {
        let file = guest.open(3, "new", O_CREAT, FD_READ | FD_WRITE).unwrap();
        assert_eq!(guest.write_fd(file, b"kept"), 0);
        guest.ok("fd_seek", &[file, 0, 0, 16]);
        assert_eq!(guest.read_fd(file, 9), b"kept");
    };
    let mut first = Guest::wasi(&options);
    work(&mut first);
    let replayed = replay(&options, &mut first);
    drop(dir);
    let mut second = Guest::wasi(&replayed);
    work(&mut second);
    assert_eq!(second.ledger().unreplayed(), Some(0));
    assert_eq!(second.ledger().files_lost(), ["/data/new"]);
}

/// A generator of numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn of<'t, T>(&mut self, choices: &'t [T]) -> &'t T {
        &choices[self.below(choices.len())]
    }
}

const PATHS: [&str; 16] = [
    "f", "a", "a/g", "a/b", "a/b/h", "l", "d", "d/g", "up", "n", "a/n", "n/m", "d/b/n", "a/b/../g", "loop",
    "./f",
];

/// One step on a guest, in words: what was done and what was answered.
fn step(guest: &mut Guest, dice: &mut Dice, open: &mut Vec<i64>) -> String {
    let (path, other) = (*dice.of(&PATHS), *dice.of(&PATHS));
    let answer = match dice.below(14) {
        0 => format!("mkdir {path} {}", guest.path_call("path_create_directory", 3, path)),
        1 => format!("rmdir {path} {}", guest.path_call("path_remove_directory", 3, path)),
        2 => format!("unlink {path} {}", guest.path_call("path_unlink_file", 3, path)),
        3 => format!("rename {path} {other} {}", guest.two_paths("path_rename", path, other)),
        4 => format!("link {path} {other} {}", guest.two_paths("path_link", path, other)),
        5 => format!("symlink {path} {other} {}", guest.two_paths("path_symlink", path, other)),
        6 | 7 => {
            let flags = *dice.of(&[0, O_CREAT, O_TRUNC, O_CREAT | O_EXCL, O_CREAT | O_TRUNC, O_DIRECTORY]);
            let rights = *dice.of(&[FD_READ, FD_WRITE, FD_READ | FD_WRITE]);
            let opened =
                guest.open_for(path, (*dice.of(&[0, FOLLOW]), flags), rights, *dice.of(&[0, APPEND]));
            open.extend(opened.ok());
            format!("open {path} {flags} {rights} {opened:?}")
        }
        8 if !open.is_empty() => {
            let fd = open.swap_remove(dice.below(open.len()));
            format!("close {fd} {}", guest.wasi_call("fd_close", &[fd]).unwrap())
        }
        9 if !open.is_empty() => {
            let (fd, text) = (*dice.of(open), *dice.of(&["one", "two words", ""]));
            format!("write {fd} {}", guest.write_fd(fd, text.as_bytes()))
        }
        10 if !open.is_empty() => {
            let fd = *dice.of(open);
            guest.write(0, &super::iovec(256, 64));
            let errno = guest.wasi_call("fd_read", &[fd, 0, 1, 8]).unwrap();
            let read = if errno == 0 { guest.read_u32(8) as usize } else { 0 };
            format!("read {fd} {errno} {:?}", guest.read(256, read))
        }
        11 if !open.is_empty() => {
            let (fd, offset) = (*dice.of(open), dice.below(9) as i64);
            format!("seek {fd} {}", guest.wasi_call("fd_seek", &[fd, offset, 0, 16]).unwrap())
        }
        12 if !open.is_empty() => {
            let (fd, size) = (*dice.of(open), dice.below(9) as i64);
            format!("size {fd} {}", guest.wasi_call("fd_filestat_set_size", &[fd, size]).unwrap())
        }
        _ => format!("list {:?}", guest.names(3)),
    };
    let follow = *dice.of(&[0, FOLLOW]);
    let stat = guest.stat(other, follow);
    // The size of a link is nobody's business, and differs between systems.
    let stat = stat.map(|(kind, size)| (kind, if kind == 4 { size } else { 0 }));
    format!("{answer}; stat {other} {stat:?}")
}

/// Sequences of steps.
const SEEDS: u64 = 60;

/// What a guest does in memory is answered as what it does to the directory itself.
#[cfg(target_os = "linux")]
#[test]
fn changes_in_memory_are_answered_like_real_ones() {
    let mut faults = Vec::new();
    'seeds: for seed in 0..std::env::var("SEEDS").map_or(SEEDS, |n| n.parse().unwrap()) {
        let (left, right) = (furnished(), furnished());
        let before = contents(left.path());
        let mut overlaid = Guest::wasi(&options(left.path(), Access::Overlay));
        let mut real = Guest::wasi(&options(right.path(), Access::ReadWrite));
        let (mut dice, mut same_dice) = (Dice(seed), Dice(seed));
        let (mut open, mut same_open) = (Vec::new(), Vec::new());
        let mut steps = Vec::new();
        for _ in 0..60 {
            let found = step(&mut overlaid, &mut dice, &mut open);
            let expected = step(&mut real, &mut same_dice, &mut same_open);
            if found != expected {
                faults.push(format!(
                    "seed {seed}: {found}\ninstead of {expected}\nafter {}",
                    steps[steps.len().saturating_sub(14)..].join("\n      ")
                ));
                continue 'seeds;
            }
            steps.push(found);
        }
        // All that can be read.
        for name in contents(right.path()).keys().filter(|name| !name.is_empty()) {
            let read = |guest: &mut Guest| match guest.open_for(name, (0, 0), FD_READ, 0) {
                Ok(fd) if guest.stat(name, 0).is_ok_and(|(kind, _)| kind == 4) => Ok(guest.read_fd(fd, 200)),
                Ok(fd) => Ok(format!("{:?}", guest.names(fd)).into_bytes()),
                Err(errno) => Err(errno),
            };
            let (found, expected) = (read(&mut overlaid), read(&mut real));
            if found != expected {
                faults.push(format!(
                    "seed {seed}: {name} is {found:?}, not {expected:?}, after {}",
                    steps[steps.len().saturating_sub(14)..].join("\n      ")
                ));
            }
        }
        assert_eq!(contents(left.path()), before, "seed {seed}: something outside has changed");
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n\n"));
}
