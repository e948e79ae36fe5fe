//! Random sequences of calls that change files, made in a directory of this machine and in the same directory embedded.

use super::driver::{BUFFER, Both, Driver, OTHER_PATH, OUT, Open, PATH, READ, WRITE, both_writable};
use super::furnished;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

const LONG_NAME: &str = "a-name-that-is-far-too-long-to-stand-beside-the-other-fields-of-an-entry";

const PATHS: &[&str] = &[
    "f",
    "f",
    "a",
    "a/g",
    "a/g",
    "a/b",
    "a/b/h",
    "a/b/long",
    "a/b/long",
    "a/b/empty",
    "a-b",
    "l",
    "d",
    "d/g",
    "d/n",
    "n",
    "n",
    "n/n",
    "n/m",
    "a/n",
    "a/n",
    "a/m",
    "a/b/empty/n",
    "slash/n",
    "a/nowhere",
    "a/back",
    "loop",
    "none/n",
    "f/n",
    "long-way",
    LONG_NAME,
    "a/none",
    "m",
    "m/f",
];

const IOVS: i32 = 512;

#[derive(Debug, Clone)]
enum Step {
    Open { fd: usize, path: &'static str, how: Open },
    Close(usize),
    Read { fd: usize, len: u32 },
    ReadAt { fd: usize, len: u32, offset: i64 },
    Write { fd: usize, len: u32, byte: u8 },
    WriteAt { fd: usize, len: u32, byte: u8, offset: i64 },
    Seek { fd: usize, offset: i64, whence: i64 },
    Resize { fd: usize, size: i64 },
    SetFlags { fd: usize, flags: i64 },
    Stat { fd: usize, path: &'static str, follow: i64 },
    Told(usize),
    List { fd: usize, piece: u32 },
    One { fd: usize, path: &'static str, name: &'static str },
    Two { fd: usize, path: &'static str, to: usize, new: &'static str, name: &'static str },
    Symlink { fd: usize, path: &'static str, goal: &'static str },
    ReadLink { fd: usize, path: &'static str },
    Times { fd: usize, path: Option<&'static str>, follow: i64, flags: i64 },
    Grow,
}

fn step() -> impl Strategy<Value = Step> {
    let fd = || 0usize..5;
    let path = || select(PATHS);
    let how = (
        0i64..2,
        select(&[0i64, 0, 1, 1, 5, 8, 9, 2][..]),
        select(&[READ, READ | WRITE, READ | WRITE, WRITE, 0][..]),
        select(&[0i64, 0, 0, 1][..]),
    )
        .prop_map(|(follow, flags, rights, fdflags)| Open { follow, flags, rights, fdflags });
    let len = || select(&[0u32, 1, 10, 4096, 5000, 70_000][..]);
    let offset = || select(&[0i64, 3, 4095, 4096, 100_000, 300_000, 4_300_000][..]);
    let one = &["path_create_directory", "path_remove_directory", "path_unlink_file"];
    let two = &["path_rename", "path_rename", "path_link"];
    prop_oneof![
        8 => (fd(), path(), how).prop_map(|(fd, path, how)| Step::Open { fd, path, how }),
        2 => fd().prop_map(Step::Close),
        3 => (fd(), len()).prop_map(|(fd, len)| Step::Read { fd, len }),
        3 => (fd(), len(), offset()).prop_map(|(fd, len, offset)| Step::ReadAt { fd, len, offset }),
        6 => (fd(), len(), 1u8..).prop_map(|(fd, len, byte)| Step::Write { fd, len, byte }),
        4 => (fd(), len(), 1u8.., offset())
            .prop_map(|(fd, len, byte, offset)| Step::WriteAt { fd, len, byte, offset }),
        3 => (fd(), offset(), 0i64..3).prop_map(|(fd, offset, whence)| Step::Seek { fd, offset, whence }),
        3 => (fd(), select(&[0i64, 5, 4096, 8191, 150_000, 200_001, -1][..]))
            .prop_map(|(fd, size)| Step::Resize { fd, size }),
        1 => (fd(), 0i64..2).prop_map(|(fd, flags)| Step::SetFlags { fd, flags }),
        3 => (fd(), path(), 0i64..2).prop_map(|(fd, path, follow)| Step::Stat { fd, path, follow }),
        2 => fd().prop_map(Step::Told),
        2 => (fd(), select(&[60u32, 300, 4096][..])).prop_map(|(fd, piece)| Step::List { fd, piece }),
        10 => (fd(), path(), select(&one[..])).prop_map(|(fd, path, name)| Step::One { fd, path, name }),
        10 => (fd(), path(), fd(), path(), select(&two[..]))
            .prop_map(|(fd, path, to, new, name)| Step::Two { fd, path, to, new, name }),
        3 => (fd(), path(), select(&["f", "a/n", "../f", "n", "", "/f", "d"][..]))
            .prop_map(|(fd, path, goal)| Step::Symlink { fd, path, goal }),
        2 => (fd(), path()).prop_map(|(fd, path)| Step::ReadLink { fd, path }),
        2 => (fd(), prop::option::of(path()), 0i64..2, select(&[1i64, 4, 5, 3][..]))
            .prop_map(|(fd, path, follow, flags)| Step::Times { fd, path, follow, flags }),
        2 => Just(Step::Grow),
    ]
}

/// One side, and what is open there.
struct Side {
    driver: Driver,
    open: Vec<u32>,
}

impl Side {
    fn new(mut driver: Driver) -> Side {
        assert_eq!(driver.call("fd_prestat_get", &[3, OUT.into()]), 0);
        Side { driver, open: vec![3] }
    }

    fn number(&self, fd: usize) -> u32 {
        self.open[fd % self.open.len()]
    }

    /// Type, number of names of what is no directory, size; the time of the last change if it was set. (That of the last
    /// access changes on the host as its file system likes.)
    fn told(&mut self, errno: i32) -> String {
        if errno != 0 {
            return format!("errno {errno}");
        }
        let filetype = self.driver.long(OUT + 16) & 0xff;
        if filetype == 3 {
            return "a directory".to_string();
        }
        let changed = self.driver.long(OUT + 48);
        let set = (changed < 1_000_000_000).then_some(changed);
        format!("{filetype} {} {} {set:?}", self.driver.long(OUT + 24), self.driver.long(OUT + 32))
    }

    fn stat(&mut self, fd: u32, path: &str, follow: i64) -> String {
        let len = self.driver.put_path(PATH, path);
        let errno = self.driver.call("path_filestat_get", &[fd.into(), follow, PATH.into(), len, OUT.into()]);
        self.told(errno)
    }

    fn write(&mut self, fd: u32, len: u32, byte: u8, offset: Option<i64>) -> String {
        let bytes: Vec<u8> = (0..len).map(|at| byte.wrapping_add((at / 7) as u8)).collect();
        self.driver.guest.write(BUFFER as usize, &bytes);
        self.driver.guest.write(IOVS as usize, &(BUFFER as u32).to_le_bytes());
        self.driver.guest.write(IOVS as usize + 4, &len.to_le_bytes());
        let (fd, iovs) = (i64::from(fd), i64::from(IOVS));
        let errno = match offset {
            None => self.driver.call("fd_write", &[fd, iovs, 1, OUT.into()]),
            Some(offset) => self.driver.call("fd_pwrite", &[fd, iovs, 1, offset, OUT.into()]),
        };
        if errno == 0 { format!("{} written", self.driver.word(OUT)) } else { format!("errno {errno}") }
    }

    /// Reads at a position, and on after what was read: Wasmtime gives no more than 64 KiB at once there.
    fn read_at(&mut self, fd: u32, len: u32, offset: i64) -> Result<Vec<u8>, i32> {
        let mut whole = self.driver.read(fd, len, Some(offset))?;
        while !whole.is_empty() && whole.len() < len as usize {
            let at = offset + whole.len() as i64;
            let more = self.driver.read(fd, len - whole.len() as u32, Some(at))?;
            if more.is_empty() {
                break;
            }
            whole.extend(more);
        }
        Ok(whole)
    }

    fn step(&mut self, step: &Step) -> String {
        match step {
            Step::Open { fd, path, how } => match self.driver.open(self.number(*fd), path, *how) {
                Ok(opened) => {
                    self.open.push(opened);
                    "opened".to_string()
                }
                Err(errno) => format!("errno {errno}"),
            },
            Step::Close(fd) => match fd % self.open.len() {
                0 => String::new(),
                at => {
                    let fd = self.open.remove(at);
                    format!("{}", self.driver.call("fd_close", &[fd.into()]))
                }
            },
            Step::Read { fd, len } => said(&self.driver.read(self.number(*fd), *len, None)),
            Step::ReadAt { fd, len, offset } => said(&self.read_at(self.number(*fd), *len, *offset)),
            Step::Write { fd, len, byte } => self.write(self.number(*fd), *len, *byte, None),
            Step::WriteAt { fd, len, byte, offset } => {
                self.write(self.number(*fd), *len, *byte, Some(*offset))
            }
            Step::Seek { fd, offset, whence } => {
                let errno =
                    self.driver.call("fd_seek", &[self.number(*fd).into(), *offset, *whence, OUT.into()]);
                if errno == 0 { format!("at {}", self.driver.long(OUT)) } else { format!("errno {errno}") }
            }
            Step::Resize { fd, size } => {
                format!("{}", self.driver.call("fd_filestat_set_size", &[self.number(*fd).into(), *size]))
            }
            Step::SetFlags { fd, flags } => {
                format!("{}", self.driver.call("fd_fdstat_set_flags", &[self.number(*fd).into(), *flags]))
            }
            Step::Stat { fd, path, follow } => self.stat(self.number(*fd), path, *follow),
            Step::Told(fd) => self.told_of_open(self.number(*fd)),
            Step::List { fd, piece } => format!("{:?}", self.driver.list(self.number(*fd), *piece)),
            _ => self.change(step),
        }
    }

    fn told_of_open(&mut self, fd: u32) -> String {
        let errno = self.driver.call("fd_filestat_get", &[fd.into(), OUT.into()]);
        let told = self.told(errno);
        let errno = self.driver.call("fd_fdstat_get", &[fd.into(), OUT.into()]);
        let words: Vec<u64> = [0, 8, 16].iter().map(|at| self.driver.long(OUT + at)).collect();
        // Between type and flags there is a byte of nothing.
        format!("{told} {errno} {:x} {:x?}", words[0] & 0xffff_00ff, &words[1..])
    }

    fn is_directory(&mut self, fd: u32) -> bool {
        let errno = self.driver.call("fd_filestat_get", &[fd.into(), OUT.into()]);
        errno == 0 && self.driver.long(OUT + 16) & 0xff == 3
    }

    fn change(&mut self, step: &Step) -> String {
        let (place, other) = (i64::from(PATH), i64::from(OTHER_PATH));
        let errno = match step {
            Step::One { fd, path, name } => {
                let len = self.driver.put_path(PATH, path);
                self.driver.call(name, &[self.number(*fd).into(), place, len])
            }
            Step::Two { fd, path, to, new, name } => {
                let len = self.driver.put_path(PATH, path);
                let new_len = self.driver.put_path(OTHER_PATH, new);
                let (from, to) = (self.number(*fd).into(), self.number(*to).into());
                let args = [from, place, len, to, other, new_len];
                let with_flags = [from, 0, place, len, to, other, new_len];
                self.driver.call(name, if *name == "path_link" { &with_flags } else { &args })
            }
            Step::Symlink { fd, path, goal } => {
                let len = self.driver.put_path(PATH, path);
                let goal_len = self.driver.put_path(OTHER_PATH, goal);
                self.driver.call("path_symlink", &[other, goal_len, self.number(*fd).into(), place, len])
            }
            Step::ReadLink { fd, path } => {
                let len = self.driver.put_path(PATH, path);
                let args = [self.number(*fd).into(), place, len, BUFFER.into(), 100, OUT.into()];
                match self.driver.call("path_readlink", &args) {
                    0 => {
                        let used = self.driver.word(OUT) as usize;
                        return format!("{:?}", self.driver.guest.read(BUFFER as usize, used));
                    }
                    errno => errno,
                }
            }
            Step::Times { fd, path: Some(path), follow, flags } => {
                let len = self.driver.put_path(PATH, path);
                let args = [self.number(*fd).into(), *follow, place, len, 1_000_000, 2_000_000, *flags];
                self.driver.call("path_filestat_set_times", &args)
            }
            // Wasmtime has directories open in a way that does not let it set their times.
            Step::Times { fd, path: None, .. } if self.is_directory(self.number(*fd)) => {
                return String::new();
            }
            Step::Times { fd, path: None, flags, .. } => {
                let args = [self.number(*fd).into(), 1_000_000, 2_000_000, *flags];
                self.driver.call("fd_filestat_set_times", &args)
            }
            Step::Grow => return format!("{}", self.driver.guest.value("grow", &[1])),
            _ => return String::new(),
        };
        format!("{errno}")
    }

    /// Everything below a directory, with what is in files.
    fn whole(&mut self, fd: u32, path: &str, found: &mut Vec<String>) {
        let how = Open { flags: 2, rights: READ, ..Open::default() };
        let directory = self.driver.open(fd, path, how).unwrap();
        for (name, filetype) in self.driver.list(directory, 4096).unwrap() {
            if matches!(name.as_str(), "." | "..") {
                continue;
            }
            let below = format!("{path}/{name}");
            let told = self.stat(fd, &below, 0);
            found.push(format!("{below}: {told}"));
            if filetype == 3 {
                self.whole(fd, &below, found);
            } else if filetype == 4 {
                let file = self.driver.open(fd, &below, Open { rights: READ, ..Open::default() }).unwrap();
                while let Ok(bytes) = self.driver.read(file, 90_000, None)
                    && !bytes.is_empty()
                {
                    found.push(said(&Ok(bytes)));
                }
                self.driver.call("fd_close", &[file.into()]);
            } else {
                found.push(self.change(&Step::ReadLink { fd: 0, path: Box::leak(below.into_boxed_str()) }));
            }
        }
        self.driver.call("fd_close", &[directory.into()]);
    }
}

/// Bytes in a form that is short enough to be shown.
fn said(read: &Result<Vec<u8>, i32>) -> String {
    match read {
        Ok(bytes) => {
            let sum =
                bytes.iter().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
            format!("{} bytes, {sum:x}", bytes.len())
        }
        Err(errno) => format!("errno {errno}"),
    }
}

/// What is embedded changes as the directory does, whatever is done in whatever order.
#[test]
fn an_embedded_tree_changes_as_its_directory() {
    let dir = furnished();
    let both: Both = both_writable(dir.path());
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    runner
        .run(&prop::collection::vec(step(), 1..80), |steps| {
            let fresh = furnished();
            let (real, embedded) = both.start_in(fresh.path());
            let (mut real, mut embedded) = (Side::new(real), Side::new(embedded));
            for (at, step) in steps.iter().enumerate() {
                let (left, right) = (real.step(step), embedded.step(step));
                prop_assert_eq!(left, right, "step {}: {:?}", at, step);
            }
            let mut found = [Vec::new(), Vec::new()];
            for (side, found) in [&mut real, &mut embedded].into_iter().zip(&mut found) {
                side.open.truncate(1);
                side.whole(3, ".", found);
            }
            prop_assert_eq!(&found[0], &found[1]);
            Ok(())
        })
        .unwrap();
}
