//! Free memory taken, zeroed and given back until nothing changes, and what shows that it was free and still is.

use super::not_scrubbed::NotScrubbed;
use super::scrub_guest::{Block, Checkpoint, Guest};
use std::collections::HashSet;
use std::ops::Range;

/// The smallest block that is asked for.
const SMALLEST: u64 = 16;
/// The largest one: half of what addresses of 32 bits reach.
const LARGEST: u64 = 1 << 31;
/// More blocks than this are not collected.
const MOST_BLOCKS: usize = 1 << 22;
/// How often free memory is taken and given back until nothing changes any more.
const ROUNDS: usize = 6;
/// Words that may change each time at other places: an allocator counts something.
const RESTLESS_WORDS: usize = 8;
/// More places than this are not collected.
const MOST_PLACES: usize = 1 << 20;
/// What stands between two blocks at most.
const SEAM: u64 = 32;
/// Words outside of what is free that may change: lists and maps of what is free.
const OWN_WORDS: usize = 512;
/// Into which blocks free memory has to be divisible at the end; from which size on blocks are divided; and how much has to be left of
/// them, in eighths: before each block stand a few words.
const CUTS: [(u64, u64, u64); 3] = [(4096, 8192, 6), (64, 128, 6), (16, 32, 3)];

/// What was done.
#[derive(Default)]
pub(super) struct Scrubbed {
    /// Bytes in the blocks of the last round.
    pub zeroed: u64,
    /// How many more they were in the first one.
    pub lost: u64,
    /// Words that have changed outside of all blocks.
    pub changed_words: u64,
}

pub(super) struct Rounds<'r, 'g> {
    guest: &'r mut Guest<'g>,
    /// Where variables are, and nothing can be free.
    taken: Vec<Range<u64>>,
    /// What the first round was given, with the seams between.
    free: Option<Vec<Range<u64>>>,
}

impl<'r, 'g> Rounds<'r, 'g> {
    pub fn new(guest: &'r mut Guest<'g>, taken: Vec<Range<u64>>) -> Self {
        Rounds { guest, taken, free: None }
    }

    /// Takes and gives back until nothing changes. `start` is what is there now.
    pub fn run(&mut self, start: &Checkpoint) -> Result<Scrubbed, NotScrubbed> {
        let cuts = self.cuts()?;
        let blocks = self.round()?;
        self.free = Some(joined(&blocks));
        let (blocks, first) = self.settle(blocks.len() as u64, sum(&blocks))?;
        self.check_cuts(&blocks, &cuts)?;
        let changed = self.changed_elsewhere(start);
        if changed > OWN_WORDS {
            return Err(NotScrubbed::Elsewhere(changed));
        }
        let zeroed = sum(&blocks);
        Ok(Scrubbed { zeroed, lost: first.saturating_sub(zeroed), changed_words: changed as u64 })
    }

    /// Further rounds, after a first one of `count` blocks with `first` bytes. The blocks of the last one, and `first`.
    fn settle(&mut self, count: u64, first: u64) -> Result<(Vec<Block>, u64), NotScrubbed> {
        let mut places = HashSet::new();
        let mut more = 0;
        let mut before = Vec::new();
        for _ in 0..ROUNDS {
            before.clear();
            before.extend_from_slice(self.guest.memory());
            let blocks = self.round()?;
            let again = sum(&blocks);
            // Another cut into blocks leaves a little more, or less.
            if again + SEAM * count.max(blocks.len() as u64) < first {
                return Err(NotScrubbed::Keeps { first, again });
            }
            // Lists of what is free may go round, in the same places.
            more = 0;
            for place in changed_words(&before, self.guest.memory()) {
                more += usize::from(places.insert(place));
                if places.len() > MOST_PLACES {
                    return Err(NotScrubbed::Restless(more));
                }
            }
            if more <= RESTLESS_WORDS {
                return Ok((blocks, first));
            }
        }
        Err(NotScrubbed::Restless(more))
    }

    /// Takes all that is free, zeroes it, and gives it back.
    fn round(&mut self) -> Result<Vec<Block>, NotScrubbed> {
        let blocks = self.take_all()?;
        self.check(&blocks)?;
        for block in &blocks {
            self.guest.zero(block);
        }
        for block in blocks.iter().rev() {
            self.guest.free(block)?;
        }
        Ok(blocks)
    }

