//! Reads embedded trees back from a module.

use super::image::{HEADER, MAGIC, MOUNT, NODE, VERSION};
use crate::module::Module;

/// Types of WASI.
pub(super) const DIRECTORY: u8 = 3;
pub(super) const FILE: u8 = 4;
pub(super) const LINK: u8 = 7;

/// A tree of files in a module.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedTree<'a> {
    image: &'a [u8],
}

/// What is at a path of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedEntry<'a> {
    /// The name under which the program finds its directory, and the way from there.
    pub path: String,
    /// What it is.
    pub kind: EmbeddedKind<'a>,
    /// When it was changed, in nanoseconds after 1970.
    pub modified: u64,
}

/// A file, a directory or a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddedKind<'a> {
    /// A file with these bytes.
    File(&'a [u8]),
    /// A directory.
    Directory,
    /// A link that leads there.
    Link(&'a str),
}

/// A node, as far as it can be read.
struct Node<'a> {
    filetype: u32,
    name: &'a str,
    start: u32,
    len: u32,
    modified: u64,
}

impl<'a> EmbeddedTree<'a> {
    /// All trees in a module. There are several if files were embedded in what had files already; the last one is asked
    /// first.
    pub fn all_in(module: &Module<'a>) -> Vec<EmbeddedTree<'a>> {
        let segments = module.data.iter().filter(|segment| segment.is_passive());
        segments.filter_map(|segment| EmbeddedTree::of(segment.bytes)).collect()
    }

    /// The tree that these bytes are, if they are one.
    fn of(image: &'a [u8]) -> Option<EmbeddedTree<'a>> {
        let tree = EmbeddedTree { image };
        let is_one = image.starts_with(MAGIC) && tree.word(16) == Some(VERSION);
        is_one.then_some(tree)
    }

    /// Its size in the module, in bytes.
    pub fn bytes(&self) -> usize {
        self.image.len()
    }

    /// The names under which a program finds its directories.
    pub fn mounts(&self) -> Vec<&'a str> {
        let mount = |index: u32| {
            let at = HEADER + MOUNT * index as usize;
            self.text(self.word(at + 4)?, self.word(at + 8)?)
        };
        (0..self.word(24).unwrap_or(0)).map_while(mount).collect()
    }

    /// Everything in it: each directory before what is in it. What cannot be read, because somebody has changed it, is left
    /// out.
    pub fn entries(&self) -> impl Iterator<Item = EmbeddedEntry<'a>> + use<'a> {
        let tree = *self;
        let mut pending = Vec::new();
        for mount in (0..tree.word(24).unwrap_or(0)).rev() {
            let at = HEADER + MOUNT * mount as usize;
            let name = tree.word(at + 4).zip(tree.word(at + 8)).and_then(|(at, len)| tree.text(at, len));
            pending.extend(tree.word(at).zip(name).map(|(node, name)| (node, name.to_string())));
        }
        // Each node has one parent: more steps than nodes are those of a cycle.
        let mut left = tree.word(20).unwrap_or(0);
        std::iter::from_fn(move || {
            loop {
                let (index, path) = pending.pop()?;
                left = left.checked_sub(1)?;
                let Some(node) = tree.node(index) else { continue };
                let Some(kind) = tree.kind(&node) else { continue };
                if kind == EmbeddedKind::Directory {
                    let end = node.start.saturating_add(node.len).min(tree.word(20).unwrap_or(0));
                    for child in (node.start..end).rev() {
                        let Some(name) = tree.node(child).map(|node| node.name) else { continue };
                        let slash = if path.ends_with('/') { "" } else { "/" };
                        pending.push((child, format!("{path}{slash}{name}")));
                    }
                }
                return Some(EmbeddedEntry { path, kind, modified: node.modified });
            }
        })
    }

    fn kind(&self, node: &Node<'a>) -> Option<EmbeddedKind<'a>> {
        match u8::try_from(node.filetype).ok()? {
            DIRECTORY => Some(EmbeddedKind::Directory),
            FILE => Some(EmbeddedKind::File(self.slice(node.start, node.len)?)),
            LINK => Some(EmbeddedKind::Link(self.text(node.start, node.len)?)),
            _ => None,
        }
    }

    fn node(&self, index: u32) -> Option<Node<'a>> {
        if index >= self.word(20)? {
            return None;
        }
        let at = HEADER + MOUNT * self.word(24)? as usize + NODE * index as usize;
        Some(Node {
            filetype: self.word(at)?,
            name: self.text(self.word(at + 8)?, self.word(at + 12)?)?,
            start: self.word(at + 16)?,
            len: self.word(at + 20)?,
            modified: u64::from(self.word(at + 24)?) | u64::from(self.word(at + 28)?) << 32,
        })
    }

    fn word(&self, at: usize) -> Option<u32> {
        let bytes = self.image.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes))
    }

    fn slice(&self, at: u32, len: u32) -> Option<&'a [u8]> {
        self.image.get(at as usize..)?.get(..len as usize)
    }

    fn text(&self, at: u32, len: u32) -> Option<&'a str> {
        std::str::from_utf8(self.slice(at, len)?).ok()
    }
}
