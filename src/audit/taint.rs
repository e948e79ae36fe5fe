//! What depends on which source.

use super::difference::Spot;
use super::finding::{Finding, Level, Place};
use super::run::Variation;
use super::scene::{PLACES, Scene};
use super::source::{Source, stdin};
use super::symbols::Owner;
use crate::host::WasiOptions;
use serde::Serialize;
use std::collections::BTreeSet;

/// A source that was varied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Varied {
    /// Its name; several, if they could not be told apart.
    pub source: String,
    /// Bytes of memories that depend on it.
    pub bytes: u64,
    /// Stretches of memories, globals and table elements that depend on it.
    pub places: usize,
    /// Whether init took another course.
    pub diverged: bool,
    /// What depends on it, as ranges of addresses by memory.
    pub ranges: Vec<(u32, u64, u64)>,
}

pub(super) fn varied(variation: &Variation, wasi: &WasiOptions) -> Varied {
    let ranges = variation.moved.iter().filter_map(|spot| match spot {
        Spot::Memory { memory, range, .. } => Some((*memory, range.start, range.end)),
        _ => None,
    });
    Varied {
        source: names(&variation.sources, wasi),
        bytes: variation.moved.iter().map(Spot::bytes).sum(),
        places: variation.moved.len(),
        diverged: variation.divergence.is_some(),
        ranges: ranges.collect(),
    }
}

/// More environment variables of which it is only said that something depends on them are one finding.
const TOLD_APART: usize = 3;

/// What the variations tell. Nothing of one, if all that depends on it are copies that are `told` already.
pub(super) fn findings(
    scene: &Scene<'_>,
    variations: &[Variation],
    wasi: &WasiOptions,
    told: &[Place],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut by_variable: Vec<(&Variation, Finding)> = Vec::new();
    for variation in variations {
        for finding in of_variation(scene, variation, wasi, told) {
            let of_variable = variation.sources.iter().all(|source| matches!(source, Source::Variable(_)));
            match of_variable && finding.key == "taint.env" && finding.level == Level::Warning {
                true => by_variable.push((variation, finding)),
                false => findings.push(finding),
            }
        }
    }
    match by_variable.len() {
        0..=TOLD_APART => findings.extend(by_variable.into_iter().map(|(_, finding)| finding)),
        _ => findings.push(of_variables(by_variable, wasi)),
    }
    findings
}

/// One finding for all.
fn of_variables(apart: Vec<(&Variation, Finding)>, wasi: &WasiOptions) -> Finding {
    const SHOWN: usize = 8;
    let bytes: u64 = apart.iter().flat_map(|(variation, _)| &variation.moved).map(Spot::bytes).sum();
    let variables: BTreeSet<Source> =
        apart.iter().flat_map(|(variation, _)| variation.sources.iter().copied()).collect();
    let name = |source: &Source| match *source {
        Source::Variable(index) => format!("`{}`", wasi.env.get(index).map_or("", |(name, _)| name)),
        source => source.describe(wasi),
    };
    let names: Vec<String> = variables.iter().map(name).collect();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let title = format!(
        "{} depend on {} environment variables: {}{more}",
        super::text::bytes(bytes),
        names.len(),
        names[..names.len().min(SHOWN)].join(", ")
    );
    let mut places = Vec::new();
    let mut merged = Finding::new(Level::Warning, "taint.env", title).advise(advice(Source::Variable(0)));
    for (variation, finding) in apart {
        let what = match &variation.sources[..] {
            [source] => name(source),
            several => format!("one or more of {}", several.len()),
        };
        merged.more_places += finding.more_places;
        merged.sites = finding.sites;
        places.extend(finding.places.into_iter().map(|place| Place { what: what.clone(), ..place }));
    }
    merged.more_places += places.len().saturating_sub(PLACES);
    places.truncate(PLACES);
    merged.at(places)
}