    /// From large to small, until there is nothing left.
    fn take_all(&mut self) -> Result<Vec<Block>, NotScrubbed> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut checkpoint = self.guest.checkpoint(Vec::new());
        let mut size = (checkpoint.memory.len() as u64).clamp(SMALLEST, LARGEST).next_power_of_two() / 2;
        while size >= SMALLEST && blocks.len() < MOST_BLOCKS {
            let of_larger = blocks.len();
            self.take(size, &mut blocks)?;
            self.undo_failure(&checkpoint, &blocks[of_larger..])?;
            if blocks.len() > of_larger {
                checkpoint = self.guest.checkpoint(checkpoint.memory);
            }
            size /= 2;
        }
        Ok(blocks)
    }

    /// Takes blocks of this size until there are none.
    fn take(&mut self, size: u64, blocks: &mut Vec<Block>) -> Result<(), NotScrubbed> {
        self.guest.check_time()?;
        while blocks.len() < MOST_BLOCKS {
            match self.guest.allocate(size)? {
                Some(block) => blocks.push(block),
                None => break,
            }
        }
        Ok(())
    }

    /// Goes back to where the last attempt had not failed yet: to `checkpoint`, and the allocations since then.
    fn undo_failure(&mut self, checkpoint: &Checkpoint, since: &[Block]) -> Result<(), NotScrubbed> {
        self.guest.restore(checkpoint)?;
        for block in since {
            if self.guest.allocate(block.size)?.as_ref() != Some(block) {
                return Err(NotScrubbed::Moody);
            }
        }
        Ok(())
    }

    /// How many bytes can be had in blocks of one size each. Afterwards all is as it was.
    fn cuts(&mut self) -> Result<Vec<u64>, NotScrubbed> {
        let checkpoint = self.guest.checkpoint(Vec::new());
        let mut bytes = Vec::new();
        for (size, ..) in CUTS {
            let mut blocks = Vec::new();
            self.take(size, &mut blocks)?;
            self.guest.restore(&checkpoint)?;
            self.check(&blocks)?;
            bytes.push(sum(&blocks));
        }
        Ok(bytes)
    }

    /// Checks that what is free, `blocks`, can be had in blocks of other sizes, too, and no less than `before`.
    fn check_cuts(&mut self, blocks: &[Block], before: &[u64]) -> Result<(), NotScrubbed> {
        let after = self.cuts()?;
        for (((size, from, eighths), before), allocated) in CUTS.into_iter().zip(before).zip(after) {
            let most = MOST_BLOCKS as u64 * size;
            let free = sum(blocks.iter().filter(|block| block.size >= from)).min(most);
            if allocated < free / 8 * eighths {
                return Err(NotScrubbed::Cut { free, allocated, size });
            }
            if allocated + before / 16 + 2 * size < *before {
                return Err(NotScrubbed::Cut { free: *before, allocated, size });
            }
        }
        Ok(())
    }

    /// Checks that blocks lie in memory, apart from each other and from variables, and later in what was free first.
    fn check(&self, blocks: &[Block]) -> Result<(), NotScrubbed> {
        let in_use = |block: &Block, what| {
            let Block { address, size } = *block;
            NotScrubbed::InUse { address, size, what }
        };
        let mut sorted: Vec<&Block> = blocks.iter().collect();
        sorted.sort_by_key(|block| block.address);
        let end = self.guest.memory().len() as u64;
        if let Some(block) = sorted.iter().find(|block| block.range().end > end || block.address % 4 != 0) {
            return Err(in_use(block, "no block can be"));
        }
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0].range().end > pair[1].address) {
            return Err(in_use(pair[1], "another block is"));
        }
        let overlaps = |block: &&&Block| {
            let block = block.range();
            self.taken.iter().any(|taken| taken.start < block.end && block.start < taken.end)
        };
        if let Some(block) = sorted.iter().find(overlaps) {
            return Err(in_use(block, "variables are"));
        }
        let Some(free) = &self.free else { return Ok(()) };
        let is_outside = |block: &&&Block| {
            let before = free.partition_point(|range| range.start <= block.address);
            before.checked_sub(1).is_none_or(|index| free[index].end < block.range().end)
        };
        match sorted.iter().find(is_outside) {
            Some(block) => Err(NotScrubbed::FreesMore { address: block.address, size: block.size }),
            None => Ok(()),
        }
    }

    /// How many words are others than at the start, but for what is free, and the seams around it.
    fn changed_elsewhere(&self, start: &Checkpoint) -> usize {
        let mut free = self.free.iter().flatten().peekable();
        let changed = changed_words(&start.memory, self.guest.memory());
        let is_elsewhere = |place: &usize| {
            let address = *place as u64 * 4;
            while free.next_if(|range| range.end + SEAM <= address).is_some() {}
            free.peek().is_none_or(|range| address < range.start.saturating_sub(SEAM))
        };
        changed.filter(is_elsewhere).count()
    }
}

fn sum<'b>(blocks: impl IntoIterator<Item = &'b Block>) -> u64 {
    blocks.into_iter().map(|block| block.size).sum()
}

/// Where blocks are, which do not overlap, with the seams between them.
fn joined(blocks: &[Block]) -> Vec<Range<u64>> {
    let mut sorted: Vec<Range<u64>> = blocks.iter().map(Block::range).collect();
    sorted.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start - last.end <= SEAM => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}

/// The words that differ, by their numbers.
fn changed_words<'b>(before: &'b [u8], after: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
    let words = before.chunks(4).zip(after.chunks(4)).enumerate();
    words.filter(|(_, (before, after))| before != after).map(|(place, _)| place)
}
