use rayon::prelude::*;
use std::ops::Range;

/// Differing ranges of a memory that are this close to each other are one difference.
const MERGED_GAP: usize = 8;

/// Bytes that one thread compares at a time.
const PIECE: usize = 1 << 20;

/// Bytes that are compared at once, at the speed of memory, before single bytes are.
const BLOCK: usize = 4096;

/// The ranges in which both are different, near ones joined. Bytes that only one has are not compared.
pub(super) fn differing(left: &[u8], right: &[u8]) -> Vec<Range<usize>> {
    let pieces = left.par_chunks(PIECE).zip(right.par_chunks(PIECE)).enumerate();
    let pieces: Vec<_> = pieces.map(|(piece, (left, right))| scan(piece * PIECE, left, right)).collect();
    let mut all = Vec::new();
    pieces.into_iter().flatten().for_each(|range| join(&mut all, range));
    all
}

fn scan(start: usize, left: &[u8], right: &[u8]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (block, (left, right)) in left.chunks(BLOCK).zip(right.chunks(BLOCK)).enumerate() {
        let len = left.len().min(right.len());
        if left[..len] == right[..len] {
            continue;
        }
        let base = start + block * BLOCK;
        for (at, _) in left.iter().zip(right).enumerate().filter(|(_, (left, right))| left != right) {
            join(&mut found, base + at..base + at + 1);
        }
    }
    found
}

fn join(ranges: &mut Vec<Range<usize>>, range: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if range.start - last.end <= MERGED_GAP => last.end = range.end,
        _ => ranges.push(range),
    }
}

/// The first of these bytes in hexadecimal, for messages.
pub(super) fn describe_bytes(bytes: &[u8]) -> String {
    const SHOWN: usize = 16;
    let shown: Vec<String> = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    match bytes.len() {
        0..=SHOWN => shown.join(" "),
        len => format!("{} … ({len} bytes)", shown.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_differences_are_one_across_pieces() {
        let left = vec![0; 2 * PIECE + 100];
        let mut right = left.clone();
        for at in [0, 5, 100, PIECE - 1, PIECE, 2 * PIECE + 99] {
            right[at] = 1;
        }
        let expected = [0..6, 100..101, PIECE - 1..PIECE + 1, 2 * PIECE + 99..2 * PIECE + 100];
        assert_eq!(differing(&left, &right), expected);
        assert_eq!(differing(&left, &right[..200]), [0..6, 100..101]);
    }
}
