//! Rules of the repository: lengths, layers, words, documents, and the examples in them.

mod attributes;
mod dependencies;
mod doc_examples;
mod documents;
pub mod examples;
mod layers;
mod lengths;
mod promises;
mod public_items;
mod rust_source;

use preinit_testing::repository;
use std::path::{Path, PathBuf};

/// Folders that hold what nobody wrote.
const SKIPPED: [&str; 5] = ["target", "node_modules", ".git", "corpus", "artifacts"];

/// The files below these folders with this extension, as paths from the root of the repository, in order.
fn files(folders: &[&str], extension: &str) -> Vec<PathBuf> {
    let root = repository();
    let mut found = Vec::new();
    for folder in folders {
        collect(&root.join(folder), extension, &mut found);
    }
    let mut found: Vec<PathBuf> =
        found.iter().map(|path| path.strip_prefix(&root).unwrap_or(path).to_path_buf()).collect();
    found.sort();
    found.dedup();
    assert!(!found.is_empty(), "no .{extension} in {folders:?}");
    found
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !SKIPPED.contains(&&*name) {
                collect(&path, extension, found);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(repository().join(path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Panics with all complaints, one a line.
#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} breaches of a rule:\n{}", complaints.len(), complaints.join("\n"));
}
