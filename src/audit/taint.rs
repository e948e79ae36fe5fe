//! What depends on which source.

use super::difference::Spot;
use super::finding::{Finding, Level, Place};
use super::run::Variation;
use super::scene::{PLACES, Scene};
use super::source::{Source, stdin};
use super::symbols::Owner;
use crate::host::WasiOptions;
use serde::Serialize;

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

/// What one variation tells. Nothing, if all that depends on it are the copies in `secrets`.
pub(super) fn findings(
    scene: &Scene<'_>,
    variation: &Variation,
    wasi: &WasiOptions,
    secrets: &[Finding],
) -> Vec<Finding> {
    let Some(&source) = variation.sources.first() else { return Vec::new() };
    let name = names(&variation.sources, wasi);
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
        let finding = Finding::new(Level::Warning, format!("course.{}", source.key()), title)
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
        secrets.iter().flat_map(|finding| &finding.places).any(|place| {
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
    let mut finding = Finding::new(Level::Warning, key, title).at(places).by(sites).advise(advice(source));
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
    let names: Vec<String> = sources.iter().take(SHOWN).map(|source| source.describe(wasi)).collect();
    let more = sources.len().saturating_sub(SHOWN);
    if more == 0 { names.join(" or ") } else { format!("{} or {more} others", names.join(", ")) }
}

fn short(text: &str) -> String {
    const SHOWN: usize = 300;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_string(),
    }
}
