//! Listing directories.

use crate::descriptors::{Target, target};
use crate::files::inode;
use crate::memory::{copy, put_u8, put_u32, put_u64, zero};
use crate::tree::{DIRECTORY, Node};
use crate::{errno, host, state, view};

const HEADER: u32 = 24;
/// `.` and `..` come first.
const DOTS: u64 = 2;

/// Where entries are written.
struct Listing {
    buffer: u32,
    left: u32,
}

impl Listing {
    /// Writes as much of these bytes as fits.
    fn write(&mut self, from: u32, len: u32) {
        let piece = if len < self.left { len } else { self.left };
        copy(self.buffer, from, piece);
        self.buffer += piece;
        self.left -= piece;
    }

    fn entry(&mut self, cookie: u64, inode: u64, filetype: u8, name_len: u32) {
        let header = state::out();
        zero(header, HEADER);
        put_u64(header, cookie);
        put_u64(header + 8, inode);
        put_u32(header + 16, name_len);
        put_u8(header + 20, filetype);
        self.write(header, HEADER);
        self.write(state::name(), name_len);
    }
}

#[unsafe(export_name = "embed:fd_readdir")]
extern "C" fn readdir(fd: u32, buffer: u32, len: u32, cookie: u64, used: u32) -> i32 {
    let directory = match target(fd) {
        Target::Ours(object) if object.is_directory() => view::node(object.node()),
        Target::Host(number) => return host::fd_readdir(number, buffer, len, cookie, used),
        _ => return errno::BADF,
    };
    let mut listing = Listing { buffer, left: len };
    let mut at = cookie;
    while listing.left > 0 {
        match write(&mut listing, &directory, at) {
            Some(next) => at = next,
            None => break,
        }
    }
    put_u32(used, len - listing.left);
    errno::SUCCESS
}

/// Writes the entry that has this place among all, counted from 0, or the first after it. Gives the place after that.
fn write(listing: &mut Listing, directory: &Node, at: u64) -> Option<u64> {
    if at < DOTS {
        put_u8(state::name(), b'.');
        put_u8(state::name() + 1, b'.');
        // As Wasmtime does, `..` has the inode of the directory too.
        listing.entry(at + 1, inode(directory.index), DIRECTORY, at as u32 + 1);
        return Some(at + 1);
    }
    let entry = view::nth(directory, u32::try_from(at - DOTS).ok()?)?;
    let next = DOTS + u64::from(entry.place) + 1;
    listing.entry(next, inode(entry.node.index), entry.node.filetype, entry.name_len);
    Some(next)
}
