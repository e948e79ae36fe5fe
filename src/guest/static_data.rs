//! What the data segments of a module make of its memories.

use preinit_core::module::Module;
use preinit_core::snapshot::{Chunk, Image};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use wasmparser::{DataKind, Operator};

/// An active data segment at a constant address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StaticData {
    pub memory: u32,
    pub range: Range<u64>,
    /// Its index.
    pub segment: u32,
}

/// The active data segments whose address is a constant.
pub(crate) fn static_data(module: &Module<'_>) -> Vec<StaticData> {
    let placed = (0u32..).zip(&module.data).filter_map(|(segment, data)| {
        let DataKind::Active { memory_index, offset_expr } = &data.kind else { return None };
        let start = match offset_expr.get_operators_reader().into_iter().next()?.ok()? {
            Operator::I32Const { value } => u64::from(value as u32),
            Operator::I64Const { value } => value as u64,
            _ => return None,
        };
        let end = start.checked_add(data.bytes.len() as u64)?;
        Some(StaticData { memory: *memory_index, range: start..end, segment })
    });
    placed.collect()
}

/// What the active data segments at constant addresses make of memories, for searches: of what one writes over another, the later.
pub(crate) struct StaticBytes<'m> {
    /// By memory and address.
    pieces: BTreeMap<(u32, u64), &'m [u8]>,
}

impl<'m> StaticBytes<'m> {
    pub fn of(module: &Module<'m>) -> StaticBytes<'m> {
        let mut all = StaticBytes { pieces: BTreeMap::new() };
        for data in static_data(module) {
            let bytes = module.data.get(data.segment as usize).map_or(&[][..], |data| data.bytes);
            all.write(data.memory, data.range.start, bytes);
        }
        all
    }

    /// Each write cuts two pieces at most, so that all together take time in proportion to their number.
    fn write(&mut self, memory: u32, start: u64, bytes: &'m [u8]) {
        let end = start + bytes.len() as u64;
        if bytes.is_empty() {
            return;
        }
        if let Some((at, before)) = self.before(memory, start) {
            let (kept, rest) = before.split_at((start - at).min(before.len() as u64) as usize);
            self.pieces.insert((memory, at), kept);
            if at + before.len() as u64 > end {
                self.pieces.insert((memory, end), &rest[bytes.len()..]);
            }
        }
        while let Some((&(_, at), piece)) = self.pieces.range((memory, start)..(memory, end)).next() {
            let piece = *piece;
            self.pieces.remove(&(memory, at));
            if at + piece.len() as u64 > end {
                self.pieces.insert((memory, end), &piece[(end - at) as usize..]);
            }
        }
        self.pieces.insert((memory, start), bytes);
    }

    /// The piece that begins before `address`, and where.
    fn before(&self, memory: u32, address: u64) -> Option<(u64, &'m [u8])> {
        let (&(_, at), piece) = self.pieces.range((memory, 0)..(memory, address)).next_back()?;
        Some((at, piece))
    }

    /// Whether instantiation leaves `bytes` at `address` of `memory`.
    pub fn holds(&self, (memory, mut address): (u32, u64), mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let Some((at, piece)) = self.before(memory, address.saturating_add(1)) else { return false };
            let here = piece.get((address - at) as usize..).unwrap_or_default();
            let len = here.len().min(bytes.len());
            if len == 0 || here[..len] != bytes[..len] {
                return false;
            }
            (address, bytes) = (address + len as u64, &bytes[len..]);
        }
        true
    }
}

/// A memory of `size` bytes as instantiation leaves it. It takes what the segments have, wherever in the memory they are.
pub(crate) fn input_image<'m>(module: &Module<'m>, memory: u32, size: u64) -> Image<'m> {
    let pieces = StaticBytes::of(module).pieces.into_iter().filter(|((of, _), _)| *of == memory);
    let chunks = pieces.map(|((_, offset), bytes)| Chunk { offset, bytes: Cow::Borrowed(bytes) });
    Image::new(chunks.filter(|chunk| chunk.end() <= size).collect())
}

#[cfg(test)]
mod tests {
    use super::{StaticBytes, input_image};
    use preinit_core::module::Module;

    #[test]
    fn later_segments_count() {
        let wat = r#"(module (memory 1) (memory 1)
            (data (i32.const 100) "abcdefghij") (data (i32.const 103) "XY") (data (i32.const 110) "klm")
            (data (i32.const 300) "12") (data (i32.const 302) "34") (data (i32.const 299) "56789")
            (data (i32.const 99) "") (data (memory 1) (i32.const 100) "other"))"#;
        let wasm = wat::parse_str(wat).unwrap();
        let module = Module::parse(&wasm).unwrap();
        let bytes = StaticBytes::of(&module);
        let holds = |address, text: &str| bytes.holds((0, address), text.as_bytes());
        assert!(holds(100, "abcXYfghijklm") && holds(103, "XYf") && holds(109, "jk") && holds(112, "m"));
        assert!(!holds(100, "abcde") && !holds(99, "\0a") && !holds(112, "mn") && !holds(113, "n"));
        assert!(holds(299, "56789") && !holds(300, "12") && !holds(303, "4"));
        assert!(
            bytes.holds((1, 100), b"other") && !bytes.holds((1, 100), b"abc") && !bytes.holds((2, 0), b"a")
        );
    }

    #[test]
    fn an_image_takes_no_more_than_the_segments_have() {
        let wat = r#"(module (memory 65535) (data (i32.const 10) "abcdef") (data (i32.const 12) "XY")
            (data (i32.const 4294900000) "end"))"#;
        let wasm = wat::parse_str(wat).unwrap();
        let image = input_image(&Module::parse(&wasm).unwrap(), 0, 65535 << 16);
        let taken: usize = image.chunks().iter().map(|chunk| chunk.bytes.len()).sum();
        assert_eq!(taken, "abXYef".len() + "end".len());
        let held = |start, end| {
            let mut bytes = Vec::new();
            image.append_to(start, end, &mut bytes);
            bytes
        };
        assert_eq!(held(9, 17), b"\0abXYef\0");
        assert_eq!(held(4_294_899_999, 4_294_900_004), b"\0end\0");
    }
}
