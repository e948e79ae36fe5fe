//! Values of variables and arguments that are in the snapshot byte for byte, or character for character.

use super::source::{Given, Source};
use super::value_kind::ValueKind;
use crate::evidence::Evidence;
use crate::finding::{Finding, Location, Places};
use crate::guest::StaticBytes;
use crate::wording::listed;
use preinit_core::snapshot::Shape;
use std::cell::LazyCell;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Range;

/// Shorter values are in any memory by chance.
pub(crate) const SHORTEST: usize = 8;

/// If there are more variables of a kind that is not known to be secret, they are one finding.
const SEPARATE: usize = 3;

/// What a search for values has found.
pub(crate) struct ValueSearch {
    pub findings: Vec<Finding>,
    /// Values that are too short to be searched for.
    pub too_short: usize,
    /// What the findings name.
    pub reported: Reported,
}

/// What findings name of values.
#[derive(Default)]
pub(crate) struct Reported {
    /// Where they are.
    pub ranges: FoundRanges,
    /// The environment variables that have them, by their positions.
    pub variables: BTreeSet<usize>,
}

/// A value that is in the snapshot.
struct FoundValue {
    source: Source,
    kind: ValueKind,
    places: Places,
}

/// Where a value is.
pub(crate) enum ValuePlace {
    Memory(u32, Range<u64>),
    /// In an object of this shape.
    Object(Shape),
}

/// Ranges of memories in which values were found: not all, where there are very many.
#[derive(Default)]
pub(crate) struct FoundRanges(Vec<(u32, Range<u64>)>);

impl FoundRanges {
    /// More are not kept.
    const MOST: usize = 1 << 16;

    fn add(&mut self, memory: u32, range: Range<u64>) {
        let has_room = self.0.len() < Self::MOST;
        match self.0.last_mut() {
            Some((last, before)) if *last == memory && before.end == range.start => before.end = range.end,
            _ if has_room => self.0.push((memory, range)),
            _ => {}
        }
    }

    /// Sorts them, so that no range lies in one before it.
    fn sort(&mut self) {
        self.0.sort_unstable_by_key(|(memory, range)| (*memory, range.start, Reverse(range.end)));
        self.0.dedup_by(|(memory, range), (other, before)| memory == other && range.end <= before.end);
    }

    /// Whether one of them covers `range`.
    pub fn cover(&self, memory: u32, range: &Range<u64>) -> bool {
        let after = self.0.partition_point(|(other, found)| (*other, found.start) <= (memory, range.start));
        let last = after.checked_sub(1).map(|index| &self.0[index]);
        last.is_some_and(|(other, found)| *other == memory && range.end <= found.end)
    }
}

impl ValueSearch {
    /// Searches for all values that init has fetched. `depends` says whether what is in a place may depend on a source;
    /// what does not is the same bytes by chance.
    pub fn run(
        evidence: &Evidence<'_>,
        given: Given<'_>,
        depends: impl Fn(Source, &ValuePlace) -> bool,
    ) -> ValueSearch {
        let mut found = Vec::new();
        let mut ranges = FoundRanges::default();
        let mut too_short = 0;
        let input = LazyCell::new(|| StaticBytes::of(evidence.module));
        for source in Source::fetched(given, evidence.ledger) {
            let Some((value, kind)) = value(source, given) else { continue };
            if value.len() < SHORTEST {
                too_short += usize::from(!value.is_empty());
                continue;
            }
            let mut places = Places::default();
            for (memory, range) in occurrences(evidence, value.as_bytes()) {
                // What is the input's own is not of the build.
                if depends(source, &ValuePlace::Memory(memory, range.clone()))
                    && !input.holds((memory, range.start), value.as_bytes())
                {
                    places.add(|| evidence.location(memory, range.start, range.end - range.start));
                    ranges.add(memory, range);
                }
            }
            evidence.each_object_with(value.as_bytes(), |object| {
                let shape = evidence.snapshot.heap.object(object).shape;
                if depends(source, &ValuePlace::Object(shape)) {
                    places.add(|| evidence.object(object));
                }
            });
            if places.count > 0 {
                found.push(FoundValue { source, kind, places });
            }
        }
        found.sort_by_key(|found| found.kind);
        ranges.sort();
        let mut findings = Vec::new();
        for of_kind in found.chunk_by(|left, right| left.kind == right.kind) {
            let is_separate = match of_kind[0].kind {
                ValueKind::Secret | ValueKind::Argument => true,
                ValueKind::Variable => of_kind.len() <= SEPARATE,
                ValueKind::Machine => of_kind.len() == 1,
            };
            match is_separate {
                true => findings.extend(of_kind.iter().map(|found| one(evidence, given, found))),
                false => findings.push(several(evidence, given, of_kind)),
            }
        }
        let variables = found.iter().filter_map(|found| found.source.variable()).collect();
        ValueSearch { findings, too_short, reported: Reported { ranges, variables } }
    }
}

