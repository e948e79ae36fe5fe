//! Writes files that are taken out of a module. The file system may take names for one that the module tells apart: by case, or by
//! how a letter is composed. Nothing is written over something else, or below it, because of that.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, anyhow, bail};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use preinit::embed::EmbeddedKind;
use preinit::stages::PrintablePath;
use preinit::stages::temporary::TemporaryDirectory;

/// Writes all of it into a directory that is empty or not there, or nothing. Gives the number of files and links.
pub fn write_whole(directory: &Path, entries: &[(&Path, EmbeddedKind<'_>)]) -> anyhow::Result<u64> {
    let shown = PrintablePath(directory);
    let cannot_make = || format!("cannot make the directory `{shown}`");
    let cannot_write = || format!("cannot write all of it to `{shown}`");
    if !directory.try_exists().with_context(cannot_make)? {
        if directory.is_symlink() {
            bail!("`{shown}` is a link to what is not there; give a directory");
        }
        let beside = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
        let beside = beside.unwrap_or(Path::new("."));
        fs::create_dir_all(beside).with_context(cannot_make)?;
        let unfinished = Unfinished::inside(beside).with_context(cannot_make)?;
        let files = unfinished.write(entries).with_context(cannot_write)?;
        unfinished.place.finish(|_| fs::rename(&unfinished.tree, directory)).with_context(cannot_write)?;
        return Ok(files);
    }
    if fs::read_dir(directory).with_context(cannot_make)?.next().is_some() {
        bail!("`{shown}` is not empty; give a directory that is not there yet");
    }
    if let Some((directory, unfinished)) = exchangeable(directory) {
        let files = unfinished.write(entries).with_context(cannot_write)?;
        if unfinished.place.finish(|_| fs::rename(&unfinished.tree, &directory)).is_ok() {
            return Ok(files);
        }
    }
    let unfinished = Unfinished::inside(directory).with_context(cannot_make)?;
    let files = unfinished.write(entries).with_context(cannot_write)?;
    unfinished.place.finish(|_| move_entries(&unfinished.tree, directory)).with_context(cannot_write)?;
    Ok(files)
}

/// An empty directory that is there can be exchanged for one like it that was made beside it, in one step. Not the one that somebody is
/// in, nor somebody else's, and not a file system.
fn exchangeable(directory: &Path) -> Option<(PathBuf, Unfinished)> {
    let directory = directory.canonicalize().ok()?;
    if env::current_dir().is_ok_and(|current| current.starts_with(&directory)) {
        return None;
    }
    let unfinished = Unfinished::inside(directory.parent()?).ok()?;
    let (old, new) = (fs::metadata(&directory).ok()?, fs::metadata(&unfinished.tree).ok()?);
    fs::set_permissions(&unfinished.tree, old.permissions()).ok()?;
    is_of_same_owner(&old, &new).then_some((directory, unfinished))
}

#[cfg(unix)]
fn is_of_same_owner(old: &fs::Metadata, new: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (old.uid(), old.gid()) == (new.uid(), new.gid())
}

#[cfg(not(unix))]
fn is_of_same_owner(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

/// Moves what is in `tree`, or nothing.
fn move_entries(tree: &Path, directory: &Path) -> io::Result<()> {
    let mut moved = Vec::new();
    let result = fs::read_dir(tree)?.try_for_each(|entry| {
        let name = entry?.file_name();
        fs::rename(tree.join(&name), directory.join(&name))?;
        moved.push(name);
        Ok(())
    });
    if result.is_err() {
        moved.iter().for_each(|name| drop(fs::rename(directory.join(name), tree.join(name))));
    }
    result
}

/// A tree that nobody sees before it is whole.
struct Unfinished {
    place: TemporaryDirectory,
    tree: PathBuf,
}

impl Unfinished {
    fn inside(place: &Path) -> io::Result<Unfinished> {
        let place = TemporaryDirectory::inside(place)?;
        let tree = place.path().join(TREE);
        fs::create_dir(&tree)?;
        Ok(Unfinished { place, tree })
    }

    fn write(&self, entries: &[(&Path, EmbeddedKind<'_>)]) -> anyhow::Result<u64> {
        write(&Dir::open_ambient_dir(&self.tree, ambient_authority())?, entries)
    }
}

/// The directory with all of it, whose permissions are those of any other.
const TREE: &str = "tree";

/// Writes all of it into an empty folder.
fn write(folder: &Dir, entries: &[(&Path, EmbeddedKind<'_>)]) -> anyhow::Result<u64> {
    let mut tree = Tree { folder, made: BTreeSet::new() };
    let mut links = Vec::new();
    let mut files = 0;
    for &(path, kind) in entries {
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

    use super::write;

    fn written(folder: &Path, entries: &[(&str, EmbeddedKind<'_>)]) -> anyhow::Result<u64> {
        let entries: Vec<_> = entries.iter().map(|(path, kind)| (Path::new(*path), *kind)).collect();
        write(&Dir::open_ambient_dir(folder, ambient_authority()).unwrap(), &entries)
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
