//! Names of what is in memory only: as long as real ones, and counted.

use super::overlay::{furnished, options};
use super::{FD_READ, FD_WRITE, Guest, O_CREAT, O_DIRECTORY};
use crate::host::{Access, LedgerLimit, Limits};

const NAMETOOLONG: i32 = 37;

/// Where paths of any length have room.
const PATHS: [usize; 2] = [0x8000, 0xc000];

impl Guest {
    /// A guest with so many bytes of memory.
    fn with(options: &crate::host::HostOptions, max_memory: u64) -> Guest {
        let limits = Limits { timeout: None, max_memory, fuel: None };
        let wat = super::wrappers("(memory (export \"memory\") 2)");
        Guest::start_with(&wat, options, &limits, [0; 32]).unwrap()
    }

    /// Calls a function with one or two paths below the first directory.
    fn ask(&mut self, name: &str, path: &str, new_path: &str) -> wasmtime::Result<i32> {
        self.write(PATHS[0], path.as_bytes());
        self.write(PATHS[1], new_path.as_bytes());
        let [at, new_at] = PATHS.map(|at| at as i64);
        let (len, new_len) = (path.len() as i64, new_path.len() as i64);
        let args = match name {
            "path_open" => vec![3, 0, at, len, O_CREAT, FD_READ | FD_WRITE, 0, 0, 504],
            "path_filestat_get" => vec![3, 0, at, len, 64],
            "path_readlink" => vec![3, at, len, 64, 8, 504],
            "path_link" => vec![3, 0, at, len, 3, new_at, new_len],
            "path_symlink" => vec![at, len, 3, new_at, new_len],
            "path_rename" => vec![3, at, len, 3, new_at, new_len],
            _ => vec![3, at, len],
        };
        self.wasi_call(name, &args)
    }

    fn make_directory(&mut self, path: &str) -> i32 {
        self.ask("path_create_directory", path, "").unwrap()
    }

    /// Makes directories in each other, each with a name of this length, up to this depth or as deep as it goes. Gives the deepest.
    fn nest(&mut self, len: usize, depth: usize) -> String {
        let name = "n".repeat(len);
        let mut path = name.clone();
        for _ in 0..depth {
            if self.make_directory(&path) != 0 {
                break;
            }
            path = format!("{path}/{name}");
        }
        path.truncate(path.len() - len - 1);
        path
    }
}

/// What is asked about names and paths at the limits, and the answers.
fn answers(guest: &mut Guest) -> Vec<(String, i32)> {
    let [most, more] = [255, 256].map(|len| "n".repeat(len));
    // Bytes count, and not characters.
    let [wide, wider] = [127, 128].map(|len| "é".repeat(len));
    let mut answers = Vec::new();
    let mut ask = |name: &str, path: &str, new_path: &str| {
        let what = format!("{name} {} {}", path.len(), new_path.len());
        answers.push((what, guest.ask(name, path, new_path).unwrap()));
    };
    for name in [&most, &more, &wide, &wider] {
        for function in ["path_create_directory", "path_filestat_get", "path_remove_directory"] {
            ask(function, name, "");
        }
        for function in ["path_open", "path_filestat_get", "path_unlink_file"] {
            for path in [name.clone(), format!("a/{name}"), format!("{name}/x"), format!("a/g/{name}")] {
                ask(function, &path, "");
            }
        }
        for function in ["path_link", "path_rename", "path_symlink"] {
            ask(function, "f", &format!("a/{name}"));
            ask("path_rename", &format!("a/{name}"), "f");
        }
    }
    let dots = "./".repeat(2043);
    for path in [format!("{dots}a/g"), format!("{dots}a//g")] {
        for function in ["path_open", "path_filestat_get", "path_readlink", "path_create_directory"] {
            ask(function, &path, "");
        }
    }
    for len in [4095, 4096] {
        ask("path_symlink", &"t".repeat(len), &format!("l{len}"));
    }
    answers
}

#[cfg(target_os = "linux")]
#[test]
fn names_are_as_long_as_real_ones() {
    let [overlaid, real] = [Access::Overlay, Access::ReadWrite].map(|access| {
        let dir = furnished();
        answers(&mut Guest::wasi(&options(dir.path(), access)))
    });
    assert_eq!(overlaid, real);
    let refused = overlaid.iter().filter(|(_, errno)| *errno == NAMETOOLONG).count();
    assert!(refused > 20 && refused < overlaid.len() - 20, "{refused} of {}", overlaid.len());
    for (target, errno) in [(4095, 0), (4096, NAMETOOLONG)] {
        assert!(overlaid.contains(&(format!("path_symlink {target} 5"), errno)));
    }
}

/// Descriptors that are opened one below the other have names as long as a path, whatever the directory is.
#[test]
fn no_descriptor_has_a_longer_name() {
    for access in [Access::Overlay, Access::ReadWrite, Access::ReadOnly] {
        let dir = furnished();
        let mut guest = Guest::wasi(&options(dir.path(), access));
        let path = "./".repeat(500);
        guest.write(PATHS[0], path.as_bytes());
        let mut fd = 3;
        let opened = (0..10).take_while(|_| {
            let args = [fd, 0, PATHS[0] as i64, path.len() as i64, O_DIRECTORY, FD_READ, 0, 0, 504];
            let errno = guest.wasi_call("path_open", &args).unwrap();
            fd = i64::from(guest.read_u32(504));
            assert!([0, NAMETOOLONG].contains(&errno), "{access:?}: {errno}");
            errno == 0
        });
        assert_eq!(opened.count(), 4, "{access:?}");
        assert!(guest.ledger().files_opened().iter().all(|path| path.len() < 4096));
    }
}

