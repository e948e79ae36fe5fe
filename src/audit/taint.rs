//! What depends on which source.

use super::rerun::{Divergence, Variation};
use crate::checks::{FoundRanges, Given, Reported, Source};
use crate::evidence::Difference;
use crate::evidence::locations;
use crate::evidence::{Evidence, Owner};
use crate::finding::{Finding, Level, Location, Remedy, Site};
use crate::host::WasiOptions;
use crate::wording::{Bytes, listed};
use std::collections::{BTreeSet, HashSet};

/// If more environment variables than these have an effect, they are one finding.
const SEPARATE: usize = 3;

/// What the variations show. `reported` is what other findings name already.
pub(super) fn findings(
    evidence: &Evidence<'_>,
    given: Given<'_>,
    variations: &[Variation],
    reported: &Reported,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut by_variable: Vec<(&Variation, Finding)> = Vec::new();
    let mut variables = reported.variables.clone();
    // Whose value is told need not be told again to be there.
    let is_presence = |source: &Source| matches!(source, Source::Presence(_));
    let (presences, values): (Vec<&Variation>, Vec<&Variation>) =
        variations.iter().partition(|variation| variation.sources.iter().all(is_presence));
    for variation in values.into_iter().chain(presences) {
        let Some(effect) = Effect::of(variation, given) else { continue };
        let of = |source: &Source| source.variable();
        if is_presence(&effect.source)
            && variation.sources.iter().filter_map(of).all(|of| variables.contains(&of))
        {
            continue;
        }
        let divergence = effect.divergence(evidence);
        let taint = effect.taint(evidence, given, &reported.ranges);
        if divergence.is_some() || taint.is_some() {
            variables.extend(variation.sources.iter().filter_map(of));
        }
        findings.extend(divergence);
        let Some(finding) = taint else { continue };
        let is_variable = variation.sources.iter().all(|source| source.variable().is_some());
        match is_variable && finding.level == Level::Warning {
            true => by_variable.push((variation, finding)),
            false => findings.push(finding),
        }
    }
    match by_variable.len() {
        0..=SEPARATE => findings.extend(by_variable.into_iter().map(|(_, finding)| finding)),
        _ => findings.push(of_variables(by_variable, given)),
    }
    findings
}

/// One finding about many variables.
fn of_variables(separate: Vec<(&Variation, Finding)>, given: Given<'_>) -> Finding {
    const SHOWN: usize = 8;
    let changed = separate.iter().flat_map(|(variation, _)| &variation.changed);
    let bytes = Bytes(changed.map(Difference::bytes).sum());
    let variables = separate.iter().flat_map(|(variation, _)| &variation.sources);
    let variables: BTreeSet<usize> = variables.filter_map(|source| source.variable()).collect();
    let names: Vec<String> = variables.iter().map(|index| Source::Variable(*index).name(given)).collect();
    let title = format!("{bytes} depend on {} environment variables: {}", names.len(), listed(&names, SHOWN));
    let mut locations = Vec::new();
    let mut merged = Finding::new(Level::Warning, "taint.env", title).advise(Remedy::ReadEnvironmentLater);
    for (variation, finding) in separate {
        let what = match &variation.sources[..] {
            [source] => source.name(given),
            several => format!("one or more of {}", several.len()),
        };
        merged.more_locations += finding.more_locations;
        merged.sites = finding.sites;
        let named = |location| Location { what: what.clone(), ..location };
        locations.extend(finding.locations.into_iter().map(named));
    }
    merged.at(locations)
}

/// What one variation shows.
struct Effect<'v> {
    variation: &'v Variation,
    /// The first of the sources.
    source: Source,
    /// All of them, in words.
    names: String,
    level: Level,
}

impl<'v> Effect<'v> {
    fn of(variation: &'v Variation, given: Given<'_>) -> Option<Effect<'v>> {
        // Arguments are given to init to be used.
        let is_argument = |source: &Source| matches!(source, Source::Argument(_));
        let level = if variation.sources.iter().all(is_argument) { Level::Note } else { Level::Warning };
        let source = *variation.sources.first()?;
        Some(Effect { variation, source, names: names(&variation.sources, given), level })
    }

    /// Init took another path.
    fn divergence(&self, evidence: &Evidence<'_>) -> Option<Finding> {
        let Divergence { call, how, .. } = self.variation.divergence.as_ref()?;
        let site = (*call < evidence.ledger.len()).then(|| Site::of(evidence.ledger, *call));
        let title = format!(
            "the path that init takes depends on {} from host call {call} on: with another value, {}",
            self.names,
            first_line(how)
        );
        let finding = Finding::new(self.level, format!("course.{}", self.source.key()), title);
        Some(finding.by(site.into_iter().collect()).advise(
            "the snapshot is right for this value only; if that is not intended, decide at run time".into(),
        ))
    }

    /// Something in the snapshot depends on the sources. Nothing is found if all of it is reported already, or on
    /// the free stack, where nothing reads it.
    fn taint(&self, evidence: &Evidence<'_>, given: Given<'_>, reported: &FoundRanges) -> Option<Finding> {
        let changed = &self.variation.changed;
        let live: Vec<&Difference> =
            changed.iter().filter(|difference| !in_free_stack(evidence, difference)).collect();
        if live.iter().all(|difference| is_reported(difference, reported)) {
            return None;
        }
        let fetched = Fetched::of(evidence, self.source, given.wasi);
        let locations = locations(evidence, changed, |bytes| fetched.is_in(bytes));
        let title = format!("{} on {}", subject(&live, &locations), self.names);
        let finding = Finding::new(self.level, format!("taint.{}", self.source.key()), title);
        let sites = evidence.sites(|descriptors, entry| self.source.is_fetched_by(given, descriptors, entry));
        Some(finding.at(locations).by(sites).advise(remedy(self.source)))
    }
}

