//! The files of an entry of the compile cache. Next to those of code, the engine keeps statistics, which other processes
//! replace at any time.

use std::io::{self, Read};
use std::path::Path;

use cap_std::fs::Dir;
use sha2::{Digest, Sha256};

use super::cache_section::EntryName;
use super::compile_cache::{LOCK, SEALED};
use super::owned_directory::{open_own, open_own_file};
use crate::ownership;

/// Directories within directories that an entry can have.
const MAX_DEPTH: usize = 8;

/// The files of code below an entry, a line each with its hash, sorted.
///
/// # Errors
/// If others can change anything there.
pub(super) fn list(entry: &Dir) -> io::Result<String> {
    let mut lines = Vec::new();
    list_into(&mut lines, entry, "", MAX_DEPTH)?;
    lines.sort();
    Ok(lines.concat())
}

fn list_into(lines: &mut Vec<String>, directory: &Dir, prefix: &str, depth: usize) -> io::Result<()> {
    for entry in directory.entries()? {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { return Err(io::Error::other("its name is not Unicode")) };
        let path = format!("{prefix}{name}");
        let Some(metadata) = unless_gone(directory.symlink_metadata(name))? else { continue };
        if metadata.is_dir() {
            let depth = depth.checked_sub(1).ok_or_else(|| io::Error::other("too many directories"))?;
            let below = open_own(directory, name, Path::new(&path)).map_err(io::Error::other)?;
            list_into(lines, &below, &format!("{path}/"), depth)?;
        } else if is_code(&path) {
            let (mut file, _) = open_own_file(directory, name)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let hash = EntryName::of(Sha256::new_with_prefix(&bytes));
            lines.push(format!("{}  {path}\n", hash.as_str()));
        }
    }
    Ok(())
}

/// Whether the engine could run this. What it notes about its files has an extension.
fn is_code(path: &str) -> bool {
    Path::new(path).extension().is_none() && path != SEALED && path != LOCK
}

/// What is not there any more.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// The engine makes files and directories for whomever the user's mask lets in. Nobody could get here, so it is in time.
pub(super) fn make_files_private(entry: &Dir) -> io::Result<()> {
    make_private(entry, MAX_DEPTH)
}

fn make_private(directory: &Dir, depth: usize) -> io::Result<()> {
    #[cfg(unix)]
    for entry in directory.entries()? {
        use cap_std::fs::PermissionsExt;
        let name = entry?.file_name();
        let Some(metadata) = unless_gone(directory.symlink_metadata(&name))? else { continue };
        if metadata.is_symlink() {
            return Err(io::Error::other("it is a link"));
        }
        let mode = if metadata.is_dir() { 0o700 } else { 0o600 };
        unless_gone(directory.set_permissions(&name, cap_std::fs::Permissions::from_mode(mode)))?;
        if metadata.is_dir() {
            let depth = depth.checked_sub(1).ok_or_else(|| io::Error::other("too many directories"))?;
            make_private(&directory.open_dir(&name)?, depth)?;
        }
    }
    let metadata = directory.dir_metadata()?;
    let _ = depth;
    ownership::check(&metadata, directory).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use cap_std::ambient_authority;
    use cap_std::fs::Dir;

    use super::{list, make_files_private};

    /// Statistics are written under another name first.
    #[test]
    fn statistics_may_be_replaced_meanwhile() {
        let place = tempfile::tempdir().unwrap();
        let engine = place.path().join("engine/wasmtime-0.0.0");
        std::fs::create_dir_all(&engine).unwrap();
        std::fs::write(engine.join("code"), "code").unwrap();
        let entry = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        make_files_private(&entry).unwrap();
        let expected = list(&entry).unwrap();
        assert_eq!(expected.lines().count(), 1);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let unfinished = engine.join("code.wip-atomic-write-stats");
                    std::fs::write(&unfinished, "used once").unwrap();
                    std::fs::rename(unfinished, engine.join("code.stats")).unwrap();
                }
            });
            let listed: Vec<_> = (0..2000)
                .map(|_| {
                    make_files_private(&entry).and_then(|()| list(&entry)).map_err(|error| error.to_string())
                })
                .collect();
            done.store(true, Ordering::Relaxed);
            let wrong = listed.iter().find(|list| list.as_ref() != Ok(&expected));
            assert_eq!(wrong, None);
        });
    }
}
