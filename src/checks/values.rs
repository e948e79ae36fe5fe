//! Values of variables and arguments that are in the snapshot byte for byte.

use super::source::{Given, Source};
use super::value_kind::ValueKind;
use crate::evidence::Evidence;
use crate::finding::{Finding, Location};
use crate::guest::{is_static, static_data};
use crate::wording::listed;
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
    /// All locations of values.
    pub locations: Vec<Location>,
}

/// A value that is in the snapshot.
struct FoundValue {
    source: Source,
    kind: ValueKind,
    locations: Vec<Location>,
}

impl ValueSearch {
    /// Searches for all values that init has fetched. `depends` says whether a range of a memory may depend on a source;
    /// what does not is the same bytes by chance.
    pub fn run(
        evidence: &Evidence<'_>,
        given: Given<'_>,
        depends: impl Fn(Source, u32, Range<u64>) -> bool,
    ) -> ValueSearch {
        let mut found = Vec::new();
        let mut too_short = 0;
        for source in Source::fetched(given, evidence.ledger) {
            let Some((value, kind)) = value(source, given) else { continue };
            if value.len() < SHORTEST {
                too_short += usize::from(!value.is_empty());
                continue;
            }
            let locations =
                occurrences(evidence, value.as_bytes(), |memory, range| depends(source, memory, range));
            if !locations.is_empty() {
                found.push(FoundValue { source, kind, locations });
            }
        }
        found.sort_by_key(|found| found.kind);
        let locations = found.iter().flat_map(|found| found.locations.iter().cloned()).collect();
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
        ValueSearch { findings, too_short, locations }
    }
}

fn value<'g>(source: Source, Given { wasi, .. }: Given<'g>) -> Option<(&'g str, ValueKind)> {
    match source {
        Source::Variable(index) => {
            let (name, value) = wasi.env.get(index)?;
            Some((value, ValueKind::of_variable(name, value)))
        }
        Source::Argument(index) => Some((wasi.args.get(index)?, ValueKind::Argument)),
        Source::Random | Source::Clock | Source::Stdin | Source::Stub(_) => None,
    }
}

/// Where `value` is, without the input's own data.
fn occurrences(
    evidence: &Evidence<'_>,
    value: &[u8],
    depends: impl Fn(u32, Range<u64>) -> bool,
) -> Vec<Location> {
    let input = static_data(evidence.module);
    let mut locations = Vec::new();
    for (memory, contents) in (0u32..).zip(&evidence.contents) {
        for address in contents.find(value) {
            let len = value.len() as u64;
            if depends(memory, address..address + len)
                && !is_static(evidence.module, &input, (memory, address), value)
            {
                locations.push(evidence.location(memory, address, len));
            }
        }
    }
    locations
}

fn one(evidence: &Evidence<'_>, given: Given<'_>, found: &FoundValue) -> Finding {
    let times = match found.locations.len() {
        1 => String::new(),
        times => format!(", {times} times"),
    };
    let first = found.locations.first().map_or("", |location| &location.at);
    let title = format!("the value of {} is in the output at {first}{times}", found.source.describe(given));
    finding((evidence, given), found, title, found.locations.clone())
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
    let locations = found.iter().zip(&names).flat_map(|(found, name)| {
        found.locations.iter().map(|location| Location { what: name.clone(), ..location.clone() })
    });
    finding((evidence, given), &found[0], title, locations.collect())
}

fn finding(
    (evidence, given): (&Evidence<'_>, Given<'_>),
    found: &FoundValue,
    title: String,
    locations: Vec<Location>,
) -> Finding {
    Finding::new(found.kind.level(), format!("secret.{}", found.source.key()), title)
        .at(locations)
        .by(evidence.sites(|descriptors, entry| found.source.is_fetched_by(given, descriptors, entry)))
        .advise(found.kind.remedy())
}
