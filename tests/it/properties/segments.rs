//! The planner of data segments, which is pure: against brute force, and against the bytes.

use preinit::stages::segments::{HeaderCost, cheapest, close_gaps, difference, nonzero_runs};
use preinit::stages::snapshot::{Chunk, Image};
use preinit_testing::property::segments::{check, encoded_len, is_optimal};
use preinit_testing::random;
use proptest::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

fn costs() -> impl Strategy<Value = HeaderCost> {
    let memories = prop_oneof![Just(0), Just(1), Just(127), Just(128), Just(20_000)];
    (memories, any::<bool>()).prop_map(|(memory, memory64)| HeaderCost { memory, memory64 })
}

/// Up to nine runs, with gaps and lengths around the widths of LEBs, from a base around those of offsets.
fn runs() -> impl Strategy<Value = Vec<Range<u64>>> {
    let base = prop_oneof![
        Just(0u64),
        40u64..80,
        8150u64..8250,
        1_048_500u64..1_048_600,
        Just((1 << 27) - 30),
        Just((1 << 31) - 60),
        Just(u64::from(u32::MAX) - 40_000)
    ];
    let length = prop_oneof![4 => 1u64..8, 2 => 100u64..140, 1 => 16_350u64..16_400];
    let gap = prop_oneof![4 => 1u64..16, 1 => 100u64..140];
    (base, prop::collection::vec((gap, length), 1..9)).prop_map(|(base, steps)| {
        let mut at = base;
        let run = |(gap, length)| {
            let start = at + gap;
            at = start + length;
            start..at
        };
        steps.into_iter().map(run).collect()
    })
}

/// Small memories, mostly zeros.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let stretch = prop_oneof![
        3 => (1usize..200).prop_map(|len| vec![0; len]),
        3 => prop::collection::vec(any::<u8>(), 1..20),
        1 => (1usize..20_000).prop_map(|len| vec![0; len]),
    ];
    prop::collection::vec(stretch, 0..12).prop_map(|stretches| stretches.concat())
}

/// `bytes` at `base`, cut into chunks as a capture might, with the zeros between them left out.
fn image(bytes: &[u8], base: u64, block: usize) -> Image<'_> {
    let chunks = bytes.chunks(block).enumerate();
    let chunk = |(k, bytes)| Chunk { offset: base + (k * block) as u64, bytes: Cow::Borrowed(bytes) };
    Image::new(chunks.map(chunk).filter(|chunk| chunk.bytes.iter().any(|&byte| byte != 0)).collect())
}

fn is_ordered(ranges: &[Range<u64>]) -> bool {
    ranges.iter().all(|range| range.start < range.end)
        && ranges.windows(2).all(|pair| pair[0].end < pair[1].start)
}

/// What fails is kept beside this file and tried first.
fn remembering() -> ProptestConfig {
    let beside = proptest::test_runner::FileFailurePersistence::WithSource("regressions");
    ProptestConfig { failure_persistence: Some(Box::new(beside)), ..ProptestConfig::default() }
}

#[test]
fn segments_of_fuzzed_bytes_are_optimal() {
    (0..200).for_each(|seed| check(&random::bytes(seed, 20)));
}

