//! What was changed, in memory: files, directories and links by their place, and places where something was removed.

use std::collections::BTreeMap;

use super::failure::{Failure, Outcome, errno};
use crate::host::NoMemory;

/// A place in one of the overlaid directories.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Which of them.
    pub root: usize,
    /// The names on the way from there, without `.` and `..`.
    pub names: Vec<String>,
}

/// Bytes of a name, and of a whole path, on Linux.
const LONGEST_NAME: usize = 255;
pub(in crate::host::wasi) const LONGEST_PATH: usize = 4096;

/// What the allocator adds to a name, roughly.
const ALLOCATED: usize = 16;

impl Place {
    /// The directory itself.
    pub(super) fn root(root: usize) -> Self {
        Place { root, names: Vec::new() }
    }

    pub(super) fn child(&self, name: &str) -> Self {
        let mut names = self.names.clone();
        names.push(name.to_owned());
        Place { root: self.root, names }
    }

    /// Whether a file system can have it.
    pub(super) fn check(&self) -> Outcome<()> {
        let is_short = self.names.iter().all(|name| name.len() <= LONGEST_NAME);
        let path: usize = self.names.iter().map(|name| name.len() + 1).sum();
        if is_short && path <= LONGEST_PATH { Ok(()) } else { Err(Failure::Errno(errno::NAMETOOLONG)) }
    }

    /// The host memory that it takes, in bytes, roughly.
    pub(super) fn cost(&self) -> u64 {
        let name = |name: &String| size_of::<String>() + ALLOCATED + name.len();
        (size_of::<Place>() + self.names.iter().map(name).sum::<usize>()) as u64
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.names.last().map(String::as_str)
    }

    pub(super) fn parent(&self) -> Option<Place> {
        let (_, names) = self.names.split_last()?;
        Some(Place { root: self.root, names: names.to_vec() })
    }

    /// Whether it is `ancestor`, or below it.
    pub(super) fn is_within(&self, ancestor: &Place) -> bool {
        self.root == ancestor.root && self.names.starts_with(&ancestor.names)
    }

    /// Where it is once `from`, within which it is, has become `to`.
    pub(super) fn moved(&self, from: &Place, to: &Place) -> Place {
        let names = to.names.iter().chain(self.names.iter().skip(from.names.len()));
        Place { root: to.root, names: names.cloned().collect() }
    }
}

/// A file, directory or link of the layer.
pub(super) type NodeId = usize;

/// What one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    File(Vec<u8>),
    /// Whether what the real directory holds is hidden.
    Directory {
        opaque: bool,
    },
    Link(String),
}

/// A file, directory or link in memory.
#[derive(Debug)]
pub(super) struct Node {
    pub content: Content,
    pub inode: Inode,
    /// Nanoseconds after 1970.
    pub modified: u64,
}

/// What tells files apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::host::wasi) enum Inode {
    /// The operating system's number.
    Real(u64),
    /// The number of a file that only exists in memory.
    Made(u64),
}

/// What the layer says of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Node(NodeId),
    Removed,
}

/// All changes.
#[derive(Debug, Default)]
pub(super) struct Layer {
    nodes: Vec<Node>,
    entries: BTreeMap<Place, Entry>,
    is_touched: bool,
    made: u64,
    capacity: u64,
    used: u64,
    /// Bytes that the places of all entries take.
    places: u64,
}

impl Layer {
    /// A layer that holds so many bytes of files and targets of links in all its life.
    pub(super) fn new(capacity: u64) -> Self {
        Layer { capacity, ..Layer::default() }
    }

    /// The host memory that it takes, in bytes, roughly.
    pub(super) fn cost(&self) -> u64 {
        let nodes = self.nodes.capacity() * size_of::<Node>();
        // A tree is half empty.
        let entries = self.entries.len() * size_of::<(Place, Entry)>();
        self.used + self.places + (nodes + entries) as u64
    }

    /// Whether there is room for so many bytes of names.
    pub(super) fn check_room(&self, names: u64) -> Outcome<()> {
        let taken = self.used.saturating_add(self.places).saturating_add(names);
        if taken > self.capacity { Err(Failure::Errno(errno::NOSPC)) } else { Ok(()) }
    }

    /// Whether nothing was ever changed.
    pub(super) fn is_untouched(&self) -> bool {
        !self.is_touched
    }

