//! Temporary files and directories of processes that were killed.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io;
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, Metadata, OpenOptions};

use super::directory::{LOCK, mark, remove_contents};
use super::temporary_name::{Host, TemporaryName};
use crate::ownership::{self, Unlisted};

/// Locks do not always reach other machines, and not all file systems have them. Nobody writes for so long.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Listing more would take longer than what is being done.
const LISTED: usize = 10_000;

/// Removes the temporary files and directories in `directory` whose processes are gone. What is in doubt stays.
pub fn remove_leftovers(directory: &Dir) {
    let Ok(entries) = directory.entries() else { return };
    for entry in entries.take(LISTED).flatten() {
        let file_name = entry.file_name();
        let Some(name) = file_name.to_str().and_then(TemporaryName::parse) else { continue };
        let Ok(metadata) = directory.symlink_metadata(&file_name) else { continue };
        // It is only removed, whatever somebody has written into it.
        if ownership::check(&metadata, &Unlisted).is_err() {
            continue;
        }
        // Locked until it is gone: whoever makes it right now sees that it is taken.
        if metadata.is_file() {
            if let Some(_locked) = leftover(directory, &file_name, (name, &metadata)) {
                let _ = directory.remove_file(&file_name);
            }
        } else if metadata.is_dir() {
            let _ = remove_left_directory(directory, (name, &metadata));
        }
    }
}

/// Removes a directory that nobody will use.
fn remove_left_directory(parent: &Dir, (name, metadata): (TemporaryName, &Metadata)) -> io::Result<()> {
    let file_name = name.to_string();
    let directory = parent.open_dir(&file_name)?;
    ownership::check(&directory.dir_metadata()?, &directory).map_err(io::Error::other)?;
    let Some(_locked) = leftover(&directory, LOCK.as_ref(), (name, metadata)) else { return Ok(()) };
    // It is removed with all that is in it: whoever may rename what is beside it can have given it the name.
    let expected = mark(&directory, &file_name)?;
    let is_ours = match directory.metadata(LOCK)?.len() {
        // It was killed before it said so, and had made nothing else.
        0 => directory.entries()?.count() == 1,
        length => length == expected.len() as u64 && directory.read_to_string(LOCK)? == expected,
    };
    if !is_ours {
        return Ok(());
    }
    remove_contents(&directory)?;
    drop(directory);
    parent.remove_dir(&file_name)
}

/// The file, if nobody will finish what it stands for; locked where there are locks.
fn leftover(directory: &Dir, file: &OsStr, (name, metadata): (TemporaryName, &Metadata)) -> Option<File> {
    let age = metadata.modified().map(|time| SystemTime::now().duration_since(time.into_std()));
    let abandoned = age.is_ok_and(|age| age.unwrap_or_default() > ABANDONED);
    let file = directory.open_with(file, OpenOptions::new().write(true)).ok()?.into_std();
    let is_left = match file.try_lock() {
        Ok(()) => abandoned || name.host.is(Host::this()),
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => abandoned,
    };
    is_left.then_some(file)
}

#[cfg(test)]
mod tests {
    use super::super::temporary_name::TemporaryName;
    use super::{LOCK, mark, remove_leftovers};
    use cap_std::ambient_authority;
    use cap_std::fs::Dir;

    /// Somebody else can have given the name of a leftover to a directory of this user, which has a file of the lock's name.
    #[test]
    fn a_directory_that_was_given_the_name_stays() {
        let place = tempfile::tempdir().unwrap();
        let parent = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        let made = |text: &dyn Fn(&Dir, &str) -> String| {
            let name = TemporaryName::new().unwrap().to_string();
            parent.create_dir(&name).unwrap();
            let directory = parent.open_dir(&name).unwrap();
            directory.write(LOCK, text(&directory, &name)).unwrap();
            directory.write("thesis", "mine").unwrap();
            name
        };
        let left = made(&|directory, name| mark(directory, name).unwrap());
        let others = [
            made(&|_, _| String::new()),
            made(&|_, name| name.to_string()),
            made(&|_, name| mark(&parent, name).unwrap()),
            made(&|directory, name| mark(directory, &name.replace("tmp", "old")).unwrap()),
            made(&|directory, name| mark(directory, name).unwrap() + " "),
        ];
        remove_leftovers(&parent);
        assert!(!place.path().join(left).exists());
        for name in others {
            assert!(place.path().join(name).join("thesis").exists());
        }
    }
}
