//! The way to an output, if the module may write somewhere on it.
//!
//! A link below a directory that the module may write to could be the module's, from an earlier run of the same command. So
//! none is followed there. Links elsewhere are the user's own.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::bail;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use preinit::stages::PrintablePath;

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

/// Where a path leads.
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
    pub fn to(path: &Path, writable: &[PathBuf]) -> anyhow::Result<Way> {
        let writable: Vec<Identity> = writable.iter().filter_map(|path| identity(path).ok()).collect();
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
                    bail!(
                        "`{}` is a link that the module could have made, since it may write there",
                        PrintablePath(&next)
                    );
                }
                links += 1;
                if links > MAX_LINKS {
                    bail!("too many symbolic links");
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
