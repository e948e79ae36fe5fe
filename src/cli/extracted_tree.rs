//! Writes files that are taken out of a module. The file system may take names for one that the module tells apart: by case, or by
//! how a letter is composed. Nothing is written over something else, or below it, because of that.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, anyhow, bail};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};
use preinit::embed::EmbeddedKind;
use preinit::stages::PrintablePath;
use preinit::stages::ownership::Listed;
use preinit::stages::temporary::{TemporaryDirectory, is_ending};

/// Writes all of it into a directory that is empty or not there, or nothing. Gives the number of files and links.
pub fn write_whole(directory: &Path, entries: &[(&Path, EmbeddedKind<'_>)]) -> anyhow::Result<u64> {
    let shown = PrintablePath(directory);
    let cannot_make = || format!("cannot make the directory `{shown}`");
    let cannot_write = || format!("cannot write all of it to `{shown}`");
    if !directory.try_exists().with_context(cannot_make)? {
        if directory.is_symlink() {
            bail!("`{shown}` is a link to what is not there; give a directory");
        }
        let Some(name) = directory.file_name() else {
            bail!("`{shown}` is not there and has no name to be made by; give a directory");
        };
        let beside = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
        let beside = beside.unwrap_or(Path::new("."));
        fs::create_dir_all(beside).with_context(cannot_make)?;
        let beside = Place::open(beside).with_context(cannot_make)?;
        let unfinished = Unfinished::inside(&beside).with_context(cannot_make)?;
        let files = unfinished.write(entries).with_context(cannot_write)?;
        unfinished.become_directory(&beside, name).with_context(cannot_write)?;
        return Ok(files);
    }
    let place = Place::open(directory).with_context(cannot_make)?;
    if place.folder.entries().with_context(cannot_make)?.next().is_some() {
        bail!("`{shown}` is not empty; give a directory that is not there yet");
    }
    if let Some((beside, name, unfinished)) = exchangeable(directory) {
        let files = unfinished.write(entries).with_context(cannot_write)?;
        if unfinished.become_directory(&beside, &name).is_ok() {
            return Ok(files);
        }
    }
    let unfinished = Unfinished::inside(&place).with_context(cannot_make)?;
    let files = unfinished.write(entries).with_context(cannot_write)?;
    unfinished.place.finish(|| move_entries(&unfinished.tree, &place.folder)).with_context(cannot_write)?;
    Ok(files)
}

/// An empty directory that is there can be exchanged for one like it that was made beside it, in one step. Not the one that somebody is
/// in, nor somebody else's, nor one with a list of who may do what, and not a file system.
fn exchangeable(directory: &Path) -> Option<(Place, OsString, Unfinished)> {
    let directory = directory.canonicalize().ok()?;
    if env::current_dir().is_ok_and(|current| current.starts_with(&directory)) {
        return None;
    }
    let beside = Place::open(directory.parent()?).ok()?;
    let name = directory.file_name()?.to_owned();
    let unfinished = Unfinished::inside(&beside).ok()?;
    if beside.folder.open_dir(&name).ok()?.access_list() != Ok(None) {
        return None;
    }
    let (old, new) = (beside.folder.symlink_metadata(&name).ok()?, unfinished.tree.dir_metadata().ok()?);
    unfinished.tree.set_permissions(".", old.permissions()).ok()?;
    (old.is_dir() && is_of_same_owner(&old, &new)).then_some((beside, name, unfinished))
}

#[cfg(unix)]
fn is_of_same_owner(old: &Metadata, new: &Metadata) -> bool {
    use cap_std::fs::MetadataExt;
    (old.uid(), old.gid()) == (new.uid(), new.gid())
}

#[cfg(not(unix))]
fn is_of_same_owner(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// Moves what is in `tree`, or nothing.
fn move_entries(tree: &Dir, folder: &Dir) -> io::Result<()> {
    let mut moved = Vec::new();
    let result = tree.entries()?.try_for_each(|entry| {
        let name = entry?.file_name();
        tree.rename(&name, folder, &name)?;
        moved.push(name);
        Ok(())
    });
    if result.is_err() {
        moved.iter().for_each(|name| drop(folder.rename(name, tree, name)));
    }
    result
}

/// Where something is written to. It stays the same directory, whatever others make of its path.
struct Place {
    path: PathBuf,
    folder: Dir,
}

impl Place {
    fn open(path: &Path) -> io::Result<Place> {
        Ok(Place { path: path.to_owned(), folder: Dir::open_ambient_dir(path, ambient_authority())? })
    }
}

/// A tree that nobody sees before it is whole.
struct Unfinished {
    place: TemporaryDirectory,
    tree: Dir,
}

impl Unfinished {
    fn inside(place: &Place) -> io::Result<Unfinished> {
        let place = TemporaryDirectory::inside(&place.folder, &place.path)?;
        place.content().create_dir(TREE)?;
        let tree = place.content().open_dir(TREE)?;
        Ok(Unfinished { place, tree })
    }

    fn write(&self, entries: &[(&Path, EmbeddedKind<'_>)]) -> anyhow::Result<u64> {
        write(&self.tree, entries, is_ending)
    }

    fn become_directory(self, beside: &Place, name: &OsStr) -> io::Result<()> {
        let Unfinished { place, tree } = self;
        // Windows moves no directory that is open.
        drop(tree);
        place.finish(|| place.content().rename(TREE, &beside.folder, name))
    }
}

/// The directory with all of it, whose permissions are those of any other.
const TREE: &str = "tree";

/// Writes all of it into an empty folder, unless that is being removed: nobody could remove it faster than very much is written.
fn write(
    folder: &Dir,
    entries: &[(&Path, EmbeddedKind<'_>)],
    is_removed: impl Fn() -> bool,
) -> anyhow::Result<u64> {
    let mut tree = Tree { folder, made: BTreeSet::new() };
    let mut links = Vec::new();
    let mut files = 0;
    for &(path, kind) in entries {
        if is_removed() {
            bail!("interrupted");
        }
        match kind {
            EmbeddedKind::Directory => tree.directory(path)?,
            EmbeddedKind::File(contents) => tree.file(path, contents)?,
            EmbeddedKind::Link(target) => links.push((path, target)),
            // Its bytes are nowhere but in an instance.
            EmbeddedKind::Arguments => {}
        }
        files += u64::from(matches!(kind, EmbeddedKind::File(_) | EmbeddedKind::Link(_)));
    }
    // They come last, so that nothing is written through one.
    for &(path, target) in &links {
        tree.link(path, target)?;
    }
    tree.check_links(&links)?;
    Ok(files)
}

struct Tree<'t> {
    folder: &'t Dir,
    /// Directories, as the module calls them.
    made: BTreeSet<PathBuf>,
}

impl Tree<'_> {
    fn directory(&mut self, path: &Path) -> anyhow::Result<()> {
        if path.as_os_str().is_empty() || self.made.contains(path) {
            return Ok(());
        }
        self.parent(path)?;
        self.folder.create_dir(path).map_err(unwritten(path))?;
        self.made.insert(path.to_owned());
        Ok(())
    }

    fn parent(&mut self, path: &Path) -> anyhow::Result<()> {
        path.parent().map_or(Ok(()), |parent| self.directory(parent))
    }

    fn file(&mut self, path: &Path, contents: &[u8]) -> anyhow::Result<()> {
        self.parent(path)?;
        let file = self.folder.open_with(path, OpenOptions::new().write(true).create_new(true));
        file.and_then(|mut file| file.write_all(contents)).map_err(unwritten(path))
    }

    fn link(&mut self, path: &Path, target: &str) -> anyhow::Result<()> {
        self.parent(path)?;
        #[cfg(unix)]
        let made = self.folder.symlink(target, path);
        #[cfg(not(unix))]
        let made = self.folder.symlink_file(target, path);
        made.map_err(unwritten(path))
    }

    /// Checks that no link leads out by way of a name that is there under another one.
    fn check_links(&self, links: &[(&Path, &str)]) -> anyhow::Result<()> {
        let leads_out = |path: &Path| match self.folder.metadata(path) {
            Err(error) => error.kind() != io::ErrorKind::NotFound,
            Ok(_) => false,
        };
        let Some((path, _)) = links.iter().find(|(path, _)| leads_out(path)) else { return Ok(()) };
        // All of them: which one makes another lead out is not known.
        for (path, _) in links {
            self.folder.remove_file(path).map_err(unwritten(path))?;
        }
        bail!(
            "the link `{}` leads out of the directory here, where names of the module are one",
            PrintablePath(path)
        );
    }
}

fn unwritten(path: &Path) -> impl FnOnce(io::Error) -> anyhow::Error {
    let name = PrintablePath(path).to_string();
    // The folder was empty.
    move |error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            anyhow!("`{name}` has the same name here as something else of the module")
        }
        _ => anyhow::Error::new(error).context(format!("cannot write `{name}`")),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::path::Path;

    use cap_std::ambient_authority;
    use cap_std::fs::Dir;
    use preinit::embed::EmbeddedKind::{self, Directory, File, Link};

    use super::{Place, Unfinished, move_entries, write};

    fn written(folder: &Path, entries: &[(&str, EmbeddedKind<'_>)]) -> anyhow::Result<u64> {
        let entries: Vec<_> = entries.iter().map(|(path, kind)| (Path::new(*path), *kind)).collect();
        write(&Dir::open_ambient_dir(folder, ambient_authority()).unwrap(), &entries, || false)
    }

    /// A signal has come: what is being removed gets no more.
    #[test]
    fn nothing_is_written_into_what_is_being_removed() {
        let folder = tempfile::tempdir().unwrap();
        let entries: Vec<_> = ["a", "b", "c", "d"].iter().map(|name| (Path::new(name), File(b"x"))).collect();
        let opened = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let is_there = |name: &str| folder.path().join(name).exists();
        let error = write(&opened, &entries, || is_there("b")).unwrap_err();
        assert_eq!(error.to_string(), "interrupted");
        assert!(is_there("a") && is_there("b") && !is_there("c") && !is_there("d"));
    }

    #[test]
    fn everything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let entries = [
            ("", Directory),
            ("a/b/link", Link("../../c")),
            ("a/b/file", File(b"x")),
            ("a", Directory),
            ("c", File(b"y")),
        ];
        assert_eq!(written(folder.path(), &entries).unwrap(), 3);
        assert_eq!(fs::read(folder.path().join("a/b/link")).unwrap(), b"y");
    }

    /// Whoever may write beside an unfinished tree can give its name to something else, such as a link to what is not theirs.
    #[test]
    fn a_tree_whose_name_is_taken_over_moves_and_removes_nothing_else() {
        let outside = tempfile::tempdir().unwrap();
        let private = outside.path().join("private");
        fs::create_dir_all(private.join("tree")).unwrap();
        fs::write(private.join("tree/thesis"), "mine").unwrap();
        for (number, is_link) in [false, true].into_iter().enumerate() {
            for becomes in [false, true] {
                let folder = outside.path().join(format!("{number}-{becomes}"));
                fs::create_dir(&folder).unwrap();
                let place = Place::open(&folder).unwrap();
                let unfinished = Unfinished::inside(&place).unwrap();
                let made = unfinished.place.path().parent().unwrap().to_owned();
                fs::rename(&made, folder.join("elsewhere")).unwrap();
                if is_link {
                    fs::create_dir(&made).unwrap();
                    std::os::unix::fs::symlink(&private, made.join("content")).unwrap();
                } else {
                    fs::rename(&private, &made).unwrap();
                }
                unfinished.write(&[(Path::new("file"), File(b"x"))]).unwrap();
                let written = if becomes {
                    unfinished.become_directory(&place, "whole".as_ref()).unwrap();
                    folder.join("whole/file")
                } else {
                    unfinished.place.finish(|| move_entries(&unfinished.tree, &place.folder)).unwrap();
                    drop(unfinished);
                    folder.join("file")
                };
                assert_eq!(fs::read(written).unwrap(), b"x");
                if !is_link {
                    fs::rename(&made, &private).unwrap();
                }
                assert_eq!(fs::read(private.join("tree/thesis")).unwrap(), b"mine");
            }
        }
    }

    /// What is in the folder stands for an entry whose name is the same to the file system.
    #[test]
    fn nothing_is_written_over_what_has_the_same_name_here() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "first").unwrap();
        fs::create_dir(folder.path().join("directory")).unwrap();
        std::os::unix::fs::symlink("directory", folder.path().join("link")).unwrap();
        for name in ["file", "directory", "link"] {
            let below = format!("{name}/below");
            for entry in
                [(name, File(b"second")), (name, Directory), (name, Link("file")), (&below, File(b"second"))]
            {
                let error = written(folder.path(), &[entry]).unwrap_err().to_string();
                assert!(error.contains(name), "{error}");
            }
        }
        assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path().join("directory")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    /// The module has checked that `x` stays inside, as long as `d` is no link.
    #[test]
    fn no_link_leads_out_by_a_name_that_is_the_same_here() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("folder");
        fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink(".", folder.join("d")).unwrap();
        let error = written(&folder, &[("a/b/x", Link("../../d/../y")), ("l", Link("nothing"))])
            .unwrap_err()
            .to_string();
        assert!(error.contains("the link `a/b/x` leads out"), "{error}");
        assert!(
            fs::symlink_metadata(folder.join("a/b/x")).is_err()
                && fs::symlink_metadata(folder.join("l")).is_err()
        );
    }
}