fn value<'g>(source: Source, Given { wasi, .. }: Given<'g>) -> Option<(&'g str, ValueKind)> {
    match source {
        Source::Variable(index) => {
            let (name, value) = wasi.env.get(index)?;
            Some((value, ValueKind::of_variable(name, value)))
        }
        Source::Argument(index) => Some((wasi.args.get(index)?, ValueKind::Argument)),
        Source::Random
        | Source::RandomBits
        | Source::Clock
        | Source::Presence(_)
        | Source::Stdin
        | Source::Stub(_) => None,
    }
}

/// Where `value` is.
fn occurrences<'e>(evidence: &'e Evidence<'_>, value: &'e [u8]) -> impl Iterator<Item = (u32, Range<u64>)> {
    let len = value.len() as u64;
    (0u32..).zip(&evidence.contents).flat_map(move |(memory, contents)| {
        contents.find(value).map(move |address| (memory, address..address + len))
    })
}

fn one(evidence: &Evidence<'_>, given: Given<'_>, found: &FoundValue) -> Finding {
    let times = match found.places.count {
        1 => String::new(),
        times => format!(", {times} times"),
    };
    let first = found.places.first.first().map(Location::within).unwrap_or_default();
    let title = format!("the value of {} is in the output {first}{times}", found.source.describe(given));
    finding((evidence, given), found, title, found.places.clone())
}

fn several(evidence: &Evidence<'_>, given: Given<'_>, found: &[FoundValue]) -> Finding {
    const SHOWN: usize = 8;
    let names: Vec<String> = found.iter().map(|found| found.source.name(given)).collect();
    let what = if found[0].kind == ValueKind::Machine { " that describe the build machine" } else { "" };
    let title = format!(
        "the values of {} environment variables{what} are in the output: {}",
        found.len(),
        listed(&names, SHOWN)
    );
    let mut places = Places::default();
    for (found, name) in found.iter().zip(&names) {
        let named = |location: &Location| Location { what: name.clone(), ..location.clone() };
        let first = found.places.first.iter().map(named).collect();
        places.append(Places { first, count: found.places.count });
    }
    finding((evidence, given), &found[0], title, places)
}

fn finding(
    (evidence, given): (&Evidence<'_>, Given<'_>),
    found: &FoundValue,
    title: String,
    places: Places,
) -> Finding {
    Finding::new(found.kind.level(), format!("secret.{}", found.source.key()), title)
        .at_places(places)
        .by(evidence.sites(|descriptors, entry| found.source.is_fetched_by(given, descriptors, entry)))
        .advise(found.kind.remedy())
}

#[cfg(test)]
mod tests {
    use super::FoundRanges;

    #[test]
    fn ranges_are_joined_and_bounded() {
        let mut ranges = FoundRanges::default();
        for at in (0..4096).rev() {
            ranges.add(1, at * 8..at * 8 + 8);
        }
        for at in 0..1 << 20 {
            ranges.add(0, at * 8..at * 8 + 8);
        }
        assert_eq!(ranges.0.len(), 4097);
        for at in 0..1 << 20 {
            ranges.add(2, at * 9..at * 9 + 8);
        }
        assert_eq!(ranges.0.len(), FoundRanges::MOST);
        ranges.add(0, 100..9 << 20);
        ranges.sort();
        assert!(ranges.cover(0, &(1000..1 << 23)) && !ranges.cover(0, &(1000..(1 << 23) + 1)));
        assert!(
            ranges.cover(1, &(8..16)) && !ranges.cover(1, &(8..17)) && !ranges.cover(1, &(40_000..40_001))
        );
        assert!(ranges.cover(2, &(9..17)) && !ranges.cover(2, &(8..9)) && !ranges.cover(3, &(0..1)));
    }

    #[test]
    fn a_range_in_another_one_hides_nothing() {
        let mut ranges = FoundRanges::default();
        [10..50, 20..30, 25..60, 10..20].into_iter().for_each(|range| ranges.add(0, range));
        ranges.sort();
        assert!(ranges.cover(0, &(12..50)) && ranges.cover(0, &(31..45)) && ranges.cover(0, &(30..60)));
        assert!(!ranges.cover(0, &(12..60)) && !ranges.cover(0, &(9..12)));
    }
}