/// What one variation tells.
fn of_variation(
    scene: &Scene<'_>,
    variation: &Variation,
    wasi: &WasiOptions,
    told: &[Place],
) -> Vec<Finding> {
    let Some(&source) = variation.sources.first() else { return Vec::new() };
    let name = names(&variation.sources, wasi);
    // Arguments are given to init to be used.
    let is_argument = |source: &Source| matches!(source, Source::Argument(_));
    let level = if variation.sources.iter().all(is_argument) { Level::Note } else { Level::Warning };
    let mut findings = Vec::new();
    if let Some(divergence) = &variation.divergence {
        let site = scene
            .ledger
            .entries()
            .nth(divergence.call)
            .map(|entry| super::scene::site(divergence.call, entry));
        let ending = if divergence.finished { "" } else { " and does not come to the same end" };
        let title = format!(
            "init takes another course{ending} with another value of {name}, from host call {} on: {}",
            divergence.call,
            short(&divergence.how)
        );
        let finding = Finding::new(level, format!("course.{}", source.key()), title)
            .by(site.into_iter().collect())
            .advise("what the snapshot holds is true for this value only; if that is not meant, decide at run time");
        findings.push(finding);
    }
    if variation.moved.is_empty() {
        return findings;
    }
    let fetched = fetched(scene, source, wasi);
    let mut places = scene.places(&variation.moved, |bytes| fetched.iter().any(|value| shares(bytes, value)));
    let in_free_stack = |spot: &Spot| match spot {
        Spot::Memory { memory, range, .. } => scene.owner(*memory, range.start) == Owner::FreeStack,
        _ => false,
    };
    let is_told = |spot: &Spot| {
        let Spot::Memory { memory, range, .. } = spot else { return false };
        told.iter().any(|place| {
            let start = place.address.unwrap_or(u64::MAX);
            place.memory == Some(*memory)
                && start <= range.start
                && range.end <= start.saturating_add(place.bytes)
        })
    };
    if variation.moved.iter().all(|spot| is_told(spot) || in_free_stack(spot)) {
        return findings;
    }
    let live: Vec<&Spot> = variation.moved.iter().filter(|spot| !in_free_stack(spot)).collect();
    let sites = scene.sites(|descriptors, entry| {
        let of_source = entry.call.wasi().is_some_and(|name| source.functions().contains(&name));
        of_source && (source != Source::Stdin || super::handles::is_stdin(descriptors, entry))
    });
    let more = places.len().saturating_sub(PLACES);
    places.truncate(PLACES);
    let key = format!("taint.{}", source.key());
    if live.is_empty() {
        let bytes: u64 = variation.moved.iter().map(Spot::bytes).sum();
        let title =
            format!("{} on the free stack depend on {name}; nothing reads them", super::text::bytes(bytes));
        let finding = Finding::new(Level::Note, key, title).at(places).by(sites);
        findings.push(finding.advise("--zero-stack clears them, where the stack comes first in memory"));
        return findings;
    }
    let title = format!("{} on {name}", subject(&live, &places));
    let mut finding = Finding::new(level, key, title).at(places).by(sites).advise(advice(source));
    finding.more_places = more;
    findings.push(finding);
    findings
}

/// `12 bytes depend`, with the variables that they belong to.
fn subject(live: &[&Spot], places: &[Place]) -> String {
    let bytes: u64 = live.iter().map(|spot| spot.bytes()).sum();
    let other = live.iter().filter(|spot| spot.bytes() == 0).count();
    let variables: Vec<&str> = places
        .iter()
        .map(|place| place.owner.as_str())
        .filter(|owner| owner.starts_with('`'))
        .take(3)
        .collect();
    let of = if variables.is_empty() { String::new() } else { format!(" of {}", variables.join(", ")) };
    match (bytes, other) {
        (0, other) => format!("{other} globals, tables or types of objects depend"),
        (1, 0) => format!("1 byte{of} depends"),
        (bytes, 0) => format!("{}{of} depend", super::text::bytes(bytes)),
        (bytes, other) => format!(
            "{}{of} and {other} globals, tables or types of objects depend",
            super::text::bytes(bytes)
        ),
    }
}

fn advice(source: Source) -> &'static str {
    match source {
        Source::Random => {
            "every instance shares these numbers: draw them at run time, or, if they are hash keys, make sure that \
             nobody outside can choose what is hashed"
        }
        Source::Clock => "in the instance time has gone on: read the clock at run time",
        Source::Variable(_) => "read it at run time; if libc has kept a copy, --reset-libc makes it forget",
        Source::Argument(_) => "read the arguments at run time",
        Source::Stdin => "if that is not the purpose of init, read it at run time",
    }
}

/// The values that the host gave.
fn fetched(scene: &Scene<'_>, source: Source, wasi: &WasiOptions) -> Vec<Vec<u8>> {
    match source {
        Source::Random => {
            let calls = scene.ledger.wasi_calls("random_get");
            calls.flat_map(|entry| entry.writes.iter().map(|region| region.bytes.clone())).collect()
        }
        Source::Clock => {
            let calls = scene.ledger.wasi_calls("clock_time_get");
            calls.flat_map(|entry| entry.writes.iter().map(|region| region.bytes.clone())).collect()
        }
        Source::Variable(index) => {
            wasi.env.get(index).map(|(_, value)| value.clone().into_bytes()).into_iter().collect()
        }
        Source::Argument(index) => {
            wasi.args.get(index).map(|value| value.clone().into_bytes()).into_iter().collect()
        }
        Source::Stdin => vec![stdin(scene.ledger)],
    }
}

/// Whether at least as much of `value` as cannot be chance is in `bytes`.
fn shares(bytes: &[u8], value: &[u8]) -> bool {
    const TELLING: usize = 8;
    let windows = value.windows(TELLING).filter(|window| window.iter().any(|byte| *byte != window[0]));
    windows.take(4096).any(|window| memchr::memmem::find(bytes, window).is_some())
}

fn names(sources: &[Source], wasi: &WasiOptions) -> String {
    const SHOWN: usize = 4;
    let of_variable = |source: &Source| match *source {
        Source::Variable(index) => wasi.env.get(index).map(|(name, _)| format!("`{name}`")),
        _ => None,
    };
    let variables: Option<Vec<String>> = sources.iter().map(of_variable).collect();
    let (kind, names) = match variables {
        Some(names) if names.len() > 1 => ("environment variables ", names),
        _ => ("", sources.iter().map(|source| source.describe(wasi)).collect()),
    };
    let shown = &names[..names.len().min(SHOWN)];
    match names.len().saturating_sub(SHOWN) {
        0 => format!("{kind}{}", shown.join(" or ")),
        more => format!("{kind}{} or {more} others", shown.join(", ")),
    }
}

fn short(text: &str) -> String {
    const SHOWN: usize = 300;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_string(),
    }
}
