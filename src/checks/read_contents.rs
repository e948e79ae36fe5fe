//! What init read of a file, in the order of the file.

use super::values::SHORTEST;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

/// What was read of a file or a stream, as far as its parts are known to fit together.
#[derive(Default)]
pub(super) struct ReadParts {
    /// A file that changes has several.
    versions: Vec<Version>,
}

/// Parts by their position, none of which overlap.
#[derive(Default)]
struct Version(BTreeMap<u64, Vec<u8>>);

/// All that was read.
pub(super) struct ReadContent {
    /// The parts, with a line's end where they do not follow each other.
    pub bytes: Vec<u8>,
    runs: Vec<Range<usize>>,
}

impl ReadContent {
    /// Parts that follow each other, without white space around them.
    pub fn runs(&self) -> impl Iterator<Item = &[u8]> {
        self.runs.iter().map(|run| &self.bytes[run.clone()])
    }

    /// The longest of them first, and not very many.
    pub fn longest(&self) -> impl Iterator<Item = &[u8]> {
        const MOST: usize = 16;
        let mut runs: Vec<&[u8]> = self.runs().filter(|run| run.len() >= SHORTEST).collect();
        runs.sort_by_key(|run| Reverse(run.len()));
        runs.into_iter().take(MOST)
    }

    /// Bytes that all of them have.
    pub fn size(&self) -> usize {
        self.runs.iter().map(Range::len).sum()
    }
}

impl ReadParts {
    /// Adds what was read at a position; without one it follows what is there. It may have been read before, also otherwise.
    pub fn add(&mut self, position: Option<u64>, bytes: &[u8]) {
        let start = position.unwrap_or_else(|| self.versions.last().map_or(0, Version::end));
        if !self.versions.last().is_some_and(|version| version.agrees(start, bytes)) {
            self.versions.push(Version::default());
        }
        if let Some(version) = self.versions.last_mut() {
            version.add(start, bytes);
        }
    }

    pub fn joined(self) -> ReadContent {
        let (mut bytes, mut runs) = (Vec::new(), Vec::<Range<usize>>::new());
        for Version(parts) in self.versions {
            let mut end = None;
            for (start, part) in parts {
                if end != Some(start) {
                    bytes.extend((!bytes.is_empty()).then_some(b'\n'));
                    runs.push(bytes.len()..bytes.len());
                }
                end = start.checked_add(part.len() as u64);
                bytes.extend(part);
                if let Some(run) = runs.last_mut() {
                    run.end = bytes.len();
                }
            }
        }
        let trimmed = |run: Range<usize>| {
            let text = bytes[run.clone()].trim_ascii_start();
            let start = run.end - text.len();
            start..start + text.trim_ascii_end().len()
        };
        let runs = runs.into_iter().map(trimmed).filter(|run| !run.is_empty()).collect();
        ReadContent { bytes, runs }
    }
}

impl Version {
    fn end(&self) -> u64 {
        self.0.last_key_value().map_or(0, |(start, part)| start.saturating_add(part.len() as u64))
    }

    /// Whether what was known before is the same.
    fn agrees(&self, start: u64, bytes: &[u8]) -> bool {
        let end = start.saturating_add(bytes.len() as u64);
        let before = self.0.range(..=start).next_back();
        let inside = self.0.range(start..end).filter(|(at, _)| **at != start);
        before.into_iter().chain(inside).all(|(at, part)| {
            // Of both, what is behind the later of their starts.
            let read = bytes.get(distance(start, *at)..).unwrap_or_default();
            let known = part.get(distance(*at, start)..).unwrap_or_default();
            read.iter().zip(known).all(|(read, known)| read == known)
        })
    }

    fn add(&mut self, mut start: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let next = self.0.range(start..).map(|(at, _)| *at).find(|at| *at != start);
            let room = next.map_or(bytes.len(), |next| distance(start, next).min(bytes.len()));
            let (here, behind) = bytes.split_at(room);
            match self.0.range_mut(..=start).next_back() {
                Some((at, part)) if distance(*at, start) <= part.len() => {
                    let known = part.len() - distance(*at, start);
                    part.extend(here.get(known..).unwrap_or_default());
                }
                _ => {
                    self.0.insert(start, here.to_vec());
                }
            }
            start = start.saturating_add(room as u64);
            bytes = behind;
        }
    }
}

/// How far `to` is behind `from`: 0 if it is not.
fn distance(from: u64, to: u64) -> usize {
    usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::ReadParts;

    /// A position and what was read there.
    type Read<'r> = (Option<u64>, &'r str);

    fn runs(reads: &[Read<'_>]) -> Vec<String> {
        let mut parts = ReadParts::default();
        reads.iter().for_each(|(position, text)| parts.add(*position, text.as_bytes()));
        parts.joined().runs().map(|run| String::from_utf8_lossy(run).into_owned()).collect()
    }

    #[test]
    fn parts_are_in_the_order_of_the_file() {
        let cases: [(&[Read<'_>], &[&str]); 12] = [
            (&[(Some(0), "ab"), (Some(2), "cd")], &["abcd"]),
            (&[(Some(2), "cd"), (Some(0), "ab")], &["abcd"]),
            (&[(Some(4), "ef"), (Some(0), "ab"), (Some(2), "cd")], &["abcdef"]),
            (&[(Some(9), "end"), (Some(0), "begin")], &["begin", "end"]),
            (&[(Some(0), "abcd"), (Some(1), "bc")], &["abcd"]),
            (&[(Some(2), "cd"), (Some(0), "abcdef")], &["abcdef"]),
            (&[(Some(1), "b"), (Some(3), "d"), (Some(0), "abcde")], &["abcde"]),
            (&[(Some(2), "cd"), (Some(1), "bcd")], &["bcd"]),
            (&[(None, "ab"), (None, "cd")], &["abcd"]),
            (&[(Some(0), " \n"), (Some(5), " x ")], &["x"]),
            (&[(Some(u64::MAX), "ab"), (Some(u64::MAX), "ab")], &["ab"]),
            (&[(Some(3), "")], &[]),
        ];
        for (reads, expected) in cases {
            assert_eq!(runs(reads), expected, "{reads:?}");
        }
    }

    #[test]
    fn nothing_is_lost_of_a_file_that_changes() {
        assert_eq!(runs(&[(Some(0), "first"), (Some(0), "second")]), ["first", "second"]);
        let reads = [(Some(0), "old"), (Some(3), "er"), (Some(0), "new"), (Some(3), "er")];
        assert_eq!(runs(&reads), ["older", "newer"]);
        assert_eq!(runs(&[(Some(2), "token"), (Some(0), "header")]), ["token", "header"]);
        assert_eq!(runs(&[(Some(4), "x"), (Some(0), "abcdy")]), ["x", "abcdy"]);
    }
}
