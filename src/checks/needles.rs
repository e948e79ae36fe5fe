//! Many texts, looked for in one pass.

use std::collections::HashMap;
use std::ops::Range;

/// Shorter texts are not looked for: the first bytes of each are what finds it.
pub(super) const HEAD: usize = 8;

/// Longer texts are not compared to their end.
pub(super) const LONGEST: usize = 1024;

/// Texts that are looked for.
pub(super) struct Needles<'t> {
    /// In order, each once.
    texts: Vec<&'t [u8]>,
    /// Of each, the longest other one that it begins with.
    within: Vec<Option<u32>>,
    /// Those that begin with the same bytes.
    groups: HashMap<[u8; HEAD], Range<u32>>,
    /// The slots of all groups, as bits.
    filter: Vec<u64>,
    /// How many texts may still be compared. A memory full of what the texts begin with takes no more than that.
    left: u64,
}

impl<'t> Needles<'t> {
    const COMPARED: u64 = 1 << 26;

    /// Takes texts in order, each once. Those of fewer than [`HEAD`] bytes are not looked for.
    pub fn of(texts: Vec<&'t [u8]>) -> Needles<'t> {
        let mut groups: HashMap<[u8; HEAD], Range<u32>> = HashMap::new();
        let mut filter = vec![0; 1 << (SLOTS - 6)];
        let mut within = Vec::with_capacity(texts.len());
        let mut open: Vec<u32> = Vec::new();
        for (index, text) in (0u32..).zip(&texts) {
            if let Some(head) = text.first_chunk::<HEAD>() {
                groups.entry(*head).or_insert(index..index).end = index + 1;
                filter[slot(head) / 64] |= 1u64 << (slot(head) % 64);
            }
            while open.last().is_some_and(|other| !text.starts_with(texts[*other as usize])) {
                open.pop();
            }
            within.push(open.last().copied());
            open.push(index);
        }
        Needles { texts, within, groups, filter, left: Self::COMPARED }
    }

    /// Tells of each text in `bytes` its index and where it is. Whether that are all.
    pub fn search(&mut self, bytes: &[u8], mut found: impl FnMut(usize, usize)) -> bool {
        if self.texts.is_empty() {
            return true;
        }
        for (at, head) in bytes.array_windows::<HEAD>().enumerate() {
            if self.filter[slot(head) / 64] >> (slot(head) % 64) & 1 == 0 {
                continue;
            }
            let Some(group) = self.groups.get(head) else { continue };
            let here = &bytes[at..];
            let here = &here[..here.len().min(LONGEST)];
            let texts = &self.texts[group.start as usize..group.end as usize];
            // All that `here` begins with are before it, and the last of those before it begins with them.
            let before = texts.partition_point(|text| *text <= here);
            let mut next = before.checked_sub(1).map(|last| group.start + last as u32);
            while let Some(index) = next {
                let Some(left) = self.left.checked_sub(1) else { return false };
                self.left = left;
                if here.starts_with(self.texts[index as usize]) {
                    found(index as usize, at);
                }
                next = self.within[index as usize];
            }
        }
        true
    }
}

/// The filter has two to this power slots.
const SLOTS: u32 = 20;

/// A number that is the same for equal heads.
fn slot(head: &[u8; HEAD]) -> usize {
    (u64::from_le_bytes(*head).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SLOTS)) as usize
}

#[cfg(test)]
mod tests {
    use super::Needles;

    fn found(texts: &[&str], bytes: &[u8]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let texts = texts.iter().map(|text| text.as_bytes()).collect();
        assert!(Needles::of(texts).search(bytes, |index, at| found.push((index, at))));
        found
    }

    #[test]
    fn every_text_is_found_wherever_it_is() {
        let texts =
            ["aaaaaaaa", "aaaaaaaaa", "aaaaaaaab", "aaaaaaaabc", "bcdefghi", "bcdefghijk", "bcdefghix"];
        assert_eq!(
            found(&texts, b"aaaaaaaaaabcdefghijk"),
            [(1, 0), (0, 0), (1, 1), (0, 1), (3, 2), (2, 2), (0, 2), (5, 10), (4, 10)]
        );
        assert_eq!(found(&texts, b"bcdefgh"), []);
        assert_eq!(found(&texts, b".bcdefghi"), [(4, 1)]);
        assert_eq!(found(&[], b"bcdefghi"), []);
    }

    #[test]
    fn a_memory_full_of_beginnings_is_given_up() {
        let texts: Vec<Vec<u8>> = (8..1000).map(|length| vec![b'a'; length]).collect();
        let mut needles = Needles::of(texts.iter().map(|text| &**text).collect());
        let mut times = 0;
        assert!(needles.search(&[b'a'; 1000], |_, _| times += 1));
        assert_eq!(times, (8..1000).map(|length| 1001 - length).sum::<usize>());
        needles.left = 1 << 16;
        assert!(!needles.search(&[b'a'; 1 << 10], |_, _| ()));
    }
}
