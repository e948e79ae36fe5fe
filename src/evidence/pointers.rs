//! Which variable leads to an address in the heap.

use super::contents::Contents;
use super::symbols::{Owner, Symbols};
use super::variable::Variable;
use crate::guest::AddressMap;
use rayon::prelude::*;
use std::collections::BTreeSet;

/// All words of a memory that could be addresses in the heap, by where they point.
pub(super) struct Pointers {
    /// Where the word points, and its own address.
    words: Vec<(u32, u32)>,
}

/// A pointer leads to the beginning of an object, which may be this many bytes before the address that is looked for.
const REACH: u32 = 1024;

/// The longest chain of pointers that is looked for.
const HOPS: usize = 4;

/// Pointers that are followed back from one address.
const WIDTH: usize = 24;

impl Pointers {
    pub fn of(contents: &Contents<'_>, symbols: &Symbols, addresses: &AddressMap, size: u64) -> Pointers {
        let heap = addresses.heap_base..size;
        let mut words = Vec::new();
        for (start, bytes) in contents.words() {
            let found = bytes.chunks_exact(4).enumerate().filter_map(|(index, word)| {
                let word = word.first_chunk().map(|word| u32::from_le_bytes(*word))?;
                let at = u32::try_from(start + 4 * index as u64).ok()?;
                let is_stale = || match symbols.owner(addresses, u64::from(at)) {
                    Owner::FreeStack => true,
                    Owner::Variable(_) => {
                        symbols.variable(u64::from(at)).is_some_and(|variable| !variable.holds_addresses)
                    }
                    _ => false,
                };
                (heap.contains(&u64::from(word)) && !is_stale()).then_some((word, at))
            });
            words.extend(found);
        }
        words.par_sort_unstable();
        Pointers { words }
    }

    /// The variable from which the shortest chain of pointers leads to `address`. Variables of libraries come last.
    pub fn root<'s>(
        &self,
        symbols: &'s Symbols,
        addresses: &AddressMap,
        address: u64,
    ) -> Option<&'s Variable> {
        let mut frontier = vec![u32::try_from(address).ok()?];
        let mut seen = BTreeSet::new();
        // An allocator's variables lead everywhere; the program's own say more.
        let mut library = None;
        for _ in 0..HOPS {
            let mut next = Vec::new();
            for target in frontier {
                for &(_, at) in self.to(target) {
                    match symbols.owner(addresses, u64::from(at)) {
                        Owner::Variable(_) => {
                            let Some(variable) = symbols.variable(u64::from(at)) else {
                                continue;
                            };
                            if !variable.is_library {
                                return Some(variable);
                            }
                            library = library.or(Some(variable));
                        }
                        Owner::Heap if seen.insert(at) => next.push(at),
                        _ => {}
                    }
                }
            }
            frontier = next;
        }
        library
    }

    /// Whether any pointer leads to `address`, or shortly before it.
    pub fn any(&self, address: u64) -> bool {
        u32::try_from(address).is_ok_and(|address| self.to(address).len() > 0)
    }

    /// The pointers that lead to `target`, or shortly before it; the closest first.
    fn to(&self, target: u32) -> impl ExactSizeIterator<Item = &(u32, u32)> {
        let end = self.words.partition_point(|(to, _)| *to <= target);
        let begin = self.words.partition_point(|(to, _)| *to < target.saturating_sub(REACH));
        self.words[begin.max(end.saturating_sub(WIDTH))..end].iter().rev()
    }
}
