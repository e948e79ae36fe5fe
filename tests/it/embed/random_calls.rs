//! Random sequences of calls, made on a directory of this machine and on the same directory embedded.

use super::driver::{BUFFER, Driver, OTHER_PATH, OUT, Open, PATH, READ, WRITE};
use super::furnished;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

const PATHS: &[&str] = &[
    "f",
    "a",
    "a/g",
    "a/b",
    "a/b/h",
    "a/b/long",
    "a/b/empty",
    "a-b",
    "\u{e9}t\u{e9}",
    "l",
    "d",
    "up",
    "dot",
    "slash",
    "no-slash",
    "a/back",
    "a/nowhere",
    "loop",
    "long-way",
    "none",
    "a/none",
    "none/none",
    "f/x",
    "f/",
    "a/",
    "l/",
    "d/",
    "loop/",
    "d/g",
    "d/b/h",
    "slash/h",
    "dot/dot/f",
    ".",
    "..",
    "a/..",
    "a/../..",
    "a/./b//h",
    "./f",
    "",
    "/f",
    "a/b/../../f",
    "d/../f",
    "l/..",
    "a/b/.",
    "f/.",
    "f/..",
    "none/",
    "none/..",
    "g",
    "b",
    "b/h",
    "back",
    "h",
    "d/.",
    "d/..",
    "loop/x",
    "up/",
    "slash/",
    "no-slash/",
    "dot/",
    "./",
    "a/./",
    "a/nowhere/",
];

/// A call; descriptors are places in the list of what is open.
#[derive(Debug, Clone)]
enum Step {
    Open {
        fd: usize,
        path: &'static str,
        how: Open,
    },
    Close(usize),
    Read {
        fd: usize,
        len: u32,
    },
    ReadAt {
        fd: usize,
        len: u32,
        offset: i64,
    },
    Seek {
        fd: usize,
        offset: i64,
        whence: i64,
    },
    Stat {
        fd: usize,
        path: &'static str,
        follow: i64,
    },
    ReadLink {
        fd: usize,
        path: &'static str,
        len: i64,
    },
    List {
        fd: usize,
        piece: u32,
    },
    SetFlags {
        fd: usize,
        flags: i64,
    },
    Renumber {
        from: usize,
        to: usize,
    },
    /// A call with nothing but a descriptor.
    Plain {
        fd: usize,
        name: &'static str,
    },
    /// A call that would change something.
    Change {
        fd: usize,
        path: &'static str,
        name: &'static str,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let fd = || 0usize..6;
    let path = || select(PATHS);
    let how = (
        0i64..2,
        select(&[0i64, 0, 0, 2, 1, 8, 5, 3][..]),
        select(&[READ, READ, 0, WRITE, READ | WRITE][..]),
    )
        .prop_flat_map(|(follow, flags, rights)| {
            select(&[0i64, 0, 0, 1, 4, 2, 8, 16][..]).prop_map(move |fdflags| Open {
                follow,
                flags,
                rights,
                fdflags,
            })
        });
    let plain = &[
        "fd_tell",
        "fd_filestat_get",
        "fd_fdstat_get",
        "fd_sync",
        "fd_datasync",
        "fd_advise",
        "fd_prestat_get",
    ];
    let changes = &[
        "fd_write",
        "fd_pwrite",
        "fd_allocate",
        "fd_filestat_set_size",
        "fd_filestat_set_times",
        "path_create_directory",
        "path_remove_directory",
        "path_unlink_file",
        "path_rename",
        "path_link",
        "path_symlink",
        "path_filestat_set_times",
    ];
    prop_oneof![
        6 => (fd(), path(), how).prop_map(|(fd, path, how)| Step::Open { fd, path, how }),
        1 => fd().prop_map(Step::Close),
        3 => (fd(), select(&[0u32, 1, 3, 100, 70_000][..])).prop_map(|(fd, len)| Step::Read { fd, len }),
        2 => (fd(), select(&[1u32, 5, 5_000][..]), select(&[0i64, 2, 199_999, 200_000, 1 << 40][..]))
            .prop_map(|(fd, len, offset)| Step::ReadAt { fd, len, offset }),
        2 => (fd(), select(&[0i64, 1, -1, 4, -7, 150_000, 1 << 40, i64::MIN][..]), 0i64..3)
            .prop_map(|(fd, offset, whence)| Step::Seek { fd, offset, whence }),
        5 => (fd(), path(), 0i64..2).prop_map(|(fd, path, follow)| Step::Stat { fd, path, follow }),
        3 => (fd(), path(), select(&[0i64, 2, 100][..])).prop_map(|(fd, path, len)| Step::ReadLink { fd, path, len }),
        2 => (fd(), select(&[40u32, 100, 4096][..])).prop_map(|(fd, piece)| Step::List { fd, piece }),
        1 => (fd(), select(&[0i64, 1, 2, 4, 5][..])).prop_map(|(fd, flags)| Step::SetFlags { fd, flags }),
        1 => (fd(), fd()).prop_map(|(from, to)| Step::Renumber { from, to }),
        3 => (fd(), select(&plain[..])).prop_map(|(fd, name)| Step::Plain { fd, name }),
        2 => (fd(), path(), select(&changes[..])).prop_map(|(fd, path, name)| Step::Change { fd, path, name }),
    ]
}

/// One side, and what is open there.
struct Side {
    driver: Driver,
    open: Vec<u32>,
}

impl Side {
    fn new(mut driver: Driver) -> Side {
        // The only directory has the first number.
        assert_eq!(driver.call("fd_prestat_get", &[3, OUT.into()]), 0);
        assert_eq!(driver.word(OUT + 4), 5);
        assert_eq!(driver.call("fd_prestat_dir_name", &[3, PATH.into(), 5]), 0);
        assert_eq!(driver.guest.read(PATH as usize, 5), b"/data");
        assert_ne!(driver.call("fd_prestat_get", &[4, OUT.into()]), 0);
        Side { driver, open: vec![3] }
    }

