//! Reads embedded trees back from a module.

use super::image::{HEADER, MAGIC, MOUNT, NODE, VERSION};
use crate::module::Module;
use std::rc::Rc;

/// Types of WASI.
pub(super) const DIRECTORY: u32 = 3;
pub(super) const FILE: u32 = 4;
pub(super) const LINK: u32 = 7;
/// At the type of a file: it has the arguments.
pub(super) const ARGUMENTS: u32 = 1 << 8;
const ARGUMENTS_FILE: u32 = FILE | ARGUMENTS;

/// The longest path, in bytes: `PATH_MAX` of Linux.
const LONGEST_PATH: usize = 4096;

/// Bytes that the paths of a tree may take however small it is.
const MOST_PATHS: usize = 64 << 20;

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
    /// A file that has the arguments of the instance that reads it.
    Arguments,
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

    /// Its bytes in the module; contents of files are parts of them.
    pub fn image(&self) -> &'a [u8] {
        self.image
    }

    /// The names under which a program finds its directories.
    pub fn mounts(&self) -> Vec<&'a str> {
        self.mount_numbers().filter_map(|mount| self.mount(mount)).map(|(_, name)| name).collect()
    }

    fn mount_numbers(&self) -> std::ops::Range<u32> {
        0..self.word(24).unwrap_or(0).min((self.image.len() / MOUNT) as u32)
    }

    /// Everything in it: each directory before what is in it. What cannot be read, because somebody has changed it, is left
    /// out, and so is what is nowhere else than below a path that is longer than 4096 bytes, the most that Linux has. Paths end
    /// where all of them have taken 64 MiB and eight times the bytes of the tree, as only forged ones do.
    pub fn entries(&self) -> impl Iterator<Item = EmbeddedEntry<'a>> + use<'a> {
        let tree = *self;
        let nodes = tree.word(20).unwrap_or(0).min((tree.image.len() / NODE) as u32);
        let mut mounts = tree.mount_numbers();
        // Each node has one parent. So one that is met again is of a tree that somebody has changed.
        let mut met = vec![false; nodes as usize];
        let mut children_left = nodes;
        let mut bytes_left = MOST_PATHS.saturating_add(tree.image.len().saturating_mul(8));
        let mut pending: Vec<(u32, Rc<str>)> = Vec::new();
        std::iter::from_fn(move || {
            loop {
                let (index, path) = match pending.pop() {
                    Some((index, parent)) => (index, tree.path_below(&parent, index)),
                    None => {
                        let Some((root, name)) = tree.mount(mounts.next()?) else { continue };
                        let is_met =
                            met.get_mut(root as usize).is_none_or(|met| std::mem::replace(met, true));
                        if is_met {
                            continue;
                        }
                        (root, Some(name.to_string()))
                    }
                };
                let Some(path) = path else { continue };
                let Some(node) = tree.node(index) else { continue };
                let Some(kind) = tree.kind(&node) else { continue };
                bytes_left = bytes_left.checked_sub(path.len())?;
                if kind == EmbeddedKind::Directory {
                    let parent: Rc<str> = path.as_str().into();
                    let end = node.start.saturating_add(node.len).min(nodes);
                    let count = end.saturating_sub(node.start).min(children_left);
                    children_left -= count;
                    for child in (end - count..end).rev() {
                        if !std::mem::replace(&mut met[child as usize], true) {
                            pending.push((child, Rc::clone(&parent)));
                        }
                    }
                }
                return Some(EmbeddedEntry { path, kind, modified: node.modified });
            }
        })
    }

    /// A mount's node and name.
    fn mount(&self, mount: u32) -> Option<(u32, &'a str)> {
        let at = HEADER + MOUNT * mount as usize;
        Some((self.word(at)?, self.text(self.word(at + 4)?, self.word(at + 8)?)?))
    }

    /// The path of a node in the directory `parent`; `None` if it is too long.
    fn path_below(&self, parent: &str, index: u32) -> Option<String> {
        let name = self.node(index)?.name;
        let slash = if parent.ends_with('/') { "" } else { "/" };
        (parent.len() + name.len() < LONGEST_PATH).then(|| format!("{parent}{slash}{name}"))
    }

    fn kind(&self, node: &Node<'a>) -> Option<EmbeddedKind<'a>> {
        match node.filetype {
            DIRECTORY => Some(EmbeddedKind::Directory),
            FILE => Some(EmbeddedKind::File(self.slice(node.start, node.len)?)),
            LINK => Some(EmbeddedKind::Link(self.text(node.start, node.len)?)),
            ARGUMENTS_FILE => Some(EmbeddedKind::Arguments),
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

    /// A name or the target of a link. A longer one is not looked at: any number of nodes can have the same.
    fn text(&self, at: u32, len: u32) -> Option<&'a str> {
        let bytes = self.slice(at, len)?;
        (bytes.len() <= LONGEST_PATH).then(|| std::str::from_utf8(bytes).ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree whose nodes are directories with all nodes in them, of names with `name` bytes, below `mounts` mounts of the first.
    fn forged(nodes: u32, mounts: u32, name: u32) -> Vec<u8> {
        let mut image = vec![0; HEADER];
        image[..MAGIC.len()].copy_from_slice(MAGIC);
        let word = |image: &mut Vec<u8>, at: usize, value: u32| {
            if image.len() < at + 4 {
                image.resize(at + 4, 0);
            }
            image[at..at + 4].copy_from_slice(&value.to_le_bytes());
        };
        word(&mut image, 16, VERSION);
        word(&mut image, 20, nodes);
        word(&mut image, 24, mounts);
        let end = HEADER + MOUNT * mounts as usize + NODE * nodes as usize;
        for mount in 0..mounts as usize {
            let at = HEADER + MOUNT * mount;
            for (word_at, value) in [(at, 0), (at + 4, end as u32), (at + 8, name)] {
                word(&mut image, word_at, value);
            }
        }
        for node in 0..nodes as usize {
            let at = HEADER + MOUNT * mounts as usize + NODE * node;
            let fields = [DIRECTORY, 0, end as u32, name, 0, nodes, 0, 0];
            for (number, value) in fields.into_iter().enumerate() {
                word(&mut image, at + 4 * number, value);
            }
        }
        image.resize(end, 0);
        image.resize(end + name as usize, b'n');
        image
    }

    #[test]
    fn a_forged_tree_gives_no_more_than_it_has() {
        for (nodes, mounts, name) in
            [(2000, 1, 3), (2000, 2000, 3), (1000, 1000, 3000), (3, 65536, 100_000), (60_000, 1, 2000)]
        {
            let image = forged(nodes, mounts, name);
            let tree = EmbeddedTree::of(&image).expect("it begins like one");
            let entries: Vec<EmbeddedEntry<'_>> = tree.entries().collect();
            assert!(entries.len() <= nodes as usize, "{}", entries.len());
            let paths: usize = entries.iter().map(|entry| entry.path.len()).sum();
            assert!(paths <= MOST_PATHS + 8 * image.len(), "{paths} bytes for {}", image.len());
            assert!(entries.iter().all(|entry| entry.path.len() <= LONGEST_PATH));
            assert_eq!(entries.is_empty(), name as usize > LONGEST_PATH);
        }
    }
}