proptest! {
    #![proptest_config(remembering())]

    #[test]
    fn cheapest_is_optimal(runs in runs(), cost in costs()) {
        is_optimal(&runs, cost);
    }

    /// The fewest segments among the smallest, and each is a union of neighbouring runs.
    #[test]
    fn cheapest_neither_loses_nor_invents(runs in runs(), cost in costs()) {
        let segments = cheapest(&runs, cost);
        prop_assert!(is_ordered(&segments));
        for run in &runs {
            prop_assert!(segments.iter().any(|s| s.start <= run.start && run.end <= s.end), "{:?} lost", run);
        }
        for segment in &segments {
            prop_assert!(runs.iter().any(|run| run.start == segment.start));
            prop_assert!(runs.iter().any(|run| run.end == segment.end));
        }
    }

    #[test]
    fn header_cost_is_what_is_written(start in any::<u64>(), length in 1u64..300, cost in costs()) {
        let start = if cost.memory64 { start >> (start % 60) } else { u64::from(start as u32 >> (start % 30)) };
        let size_width = if length < 128 { 1 } else { 2 };
        prop_assert_eq!(
            cost.bytes(start) + size_width + length,
            encoded_len(&(start..start + length), cost)
        );
    }

    /// What is dropped as negligible between runs costs nothing: planning every single run gives the same size.
    #[test]
    fn runs_of_an_image_lead_to_the_optimum(bytes in contents(), cost in costs(), block in 1usize..5000) {
        let image = image(&bytes, 0, block);
        let runs = nonzero_runs(&image, cost);
        prop_assert!(is_ordered(&runs));
        let single: Vec<Range<u64>> = (0..bytes.len() as u64).filter(|&at| bytes[at as usize] != 0).map(|at| at..at + 1).collect();
        for byte in &single {
            prop_assert!(runs.iter().any(|run| run.contains(&byte.start)));
        }
        for run in &runs {
            prop_assert!(bytes[run.start as usize] != 0 && bytes[run.end as usize - 1] != 0, "{:?} has a border of zeros", run);
        }
        let size = |segments: Vec<Range<u64>>| segments.iter().map(|s| encoded_len(s, cost)).sum::<u64>();
        prop_assert_eq!(size(cheapest(&runs, cost)), size(cheapest(&single, cost)));
    }

    #[test]
    fn difference_is_exact(a in contents(), b in contents(), blocks in (1usize..3000, 1usize..3000), base in prop_oneof![Just(0u64), Just((1 << 20) - 9)]) {
        let len = a.len().max(b.len());
        let at = |bytes: &[u8], k: usize| bytes.get(k).copied().unwrap_or(0);
        let ranges = difference(&image(&a, base, blocks.0), &image(&b, base, blocks.1), base + len as u64);
        prop_assert!(is_ordered(&ranges));
        for k in 0..len {
            let is_inside = ranges.iter().any(|range| range.contains(&(base + k as u64)));
            prop_assert_eq!(is_inside, at(&a, k) != at(&b, k), "byte {}", k);
        }
    }

    #[test]
    fn images_are_equal_whatever_their_chunks(bytes in contents(), blocks in (1usize..3000, 1usize..3000), flip in any::<prop::sample::Index>()) {
        prop_assert_eq!(image(&bytes, 0, blocks.0), image(&bytes, 0, blocks.1));
        if !bytes.is_empty() {
            let mut other = bytes.clone();
            other[flip.index(bytes.len())] ^= 0x10;
            prop_assert_ne!(image(&bytes, 0, blocks.0), image(&other, 0, blocks.1));
        }
    }

    /// Down to the limit, by closing the smallest gaps of all memories, and no byte is lost.
    #[test]
    fn close_gaps_closes_the_smallest(memories in prop::collection::vec(runs(), 1..4), limit in 1usize..30) {
        let before = memories.clone();
        let mut after = memories;
        close_gaps(&mut after, limit);
        let count = |memories: &[Vec<Range<u64>>]| memories.iter().map(Vec::len).sum::<usize>();
        let gaps = |memories: &[Vec<Range<u64>>]| {
            let gap = |pair: &[Range<u64>]| pair[1].start - pair[0].end;
            let mut gaps: Vec<u64> = memories.iter().flat_map(|m| m.windows(2).map(gap)).collect();
            gaps.sort_unstable();
            gaps
        };
        // A memory keeps one segment at least.
        prop_assert_eq!(count(&after), count(&before).min(limit.max(before.len())));
        let closed = count(&before) - count(&after);
        prop_assert_eq!(gaps(&after), gaps(&before)[closed..].to_vec());
        for (before, after) in before.iter().zip(&after) {
            prop_assert!(is_ordered(after));
            for run in before {
                prop_assert!(after.iter().any(|s| s.start <= run.start && run.end <= s.end));
            }
            prop_assert_eq!(before[0].start, after[0].start);
            prop_assert_eq!(before.last().unwrap().end, after.last().unwrap().end);
        }
    }
}

/// A segment's size has 32 bits, and wasm-encoder cannot measure a gigabyte quickly.
#[test]
fn long_runs_are_cut() {
    let cost = HeaderCost { memory: 0, memory64: true };
    let end = 5 << 30;
    let whole = 7..end;
    let segments = cheapest(std::slice::from_ref(&whole), cost);
    assert_eq!((segments[0].start, segments.last().unwrap().end), (7, end));
    assert!(segments.windows(2).all(|pair| pair[0].end == pair[1].start), "{segments:?}");
    assert!(segments.iter().all(|segment| segment.end - segment.start <= u64::from(u32::MAX)));
}
