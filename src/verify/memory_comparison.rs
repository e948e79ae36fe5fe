use rayon::prelude::*;
use std::ops::Range;

/// Differing ranges of a memory that are this close to each other are one difference.
const MERGED_GAP: usize = 8;

/// Bytes that one thread compares at a time.
const PIECE: usize = 1 << 20;

/// Bytes that are compared at once, at the speed of memory, before single bytes are.
const BLOCK: usize = 4096;

/// Gives `found` each range in which both are different, near ones joined. Bytes that only one has are not compared. There is no
/// list of them: it could be larger than the memories.
pub(super) fn each_differing(left: &[u8], right: &[u8], mut found: impl FnMut(Range<usize>)) {
    let pieces = left.par_chunks(PIECE).zip(right.par_chunks(PIECE));
    let differ: Vec<bool> = pieces.map(|(left, right)| !is_same(left, right)).collect();
    let pieces = left.chunks(PIECE).zip(right.chunks(PIECE)).enumerate().zip(differ);
    let mut open: Option<Range<usize>> = None;
    for ((piece, (left, right)), _) in pieces.filter(|(_, differs)| *differs) {
        each_byte(piece * PIECE, left, right, |at| match &mut open {
            Some(last) if at - last.end <= MERGED_GAP => last.end = at + 1,
            _ => open.replace(at..at + 1).into_iter().for_each(&mut found),
        });
    }
    open.into_iter().for_each(found);
}

/// Whether the bytes that both have are the same.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    let len = left.len().min(right.len());
    left[..len] == right[..len]
}

/// Gives `found` each address at which both are different. They begin at `start`.
fn each_byte(start: usize, left: &[u8], right: &[u8], mut found: impl FnMut(usize)) {
    for (block, (left, right)) in left.chunks(BLOCK).zip(right.chunks(BLOCK)).enumerate() {
        if is_same(left, right) {
            continue;
        }
        let base = start + block * BLOCK;
        let differ = left.iter().zip(right).enumerate().filter(|(_, (left, right))| left != right);
        differ.for_each(|(at, _)| found(base + at));
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

    fn differing(left: &[u8], right: &[u8]) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        each_differing(left, right, |range| ranges.push(range));
        ranges
    }

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
        assert!(differing(&left, &left).is_empty());
    }
}
