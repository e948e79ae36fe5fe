//! Files, directories and links that are to be embedded.

use std::collections::BTreeMap;

/// The longest path that is opened anew, in bytes: half of what the layer has for one.
const LONGEST_PATH: usize = 2000;

/// What is to be embedded: directories under the names under which a program finds them; and which files of the host are to stay
/// open in a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    pub(super) mounts: Vec<(String, Entry)>,
    /// Files of the host that are opened anew for each use.
    pub(super) reopened: Vec<String>,
}

/// A file, a directory or a link. Times are in nanoseconds after 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File {
        /// Its bytes.
        contents: Vec<u8>,
        /// When it was changed.
        modified: u64,
    },
    /// A directory.
    Directory {
        /// What is in it, by name.
        entries: BTreeMap<String, Entry>,
        /// When it was changed.
        modified: u64,
    },
    /// A symbolic link.
    Link {
        /// Where it leads.
        target: String,
        /// When it was changed.
        modified: u64,
    },
    /// A file that has the arguments of the instance that reads it, each with a zero after it.
    Arguments {
        /// When it was changed.
        modified: u64,
    },
}

/// A name that no entry can have, or that two have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It means something else, or is no single name.
    #[error("no entry of a directory can be named `{0}`")]
    NoName(String),
    /// It is longer than 255 bytes.
    #[error("a name has {0} bytes, but 255 at most are possible")]
    TooLong(usize),
    /// Two directories would be found under one name.
    #[error("`{0}` is given twice")]
    Twice(String),
    /// What is to be found under a name is no directory.
    #[error("`{0}` is not a directory")]
    NoDirectory(String),
    /// A path of the host that leads upwards, to nothing but a directory, or is too long.
    #[error("`{0}` cannot be the path of a file that is opened anew")]
    NoPath(String),
    /// There are more directories than there are numbers for.
    #[error("there are {0} directories, but 64 at most can be found as preopened ones")]
    TooMany(usize),
}

impl Entry {
    /// A file with these bytes, of the year 1970.
    pub fn file(contents: impl Into<Vec<u8>>) -> Entry {
        Entry::File { contents: contents.into(), modified: 0 }
    }

    /// A directory of these entries.
    ///
    /// # Errors
    /// [`NameError`], if a name cannot be that of an entry, or is there twice.
    pub fn directory<N: Into<String>>(
        entries: impl IntoIterator<Item = (N, Entry)>,
        modified: u64,
    ) -> Result<Entry, NameError> {
        let mut named = BTreeMap::new();
        for (name, entry) in entries {
            let name = name.into();
            check(&name)?;
            if named.contains_key(&name) {
                return Err(NameError::Twice(name));
            }
            named.insert(name, entry);
        }
        Ok(Entry::Directory { entries: named, modified })
    }

    pub(super) fn modified(&self) -> u64 {
        match self {
            Entry::File { modified, .. }
            | Entry::Directory { modified, .. }
            | Entry::Link { modified, .. }
            | Entry::Arguments { modified } => *modified,
        }
    }
}

/// Whether an entry can have this name.
///
/// # Errors
/// [`NameError`], if not.
fn check(name: &str) -> Result<(), NameError> {
    const LONGEST: usize = 255;
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(NameError::NoName(name.to_string()));
    }
    if name.len() > LONGEST { Err(NameError::TooLong(name.len())) } else { Ok(()) }
}

impl Tree {
    /// Nothing yet.
    pub fn new() -> Tree {
        Tree::default()
    }

    /// Lets a directory be found under `name`, as one is that the host has opened beforehand.
    ///
    /// # Errors
    /// [`NameError`], if it is no directory, or the name is taken.
    pub fn mount(&mut self, name: impl Into<String>, directory: Entry) -> Result<(), NameError> {
        const MOST: usize = 64;
        let name = name.into();
        if !matches!(directory, Entry::Directory { .. }) {
            return Err(NameError::NoDirectory(name));
        }
        if self.mounts.iter().any(|(known, _)| *known == name) {
            return Err(NameError::Twice(name));
        }
        self.mounts.push((name, directory));
        if self.mounts.len() > MOST { Err(NameError::TooMany(self.mounts.len())) } else { Ok(()) }
    }

    /// Lets a file of the host, named as the program finds it, be open in a snapshot too, if it is opened only to be read: it is
    /// opened anew for each use.
    ///
    /// # Errors
    /// [`NameError::NoPath`], if it leads upwards or nowhere.
    pub fn reopen(&mut self, path: &str) -> Result<(), NameError> {
        let names: Vec<&str> = path.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
        if names.is_empty() || names.contains(&"..") || path.contains('\0') || path.len() > LONGEST_PATH {
            return Err(NameError::NoPath(path.to_string()));
        }
        let root = if path.starts_with('/') { "/" } else { "" };
        self.reopened.push(format!("{root}{}", names.join("/")));
        Ok(())
    }

    /// Whether there is a file with the arguments.
    pub(super) fn has_arguments(&self) -> bool {
        fn has(entry: &Entry) -> bool {
            match entry {
                Entry::Directory { entries, .. } => entries.values().any(has),
                entry => matches!(entry, Entry::Arguments { .. }),
            }
        }
        self.mounts.iter().any(|(_, entry)| has(entry))
    }

    /// Whether nothing is to be embedded, or to stay open.
    pub fn is_empty(&self) -> bool {
        self.mounts.is_empty() && self.reopened.is_empty()
    }
}
