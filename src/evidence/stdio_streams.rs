//! Open streams of musl's stdio, which wasi-libc uses. They are recognized by their shape, so that no names are needed.

use super::contents::Contents;

/// A `FILE` (wasi-libc, `libc-top-half/musl/src/internal/stdio_impl.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stream {
    /// Its address.
    pub address: u64,
    /// Its descriptor.
    pub fd: u32,
    /// What was printed and has not been written yet.
    pub pending: Vec<u8>,
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
    /// What was read from the descriptor and not from the stream yet.
    pub unread: Vec<u8>,
    /// The last byte that it has read from the descriptor.
    pub last: Option<u8>,
    /// Whether it remembers that the input has ended, and gives nothing any more.
    pub at_end: bool,
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

/// Streams that are open for writing and have been written to. `functions` is the size of the function table.
pub(crate) fn streams(contents: &Contents<'_>, functions: u64) -> Vec<Stream> {
    let mut found = Vec::new();
    for (start, bytes) in contents.words() {
        let (words, _) = bytes.as_chunks::<4>();
        for (index, words) in words.windows(WORDS).enumerate() {
            // `__towrite` makes these two equal; elsewhere they rarely are, unless both are zero.
            if words[WBASE] != words[BUF] || words[BUF] == [0; 4] {
                continue;
            }
            let word = |field: usize| u32::from_le_bytes(words[field]);
            let (buf, size) = (word(BUF), word(BUF_SIZE));
            let writing = buf > 1024
                && size >= 8
                && buf.checked_add(size) == Some(word(WEND))
                && (buf..=word(WEND)).contains(&word(WPOS))
                && word(RPOS) == 0
                && word(REND) == 0
                && (1..functions).contains(&u64::from(word(WRITE)));
            let fd = word(FD);
            if writing && fd < 1 << 16 {
                let pending = contents.read(u64::from(buf), u64::from(word(WPOS)));
                let line_buffered = word(LBF) as i32 >= 0;
                found.push(Stream { address: start + 4 * index as u64, fd, pending, line_buffered });
            }
        }
    }
    found
}

/// Streams that have been read from, of descriptors for which `accept` holds. `functions` is the size of the function table.
pub(crate) fn input_streams(
    contents: &Contents<'_>,
    functions: u64,
    accept: impl Fn(u32) -> bool,
) -> Vec<InputStream> {
    const NO_READING: u32 = 4;
    const END: u32 = 16;
    /// All flags that there are, and some more.
    const ALL_FLAGS: u32 = 0xfff;
    /// Room in front of the buffer for characters that are put back.
    const PUT_BACK: u32 = 8;
    let mut found = Vec::new();
    for (start, bytes) in contents.words() {
        let (words, _) = bytes.as_chunks::<4>();
        for (index, words) in words.windows(WORDS).enumerate() {
            // Most words are none of a stream that is being read.
            if words[RPOS] == [0; 4] || words[WPOS] != [0; 4] || words[WBASE] != [0; 4] {
                continue;
            }
            let word = |field: usize| u32::from_le_bytes(words[field]);
            let (buf, size, rpos, rend) = (word(BUF), word(BUF_SIZE), word(RPOS), word(REND));
            let flags = word(FLAGS);
            let is_stream = buf > 1024
                && size >= 8
                && word(WEND) == 0
                && flags & !ALL_FLAGS == 0
                && flags & NO_READING == 0
                && rpos <= rend
                && rpos >= buf - PUT_BACK
                && buf.checked_add(size).is_some_and(|end| rend <= end)
                && (1..functions).contains(&u64::from(word(READ)))
                && accept(word(FD));
            if is_stream {
                found.push(InputStream {
                    address: start + 4 * index as u64,
                    fd: word(FD),
                    unread: contents.read(u64::from(rpos), u64::from(rend)),
                    last: u64::from(rend).checked_sub(1).map(|last| contents.byte(last)),
                    at_end: flags & END != 0,
                });
            }
        }
    }
    found
}

/// The descriptor of the stream at `address`, if what is there can be one: a stream in use has a buffer and a function that
/// writes.
pub(crate) fn descriptor_at(contents: &Contents<'_>, address: u64) -> Option<u32> {
    let word = |field: usize| contents.word(address + 4 * field as u64);
    let is_stream = word(BUF) > 1024 && word(BUF_SIZE) >= 8 && word(WRITE) > 0 && word(WRITE) < 1 << 20;
    is_stream.then(|| word(FD))
}
