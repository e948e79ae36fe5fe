//! What the guest sees: the layer over the real directories.

use std::collections::{BTreeMap, VecDeque};

use super::failure::{Failure, Outcome, errno};
use super::layer::{Content, Entry, Inode, Layer, NodeId, Place};
use super::lower::{self, Lower, Stat};

/// The layer and the real directories.
pub(super) struct View {
    pub layer: Layer,
    pub lower: Lower,
    /// Bytes of one real file that are read into memory.
    pub capacity: u64,
}

/// What is at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Nothing,
    /// Something of the layer.
    Node(NodeId),
    /// Something real.
    Real(Stat),
}

/// A path that was followed.
#[derive(Debug)]
pub(super) struct Resolved {
    pub place: Place,
    pub seen: Seen,
    /// Whether the way led through something of the layer, so that the real directories do not know it.
    pub through_layer: bool,
    /// Whether the path says that it is a directory.
    pub is_directory: bool,
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub inode: Inode,
    pub filetype: u8,
}

/// Links that are followed on one way, as on Linux.
const LINKS: usize = 40;

impl View {
    /// What is at a place. Links are not followed.
    pub(super) fn look(&mut self, place: &Place) -> Outcome<Seen> {
        match self.layer.entry(place) {
            Some(Entry::Removed) => return Ok(Seen::Nothing),
            Some(Entry::Node(id)) => return Ok(Seen::Node(id)),
            None => {}
        }
        Ok(self.real(place)?.map_or(Seen::Nothing, Seen::Real))
    }

