//! Which variable leads to a place in the heap.

use super::bytes::Contents;
use super::layout::Layout;
use super::symbols::{Owner, Symbols};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// All words of a memory that could be addresses in the heap, by what they point to.
pub(super) struct Pointers {
    /// Target and place.
    words: Vec<(u32, u32)>,
}

/// A pointer to something may lead this far before it: to the beginning of an object.
const REACH: u32 = 1024;
const HOPS: usize = 4;
/// Pointers that are followed back from one place.
const WIDTH: usize = 24;

impl Pointers {
    pub fn of(contents: &Contents<'_>, symbols: &Symbols, layout: &Layout, size: u64) -> Pointers {
        let heap = layout.heap_base..size;
        let mut words = Vec::new();
        for (start, bytes) in contents.words() {
            let found = bytes.chunks_exact(4).enumerate().filter_map(|(index, word)| {
                let word = word.first_chunk().map(|word| u32::from_le_bytes(*word))?;
                let place = u32::try_from(start + 4 * index as u64).ok()?;
                let is_stale = || match symbols.owner(layout, u64::from(place)) {
                    Owner::FreeStack => true,
                    Owner::Variable(_) => {
                        symbols.variable(u64::from(place)).is_some_and(|variable| !variable.points)
                    }
                    _ => false,
                };
                (heap.contains(&u64::from(word)) && !is_stale()).then_some((word, place))
            });
            words.extend(found);
        }
        words.par_sort_unstable();
        Pointers { words }
    }

    /// The variable from which a chain of pointers leads to `address`, with the fewest links, and whether it is one of a
    /// library: those come last.
    pub fn root(&self, symbols: &Symbols, layout: &Layout, address: u64) -> Option<(String, bool)> {
        let mut frontier = vec![u32::try_from(address).ok()?];
        let mut seen = BTreeSet::new();
        // Allocators and the like point at everything: the program's own variables tell more.
        let mut library = None;
        for _ in 0..HOPS {
            let mut next = Vec::new();
            for target in frontier {
                for &(_, place) in self.to(target) {
                    let place_owner = symbols.owner(layout, u64::from(place));
                    match place_owner {
                        Owner::Variable(_) => {
                            let Some(variable) = symbols.variable(u64::from(place)) else {
                                continue;
                            };
                            if !variable.library {
                                return Some((variable.name.clone(), false));
                            }
                            library = library.or(Some((variable.name.clone(), true)));
                        }
                        Owner::Heap if seen.insert(place) => next.push(place),
                        _ => {}
                    }
                }
            }
            frontier = next;
        }
        library
    }

    /// Whether any pointer leads to `address`, or closely before it.
    pub fn any(&self, address: u64) -> bool {
        u32::try_from(address).is_ok_and(|address| self.to(address).len() > 0)
    }

    /// The pointers that lead closest before `target`.
    fn to(&self, target: u32) -> impl ExactSizeIterator<Item = &(u32, u32)> {
        let end = self.words.partition_point(|(to, _)| *to <= target);
        let begin = self.words.partition_point(|(to, _)| *to < target.saturating_sub(REACH));
        self.words[begin.max(end.saturating_sub(WIDTH))..end].iter().rev()
    }
}
