//! Where the generator's choices come from.

use std::collections::VecDeque;

/// A fuzzer's bytes while there are any, then a generator.
pub struct Choices {
    pub bytes: VecDeque<u8>,
    pub state: u64,
}

impl Choices {
    pub fn next(&mut self) -> u64 {
        if let Some(low) = self.bytes.pop_front() {
            return u64::from(low) | u64::from(self.bytes.pop_front().unwrap_or(0)) << 8;
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn choose<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}
