//! The way to a directory: every directory and link that decides where a path leads.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use cap_std::fs::Metadata;

use super::error::CacheError;
use crate::ownership;

/// As many as Linux follows.
const MAX_LINKS: usize = 40;

/// Where a path leads. Nobody but this user and the administrator can make it lead elsewhere.
#[derive(Debug)]
pub(super) struct ResolvedPath {
    /// The last directory that exists, without links.
    pub end: PathBuf,
    /// What has to be made below it.
    pub missing: Vec<OsString>,
    /// The file in the last directory that the path leads to, if it leads to something else than a directory.
    pub file: Option<OsString>,
    /// The directories on the way.
    pub passed: Vec<Identity>,
}

/// One directory, by whatever name.
#[cfg(unix)]
pub(super) type Identity = (u64, u64);
#[cfg(not(unix))]
pub(super) type Identity = PathBuf;

fn identity(path: &Path, metadata: &Metadata) -> Identity {
    #[cfg(unix)]
    {
        let _ = path;
        (cap_std::fs::MetadataExt::dev(metadata), cap_std::fs::MetadataExt::ino(metadata))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        // One directory has many spellings.
        fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
    }
}

fn identity_of(path: &Path) -> Option<Identity> {
    let metadata = fs::metadata(path).map(Metadata::from_just_metadata);
    metadata.ok().map(|metadata| identity(path, &metadata))
}

impl ResolvedPath {
    /// Follows `path`, as the system does, as far as there is something.
    ///
    /// # Errors
    /// If others can exchange something on the way, or if it does not lead to a directory.
    pub fn to(path: &Path) -> Result<ResolvedPath, CacheError> {
        let resolved = ResolvedPath::to_anything(path)?;
        match &resolved.file {
            Some(name) => Err(CacheError::NotADirectory(resolved.end.join(name))),
            None => Ok(resolved),
        }
    }

    /// The same for a path that may lead to a file.
    ///
    /// # Errors
    /// If others can exchange something on the way.
    pub fn to_anything(path: &Path) -> Result<ResolvedPath, CacheError> {
        let absolute = std::path::absolute(path).map_err(CacheError::io(path))?;
        let mut resolved =
            ResolvedPath { end: PathBuf::new(), missing: Vec::new(), file: None, passed: Vec::new() };
        let mut left: VecDeque<OsString> = VecDeque::new();
        resolved.enqueue(&absolute, &mut left)?;
        let mut links = 0;
        while let Some(name) = left.pop_front() {
            if name == ".." {
                resolved.end.pop();
                continue;
            }
            let next = resolved.end.join(&name);
            let metadata = match fs::symlink_metadata(&next) {
                Ok(metadata) => Metadata::from_just_metadata(metadata),
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound && !left.iter().any(|name| name == "..") =>
                {
                    resolved.missing = [name].into_iter().chain(left).collect();
                    break;
                }
                Err(error) => return Err(CacheError::io(next)(error)),
            };
            ownership::check_ancestor(&metadata, &*next).map_err(CacheError::exposed(&next))?;
            if metadata.is_symlink() {
                links += 1;
                if links > MAX_LINKS {
                    return Err(CacheError::io(path)(io::Error::other("too many symbolic links")));
                }
                let target = fs::read_link(&next).map_err(CacheError::io(&next))?;
                resolved.enqueue(&target, &mut left)?;
            } else if metadata.is_dir() {
                resolved.passed.push(identity(&next, &metadata));
                resolved.end = next;
            } else if left.is_empty() {
                resolved.file = Some(name);
            } else {
                return Err(CacheError::NotADirectory(next));
            }
        }
        Ok(resolved)
    }

    /// Puts the parts of `path` before what is left. An absolute one begins anew.
    fn enqueue(&mut self, path: &Path, left: &mut VecDeque<OsString>) -> Result<(), CacheError> {
        let mut start = PathBuf::new();
        let mut names = Vec::new();
        for component in path.components() {
            match component {
                Component::Prefix(_) | Component::RootDir => start.push(component),
                Component::CurDir => {}
                Component::ParentDir | Component::Normal(_) => names.push(component.as_os_str().to_owned()),
            }
        }
        if !start.as_os_str().is_empty() {
            let metadata =
                fs::metadata(&start).map(Metadata::from_just_metadata).map_err(CacheError::io(&start))?;
            ownership::check_ancestor(&metadata, &*start).map_err(CacheError::exposed(&start))?;
            self.passed.push(identity(&start, &metadata));
            self.end = start;
        }
        for name in names.into_iter().rev() {
            left.push_front(name);
        }
        Ok(())
    }

    /// Whether `directory` is on the way, so that somebody who can write there can make the path lead elsewhere.
    pub fn passes(&self, directory: &Path) -> bool {
        identity_of(directory).is_some_and(|directory| self.passed.contains(&directory))
    }

    /// Whether somebody who can write everywhere in `directory` can make the path lead elsewhere, or can write to where it
    /// leads.
    pub fn is_in_reach_of(&self, directory: &Path) -> bool {
        let Ok(directory) = fs::canonicalize(directory) else { return false };
        let of = identity_of;
        let end = self.missing.is_empty().then(|| of(&self.end)).flatten();
        self.passes(&directory) || (end.is_some() && directory.ancestors().any(|above| of(above) == end))
    }
}
