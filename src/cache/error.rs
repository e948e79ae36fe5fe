use crate::ownership::Fault;
use crate::wording::PrintablePath;
use preinit_core::printable::Printable;
use std::io;
use std::path::PathBuf;

/// Why a directory is not used as a cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// It holds something, and nothing says that it is a cache of this program: what is in it is somebody's.
    #[error(
        "`{}` holds other files, such as `{}`, and is not a cache of preinit",
        PrintablePath(path),
        Printable(found)
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Something in it.
        found: String,
    },
    /// Somebody else could put code there that would run here.
    #[error("`{}` {fault}", PrintablePath(path))]
    Exposed {
        /// The directory, or one on the way to it.
        path: PathBuf,
        /// How.
        fault: Fault,
    },
    /// The guest may write where the cache is.
    #[error("the module may write to `{}`, which would let it change the cache", PrintablePath(.0))]
    Reachable(PathBuf),
    /// Something on the way is not a directory.
    #[error("`{}` is not a directory", PrintablePath(.0))]
    NotADirectory(PathBuf),
    /// Something else than a file.
    #[error("`{}` is not a regular file", PrintablePath(.0))]
    NotAFile(PathBuf),
    /// The file system does not allow it.
    #[error("`{}`: {source}", PrintablePath(path))]
    Io {
        /// What was read or made.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl CacheError {
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> CacheError {
        let path = path.into();
        move |source| CacheError::Io { path, source }
    }

    pub(super) fn exposed(path: impl Into<PathBuf>) -> impl FnOnce(Fault) -> CacheError {
        let path = path.into();
        move |fault| CacheError::Exposed { path, fault }
    }
}
