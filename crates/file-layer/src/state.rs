//! The bookkeeping: one page of the module's memory, all zeros at first. It moves up when the memory grows, so every
//! address in it is computed anew in each call. Where files can be changed, there are more pages, after it.

use crate::host;

/// Numbers below this are the host's, unless something of ours is found there.
pub const FIRST_OF_OURS: u32 = 512;
/// Numbers up to here are mapped.
pub const NUMBERS: u32 = 1536;
/// What can be open at once.
pub const OBJECTS: u32 = 1000;
/// The bytes of an open object.
pub const OBJECT_SIZE: u32 = 32;
/// How many subscriptions a call of `poll_oneoff` may have if one of them is about something of ours.
pub const SUBSCRIPTIONS: u32 = 512;
/// The longest path, links followed.
pub const PATH: u32 = 4096;

const HEADER: u32 = 0;
const RECORD: u32 = 0x40;
const NAME: u32 = 0x80;
const OUT: u32 = 0x180;
#[cfg(feature = "write")]
const SAVED_NAME: u32 = 0x1c0;
#[cfg(feature = "write")]
const CHANGES: u32 = 0x300;
const MAP: u32 = 0x400;
const PATHS: u32 = 0x1000;
const POLL: u32 = 0x4000;
const TABLE: u32 = 0x6000;
/// While arguments are read, no path is followed, and no subscription is put back.
pub const ROOM_FOR_ARGUMENTS: u32 = TABLE - PATHS;
/// What is left above the objects is the stack of compiled code.
const _: () = assert!(TABLE + OBJECTS * OBJECT_SIZE <= 0xe000);

/// What is remembered of the tree: number of mounts, position of the nodes.
pub fn header() -> u32 {
    host::base() + HEADER
}

/// A node of the tree is read to here.
pub fn record() -> u32 {
    host::base() + RECORD
}

/// A name in the tree is read to here; 255 bytes at most.
pub fn name() -> u32 {
    host::base() + NAME
}

/// What the host says when the layer itself asks is written here.
pub fn out() -> u32 {
    host::base() + OUT
}

/// A name is kept here while another path is followed; 255 bytes at most.
#[cfg(feature = "write")]
pub fn saved_name() -> u32 {
    host::base() + SAVED_NAME
}

/// What is remembered of changes: `write::heap` and `write::inodes` say what.
#[cfg(feature = "write")]
pub fn changes() -> u32 {
    host::base() + CHANGES
}

/// What each number stands for, in 16 bits.
pub fn map(number: u32) -> u32 {
    host::base() + MAP + 2 * number
}

/// Two buffers for paths, by turns.
pub fn path(turn: u32) -> u32 {
    host::base() + PATHS + (turn & 1) * PATH
}

/// Arguments are read to here.
pub fn room_for_arguments() -> u32 {
    host::base() + PATHS
}

/// What is put back into a subscription.
pub fn subscription(index: u32) -> u32 {
    host::base() + POLL + 16 * index
}

/// An open object.
pub fn object(index: u32) -> u32 {
    host::base() + TABLE + OBJECT_SIZE * index
}
