//! What is in an archive, as it would be unpacked.

use preinit::embed::{Entry, Source, SourceError, Sources, Times, Tree};
use std::error::Error;
use std::fs;

/// What is said of an archive that is refused.
pub fn refusal(name: &str, bytes: &[u8]) -> String {
    let error = match tree(name, bytes, Times::default(), &[]) {
        Ok(tree) => panic!("it is taken: {tree:?}"),
        Err(error) => error,
    };
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// What a program finds of an archive.
pub fn unpacked(name: &str, bytes: &[u8]) -> Tree {
    tree(name, bytes, Times::default(), &[]).unwrap()
}

pub fn tree(name: &str, bytes: &[u8], times: Times, excluded: &[&str]) -> Result<Tree, SourceError> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join(name);
    fs::write(&path, bytes).unwrap();
    let mut sources = Sources::default();
    sources.set_times(times);
    sources.add(Source::new("/x", path)).unwrap();
    excluded.iter().for_each(|pattern| sources.exclude(pattern).unwrap());
    sources.tree()
}

/// A tree of these files; of what ends in a slash, a directory.
pub fn files(files: &[(&str, &[u8])]) -> Tree {
    let entries: Vec<_> = files.iter().map(|(path, contents)| (*path, file(contents))).collect();
    mounted(&entries)
}

pub fn file(contents: &[u8]) -> Entry {
    Entry::File { contents: contents.to_vec(), modified: YEAR_2000 }
}

pub fn link(target: &str) -> Entry {
    Entry::Link { target: target.to_string(), modified: YEAR_2000 }
}

pub fn mounted(entries: &[(&str, Entry)]) -> Tree {
    let mut tree = Tree::new();
    tree.mount("/x", directory(entries)).unwrap();
    tree
}

const YEAR_2000: u64 = 946_684_800_000_000_000;

fn directory(entries: &[(&str, Entry)]) -> Entry {
    let mut names: Vec<&str> =
        entries.iter().map(|(path, _)| path.split_once('/').map_or(*path, |(first, _)| first)).collect();
    names.sort_unstable();
    names.dedup();
    let made = names.into_iter().filter(|name| !name.is_empty()).map(|name| {
        let below =
            |path: &&str| path.strip_prefix(name).and_then(|rest| rest.strip_prefix('/')).map(str::to_owned);
        let inside: Vec<(String, Entry)> = entries
            .iter()
            .filter_map(|(path, entry)| below(path).map(|rest| (rest, entry.clone())))
            .collect();
        let inside: Vec<(&str, Entry)> =
            inside.iter().map(|(path, entry)| (path.as_str(), entry.clone())).collect();
        match entries.iter().find(|(path, _)| *path == name) {
            Some((_, entry)) => (name.to_owned(), entry.clone()),
            None => (name.to_owned(), directory(&inside)),
        }
    });
    Entry::directory(made.collect::<Vec<_>>(), YEAR_2000).unwrap()
}

#[test]
fn archives_of_other_kinds_are_refused() {
    for name in ["a.tar.xz", "a.txz", "a.tar.bz2", "a.tbz2", "a.tar.zst", "A.TAR.ZST", "a.7z", "a.rar"] {
        let said = refusal(name, b"whatever");
        assert!(said.contains("of a kind that is not unpacked here"), "{name}: {said}");
        // As a file, where its name says that it is one.
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join(name), b"whatever").unwrap();
        let mut sources = Sources::default();
        sources.add(Source::new(format!("/x/{name}"), place.path().join(name))).unwrap();
        assert_eq!(sources.tree().unwrap(), files(&[(name, b"whatever")]), "{name}");
    }
}