    fn close_all_but(&mut self, first: usize) {
        for fd in self.open.split_off(first) {
            assert_eq!(self.driver.call("fd_close", &[fd.into()]), 0);
        }
    }

    /// Makes a call. Gives what it said, in words.
    fn step(&mut self, step: &Step) -> String {
        let number = |fd: usize| self.open[fd % self.open.len()];
        match step {
            Step::Open { fd, path, how } => match self.driver.open(number(*fd), path, *how) {
                // A file that is there need not be created; Wasmtime refuses that, too.
                Ok(opened) if how.flags & 13 == 1 && how.rights & WRITE == 0 => {
                    assert_eq!(self.driver.call("fd_close", &[opened.into()]), 0);
                    "not opened to be changed".to_string()
                }
                Ok(opened) => {
                    self.open.push(opened);
                    format!("opened {:?}", self.driver.stat_open(opened))
                }
                // The host says that nothing may be changed before it looks for the file.
                Err(_) if how.flags & 9 != 0 || how.rights & WRITE != 0 => {
                    "not opened to be changed".to_string()
                }
                Err(errno) => format!("errno {errno}"),
            },
            Step::Close(fd) => {
                let at = fd % self.open.len();
                if at == 0 {
                    return String::new();
                }
                let fd = self.open.remove(at);
                format!("{}", self.driver.call("fd_close", &[fd.into()]))
            }
            Step::Read { fd, len } => format!("{:?}", self.driver.read(number(*fd), *len, None)),
            Step::ReadAt { fd, len, offset } => {
                format!("{:?}", self.driver.read(number(*fd), *len, Some(*offset)))
            }
            Step::Seek { fd, offset, whence } => {
                let errno = self.driver.call("fd_seek", &[number(*fd).into(), *offset, *whence, OUT.into()]);
                if errno == 0 { format!("at {}", self.driver.long(OUT)) } else { format!("errno {errno}") }
            }
            // Of one name with `/` or `/.` after it, Wasmtime overlooks what is after it.
            Step::Stat { path, follow: 0, .. }
                if std::path::Path::new(path).components().count() == 1 && path.ends_with(['/', '.']) =>
            {
                String::new()
            }
            Step::Stat { fd, path, follow } => format!("{:?}", self.driver.stat(number(*fd), path, *follow)),
            Step::ReadLink { fd, path, len } => {
                let path_len = self.driver.put_path(PATH, path);
                let args = [number(*fd).into(), PATH.into(), path_len, BUFFER.into(), *len, OUT.into()];
                match self.driver.call("path_readlink", &args) {
                    0 => {
                        let used = self.driver.word(OUT) as usize;
                        format!("{:?}", self.driver.guest.read(BUFFER as usize, used))
                    }
                    errno => format!("errno {errno}"),
                }
            }
            Step::List { fd, piece } => format!("{:?}", self.driver.list(number(*fd), *piece)),
            Step::SetFlags { fd, flags } => {
                format!("{}", self.driver.call("fd_fdstat_set_flags", &[number(*fd).into(), *flags]))
            }
            Step::Renumber { from, to } => {
                let (from, to) = (from % self.open.len(), to % self.open.len());
                if from == 0 || to == 0 {
                    return String::new();
                }
                let args = [self.open[from].into(), self.open[to].into()];
                let said = format!("{}", self.driver.call("fd_renumber", &args));
                if from != to {
                    self.open.remove(from);
                }
                said
            }
            Step::Plain { fd, name } => self.plain(number(*fd), name),
            Step::Change { fd, path, name } => self.change(number(*fd), path, name),
        }
    }

