//! The way to what the user has named, if the module may write somewhere on it.
//!
//! A link below a directory that the module may write to could be the module's, from this run or an earlier one. So none is
//! followed there. Links elsewhere are the user's own.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::wording::PrintablePath;

/// As many as Linux follows. Only a cycle is longer.
const MAX_LINKS: usize = 40;

/// One directory, by whatever name.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = PathBuf;

#[cfg(unix)]
fn identity(path: &Path) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> io::Result<Identity> {
    fs::canonicalize(path)
}

/// Why a path is not followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WayError {
    /// Where this link is, the module may write.
    #[error("`{}` is a link that the module could have made, since it may write there", PrintablePath(.0))]
    Link(PathBuf),
    /// Most likely they lead in a circle.
    #[error("too many symbolic links")]
    TooManyLinks,
    /// What the system says.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Where a path leads.
///
/// No example: it depends on the machine.
#[derive(Debug)]
pub struct Way {
    /// Without links, as far as there is something.
    pub path: PathBuf,
    /// How many of its parts lead to a directory that the module may write to, if it passes one.
    writable: Option<usize>,
}

impl Way {
    /// Follows `path`, as the system does.
    ///
    /// # Errors
    /// If there is a link on it where the module may write.
    pub fn to<'w>(path: &Path, writable: impl IntoIterator<Item = &'w Path>) -> Result<Way, WayError> {
        let writable: Vec<Identity> = writable.into_iter().filter_map(|path| identity(path).ok()).collect();
        let mut way = Way { path: PathBuf::new(), writable: None };
        let mut left = VecDeque::new();
        way.enqueue(&std::path::absolute(path)?, &mut left, &writable);
        let mut links = 0;
        while let Some(name) = left.pop_front() {
            if name == ".." {
                way.path.pop();
                way.writable = way.writable.filter(|parts| *parts <= way.path.components().count());
                continue;
            }
            let next = way.path.join(&name);
            if let Ok(target) = fs::read_link(&next) {
                if way.writable.is_some() {
                    return Err(WayError::Link(next));
                }
                links += 1;
                if links > MAX_LINKS {
                    return Err(WayError::TooManyLinks);
                }
                way.enqueue(&target, &mut left, &writable);
                continue;
            }
            way.path = next;
            way.note(&writable);
        }
        Ok(way)
    }

    /// Puts the parts of `path` before what is left. An absolute one begins anew.
    fn enqueue(&mut self, path: &Path, left: &mut VecDeque<OsString>, writable: &[Identity]) {
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
            (self.path, self.writable) = (start, None);
            self.note(writable);
        }
        for name in names.into_iter().rev() {
            left.push_front(name);
        }
    }

    /// Notes if the module may write to where the way is now.
    fn note(&mut self, writable: &[Identity]) {
        if self.writable.is_none() && identity(&self.path).is_ok_and(|here| writable.contains(&here)) {
            self.writable = Some(self.path.components().count());
        }
    }

    /// The directory of the file, opened from the writable one above it and never from outside of that, if there is one.
    /// Nothing that happens meanwhile can make it lead out.
    ///
    /// # Errors
    /// What the system says.
    pub fn open_directory(&self) -> io::Result<Option<Dir>> {
        let count = self.path.components().count();
        let Some(parts) = self.writable.filter(|parts| *parts < count) else { return Ok(None) };
        let start: PathBuf = self.path.components().take(parts).collect();
        let mut directory = Dir::open_ambient_dir(start, ambient_authority())?;
        let mut below = self.path.components().skip(parts).peekable();
        while let Some(name) = below.next() {
            if below.peek().is_some() {
                directory = directory.open_dir(name)?;
            }
        }
        Ok(Some(directory))
    }
}

/// Opens a file for reading, through no link that a module could have made that may write to the directories `writable`.
///
/// No example: it depends on the machine.
///
/// # Errors
/// If there is such a link, or if the system does not allow it.
pub fn open_file(path: &Path, writable: &[PathBuf]) -> Result<File, WayError> {
    if !writable.is_empty() {
        let way = Way::to(path, writable.iter().map(PathBuf::as_path))?;
        if let (Some(directory), Some(name)) = (way.open_directory()?, way.path.file_name()) {
            return Ok(directory.open(name)?.into_std());
        }
    }
    Ok(File::open(path)?)
}
