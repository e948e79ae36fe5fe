//! What is to be embedded, and under which names.

use super::archive::{self, Format};
use super::budget::Budget;
use super::directory::{Reading, read};
use super::error::SourceError;
use super::filter::{Filter, Matching};
use preinit_core::embed::{Entry, NameError, Tree};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A directory or a file of this machine, and its name in the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    guest: String,
    host: PathBuf,
}

impl Source {
    /// Embeds `host` under the name `guest`.
    pub fn new(guest: impl Into<String>, host: impl Into<PathBuf>) -> Source {
        Source { guest: guest.into(), host: host.into() }
    }
}

/// When files were changed, as far as a program can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// At this time, in nanoseconds after 1970: the same on every machine.
    Fixed(u64),
    /// When they really were.
    Real,
}

impl Default for Times {
    /// At the start of the year 2000.
    fn default() -> Times {
        const YEAR_2000: u64 = 946_684_800;
        Times::Fixed(YEAR_2000 * 1_000_000_000)
    }
}

impl Times {
    /// What is shown of a time.
    pub(super) fn of(self, real: u64) -> u64 {
        match self {
            Times::Fixed(time) => time,
            Times::Real => real,
        }
    }

    /// What is shown where no time is known.
    pub(super) fn fixed(self) -> u64 {
        match (self, Times::default()) {
            (Times::Fixed(time), _) | (Times::Real, Times::Fixed(time)) => time,
            (Times::Real, Times::Real) => 0,
        }
    }
}

/// Everything that is to be embedded.
#[derive(Debug, Clone)]
pub struct Sources {
    sources: Vec<Source>,
    times: Times,
    excluded: Filter,
    max_bytes: u64,
    reopened: Vec<String>,
    arguments: Option<String>,
}

impl Default for Sources {
    /// Nothing yet, and at most what a data segment has room for.
    fn default() -> Sources {
        let max_bytes = u32::MAX.into();
        Sources {
            sources: Vec::new(),
            times: Times::default(),
            excluded: Filter::default(),
            max_bytes,
            reopened: Vec::new(),
            arguments: None,
        }
    }
}

impl Sources {
    /// Adds one.
    ///
    /// # Errors
    /// [`NameError::Twice`], if its name is taken.
    pub fn add(&mut self, source: Source) -> Result<(), NameError> {
        if self.sources.iter().any(|known| known.guest == source.guest) {
            return Err(NameError::Twice(source.guest));
        }
        self.sources.push(source);
        Ok(())
    }

    /// Says which times files have.
    pub fn set_times(&mut self, times: Times) {
        self.times = times;
    }

    /// Limits what all files, their names and what is known of each entry may take, in bytes.
    pub fn set_max_bytes(&mut self, max_bytes: u64) {
        self.max_bytes = max_bytes;
    }

    /// Leaves out what a pattern like `*.pyc` or `test/**/data` matches: without a slash names, with one the path below what is
    /// embedded. A slash at its end is of directories only; one at its beginning, or `./`, of what is embedded itself.
    ///
    /// # Errors
    /// [`SourceError::Pattern`], if it cannot be read, or means nothing here.
    pub fn exclude(&mut self, pattern: &str) -> Result<(), SourceError> {
        let unusable = |why| SourceError::Pattern { pattern: pattern.to_string(), why };
        self.excluded.add(pattern).map_err(unusable)
    }

    /// Lets a file of the host, named as the program finds it, be open in a snapshot too: [`Tree::reopen`].
    pub fn reopen(&mut self, path: impl Into<String>) {
        self.reopened.push(path.into());
    }

    /// Lets the program find its arguments in the file `path`, each with a zero after it; each instance has its own.
    pub fn arguments(&mut self, path: impl Into<String>) {
        self.arguments = Some(path.into());
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.reopened.is_empty() && self.arguments.is_none()
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// [`SourceError`], if something cannot be read, or not be embedded.
    pub fn tree(&self) -> Result<Tree, SourceError> {
        Ok(self.tree_and_unmatched()?.0)
    }

    /// Reads all of it, and says which patterns of [`Sources::exclude`] have matched nothing: most of the time these are misspelt.
    ///
    /// # Errors
    /// As of [`Sources::tree`].
    ///
    /// ```
    /// use preinit::embed::{Source, Sources};
    ///
    /// let mut sources = Sources::default();
    /// sources.add(Source::new("/data", "test-programs/data"))?;
    /// for pattern in ["hello.*", "secret/"] {
    ///     sources.exclude(pattern)?;
    /// }
    /// let (_tree, unmatched) = sources.tree_and_unmatched()?;
    /// assert_eq!(unmatched, ["secret/"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tree_and_unmatched(&self) -> Result<(Tree, Vec<String>), SourceError> {
        let budget = Budget::new(self.max_bytes);
        let excluded = Matching::new(&self.excluded);
        let mut mounts: BTreeMap<&str, Entry> = BTreeMap::new();
        let mut order = Vec::new();
        let read = |source| self.named(source, &excluded, &budget);
        let arguments = self.arguments.as_deref().map(|path| {
            let entry = Entry::Arguments { modified: self.times.fixed() };
            Ok((path, entry))
        });
        for found in self.sources.iter().map(read).chain(arguments) {
            let (guest, entry) = found?;
            let (guest, entry) = mounted(guest, entry)?;
            match mounts.get_mut(guest) {
                None => {
                    order.push(guest);
                    mounts.insert(guest, entry);
                }
                Some(known) => merge(known, entry, guest)?,
            }
        }
        let mut tree = Tree::new();
        for guest in order {
            if let Some(entry) = mounts.remove(guest) {
                tree.mount(guest, entry)?;
            }
        }
        for path in &self.reopened {
            tree.reopen(path)?;
        }
        Ok((tree, excluded.unmatched()))
    }
}