    /// What is really at a place, if what is above it does not hide it.
    fn real(&mut self, place: &Place) -> Outcome<Option<Stat>> {
        if !self.layer.shows_below(place) {
            return Ok(None);
        }
        match self.lower.stat(place) {
            Ok(stat) => Ok(Some(stat)),
            Err(Failure::Errno(errno::NOENT | errno::NOTDIR)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Follows a path from a directory. The last name need not exist; `follow` follows it too if it is a link.
    pub(super) fn resolve(&mut self, from: &Place, path: &str, follow: bool) -> Outcome<Resolved> {
        if path.is_empty() {
            return Err(Failure::Errno(errno::NOENT));
        }
        let mut names: VecDeque<String> = parts(path)?;
        let mut is_directory =
            path.ends_with('/') || matches!(names.back().map(String::as_str), Some("." | ".."));
        let mut place = from.clone();
        let mut through_layer = false;
        let mut links = 0;
        while let Some(name) = names.pop_front() {
            match name.as_str() {
                "." => continue,
                ".." => {
                    place = place.parent().ok_or(Failure::Errno(errno::PERM))?;
                    continue;
                }
                _ => {}
            }
            let next = place.child(&name);
            next.check()?;
            let seen = self.look(&next)?;
            let is_last = names.is_empty();
            through_layer |= matches!(seen, Seen::Node(_));
            let target = match (self.filetype(&seen)?, is_last && !follow) {
                (Some(lower::LINK), false) => self.link_target(&next, &seen)?,
                _ if is_last => {
                    place = next;
                    continue;
                }
                (Some(lower::DIRECTORY), _) => {
                    place = next;
                    continue;
                }
                (None, _) => return Err(Failure::Errno(errno::NOENT)),
                (Some(_), _) => return Err(Failure::Errno(errno::NOTDIR)),
            };
            links += 1;
            if links > LINKS {
                return Err(Failure::Errno(errno::LOOP));
            }
            is_directory |= is_last && target.ends_with('/');
            for part in parts(&target)?.into_iter().rev() {
                names.push_front(part);
            }
        }
        let seen = self.look(&place)?;
        // Nothing can be made in a directory that was removed while it was open.
        if matches!(seen, Seen::Nothing)
            && !from.names.is_empty()
            && matches!(self.look(from)?, Seen::Nothing)
        {
            return Err(Failure::Errno(errno::NOENT));
        }
        through_layer |= matches!(seen, Seen::Node(_));
        Ok(Resolved { place, seen, through_layer, is_directory })
    }

    /// Where a link leads.
    pub(super) fn link_target(&mut self, place: &Place, seen: &Seen) -> Outcome<String> {
        match seen {
            Seen::Node(id) => match &self.layer.node(*id)?.content {
                Content::Link(target) => Ok(target.clone()),
                _ => Err(Failure::Errno(errno::INVAL)),
            },
            Seen::Real(_) => self.lower.read_link(place),
            Seen::Nothing => Err(Failure::Errno(errno::NOENT)),
        }
    }

    /// The type; `None` if nothing is there.
    pub(super) fn filetype(&self, seen: &Seen) -> Outcome<Option<u8>> {
        Ok(match seen {
            Seen::Nothing => None,
            Seen::Node(id) => Some(filetype(&self.layer.node(*id)?.content)),
            Seen::Real(stat) => Some(stat.filetype),
        })
    }

    /// Type, number, size and time of what is there.
    pub(super) fn stat(&self, seen: &Seen) -> Outcome<Stat> {
        match seen {
            Seen::Nothing => Err(Failure::Errno(errno::NOENT)),
            Seen::Real(stat) => Ok(*stat),
            Seen::Node(id) => {
                let node = self.layer.node(*id)?;
                let size = match &node.content {
                    Content::File(bytes) => bytes.len(),
                    Content::Directory { .. } => 0,
                    Content::Link(target) => target.len(),
                };
                let filetype = filetype(&node.content);
                Ok(Stat { filetype, inode: node.inode, size: size as u64, modified: node.modified })
            }
        }
    }

    /// What a directory holds, by name, without `.` and `..`.
    pub(super) fn list(&mut self, place: &Place) -> Outcome<BTreeMap<String, Listed>> {
        let mut listed = BTreeMap::new();
        let seen = self.look(place)?;
        let hides = match seen {
            Seen::Node(id) => self.layer.node(id)?.content != Content::Directory { opaque: false },
            Seen::Real(_) => false,
            Seen::Nothing => return Err(Failure::Errno(errno::NOENT)),
        };
        if !hides && self.layer.shows_below(place) {
            for found in self.lower.list(place, self.capacity)? {
                let Ok(name) = String::from_utf8(found.name) else { continue };
                if name != "." && name != ".." {
                    let (inode, filetype) = (Inode::Real(found.inode), found.filetype);
                    listed.insert(name, Listed { inode, filetype });
                }
            }
        }
        let changes: Vec<(String, Entry)> =
            self.layer.children(place).map(|(name, entry)| (name.to_owned(), entry)).collect();
        for (name, entry) in changes {
            match entry {
                Entry::Removed => drop(listed.remove(&name)),
                Entry::Node(id) => {
                    let node = self.layer.node(id)?;
                    let listing = Listed { inode: node.inode, filetype: filetype(&node.content) };
                    listed.insert(name, listing);
                }
            }
        }
        Ok(listed)
    }

    /// Puts a real file, directory or link into the layer, where it can be changed.
    pub(super) fn copy_up(&mut self, place: &Place, stat: Stat) -> Outcome<NodeId> {
        let node = self.copy(place, stat, false)?;
        self.layer.put(place.clone(), node);
        Ok(node)
    }

    /// A node with what is really there, which is nowhere yet.
    pub(super) fn copy(&mut self, place: &Place, stat: Stat, opaque: bool) -> Outcome<NodeId> {
        let content = match stat.filetype {
            lower::FILE => Content::File(self.lower.read(place, self.capacity)?),
            lower::DIRECTORY => Content::Directory { opaque },
            lower::LINK => Content::Link(self.lower.read_link(place)?),
            // Pipes and devices would have to be changed themselves.
            _ => return Err(Failure::Errno(errno::PERM)),
        };
        self.layer.add(content, Some(stat.inode), stat.modified)
    }

    /// Takes away what is at a place.
    pub(super) fn remove(&mut self, place: &Place) -> Outcome<()> {
        let hide = self.real(place)?.is_some();
        self.layer.remove(place, hide);
        Ok(())
    }

    /// Moves what is at a place to another one, with all that is in it. What is open there will take `opened` bytes.
    pub(super) fn rename(&mut self, from: &Place, to: &Place, opened: u64) -> Outcome<()> {
        let mut moved = Vec::new();
        self.collect(from, &mut moved)?;
        let mut names = opened;
        for (place, _) in &moved {
            let place = place.moved(from, to);
            place.check()?;
            names = names.saturating_add(place.cost());
        }
        self.layer.check_room(names)?;
        self.remove(to)?;
        self.remove(from)?;
        for (place, node) in moved {
            self.layer.put(place.moved(from, to), node);
        }
        Ok(())
    }

    /// Everything at a place and below it, as nodes.
    fn collect(&mut self, place: &Place, out: &mut Vec<(Place, NodeId)>) -> Outcome<()> {
        let seen = self.look(place)?;
        let is_directory = self.filetype(&seen)? == Some(lower::DIRECTORY);
        let inside = if is_directory { self.list(place)? } else { BTreeMap::new() };
        let node = match seen {
            Seen::Nothing => return Err(Failure::Errno(errno::NOENT)),
            Seen::Node(id) => id,
            Seen::Real(stat) => self.copy(place, stat, true)?,
        };
        out.push((place.clone(), node));
        for name in inside.into_keys() {
            self.collect(&place.child(&name), out)?;
        }
        // All that can be seen in it is a node now.
        if is_directory {
            self.layer.node_mut(node)?.content = Content::Directory { opaque: true };
        }
        Ok(())
    }
}

fn filetype(content: &Content) -> u8 {
    match content {
        Content::File(_) => lower::FILE,
        Content::Directory { .. } => lower::DIRECTORY,
        Content::Link(_) => lower::LINK,
    }
}

/// The names in a path. An absolute one leaves the directories.
fn parts(path: &str) -> Outcome<VecDeque<String>> {
    if path.starts_with('/') {
        return Err(Failure::Errno(errno::PERM));
    }
    Ok(path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect())
}
