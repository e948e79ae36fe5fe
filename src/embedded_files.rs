//! What a module has of embedded files, for reports.

use preinit_core::embed::{EmbeddedKind, EmbeddedTree};
use preinit_core::module::Module;
use serde::Serialize;

/// A file in the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EmbeddedFile {
    /// As the program finds it.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

/// Them all, the largest first.
pub(crate) fn embedded_files(module: &Module<'_>) -> Vec<EmbeddedFile> {
    let mut files = Vec::new();
    for tree in EmbeddedTree::all_in(module) {
        for entry in tree.entries() {
            if let EmbeddedKind::File(contents) = entry.kind {
                files.push(EmbeddedFile { path: entry.path, bytes: contents.len() as u64 });
            }
        }
    }
    files.sort_by(|left, right| right.bytes.cmp(&left.bytes).then_with(|| left.path.cmp(&right.path)));
    files
}
