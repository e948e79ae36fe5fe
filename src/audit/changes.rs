//! What several variations change together, and what of it is more than a name.

use super::source_codes::Item;
use crate::evidence::{Contents, Difference, joined};
use preinit_core::snapshot::Snapshot;
use std::collections::BTreeSet;

/// Everything that one of the two changes.
pub(super) fn union(left: Vec<Difference>, right: Vec<Difference>) -> Vec<Difference> {
    let is_memory = |difference: &Difference| matches!(difference, Difference::Memory { .. });
    let (mut ranges, others): (Vec<_>, Vec<_>) = left.into_iter().chain(right).partition(is_memory);
    ranges.sort_by_key(|difference| match difference {
        Difference::Memory { memory, range, .. } => (*memory, range.start),
        _ => (0, 0),
    });
    ranges.dedup_by(|next, last| match (next, last) {
        (
            Difference::Memory { memory, range, addresses },
            Difference::Memory { memory: last, range: before, addresses: all },
        ) if memory == last && range.start <= before.end => {
            before.end = before.end.max(range.end);
            *all &= *addresses;
            true
        }
        _ => false,
    });
    let mut known = BTreeSet::new();
    ranges.extend(others.into_iter().filter(|difference| known.insert(Item::of(difference))));
    ranges
}

/// Leaves out where nothing differs but the name of a variable that is called otherwise.
pub(super) fn without_names<'s>(
    changed: Vec<Difference>,
    (first, other): (&'s Snapshot<'s>, &'s Snapshot<'s>),
    renamed: &[(String, String)],
) -> Vec<Difference> {
    /// Bytes that are searched for names, each for all of them. Where more would be, they are left in.
    const MOST: u64 = 1 << 30;
    let Some(longest) = renamed.iter().map(|(name, _)| name.len() as u64).max() else { return changed };
    let work = changed.iter().map(|difference| difference.bytes() + 2 * longest).sum::<u64>();
    if work.saturating_mul(renamed.len() as u64) > MOST {
        return changed;
    }
    let contents = |snapshot: &'s Snapshot<'s>| {
        let memories = snapshot.memories.iter();
        memories.map(|memory| Contents::of(&memory.image)).collect::<Vec<Contents<'s>>>()
    };
    let (first, other) = (contents(first), contents(other));
    let mut found = Vec::new();
    for difference in changed {
        let Difference::Memory { memory, range, addresses } = difference else {
            found.push(difference);
            continue;
        };
        let window = range.start.saturating_sub(longest)..range.end + longest;
        let read = |contents: &[Contents<'_>]| contents[memory as usize].read(window.start, window.end);
        let differing = differing(&read(&first), &read(&other), renamed);
        let differing = differing.into_iter().map(|at| window.start + at).filter(|at| range.contains(at));
        let ranges = joined(differing.map(|at| at..at + 1)).into_iter();
        found.extend(ranges.map(|range| Difference::Memory { memory, range, addresses }));
    }
    found
}

/// Where the two differ, but in names.
fn differing(old: &[u8], new: &[u8], renamed: &[(String, String)]) -> Vec<u64> {
    let mut named = vec![false; old.len()];
    for (name, other) in renamed {
        for at in memchr::memmem::find_iter(old, name) {
            if new[at..].starts_with(other.as_bytes()) {
                named[at..at + name.len()].fill(true);
            }
        }
    }
    let bytes = old.iter().zip(new).zip(named).map(|((old, new), named)| old != new && !named);
    (0u64..).zip(bytes).filter(|(_, differs)| *differs).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Range;

    fn spot(range: Range<u64>) -> Difference {
        Difference::Memory { memory: 0, range, addresses: false }
    }

    #[test]
    fn a_union_has_what_one_of_them_has() {
        let left = vec![spot(10..20), spot(60..70), Difference::Global(1)];
        let right =
            vec![spot(15..30), spot(40..50), spot(50..55), Difference::Global(1), Difference::Global(2)];
        let expected =
            [spot(10..30), spot(40..55), spot(60..70), Difference::Global(1), Difference::Global(2)];
        assert_eq!(union(left, right), expected);
        assert_eq!(union(Vec::new(), vec![spot(1..2)]), [spot(1..2)]);
    }

    #[test]
    fn a_name_differs_where_it_is_another_one_only() {
        let renamed = [("HOME".to_string(), "IPNF".to_string())];
        let at = |old: &str, new: &str| differing(old.as_bytes(), new.as_bytes(), &renamed);
        assert_eq!(at("xHOME=1 HOME", "yIPNF=1 none"), [0, 8, 9, 10, 11]);
        assert!(at("HOME", "IPNF").is_empty());
    }
}
