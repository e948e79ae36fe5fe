//! Files in modules: what a program finds is what it finds in the directory that was embedded.

mod archives;
mod arguments;
mod calling_back;
pub mod changes;
mod driver;
pub mod files;
mod growth;
mod odd_hosts;
mod random_calls;
mod random_changes;
mod reopened;
mod tar_archives;
mod tar_holes;
mod zip_archives;

use std::fs;

/// A directory with files, directories and links in it.
fn furnished() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a/b/empty")).unwrap();
    let long: Vec<u8> = (0..200_000u32).map(|at| (at * 31 / 7) as u8).collect();
    for (name, text) in [
        ("f", &b"file f"[..]),
        ("a/g", b"file g"),
        ("a/b/h", b""),
        ("a/b/long", &long),
        ("a-b", b"sorts between"),
        ("\u{e9}t\u{e9}", b"not ASCII"),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    #[cfg(unix)]
    for (name, target) in [
        ("l", "a/g"),
        ("d", "a"),
        ("up", "a/../f"),
        ("dot", "."),
        ("slash", "a/b/"),
        ("no-slash", "f/"),
        ("a/back", "../a/b/../g"),
        ("a/nowhere", "none"),
        ("loop", "loop"),
        ("long-way", "d/back"),
    ] {
        std::os::unix::fs::symlink(target, dir.path().join(name)).unwrap();
    }
    dir
}
