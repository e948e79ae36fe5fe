//! The planner of data segments, which is pure, against brute force.

use preinit::stages::segments::{HeaderCost, cheapest};
use std::ops::Range;

/// What a segment really costs in a file: encoded by wasm-encoder and measured.
pub fn encoded_len(segment: &Range<u64>, cost: HeaderCost) -> u64 {
    use wasm_encoder::{ConstExpr, DataSection, DataSegment, DataSegmentMode, Encode};
    let offset = match cost.memory64 {
        true => ConstExpr::i64_const(segment.start as i64),
        false => ConstExpr::i32_const(segment.start as u32 as i32),
    };
    let data = vec![0u8; (segment.end - segment.start) as usize];
    let mode = DataSegmentMode::Active { memory_index: cost.memory, offset: &offset };
    let mut section = DataSection::new();
    section.segment(DataSegment { mode, data });
    let mut out = Vec::new();
    section.encode(&mut out);
    let mut reader = wasmparser::BinaryReader::new(&out, 0);
    reader.read_var_u32().unwrap();
    reader.read_var_u32().unwrap();
    reader.bytes_remaining() as u64
}

/// The size of the best of all ways to cut `runs`.
fn brute_force(runs: &[Range<u64>], cost: HeaderCost) -> u64 {
    let cuts = runs.len().saturating_sub(1);
    let size = |mask: u32| {
        let mut segments: Vec<Range<u64>> = Vec::new();
        for (k, run) in runs.iter().enumerate() {
            match segments.last_mut() {
                Some(last) if mask >> (k - 1) & 1 == 0 => last.end = run.end,
                _ => segments.push(run.clone()),
            }
        }
        segments.iter().map(|segment| encoded_len(segment, cost)).sum()
    };
    (0..1u32 << cuts).map(size).min().unwrap()
}

/// What a fuzzer gives: bytes that say how a memory of zeros and other bytes is laid out, and which memory it is.
pub fn check(bytes: &[u8]) {
    let &[memory, base, ref steps @ ..] = bytes else { return };
    let cost = HeaderCost { memory: u32::from(memory >> 1) * 79, memory64: memory & 1 == 1 };
    let mut at = 1u64 << (base % 31);
    let run = |step: &[u8]| {
        let start = at + 1 + u64::from(step[0]);
        at = start + 1 + u64::from(step[1]) * u64::from(step[1] >> 6).pow(3);
        start..at
    };
    let runs: Vec<Range<u64>> = steps.chunks_exact(2).take(9).map(run).collect();
    is_optimal(&runs, cost);
}

/// Panics if there is a better way to cut `runs`.
pub fn is_optimal(runs: &[Range<u64>], cost: HeaderCost) {
    let segments = cheapest(runs, cost);
    let size: u64 = segments.iter().map(|segment| encoded_len(segment, cost)).sum();
    assert_eq!(size, brute_force(runs, cost), "{segments:?} of {runs:?}, {cost:?}");
}
