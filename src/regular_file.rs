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