    pub(super) fn entry(&self, place: &Place) -> Option<Entry> {
        self.entries.get(place).copied()
    }

    pub(super) fn node(&self, id: NodeId) -> Outcome<&Node> {
        self.nodes.get(id).ok_or(Failure::Errno(errno::IO))
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> Outcome<&mut Node> {
        self.nodes.get_mut(id).ok_or(Failure::Errno(errno::IO))
    }

    /// A new node, which is nowhere yet. Without an inode it gets a new one.
    pub(super) fn add(&mut self, content: Content, inode: Option<Inode>, modified: u64) -> Outcome<NodeId> {
        self.take(match &content {
            Content::File(bytes) => bytes.len() as u64,
            Content::Link(target) => target.len() as u64,
            Content::Directory { .. } => 0,
        })?;
        self.made += 1;
        let inode = inode.unwrap_or(Inode::Made(self.made));
        self.nodes.push(Node { content, inode, modified });
        Ok(self.nodes.len() - 1)
    }

    /// Whether what the real directories hold at `place`, or above it, can be seen.
    pub(super) fn shows_below(&self, place: &Place) -> bool {
        let mut above = place.clone();
        while above.names.pop().is_some() {
            let shows = match self.entry(&above) {
                None => true,
                Some(Entry::Removed) => false,
                Some(Entry::Node(id)) => self
                    .nodes
                    .get(id)
                    .is_some_and(|node| node.content == Content::Directory { opaque: false }),
            };
            if !shows {
                return false;
            }
        }
        true
    }

    /// Puts a node at a place.
    pub(super) fn put(&mut self, place: Place, node: NodeId) {
        self.insert(place, Entry::Node(node));
    }

    fn insert(&mut self, place: Place, entry: Entry) {
        self.is_touched = true;
        let cost = place.cost();
        if self.entries.insert(place, entry).is_none() {
            self.places += cost;
        }
    }

    /// Takes away what is at a place and below it; `hide` hides what the real directory has there.
    pub(super) fn remove(&mut self, place: &Place, hide: bool) {
        self.is_touched = true;
        let places = &mut self.places;
        self.entries.retain(|other, _| {
            let stays = !other.is_within(place);
            *places -= if stays { 0 } else { other.cost() };
            stays
        });
        if hide {
            self.insert(place.clone(), Entry::Removed);
        }
    }

    /// What the layer says of the places right below `place`.
    pub(super) fn children<'l>(&'l self, place: &'l Place) -> impl Iterator<Item = (&'l str, Entry)> {
        let below = self.entries.range(place.clone()..).take_while(|(other, _)| other.is_within(place));
        below.filter_map(|(other, entry)| {
            let name = other.name().filter(|_| other.names.len() == place.names.len() + 1)?;
            Some((name, *entry))
        })
    }

    /// Writes into a file. What lies between its end and `offset` becomes zeros.
    pub(super) fn write(&mut self, id: NodeId, offset: u64, bytes: &[u8], now: u64) -> Outcome<()> {
        let end = offset.checked_add(bytes.len() as u64).ok_or(Failure::Errno(errno::FBIG))?;
        let size = self.file(id)?.len() as u64;
        if end > size {
            self.resize(id, end, now)?;
        }
        let node = self.node_mut(id)?;
        node.modified = now;
        let Content::File(content) = &mut node.content else { return Err(Failure::Errno(errno::BADF)) };
        // It was made as long as that.
        if let Some(slot) = content.get_mut(offset as usize..end as usize) {
            slot.copy_from_slice(bytes);
        }
        Ok(())
    }

    /// Cuts a file, or adds zeros at its end.
    pub(super) fn resize(&mut self, id: NodeId, size: u64, now: u64) -> Outcome<()> {
        let before = self.file(id)?.len() as u64;
        self.take(size.saturating_sub(before))?;
        let size = usize::try_from(size).map_err(|_| Failure::Errno(errno::FBIG))?;
        let node = self.node_mut(id)?;
        node.modified = now;
        if let Content::File(content) = &mut node.content {
            // Not an error of the guest's: what init does shall not depend on the machine.
            let no_memory = |_| NoMemory::for_it(format!("a file with {size} bytes")).into();
            content
                .try_reserve(size.saturating_sub(content.len()))
                .map_err(no_memory)
                .map_err(Failure::Trap)?;
            content.resize(size, 0);
        }
        Ok(())
    }