impl Sources {
    /// A source, and the name that it is given.
    fn named<'s>(
        &self,
        source: &'s Source,
        excluded: &Matching<'_>,
        budget: &Budget,
    ) -> Result<(&'s str, Entry), SourceError> {
        Ok((source.guest.as_str(), self.read(source, excluded, budget)?))
    }

    /// An archive is unpacked, unless the name that it gets is that of an archive too.
    fn read(&self, source: &Source, excluded: &Matching<'_>, budget: &Budget) -> Result<Entry, SourceError> {
        let format = Format::of(&source.host).filter(|_| source.host.is_file());
        match format.filter(|_| Format::of(Path::new(&source.guest)).is_none()) {
            Some(format) => {
                let unpacking = archive::Unpacking { filter: excluded, times: self.times, budget };
                archive::read(&source.host, format, unpacking)
            }
            None => read(&source.host, &Reading { times: self.times, excluded, budget }),
        }
    }
}

/// What is found as a preopened directory: the source, or the directory that a file is said to be in.
fn mounted(guest: &str, entry: Entry) -> Result<(&str, Entry), NameError> {
    let modified = match &entry {
        Entry::File { modified, .. } | Entry::Arguments { modified } => *modified,
        _ => return Ok((guest, entry)),
    };
    let (directory, name) = match guest.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((directory, name)) => (directory, name),
        None => (".", guest),
    };
    Ok((directory, Entry::directory([(name, entry)], modified)?))
}

/// Puts the entries of one directory into another.
fn merge(known: &mut Entry, added: Entry, guest: &str) -> Result<(), NameError> {
    let (Entry::Directory { entries, .. }, Entry::Directory { entries: added, .. }) = (known, added) else {
        return Err(NameError::NoDirectory(guest.to_string()));
    };
    for (name, entry) in added {
        if entries.contains_key(&name) {
            return Err(NameError::Twice(format!("{}/{name}", guest.trim_end_matches('/'))));
        }
        entries.insert(name, entry);
    }
    Ok(())
}

/// Where a link leads, seen from the directory that is embedded; `None` if that is outside of it.
pub(super) fn stays_inside(link: &Path, target: &str) -> bool {
    let mut depth = link.components().count() - 1;
    if target.starts_with('/') {
        return false;
    }
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(above) => depth = above,
                None => return false,
            },
            _ => depth += 1,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{Source, Sources, stays_inside};
    use preinit_core::embed::{Entry, NameError, Tree};
    use std::path::Path;

    #[test]
    fn links_out_of_a_tree_are_seen() {
        let stays = |link: &str, target: &str| stays_inside(Path::new(link), target);
        assert!(stays("link", "file"));
        assert!(stays("a/b/link", "../../file"));
        assert!(stays("a/link", "./../b/../c"));
        assert!(!stays("link", "../file"));
        assert!(!stays("a/link", "../../file"));
        assert!(!stays("link", "a/../../b"));
        assert!(!stays("link", "/etc/passwd"));
    }

    #[test]
    fn a_name_is_given_once() {
        let mut sources = Sources::default();
        sources.add(Source::new("/a", "x")).unwrap();
        assert_eq!(sources.add(Source::new("/a", "y")), Err(NameError::Twice("/a".to_string())));
    }

    #[test]
    fn files_of_one_directory_are_found_together() {
        let mut sources = Sources::default();
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-programs/data");
        sources.add(Source::new("/app/a.txt", data.join("apple.txt"))).unwrap();
        sources.add(Source::new("/app/b.txt", data.join("B.txt"))).unwrap();
        let tree = sources.tree().unwrap();
        let file = |name: &str| {
            let contents = std::fs::read(data.join(name)).unwrap();
            Entry::File { contents, modified: 946_684_800_000_000_000 }
        };
        let expected = [("a.txt", file("apple.txt")), ("b.txt", file("B.txt"))];
        let mut same = Tree::new();
        same.mount("/app", Entry::directory(expected, 946_684_800_000_000_000).unwrap()).unwrap();
        assert_eq!(tree, same);
    }
}
