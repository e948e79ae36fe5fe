//! The contents of one memory, for searches and reads at any address.

use preinit_core::snapshot::Image;
use std::borrow::Cow;

/// The stretches of a memory that hold something, each in one piece.
pub(crate) struct Contents<'a> {
    stretches: Vec<(u64, Cow<'a, [u8]>)>,
}

impl<'a> Contents<'a> {
    pub fn of(image: &'a Image<'_>) -> Contents<'a> {
        let mut stretches: Vec<(u64, Cow<'a, [u8]>)> = Vec::new();
        for chunk in image.chunks() {
            match stretches.last_mut() {
                Some((start, bytes)) if *start + bytes.len() as u64 == chunk.offset => {
                    bytes.to_mut().extend_from_slice(&chunk.bytes);
                }
                _ => stretches.push((chunk.offset, Cow::Borrowed(&*chunk.bytes))),
            }
        }
        Contents { stretches }
    }

    /// All stretches with their addresses.
    pub fn stretches(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.stretches.iter().map(|(start, bytes)| (*start, &**bytes))
    }

    /// All stretches, each from its first aligned word on.
    pub fn words(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.stretches().map(|(start, bytes)| {
            let skipped = (start.next_multiple_of(4) - start) as usize;
            (start + skipped as u64, bytes.get(skipped..).unwrap_or_default())
        })
    }

    /// The 32-bit number at `address`.
    pub fn word(&self, address: u64) -> u32 {
        let mut bytes = [0; 4];
        for (at, byte) in (address..).zip(&mut bytes) {
            *byte = self.byte(at);
        }
        u32::from_le_bytes(bytes)
    }

    /// The byte at `address`.
    pub fn byte(&self, address: u64) -> u8 {
        let after = self.stretches.partition_point(|(start, _)| *start <= address);
        let stretch = after.checked_sub(1).map(|index| &self.stretches[index]);
        stretch.and_then(|(start, bytes)| bytes.get((address - start) as usize)).copied().unwrap_or(0)
    }

    /// The bytes from `start` to `end`, which are no more than the host would keep anyway.
    pub fn read(&self, start: u64, end: u64) -> Vec<u8> {
        let mut read = vec![0; end.saturating_sub(start) as usize];
        let first = self.stretches.partition_point(|(at, bytes)| at + bytes.len() as u64 <= start);
        for (at, bytes) in &self.stretches[first..] {
            let part = start.max(*at)..end.min(at + bytes.len() as u64);
            if part.is_empty() {
                break;
            }
            let from = &bytes[(part.start - at) as usize..(part.end - at) as usize];
            read[(part.start - start) as usize..(part.end - start) as usize].copy_from_slice(from);
        }
        read
    }

    /// Whether `bytes` are at `start`.
    pub fn holds(&self, start: u64, bytes: &[u8]) -> bool {
        const PIECE: usize = 4096;
        let mut pieces = (start..).step_by(PIECE).zip(bytes.chunks(PIECE));
        pieces.all(|(at, piece)| self.read(at, at.saturating_add(piece.len() as u64)) == piece)
    }

    /// The addresses of `needle`, in order.
    pub fn find(&self, needle: &[u8]) -> impl Iterator<Item = u64> {
        self.stretches().flat_map(move |(start, bytes)| {
            memchr::memmem::find_iter(bytes, needle).map(move |at| start + at as u64)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Contents;
    use preinit_core::snapshot::{Chunk, Image};

    #[test]
    fn any_address_is_read() {
        let chunk = |offset, bytes: &'static [u8]| Chunk { offset, bytes: bytes.into() };
        let image = Image::new(vec![chunk(4, b"abc"), chunk(7, b"de"), chunk(20, b"abab")]);
        let contents = Contents::of(&image);
        assert_eq!(contents.read(2, 22), b"\0\0abcde\0\0\0\0\0\0\0\0\0\0\0ab");
        assert_eq!(contents.read(5, 8), b"bcd");
        assert_eq!((contents.read(9, 12), contents.read(23, 26)), (vec![0; 3], b"b\0\0".to_vec()));
        assert_eq!(contents.read(7, 7), b"");
        assert!(contents.holds(6, b"cde\0") && !contents.holds(6, b"cdf") && contents.holds(100, &[0; 9000]));
        assert_eq!(contents.find(b"ab").collect::<Vec<_>>(), [4, 20, 22]);
    }
}
