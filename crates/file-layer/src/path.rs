//! Follows paths in the embedded tree, as Linux does below a directory that cannot be left.

use crate::errno;
use crate::memory::{copy, get_u8};
use crate::state::{self, PATH};
use crate::tree::{DIRECTORY, LINK, Node};
use crate::view;

/// What a path leads to.
pub enum Found {
    Node(Node),
    /// Nothing, in a directory that is there.
    Missing,
}

/// What was found, and whether the path says that it is a directory.
pub struct Resolved {
    pub found: Found,
    pub is_directory: bool,
    /// Its last name, and the directory that this is in.
    #[cfg(feature = "write")]
    pub place: Place,
}

/// A name in a directory.
#[cfg(feature = "write")]
#[derive(Clone, Copy)]
pub struct Place {
    pub directory: u32,
    pub name: u32,
    /// 0 if the path ends with `.` or `..`.
    pub len: u32,
}

/// Which link at the end of a path is followed. Those before are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    Always,
    /// If there is a slash after it.
    BeforeSlash,
    #[cfg(feature = "write")]
    Never,
}

impl Follow {
    /// As `lookupflags` say.
    pub fn of(flags: u32) -> Follow {
        if flags & 1 != 0 { Follow::Always } else { Follow::BeforeSlash }
    }
}

/// Links that are followed on one way, as on Linux.
const LINKS: u32 = 40;
const NAME_MAX: u32 = 255;
const SLASH: u8 = b'/';

/// A path that is followed: what is left of it, and where it has led so far.
struct Walk {
    at: u32,
    end: u32,
    start: u32,
    node: Node,
    links: u32,
}

/// Follows the path at an address from the directory `start`.
pub fn resolve(start: u32, path: u32, len: u32, follow: Follow) -> Result<Resolved, i32> {
    check(path, len)?;
    let mut walk = Walk { at: path, end: path + len, start, node: view::node(start), links: 0 };
    let mut is_directory = false;
    #[cfg(feature = "write")]
    let mut place = Place { directory: start, name: path, len: 0 };
    loop {
        let Some((name, name_len)) = walk.next_name() else {
            return Ok(Resolved {
                found: Found::Node(walk.node),
                is_directory,
                #[cfg(feature = "write")]
                place,
            });
        };
        #[cfg(feature = "write")]
        {
            place = Place { directory: walk.node.index, name, len: 0 };
        }
        if walk.node.filetype != DIRECTORY {
            return Err(errno::NOTDIR);
        }
        let is_last = walk.is_last();
        is_directory = is_last && walk.ends_with_slash();
        if is_dots(name, name_len, 1) {
            is_directory |= is_last;
            continue;
        }
        if is_dots(name, name_len, 2) {
            is_directory |= is_last;
            if walk.node.index == walk.start {
                return Err(errno::PERM);
            }
            walk.node = view::node(walk.node.parent);
            continue;
        }
        if name_len > NAME_MAX {
            return Err(errno::NAMETOOLONG);
        }
        #[cfg(feature = "write")]
        {
            place.len = name_len;
        }
        let Some(index) = view::entry(&walk.node, name, name_len) else {
            return if is_last {
                Ok(Resolved {
                    found: Found::Missing,
                    is_directory,
                    #[cfg(feature = "write")]
                    place,
                })
            } else {
                Err(errno::NOENT)
            };
        };
        let next = view::node(index);
        let is_followed =
            !is_last || follow == Follow::Always || follow == Follow::BeforeSlash && is_directory;
        if next.filetype == LINK && is_followed {
            walk.follow(&next)?;
        } else {
            walk.node = next;
        }
    }
}

/// Whether a path can be one: not empty, relative, without NUL, of UTF-8.
fn check(path: u32, len: u32) -> Result<(), i32> {
    check_text(path, len)?;
    if get_u8(path) == SLASH { Err(errno::PERM) } else { Ok(()) }
}

/// The same, but that it may be absolute.
pub fn check_text(path: u32, len: u32) -> Result<(), i32> {
    if !is_utf8(path, len) {
        return Err(errno::ILSEQ);
    }
    if len == 0 {
        return Err(errno::NOENT);
    }
    if (0..len).any(|at| get_u8(path + at) == 0) {
        return Err(errno::INVAL);
    }
    if len >= PATH { Err(errno::NAMETOOLONG) } else { Ok(()) }
}

fn is_dots(name: u32, len: u32, dots: u32) -> bool {
    len == dots && (0..dots).all(|at| get_u8(name + at) == b'.')
}

impl Walk {
    /// Takes the next name from what is left.
    fn next_name(&mut self) -> Option<(u32, u32)> {
        while self.at < self.end && get_u8(self.at) == SLASH {
            self.at += 1;
        }
        let name = self.at;
        while self.at < self.end && get_u8(self.at) != SLASH {
            self.at += 1;
        }
        if self.at == name { None } else { Some((name, self.at - name)) }
    }

    fn is_last(&self) -> bool {
        (self.at..self.end).all(|at| get_u8(at) == SLASH)
    }

    fn ends_with_slash(&self) -> bool {
        self.at < self.end
    }

    /// Goes on with the target of a link, and then with what is left.
    fn follow(&mut self, link: &Node) -> Result<(), i32> {
        self.links += 1;
        if self.links > LINKS {
            return Err(errno::LOOP);
        }
        let left = self.end - self.at;
        if link.len + left >= PATH {
            return Err(errno::NAMETOOLONG);
        }
        let buffer = state::path(self.links);
        view::read(link, 0, buffer, link.len);
        copy(buffer + link.len, self.at, left);
        self.at = buffer;
        self.end = buffer + link.len + left;
        if link.len == 0 {
            return Err(errno::NOENT);
        }
        if get_u8(buffer) == SLASH { Err(errno::PERM) } else { Ok(()) }
    }
}

/// Whether these bytes are UTF-8 (Unicode 16, table 3-7).
fn is_utf8(start: u32, len: u32) -> bool {
    let mut at = 0;
    while at < len {
        let first = get_u8(start + at);
        let (more, low, high) = match first {
            0..=0x7f => (0, 0, 0),
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            _ => return false,
        };
        if more >= len - at {
            return false;
        }
        if more > 0 {
            let second = get_u8(start + at + 1);
            if second < low || second > high {
                return false;
            }
        }
        for next in 2..=more {
            if get_u8(start + at + next) & 0xc0 != 0x80 {
                return false;
            }
        }
        at += 1 + more;
    }
    true
}
