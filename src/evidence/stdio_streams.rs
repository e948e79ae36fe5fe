//! Open streams of musl's stdio, which wasi-libc uses. They are recognized by their shape, so that no names are needed. A memory can be
//! full of what has it: nothing is kept of a stream but where it is, and its buffer.

use super::contents::Contents;
use std::ops::Range;

/// A `FILE` (wasi-libc, `libc-top-half/musl/src/internal/stdio_impl.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stream {
    /// Its address.
    pub address: u64,
    /// Its descriptor.
    pub fd: u32,
    /// Where it is what was printed and has not been written yet.
    pub pending: Range<u64>,
    /// Whether it writes at the end of each line, and not only when its buffer is full.
    pub line_buffered: bool,
}

/// A `FILE` that has been read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputStream {
    /// Its address.
    pub address: u64,
    /// Its descriptor.
    pub fd: u32,
    /// Where it is what was read from the descriptor and not from the stream yet.
    pub unread: Range<u64>,
    /// Whether it remembers that the input has ended, and gives nothing any more.
    pub at_end: bool,
}

/// What buffers and functions of streams have to lie in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// The size of the memory.
    pub memory: u64,
    /// The size of the function table.
    pub functions: u64,
}

impl Room {
    fn has_buffer(self, buf: u32, size: u32) -> bool {
        buf > 1024 && size >= 8 && u64::from(buf) + u64::from(size) <= self.memory
    }

    fn has_function(self, function: u32) -> bool {
        (1..self.functions).contains(&u64::from(function))
    }
}

// The fields on a 32-bit target, in words.
const FLAGS: usize = 0;
const RPOS: usize = 1;
const REND: usize = 2;
const WEND: usize = 4;
const WPOS: usize = 5;
const WBASE: usize = 6;
const READ: usize = 7;
const WRITE: usize = 8;
const BUF: usize = 10;
const BUF_SIZE: usize = 11;
const FD: usize = 14;
const LBF: usize = 16;
const WORDS: usize = 17;

/// Streams that are open for writing and have been written to.
pub(crate) fn streams(contents: &Contents<'_>, room: Room) -> impl Iterator<Item = Stream> {
    // `__towrite` makes these two equal; elsewhere they rarely are, unless both are zero.
    let may_be = |base: &[u8; 4], buf: &[u8; 4]| (base == buf) & (*buf != [0; 4]);
    let may_have = move |words: &[[u8; 4]]| {
        any(words[WBASE..].iter().zip(&words[BUF..]), |(base, buf)| may_be(base, buf))
    };
    windows(contents, may_have).filter_map(move |(address, words)| {
        if !may_be(&words[WBASE], &words[BUF]) {
            return None;
        }
        let word = |field: usize| u32::from_le_bytes(words[field]);
        let (buf, size) = (word(BUF), word(BUF_SIZE));
        let is_stream = room.has_buffer(buf, size)
            && buf.checked_add(size) == Some(word(WEND))
            && (buf..=word(WEND)).contains(&word(WPOS))
            && word(RPOS) == 0
            && word(REND) == 0
            && room.has_function(word(WRITE))
            && word(FD) < 1 << 16;
        is_stream.then(|| Stream {
            address,
            fd: word(FD),
            pending: u64::from(buf)..u64::from(word(WPOS)),
            line_buffered: word(LBF) as i32 >= 0,
        })
    })
}

/// Streams that have been read from, of descriptors for which `accept` holds.
pub(crate) fn input_streams(
    contents: &Contents<'_>,
    room: Room,
    accept: impl Fn(u32) -> bool,
) -> impl Iterator<Item = InputStream> {
    const NO_READING: u32 = 4;
    const END: u32 = 16;
    /// All flags that there are, and some more.
    const ALL_FLAGS: u32 = 0xfff;
    /// Room in front of the buffer for characters that are put back.
    const PUT_BACK: u32 = 8;
    // Most words are none of a stream that is being read.
    let may_be = |rpos: &[u8; 4], wpos: &[u8; 4], base: &[u8; 4]| {
        (*rpos != [0; 4]) & (*wpos == [0; 4]) & (*base == [0; 4])
    };
    let may_have = move |words: &[[u8; 4]]| {
        let fields = words[RPOS..].iter().zip(&words[WPOS..]).zip(&words[WBASE..]);
        any(fields, |((rpos, wpos), base)| may_be(rpos, wpos, base))
    };
    windows(contents, may_have).filter_map(move |(address, words)| {
        if !may_be(&words[RPOS], &words[WPOS], &words[WBASE]) {
            return None;
        }
        let word = |field: usize| u32::from_le_bytes(words[field]);
        let (buf, size, rpos, rend) = (word(BUF), word(BUF_SIZE), word(RPOS), word(REND));
        let flags = word(FLAGS);
        let is_stream = room.has_buffer(buf, size)
            && word(WEND) == 0
            && flags & !ALL_FLAGS == 0
            && flags & NO_READING == 0
            && rpos <= rend
            && rpos >= buf - PUT_BACK
            && buf.checked_add(size).is_some_and(|end| rend <= end)
            && room.has_function(word(READ))
            && accept(word(FD));
        is_stream.then(|| InputStream {
            address,
            fd: word(FD),
            unread: u64::from(rpos)..u64::from(rend),
            at_end: flags & END != 0,
        })
    })
}

/// Aligned words with those after them, as many as a stream has, and the address of the first. Blocks of them that can have no
/// stream are left out: a processor compares several words of a block at once.
fn windows<'c>(
    contents: &'c Contents<'_>,
    may_have: impl Fn(&[[u8; 4]]) -> bool + Copy,
) -> impl Iterator<Item = (u64, &'c [[u8; 4]])> {
    const BLOCK: usize = 128;
    contents.words().flat_map(move |(start, bytes)| {
        let (words, _) = bytes.as_chunks::<4>();
        let count = words.len().saturating_sub(WORDS - 1);
        (0..count).step_by(BLOCK).flat_map(move |first| {
            let block = &words[first..words.len().min(first + BLOCK + WORDS - 1)];
            let at = move |(index, words)| (start + 4 * (first + index) as u64, words);
            may_have(block).then(|| block.windows(WORDS).enumerate().map(at)).into_iter().flatten()
        })
    })
}

/// Whether one is; all are looked at, because that goes faster for some at once.
fn any<T>(all: impl Iterator<Item = T>, is: impl Fn(T) -> bool) -> bool {
    all.fold(false, |found, one| found | is(one))
}

/// The descriptor of the stream at `address`, if what is there can be one: a stream in use has a buffer and a function that
/// writes.
pub(crate) fn descriptor_at(contents: &Contents<'_>, address: u64) -> Option<u32> {
    let word = |field: usize| contents.word(address + 4 * field as u64);
    let is_stream = word(BUF) > 1024 && word(BUF_SIZE) >= 8 && word(WRITE) > 0 && word(WRITE) < 1 << 20;
    is_stream.then(|| word(FD))
}
