use super::{HeaderCost, MAX_SEGMENT_LENGTH, cut_long};
use crate::parallel;
use std::collections::VecDeque;
use std::ops::Range;

/// Cuts `runs` into the segments that make the file smallest, and among those into the fewest.
///
/// A gap that is longer than any header is a boundary in every best encoding, so what lies between two of them is
/// planned by itself.
pub fn cheapest(runs: &[Range<u64>], cost: HeaderCost) -> Vec<Range<u64>> {
    /// A segment's size takes at most so many bytes.
    const MAX_SIZE_WIDTH: u64 = 5;
    /// Runs that are planned by one thread; groups are not cut, so that the result does not depend on this.
    const BATCH: usize = 1 << 14;
    let runs = cut_long(runs);
    let parts_here =
        |pair: &[Range<u64>]| pair[1].start - pair[0].end > cost.bytes(pair[1].start) + MAX_SIZE_WIDTH;
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for k in 1..runs.len() {
        if parts_here(&runs[k - 1..=k]) {
            groups.push(start..k);
            start = k;
        }
    }
    groups.push(start..runs.len());
    let batches: Vec<&[Range<usize>]> = groups.chunks(BATCH).collect();
    let planned = parallel::map(batches, |batch| {
        let mut segments = Vec::new();
        let mut program = Program::default();
        for group in batch {
            match &runs[group.clone()] {
                [only] => segments.push(only.clone()),
                several => program.cheapest(several, cost, &mut segments),
            }
        }
        segments
    });
    planned.concat()
}

/// A dynamic program over the runs: the cheapest encoding of the first `i` runs ends with one segment over runs
/// `j..i`. For each width of the size LEB the admissible `j` are a window that only moves forward, so the minimum over
/// it is kept in a monotone queue and the whole takes time linear in the number of runs.
///
/// Most groups are short, so its memory is used for all of them.
#[derive(Default)]
struct Program {
    /// Bytes and segments of the best encoding of the first i runs.
    best: Vec<(i64, usize)>,
    /// Where its last segment begins.
    begins: Vec<usize>,
    windows: [VecDeque<(i64, usize, usize)>; Self::CAPACITY.len()],
}

impl Program {
    /// Largest size that a LEB of 1, 2, 3, 4, 5 bytes can say, the last cut to what a segment may be.
    const CAPACITY: [u64; 5] =
        [(1 << 7) - 1, (1 << 14) - 1, (1 << 21) - 1, (1 << 28) - 1, MAX_SEGMENT_LENGTH];

    fn cheapest(&mut self, runs: &[Range<u64>], cost: HeaderCost, segments: &mut Vec<Range<u64>>) {
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return };
        // Wider sizes than that of the whole are of no use.
        let span = last.end - first.start;
        let capacities = Self::CAPACITY;
        let widths =
            capacities.iter().position(|&capacity| span <= capacity).map_or(capacities.len(), |at| at + 1);
        self.windows.iter_mut().for_each(VecDeque::clear);
        self.begins.clear();
        self.best.clear();
        self.best.push((0, 0));
        for (i, run) in runs.iter().enumerate() {
            let (bytes, count) = self.best[i];
            let key = bytes + cost.bytes(run.start) as i64 - run.start as i64;
            let mut chosen: Option<(i64, usize, usize)> = None;
            for (width, window) in (1i64..).zip(&mut self.windows[..widths]) {
                while window.back().is_some_and(|&(k, s, _)| (k, s) > (key, count)) {
                    window.pop_back();
                }
                window.push_back((key, count, i));
                let capacity = capacities[width as usize - 1];
                while window.front().is_some_and(|&(_, _, j)| run.end - runs[j].start > capacity) {
                    window.pop_front();
                }
                if let Some(&(key, count, j)) = window.front() {
                    let candidate = (key + width + run.end as i64, count + 1, j);
                    chosen = Some(chosen.map_or(candidate, |chosen| chosen.min(candidate)));
                }
            }
            // A run alone always fits the widest window, so something was chosen.
            let (bytes, count, begin) = chosen.unwrap_or((bytes, count, i));
            self.best.push((bytes, count));
            self.begins.push(begin);
        }
        let planned = segments.len();
        let mut end = runs.len();
        while end > 0 {
            let begin = self.begins[end - 1];
            segments.push(runs[begin].start..runs[end - 1].end);
            end = begin;
        }
        segments[planned..].reverse();
    }
}