    /// What a file holds.
    pub(super) fn file(&self, id: NodeId) -> Outcome<&[u8]> {
        match &self.node(id)?.content {
            Content::File(bytes) => Ok(bytes),
            Content::Directory { .. } => Err(Failure::Errno(errno::ISDIR)),
            Content::Link(_) => Err(Failure::Errno(errno::INVAL)),
        }
    }

    fn take(&mut self, bytes: u64) -> Outcome<()> {
        let used = self.used.saturating_add(bytes);
        if used > self.capacity {
            return Err(Failure::Errno(errno::NOSPC));
        }
        self.used = used;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Place {
        let names = path.split('/').filter(|name| !name.is_empty()).map(str::to_owned);
        Place { root: 0, names: names.collect() }
    }

    #[test]
    fn places_move_with_what_they_are_in() {
        assert_eq!(place("a/b/c").moved(&place("a/b"), &place("x")), place("x/c"));
        assert!(place("a/b").is_within(&place("a")) && place("a").is_within(&place("a")));
        assert!(!place("ab").is_within(&place("a")));
    }

    #[test]
    fn files_grow_with_zeros_up_to_the_capacity() {
        let mut layer = Layer::new(10);
        let file = layer.add(Content::File(b"ab".to_vec()), None, 0).ok().unwrap();
        layer.write(file, 4, b"e", 7).ok().unwrap();
        assert_eq!(layer.file(file).ok().unwrap(), b"ab\0\0e");
        layer.resize(file, 3, 8).ok().unwrap();
        assert_eq!((layer.file(file).ok().unwrap(), layer.nodes[file].modified), (&b"ab\0"[..], 8));
        assert!(matches!(layer.resize(file, 9, 8), Err(Failure::Errno(errno::NOSPC))));
        assert!(matches!(layer.write(file, u64::MAX, b"x", 8), Err(Failure::Errno(errno::FBIG))));
    }

    #[test]
    fn what_is_removed_hides_what_is_below() {
        let mut layer = Layer::new(10);
        assert!(layer.is_untouched() && layer.shows_below(&place("a/b")));
        layer.remove(&place("a"), true);
        assert!(!layer.shows_below(&place("a/b")) && layer.shows_below(&place("a")));
        let directory = layer.add(Content::Directory { opaque: true }, None, 0).ok().unwrap();
        layer.put(place("a"), directory);
        layer.put(place("a/c"), directory);
        layer.put(place("a/c/d"), directory);
        assert!(!layer.shows_below(&place("a/b")));
        let names: Vec<_> = layer.children(&place("a")).map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names, ["c"]);
        layer.remove(&place("a"), false);
        assert!(layer.entries.is_empty() && !layer.is_untouched());
    }

    #[test]
    fn names_and_targets_count_as_long_as_they_are_there() {
        let mut layer = Layer::new(10_000);
        let link = layer.add(Content::Link("t".repeat(1000)), None, 0).ok().unwrap();
        let before = layer.cost();
        assert!(before >= 1000);
        let long = place(&format!("{}/b", "a".repeat(200)));
        layer.put(long.clone(), link);
        layer.put(long.clone(), link);
        let one = layer.cost() - before;
        assert!((200..600).contains(&one), "{one}");
        layer.put(place("other"), link);
        layer.remove(&long, true);
        assert!(layer.cost() >= before + 200, "what is hidden has a name too");
        layer.remove(&place(&"a".repeat(200)), false);
        layer.remove(&place("other"), false);
        assert_eq!(layer.cost(), before);
        assert!(layer.check_room(9000).is_ok());
        assert!(matches!(layer.check_room(9001), Err(Failure::Errno(errno::NOSPC))));
    }

    #[test]
    fn names_and_paths_are_as_long_as_on_linux() {
        let is_possible = |path: &str| place(path).check().is_ok();
        assert!(is_possible(&"a".repeat(255)) && !is_possible(&"a".repeat(256)));
        assert!(is_possible(&"é".repeat(127)) && !is_possible(&"é".repeat(128)), "bytes count");
        assert!(is_possible(&"a/".repeat(2048)) && !is_possible(&"a/".repeat(2049)));
    }
}
