//! Paths that name what this process has open already, such as `/dev/stdout`.
//!
//! Such a thing is not opened like a file: what an earlier process has written to it would be lost, and what is written to it
//! besides.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// Directories that have a name for each descriptor.
const DIRECTORIES: [&str; 3] = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"];

/// The number of the descriptor that a path names, itself or by links.
pub fn number_of(path: &Path) -> Option<u32> {
    // Also where there is no such directory.
    if path == Path::new("/dev/stdout") {
        return Some(1);
    }
    let directories: Vec<_> = DIRECTORIES.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
    let mut path = std::path::absolute(path).ok()?;
    for _ in 0..MAX_LINKS {
        let (directory, name) = (path.parent()?.canonicalize().ok()?, path.file_name()?.to_owned());
        if directories.contains(&directory) {
            return name.to_str()?.parse().ok();
        }
        let target = fs::read_link(directory.join(name)).ok()?;
        path = directory.join(target);
    }
    None
}

/// Standard output, as a file.
pub fn stdout() -> io::Result<File> {
    #[cfg(unix)]
    return std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned().map(File::from);
    #[cfg(not(unix))]
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// Standard error, as a file.
pub fn stderr() -> io::Result<File> {
    #[cfg(unix)]
    return std::os::fd::AsFd::as_fd(&io::stderr()).try_clone_to_owned().map(File::from);
    #[cfg(not(unix))]
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// Whether standard input comes from this file.
pub fn is_standard_input(file: &Metadata) -> bool {
    #[cfg(unix)]
    {
        let stream = std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned().map(File::from);
        stream.and_then(|stream| stream.metadata()).is_ok_and(|stream| are_one(&stream, file))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

/// The name of a standard stream that goes to the same file.
pub fn standard_stream(file: &Metadata) -> Option<&'static str> {
    let streams = [("standard output", stdout()), ("standard error", stderr())];
    let is = |stream: io::Result<File>| {
        stream.and_then(|stream| stream.metadata()).is_ok_and(|it| are_one(&it, file))
    };
    streams.into_iter().find_map(|(name, stream)| is(stream).then_some(name))
}

/// Whether both are one file, pipe or socket. To a device, such as a terminal, many things may go.
pub fn are_one(left: &Metadata, right: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        let place = |file: &Metadata| (file.dev(), file.ino());
        place(left) == place(right) && !left.file_type().is_char_device()
    }
    #[cfg(not(unix))]
    {
        let _ = (left, right);
        false
    }
}