fn in_free_stack(evidence: &Evidence<'_>, difference: &Difference) -> bool {
    match difference {
        Difference::Memory { memory, range, .. } => evidence.owner(*memory, range.start) == Owner::FreeStack,
        _ => false,
    }
}

/// Whether a range that is reported already covers the difference.
fn is_reported(difference: &Difference, reported: &FoundRanges) -> bool {
    match difference {
        Difference::Memory { memory, range, .. } => reported.cover(*memory, range),
        _ => false,
    }
}

/// `12 bytes depend`, with the variables to which they belong.
fn subject(live: &[&Difference], locations: &[Location]) -> String {
    const SHOWN: usize = 3;
    let bytes: u64 = live.iter().map(|difference| difference.bytes()).sum();
    let other = live.iter().filter(|difference| difference.bytes() == 0).count();
    let owners = locations.iter().map(|location| location.owner.as_str());
    let variables: Vec<&str> = owners.filter(|owner| owner.starts_with('`')).take(SHOWN).collect();
    let of = if variables.is_empty() { String::new() } else { format!(" of {}", variables.join(", ")) };
    match (bytes, other) {
        (0, other) => format!("{other} globals, tables or types of objects depend"),
        (1, 0) => format!("1 byte{of} depends"),
        (bytes, 0) => format!("{}{of} depend", Bytes(bytes)),
        (bytes, other) => {
            format!("{}{of} and {other} globals, tables or types of objects depend", Bytes(bytes))
        }
    }
}

fn remedy(source: Source) -> Remedy {
    match source {
        Source::Random | Source::RandomBits => {
            "every instance shares these numbers: draw them at run time or, if they are hash keys, make \
             sure that nobody outside can choose what is hashed"
                .into()
        }
        Source::Clock => "an instance starts later: read the clock at run time".into(),
        Source::Variable(_) | Source::Presence(_) => Remedy::ReadEnvironmentLater,
        Source::Argument(_) => "read the arguments at run time".into(),
        Source::Stdin => "if that is not the purpose of init, read it at run time".into(),
        Source::Stub(_) => {
            "every instance has what the stub's zeros led to: give init the real function, or let it ask at run time".into()
        }
    }
}

/// Parts of the values that the host gave, to be looked up quickly.
struct Fetched(HashSet<[u8; COMMON]>);

/// So many bytes in a row are not by chance.
const COMMON: usize = 8;

impl Fetched {
    fn of(evidence: &Evidence<'_>, source: Source, wasi: &WasiOptions) -> Fetched {
        let written = |function| evidence.ledger.wasi_calls(function).flat_map(|entry| &entry.writes);
        let mut fetched = Fetched(HashSet::new());
        match source {
            Source::Random | Source::RandomBits => {
                written("random_get").for_each(|region| fetched.add(&region.bytes))
            }
            Source::Clock => written("clock_time_get").for_each(|region| fetched.add(&region.bytes)),
            Source::Variable(index) => {
                wasi.env.get(index).into_iter().for_each(|(_, value)| fetched.add(value.as_bytes()));
            }
            Source::Argument(index) => {
                wasi.args.get(index).into_iter().for_each(|text| fetched.add(text.as_bytes()));
            }
            Source::Stdin => fetched.add(&evidence.ledger.stdin()),
            Source::Presence(_) | Source::Stub(_) => {}
        }
        fetched
    }

    fn add(&mut self, value: &[u8]) {
        /// Parts of one value that are kept.
        const TRIED: usize = 4096;
        /// Parts of all of them.
        const MOST: usize = 1 << 20;
        let parts = value.array_windows().filter(|part| part.iter().any(|byte| *byte != part[0]));
        let room = MOST.saturating_sub(self.0.len());
        self.0.extend(parts.take(TRIED.min(room)));
    }

    /// Whether `bytes` have a part of a value in them.
    fn is_in(&self, bytes: &[u8]) -> bool {
        !self.0.is_empty() && bytes.array_windows().any(|part| self.0.contains(part))
    }
}

/// Sources that are not separated, in words.
pub(super) fn names(sources: &[Source], given: Given<'_>) -> String {
    const SHOWN: usize = 4;
    let are_many = sources.len() > 1;
    let (before, after) = match sources.first() {
        Some(Source::Variable(_))
            if are_many && sources.iter().all(|source| matches!(source, Source::Variable(_))) =>
        {
            ("environment variables ", "")
        }
        Some(Source::Presence(_)) if are_many => ("whether environment variables ", " are set"),
        _ => ("", ""),
    };
    let name = |source: &Source| if before.is_empty() { source.describe(given) } else { source.name(given) };
    let names: Vec<String> = sources.iter().map(name).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => format!("{before}{}{after}", names.join(" or ")),
        more => format!("{before}{} or {more} others{after}", names[..SHOWN].join(", ")),
    }
}

/// The first line of a message, and not all of it if it is long.
fn first_line(text: &str) -> String {
    const SHOWN: usize = 300;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_string(),
    }
}
