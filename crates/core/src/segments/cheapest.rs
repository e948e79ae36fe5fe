use super::{HeaderCost, cut_long};
use crate::parallel;
use std::collections::VecDeque;
use std::ops::Range;

/// Cuts `runs` into the segments that make the file smallest, and among those into the fewest.
///
/// A gap that is longer than any header is a boundary in every best encoding, so what lies between two of them is
/// planned by itself. Where there is none among very many runs, which only a pattern has, there is one all the same.
pub fn cheapest(runs: &[Range<u64>], cost: HeaderCost) -> Vec<Range<u64>> {
    cheapest_of(runs.to_vec(), cost)
}

/// The same, in the place of the list: that can be as large as the memory that it is of.
pub(crate) fn cheapest_of(runs: Vec<Range<u64>>, cost: HeaderCost) -> Vec<Range<u64>> {
    /// Batches that are planned before the next are.
    const AT_ONCE: usize = 64;
    let mut runs = cut_long(runs);
    let (mut planned, mut start) = (0, 0);
    while start < runs.len() {
        let mut batches = Vec::new();
        while batches.len() < AT_ONCE && start < runs.len() {
            let end = batch_end(&runs, start, cost);
            batches.push(start..end);
            start = end;
        }
        let segments =
            parallel::map_with(batches, Program::default, |program, batch| program.plan(&runs[batch], cost));
        // There are no more of them than runs.
        for segment in segments.into_iter().flatten() {
            runs[planned] = segment;
            planned += 1;
        }
    }
    runs.truncate(planned);
    runs.shrink_to_fit();
    runs
}

/// Where the runs end that are planned by one thread. The result does not depend on the number of threads.
fn batch_end(runs: &[Range<u64>], start: usize, cost: HeaderCost) -> usize {
    /// No fewer than these, and no more than so many.
    const RUNS: Range<usize> = 1 << 14..1 << 16;
    let mut ends = (start + RUNS.start..runs.len()).take(RUNS.end - RUNS.start);
    let last = runs.len().min(start + RUNS.end);
    ends.find(|&end| parts(&runs[end - 1], &runs[end], cost)).unwrap_or(last)
}

/// Whether the gap between two runs is a boundary in every best encoding.
fn parts(before: &Range<u64>, next: &Range<u64>, cost: HeaderCost) -> bool {
    /// A segment's size takes at most so many bytes.
    const MAX_SIZE_WIDTH: u64 = 5;
    next.start - before.end > cost.bytes(next.start) + MAX_SIZE_WIDTH
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
    /// The segments for `runs`.
    fn plan(&mut self, runs: &[Range<u64>], cost: HeaderCost) -> Vec<Range<u64>> {
        let mut segments = Vec::new();
        for group in runs.chunk_by(|before, next| !parts(before, next, cost)) {
            match group {
                [only] => segments.push(only.clone()),
                several => self.cheapest(several, cost, &mut segments),
            }
        }
        segments
    }

    /// Largest size that a LEB of 1, 2, 3, 4, 5 bytes can say, the last cut to what a segment may be.
    const CAPACITY: [u64; 5] =
        [(1 << 7) - 1, (1 << 14) - 1, (1 << 21) - 1, (1 << 28) - 1, super::MAX_SEGMENT_LENGTH];

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
