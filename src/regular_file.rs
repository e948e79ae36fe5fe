//! Opens what is in a directory, and nothing else. What a name leads to is looked at only after it has been opened: others may
//! exchange it at any time.

use cap_std::fs::{Dir, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Opens the file `path` of a directory. No link leads out of it, and what is not a file is not waited for.
///
/// # Errors
/// What the system says, or that it is not a file.
///
/// ```
/// use cap_std::{ambient_authority, fs::Dir};
/// use preinit::stages::open_regular_file;
///
/// let crate_directory = Dir::open_ambient_dir(".", ambient_authority())?;
/// let (_file, metadata) = open_regular_file(&crate_directory, "Cargo.toml".as_ref())?;
/// assert!(metadata.len() > 0);
/// assert!(open_regular_file(&crate_directory, "src".as_ref()).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn open_regular_file(directory: &Dir, path: &Path) -> io::Result<(File, Metadata)> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use cap_std::fs::OpenOptionsExt;
        // A pipe would have to be waited for; to files it means nothing.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = directory.open_with(path, &options)?;
    let metadata = file.metadata()?;
    match metadata.is_file() {
        true => Ok((file, metadata)),
        false => Err(io::Error::other("it is not a file")),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::open_regular_file;
    use cap_std::ambient_authority;
    use cap_std::fs::Dir;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    #[test]
    fn only_files_in_the_directory_are_opened_and_nothing_is_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let inside = place.path().join("inside");
        fs::create_dir_all(inside.join("directory")).unwrap();
        fs::write(inside.join("file"), "contents").unwrap();
        fs::write(place.path().join("outside"), "secret").unwrap();
        symlink("file", inside.join("link")).unwrap();
        symlink("../outside", inside.join("out")).unwrap();
        symlink(place.path().join("outside"), inside.join("absolute")).unwrap();
        symlink("..", inside.join("up")).unwrap();
        let pipe = rustix::fs::FileType::Fifo;
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, inside.join("pipe"), pipe, mode, 0).unwrap();
        let directory = Dir::open_ambient_dir(&inside, ambient_authority()).unwrap();
        let opens = |name: &str| open_regular_file(&directory, Path::new(name)).is_ok();
        assert!(opens("file") && opens("link") && opens("directory/../file"));
        for name in ["out", "absolute", "up/outside", "../outside", "pipe", "directory", "missing"] {
            assert!(!opens(name), "{name}");
        }
    }
}
