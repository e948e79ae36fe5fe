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

    /// The bytes from `start` to `end`.
    pub fn read(&self, start: u64, end: u64) -> Vec<u8> {
        (start..end).map(|address| self.byte(address)).collect()
    }

    /// The addresses of `needle`.
    pub fn find(&self, needle: &[u8]) -> Vec<u64> {
        let finder = memchr::memmem::Finder::new(needle);
        let mut found = Vec::new();
        for (start, bytes) in self.stretches() {
            found.extend(finder.find_iter(bytes).map(|at| start + at as u64));
        }
        found
    }
}
