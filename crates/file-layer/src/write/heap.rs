//! Memory for what changes: blocks, and records that are cut from blocks. All of it is zero when it is handed out.
//!
//! It lies after the page with the bookkeeping, and grows at its end. Places in it are counted from the beginning of that
//! page, since it moves.

use crate::host;
use crate::memory::{get_u32, put_u32, zero};
use crate::state;

pub const BLOCK: u32 = 4096;
const PAGE: u32 = 1 << 16;

/// In the bookkeeping of changes: where memory ends that was handed out, where all of it ends, blocks that are free, and
/// for each size records that are free.
const TOP: u32 = 0;
const END: u32 = 4;
const FREE_BLOCK: u32 = 8;
const FREE_RECORDS: u32 = 12;

/// Sizes of records. All are multiples of `UNIT`.
#[derive(Clone, Copy)]
pub enum Size {
    Small,
    Inode,
    Long,
}

pub const UNIT: u32 = 32;

impl Size {
    pub fn bytes(self) -> u32 {
        match self {
            Size::Small => 64,
            Size::Inode => 96,
            Size::Long => 320,
        }
    }

    fn free_list(self) -> u32 {
        state::changes() + FREE_RECORDS + 4 * self as u32
    }
}

/// The address of a place.
pub fn address(place: u32) -> u32 {
    host::base() + place
}

/// Takes so many bytes from the end.
pub fn at_end(len: u32) -> Option<u32> {
    let state = state::changes();
    if get_u32(state + TOP) == 0 {
        put_u32(state + TOP, PAGE);
        put_u32(state + END, PAGE);
    }
    let (place, end) = (get_u32(state + TOP), get_u32(state + END));
    let top = place.checked_add(len)?;
    if top > end {
        grow(end, top)?;
    }
    put_u32(state + TOP, top);
    Some(place)
}

/// Grows what there is, by somewhat more than is wanted so that it need not be done often.
fn grow(end: u32, wanted: u32) -> Option<()> {
    let needed = (wanted - end).div_ceil(PAGE);
    let eighth = end / PAGE / 8;
    let generous = if eighth > needed { eighth } else { needed };
    for pages in [generous, needed] {
        let to = u64::from(end) + u64::from(pages) * u64::from(PAGE);
        if let Ok(to) = u32::try_from(to)
            && host::more(pages) != 0
        {
            put_u32(state::changes() + END, to);
            return Some(());
        }
    }
    None
}

/// A block.
pub fn block() -> Option<u32> {
    let list = state::changes() + FREE_BLOCK;
    match get_u32(list) {
        0 => at_end(BLOCK),
        free => {
            put_u32(list, get_u32(address(free)));
            put_u32(address(free), 0);
            Some(free)
        }
    }
}

pub fn free_block(place: u32) {
    let list = state::changes() + FREE_BLOCK;
    zero(address(place), BLOCK);
    put_u32(address(place), get_u32(list));
    put_u32(list, place);
}

/// A record.
pub fn record(size: Size) -> Option<u32> {
    let list = size.free_list();
    if get_u32(list) == 0 {
        let block = block()?;
        for at in (0..BLOCK / size.bytes()).rev() {
            let record = block + at * size.bytes();
            put_u32(address(record), get_u32(list));
            put_u32(list, record);
        }
    }
    let record = get_u32(list);
    put_u32(list, get_u32(address(record)));
    put_u32(address(record), 0);
    Some(record)
}

pub fn free_record(place: u32, size: Size) {
    let list = size.free_list();
    zero(address(place), size.bytes());
    put_u32(address(place), get_u32(list));
    put_u32(list, place);
}
