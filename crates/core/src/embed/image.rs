//! The tree as bytes, which `crates/file-layer/src/tree.rs` reads:
//!
//! ```text
//! header     64 bytes: 16 of magic, then version, number of nodes, number of mounts, size of all of it, number of paths
//!            that are opened anew, position of their list
//! mounts     16 bytes each: node, position and length of the name, nothing
//! nodes      32 bytes each: type, parent, position and length of the name, start, length, time of change
//! bytes      names, targets of links, contents, paths that are opened anew
//! list       position and length of each of these paths
//! ```
//!
//! All numbers are little-endian, of 32 bits; times have 64. Entries of a directory lie side by side in the order of their
//! names: its start is the first of them, its length their number. Of others these are position and size of the bytes.
//! A file with the arguments has none, and a flag at its type.
//! Equal contents are there once.

use super::EmbedError;
use super::embedded::{ARGUMENTS, DIRECTORY, FILE, LINK};
use super::tree::{Entry, Tree};
use std::collections::HashMap;

pub(super) const MAGIC: &[u8; 16] = b"preinit:embedded";
pub(super) const VERSION: u32 = 1;
pub(super) const HEADER: usize = 64;
pub(super) const MOUNT: usize = 16;
pub(super) const NODE: usize = 32;

/// A node, before positions are known.
struct Node<'t> {
    entry: &'t Entry,
    name: &'t str,
    parent: u32,
    /// Of a directory: its first entry.
    first: u32,
}

/// Names and contents, each once.
struct Bytes<'t> {
    start: u64,
    bytes: Vec<u8>,
    known: HashMap<&'t [u8], u64>,
}

impl<'t> Bytes<'t> {
    fn position(&mut self, bytes: &'t [u8]) -> u64 {
        if let Some(position) = self.known.get(bytes) {
            return *position;
        }
        let position = self.start + self.bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        self.known.insert(bytes, position);
        position
    }
}

/// The bytes of the segment.
pub(super) fn encode(tree: &Tree) -> Result<Vec<u8>, EmbedError> {
    let nodes = nodes(tree);
    let tables = HEADER + MOUNT * tree.mounts.len() + NODE * nodes.len();
    let mut bytes = Bytes { start: tables as u64, bytes: Vec::new(), known: HashMap::new() };
    let mut mounts = Vec::new();
    for (root, (name, _)) in (0u32..).zip(&tree.mounts) {
        let at = bytes.position(name.as_bytes());
        words(&mut mounts, [root, at as u32, name.len() as u32, 0]);
    }
    let mut records = Vec::new();
    for node in &nodes {
        let name = bytes.position(node.name.as_bytes());
        let (filetype, start, len) = match node.entry {
            Entry::Directory { entries, .. } => (DIRECTORY, u64::from(node.first), entries.len() as u64),
            Entry::Arguments { .. } => (FILE | ARGUMENTS, 0, 0),
            Entry::File { contents, .. } => (FILE, bytes.position(contents), contents.len() as u64),
            Entry::Link { target, .. } => (LINK, bytes.position(target.as_bytes()), target.len() as u64),
        };
        let (name_len, parent) = (node.name.len() as u32, node.parent);
        words(&mut records, [filetype, parent, name as u32, name_len, start as u32, len as u32]);
        records.extend(node.entry.modified().to_le_bytes());
    }
    let mut list = Vec::new();
    for path in &tree.reopened {
        let at = bytes.position(path.as_bytes());
        words(&mut list, [at as u32, path.len() as u32]);
    }
    let list_at = bytes.start + bytes.bytes.len() as u64;
    let size = list_at + list.len() as u64;
    let Ok(size) = u32::try_from(size) else { return Err(EmbedError::TooLarge(size)) };
    let mut image = MAGIC.to_vec();
    words(&mut image, [VERSION, nodes.len() as u32, tree.mounts.len() as u32, size]);
    words(&mut image, [tree.reopened.len() as u32, list_at as u32]);
    image.resize(HEADER, 0);
    for part in [mounts, records, bytes.bytes, list] {
        image.extend(part);
    }
    Ok(image)
}

fn words<const N: usize>(out: &mut Vec<u8>, words: [u32; N]) {
    for word in words {
        out.extend(word.to_le_bytes());
    }
}

/// All nodes: the mounts, then level by level, so that the entries of a directory are neighbors.
fn nodes(tree: &Tree) -> Vec<Node<'_>> {
    let roots = (0u32..).zip(&tree.mounts);
    let mut nodes: Vec<Node<'_>> =
        roots.map(|(root, (_, entry))| Node { entry, name: "", parent: root, first: 0 }).collect();
    let mut at = 0;
    while at < nodes.len() {
        if let Entry::Directory { entries, .. } = nodes[at].entry {
            nodes[at].first = nodes.len() as u32;
            let children =
                entries.iter().map(|(name, entry)| Node { entry, name, parent: at as u32, first: 0 });
            nodes.extend(children.collect::<Vec<_>>());
        }
        at += 1;
    }
    nodes
}
