//! The bytes of files and links that have changed: blocks below a tree of blocks with their places. Where there is no
//! block, the bytes are the embedded ones, or zeros.

use super::heap::{self, BLOCK, address};
use super::inodes::{DEPTH, EMBEDDED, ROOT, SIZE, START};
use crate::host;
use crate::memory::{copy, get_u32, put_u32, zero};

/// How many places of blocks a block has, as a power of two.
const BITS: u32 = 10;

/// How many blocks there can be below a tree of this depth.
fn reach(depth: u32) -> u32 {
    if depth == 0 { 0 } else { 1 << (BITS * (depth - 1)) }
}

/// In a block of places, the one of the block with this number. `depth` is that of the block of places.
fn slot(place: u32, number: u32, depth: u32) -> u32 {
    place + 4 * ((number >> (BITS * (depth - 2))) & ((1 << BITS) - 1))
}

/// The block with this number; 0 if there is none.
fn block(record: u32, number: u32) -> u32 {
    let mut depth = get_u32(address(record) + DEPTH);
    if number >= reach(depth) {
        return 0;
    }
    let mut place = get_u32(address(record) + ROOT);
    while depth > 1 && place != 0 {
        place = get_u32(address(slot(place, number, depth)));
        depth -= 1;
    }
    place
}

/// The block with this number, which is made now if there was none.
fn block_to_change(record: u32, number: u32) -> Option<u32> {
    let known = block(record, number);
    if known != 0 {
        return Some(known);
    }
    let mut depth = get_u32(address(record) + DEPTH);
    while number >= reach(depth) {
        let root = get_u32(address(record) + ROOT);
        if root != 0 {
            let above = heap::block()?;
            put_u32(address(above), root);
            put_u32(address(record) + ROOT, above);
        }
        depth += 1;
        put_u32(address(record) + DEPTH, depth);
    }
    let mut at = record + ROOT;
    loop {
        let is_new = get_u32(address(at)) == 0;
        if is_new {
            let block = heap::block()?;
            put_u32(address(at), block);
        }
        let place = get_u32(address(at));
        if depth == 1 {
            if is_new {
                read_embedded(record, number * BLOCK, address(place), BLOCK);
            }
            return Some(place);
        }
        at = slot(place, number, depth);
        depth -= 1;
    }
}

/// Copies embedded bytes, as far as there are any. Gives their number.
fn read_embedded(record: u32, offset: u32, to: u32, len: u32) -> u32 {
    let at = address(record);
    let left = get_u32(at + EMBEDDED).saturating_sub(offset);
    let piece = if len < left { len } else { left };
    if piece > 0 {
        host::image(to, get_u32(at + START) + offset, piece);
    }
    piece
}

/// The bytes of a block from `offset` on, `len` at most.
fn piece(offset: u32, len: u32) -> u32 {
    let left = BLOCK - offset % BLOCK;
    if len < left { len } else { left }
}

/// Copies bytes, all of which must be there.
pub fn read(record: u32, mut offset: u32, mut to: u32, mut len: u32) {
    while len > 0 {
        let piece = piece(offset, len);
        match block(record, offset / BLOCK) {
            0 => {
                let known = read_embedded(record, offset, to, piece);
                zero(to + known, piece - known);
            }
            place => copy(to, address(place) + offset % BLOCK, piece),
        }
        // After the last piece, the offset may be beyond what it can be.
        offset = offset.wrapping_add(piece);
        to += piece;
        len -= piece;
    }
}

/// Writes bytes, and gives how many of them. The file must not end up longer than its size can say.
pub fn write(record: u32, offset: u32, from: u32, len: u32) -> u32 {
    let mut done = 0;
    while done < len {
        let at = offset + done;
        let piece = piece(at, len - done);
        let Some(place) = block_to_change(record, at / BLOCK) else { break };
        copy(address(place) + at % BLOCK, from + done, piece);
        done += piece;
    }
    if done > 0 && offset + done > get_u32(address(record) + SIZE) {
        put_u32(address(record) + SIZE, offset + done);
    }
    done
}

/// Cuts bytes off, or adds zeros.
pub fn resize(record: u32, size: u32) {
    let at = address(record);
    if size < get_u32(at + SIZE) {
        if size < get_u32(at + EMBEDDED) {
            put_u32(at + EMBEDDED, size);
        }
        let kept = size.div_ceil(BLOCK);
        let (root, depth) = (get_u32(at + ROOT), get_u32(at + DEPTH));
        if root != 0 && free_after(root, depth, kept) {
            put_u32(at + ROOT, 0);
            put_u32(at + DEPTH, 0);
        }
        if size % BLOCK != 0 {
            let last = block(record, size / BLOCK);
            if last != 0 {
                zero(address(last) + size % BLOCK, BLOCK - size % BLOCK);
            }
        }
    }
    put_u32(at + SIZE, size);
}

/// Frees all but the first `kept` blocks below one of places, or a single one. `true` if it is freed itself.
fn free_after(place: u32, depth: u32, kept: u32) -> bool {
    if depth > 1 {
        let span = reach(depth - 1);
        for child in kept / span..1 << BITS {
            let slot = address(place + 4 * child);
            let below = get_u32(slot);
            if below != 0 && free_after(below, depth - 1, kept.saturating_sub(child * span)) {
                put_u32(slot, 0);
            }
        }
    }
    if kept == 0 {
        heap::free_block(place);
    }
    kept == 0
}