#[test]
fn what_a_rename_would_make_too_long_stays() {
    let dir = furnished();
    let mut guest = Guest::wasi(&options(dir.path(), Access::Overlay));
    let deepest = guest.nest(100, usize::MAX);
    assert!((3900..4095).contains(&deepest.len()), "{}", deepest.len());
    let long = format!("x/{}", "y".repeat(100));
    assert_eq!((guest.make_directory("x"), guest.make_directory(&long)), (0, 0));
    assert_eq!(guest.ask("path_rename", "x", &format!("{deepest}/x")).unwrap(), NAMETOOLONG);
    assert_eq!(guest.ask("path_filestat_get", &long, "").unwrap(), 0);
    assert_eq!(guest.ask("path_rename", "x", "z").unwrap(), 0);
    assert_eq!(guest.ask("path_filestat_get", &long.replace('x', "z"), "").unwrap(), 0);
}

/// Each of what is in a directory has the names above it.
#[test]
fn what_a_rename_would_make_too_large_stays() {
    const NOSPC: i32 = 51;
    for open in [false, true] {
        let dir = furnished();
        let mut guest = Guest::with(&options(dir.path(), Access::Overlay), 4 << 20);
        let deepest = guest.nest(1, 300);
        assert_eq!(guest.make_directory("x"), 0);
        // What is open counts like what is there.
        for k in 0..if open { 150 } else { 300 } {
            let path = format!("x/{k}");
            assert_eq!(guest.make_directory(&path), 0);
            if open {
                guest.open(3, &path, O_DIRECTORY, FD_READ).unwrap();
            }
        }
        let to = format!("{deepest}/x");
        assert_eq!(guest.ask("path_rename", "x", &to).unwrap(), NOSPC, "{open}");
        assert_eq!(guest.ask("path_filestat_get", "x/99", "").unwrap(), 0);
        assert_eq!(guest.ask("path_rename", "x", "y").unwrap(), 0);
        assert_eq!(guest.ask("path_filestat_get", "y/99", "").unwrap(), 0);
    }
}

#[test]
fn names_in_memory_count() {
    const LIMIT: u64 = 8 << 20;
    for (function, len, depth) in [
        ("path_create_directory", 1, 300),
        ("path_create_directory", 200, 18),
        ("path_open", 200, 18),
        ("path_symlink", 200, 18),
    ] {
        let dir = furnished();
        let mut guest = Guest::with(&options(dir.path(), Access::Overlay), LIMIT);
        let above = guest.nest(len, depth);
        let mut made = 0;
        let error = loop {
            let name = format!("{above}/{made}");
            let answer = match function {
                "path_symlink" => guest.ask(function, "target", &name),
                _ => guest.ask(function, &name, ""),
            };
            match answer {
                Ok(errno) => assert_eq!(errno, 0, "{function} after {made}"),
                Err(error) => break error,
            }
            made += 1;
            if function == "path_open" {
                let fd = i64::from(guest.read_u32(504));
                guest.ok("fd_close", &[fd]);
            }
        };
        assert!(error.is::<LedgerLimit>(), "{error:?}");
        // Each is there with all names, is recorded with its path, and listed with it at the end.
        let least = 2 * above.len() + 30 * depth;
        assert!(made < LIMIT as usize / least, "{function}, {len}: {made}");
        assert!(guest.ledger().files_lost().iter().map(String::len).sum::<usize>() < LIMIT as usize);
    }
}

#[test]
fn open_directories_count_with_their_names() {
    let dir = furnished();
    let mut guest = Guest::wasi(&options(dir.path(), Access::Overlay));
    let deepest = guest.nest(1, 300);
    let held = |guest: &Guest| guest.store.data().recorder.held;
    let before = held(&guest);
    let fd = guest.open(3, &deepest, O_DIRECTORY, FD_READ).unwrap();
    assert!(held(&guest) - before > 300 * 40, "{}", held(&guest) - before);
    assert_eq!(guest.ask("path_rename", "n", "m").unwrap(), 0);
    guest.ok("fd_close", &[fd]);
    assert_eq!(held(&guest), before);
}

/// What is read is listed with the name of its file.
#[test]
fn names_of_what_is_read_count() {
    let dir = tempfile::tempdir().unwrap();
    let above = vec!["n".repeat(250); 15].join("/");
    std::fs::create_dir_all(dir.path().join(&above)).unwrap();
    std::fs::write(dir.path().join(&above).join("f"), [7; 5000]).unwrap();
    for access in [Access::Overlay, Access::ReadOnly] {
        let mut guest = Guest::with(&options(dir.path(), access), 4 << 20);
        let fd = guest.open(3, &format!("{above}/f"), 0, FD_READ).unwrap();
        guest.write(0, &super::iovec(256, 1));
        let read = |_: &usize| guest.wasi_call("fd_read", &[fd, 0, 1, 8]).is_ok_and(|errno| errno == 0);
        let reads = (0..3000).take_while(read).count();
        let names: usize =
            guest.ledger().inputs().into_iter().filter_map(|input| input.path).map(|name| name.len()).sum();
        assert!(names < 4 << 20, "{access:?}: {reads}");
        assert!((500..3000).contains(&reads), "{access:?}: {reads}");
    }
}
