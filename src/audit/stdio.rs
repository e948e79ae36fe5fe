//! Open streams of musl's stdio, which wasi-libc uses: recognized by their shape, so that no names are needed.

use super::bytes::Contents;

/// A `FILE` (wasi-libc, `libc-top-half/musl/src/internal/stdio_impl.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stream {
    /// Its address.
    pub address: u64,
    /// Its descriptor.
    pub fd: u32,
    /// What was printed and is not written yet.
    pub pending: Vec<u8>,
    /// The character that makes it write; none for a stream that writes when its buffer is full.
    pub line_buffered: bool,
}

// Offsets of the fields on a 32-bit target.
const RPOS: u64 = 4;
const REND: u64 = 8;
const WEND: u64 = 16;
const WPOS: u64 = 20;
const WBASE: u64 = 24;
const WRITE: u64 = 32;
const BUF: u64 = 40;
const BUF_SIZE: u64 = 44;
const FD: u64 = 56;
const LBF: u64 = 64;
const SIZE: u64 = 68;

/// Streams that are open for writing and have been written to. `functions` is the size of the table of functions.
pub(super) fn streams(contents: &Contents<'_>, functions: u64) -> Vec<Stream> {
    let mut found = Vec::new();
    for (start, bytes) in contents.words() {
        for at in (0..bytes.len().saturating_sub(SIZE as usize)).step_by(4) {
            let word = |offset: u64| {
                let at = at + offset as usize;
                u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
            };
            let (buf, size) = (word(BUF), word(BUF_SIZE));
            // `__towrite` sets these, and nothing else looks like it.
            let writing = buf > 1024
                && size >= 8
                && word(WBASE) == buf
                && buf.checked_add(size) == Some(word(WEND))
                && (buf..=word(WEND)).contains(&word(WPOS))
                && word(RPOS) == 0
                && word(REND) == 0
                && (1..functions).contains(&u64::from(word(WRITE)));
            let fd = word(FD);
            if writing && fd < 1 << 16 {
                let pending = contents.read(u64::from(buf), u64::from(word(WPOS)));
                let line_buffered = word(LBF) as i32 >= 0;
                found.push(Stream { address: start + at as u64, fd, pending, line_buffered });
            }
        }
    }
    found
}

/// The descriptor of the stream at `address`, if there can be one: a stream in use has its function for seeking and its
/// buffer set.
pub(super) fn descriptor_at(contents: &Contents<'_>, address: u64) -> Option<u32> {
    let word = |offset: u64| contents.word(address + offset);
    let is_stream = word(BUF) > 1024 && word(BUF_SIZE) >= 8 && word(WRITE) > 0 && word(WRITE) < 1 << 20;
    is_stream.then(|| word(FD))
}