    fn plain(&mut self, fd: u32, name: &str) -> String {
        let fd = i64::from(fd);
        let out = i64::from(OUT);
        match name {
            "fd_tell" => {
                let errno = self.driver.call(name, &[fd, out]);
                if errno == 0 { format!("at {}", self.driver.long(OUT)) } else { format!("errno {errno}") }
            }
            "fd_fdstat_get" => {
                let errno = self.driver.call(name, &[fd, out]);
                let words: Vec<u64> = [0, 8, 16].iter().map(|at| self.driver.long(OUT + at)).collect();
                // Between type and flags there is a byte of nothing.
                format!("{errno} {:x} {:x?}", words[0] & 0xffff_00ff, &words[1..])
            }
            "fd_filestat_get" => format!("{:?}", self.driver.stat_open(fd as u32)),
            "fd_advise" => format!("{}", self.driver.call(name, &[fd, 0, 10, 1])),
            "fd_prestat_get" => format!("{}", self.driver.call(name, &[fd, out])),
            _ => format!("{}", self.driver.call(name, &[fd])),
        }
    }

    /// Whether a change was refused; the host and the embedded tree may have different reasons.
    fn change(&mut self, fd: u32, path: &str, name: &str) -> String {
        let len = self.driver.put_path(PATH, path);
        let other = self.driver.put_path(OTHER_PATH, "other");
        let (fd, path, to) = (i64::from(fd), i64::from(PATH), i64::from(OTHER_PATH));
        self.driver.guest.write(512, &(PATH as u32).to_le_bytes());
        self.driver.guest.write(516, &3u32.to_le_bytes());
        let args: Vec<i64> = match name {
            "fd_write" => vec![fd, 512, 1, OUT.into()],
            "fd_pwrite" => vec![fd, 512, 1, 0, OUT.into()],
            "fd_allocate" => vec![fd, 0, 10],
            "fd_filestat_set_size" => vec![fd, 1],
            "fd_filestat_set_times" => vec![fd, 0, 0, 4],
            "path_filestat_set_times" => vec![fd, 1, path, len, 0, 0, 4],
            "path_rename" => vec![fd, path, len, fd, to, other],
            "path_link" => vec![fd, 0, path, len, fd, to, other],
            "path_symlink" => vec![to, other, fd, path, len],
            _ => vec![fd, path, len],
        };
        assert_ne!(self.driver.call(name, &args), 0, "{name} changes something");
        "refused".to_string()
    }
}

/// Each path in each way, from the directory itself and from one in it.
#[test]
fn every_path_leads_to_the_same() {
    let dir = furnished();
    let (real, embedded) = super::driver::both(dir.path()).start();
    let (mut real, mut embedded) = (Side::new(real), Side::new(embedded));
    for side in [&mut real, &mut embedded] {
        let below = side.driver.open(3, "a/b", Open { rights: READ, ..Open::default() }).unwrap();
        side.open.push(below);
    }
    let mut differences = Vec::new();
    for path in PATHS {
        for fd in 0..2 {
            let mut steps = vec![Step::ReadLink { fd, path, len: 100 }];
            for follow in 0..2 {
                steps.push(Step::Stat { fd, path, follow });
                for flags in [0, 2] {
                    for rights in [0, READ] {
                        steps.push(Step::Open { fd, path, how: Open { follow, flags, rights, fdflags: 0 } });
                    }
                }
            }
            for step in steps {
                let (left, right) = (real.step(&step), embedded.step(&step));
                if left != right {
                    differences.push(format!("{step:?}: {left} on the directory, {right} embedded"));
                }
                for side in [&mut real, &mut embedded] {
                    side.close_all_but(2);
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// What is embedded answers as the directory does, whatever is asked of it in whatever order.
#[test]
fn an_embedded_tree_answers_as_its_directory() {
    let dir = furnished();
    let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let engine_modules = super::driver::both(dir.path());
    runner
        .run(&prop::collection::vec(step(), 1..60), |steps| {
            let (real, embedded) = engine_modules.start();
            let (mut real, mut embedded) = (Side::new(real), Side::new(embedded));
            for (at, step) in steps.iter().enumerate() {
                let (left, right) = (real.step(step), embedded.step(step));
                prop_assert_eq!(left, right, "step {}: {:?}", at, step);
            }
            Ok(())
        })
        .unwrap();
}
