//! Which source makes which difference.

use super::changes::union;
use super::rerun::{Repeat, Variation};
use super::source_codes::{SourceCodes, signatures};
use crate::checks::Source;
use crate::error::Error;
use crate::evidence::Difference;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Once init ran this often, sources that have an effect together are not separated.
const MOST_RUNS: usize = 100;

/// If all sources are suspected of a divergence, at most this many run separately.
const MOST_SUSPECTS: usize = 16;

/// Varies random numbers and the time separately, all texts at once, whether variables are there, and the answers of all stubs:
/// these are separated only if something depends on them.
pub(super) fn variations(rerun: &dyn Repeat, sources: &[Source]) -> Result<Vec<Variation>, Error> {
    let (texts, others): (Vec<Source>, Vec<Source>) = sources.iter().partition(|source| source.is_text());
    let is_stub = |source: &Source| matches!(source, Source::Stub(_));
    let is_presence = |source: &Source| matches!(source, Source::Presence(_));
    let (stubs, others): (Vec<Source>, Vec<Source>) = others.into_iter().partition(is_stub);
    let (presences, others): (Vec<Source>, Vec<Source>) = others.into_iter().partition(is_presence);
    let mut groups: Vec<Vec<Source>> = others.into_iter().map(|source| vec![source]).collect();
    groups.extend([texts, presences, stubs].into_iter().filter(|group| !group.is_empty()));
    let vary = |group: Vec<Source>| match group[..] {
        [Source::Random] => Ok(vec![random_numbers(rerun)?]),
        _ => separate(rerun, group),
    };
    let found: Result<Vec<Vec<Variation>>, Error> = groups.into_par_iter().map(vary).collect();
    Ok(found?.into_iter().flatten().collect())
}

/// Draws other numbers, and then the first ones with every bit the other way. What one of the two changes depends on them.
fn random_numbers(rerun: &dyn Repeat) -> Result<Variation, Error> {
    let mut numbers = rerun.vary(&[Source::Random])?;
    let bits = rerun.vary(&[Source::RandomBits])?;
    numbers.changed = union(numbers.changed, bits.changed);
    numbers.divergence = numbers.divergence.or(bits.divergence);
    Ok(numbers)
}

/// Varies all of `sources` in one run. If something depends on them, further runs vary about half of them each, so that the
/// runs in which something changes show the source.
fn separate(rerun: &dyn Repeat, sources: Vec<Source>) -> Result<Vec<Variation>, Error> {
    let all = rerun.vary(&sources)?;
    if sources.len() == 1 || !all.has_effect() || rerun.runs() >= MOST_RUNS {
        return Ok(vec![all]);
    }
    let codes = SourceCodes::of(sources.len());
    let varied = |run: usize| codes.varied_in(run).map(|at| sources[at]).collect::<Vec<Source>>();
    let runs: Result<Vec<Variation>, Error> =
        (0..codes.runs).into_par_iter().map(|run| rerun.vary(&varied(run))).collect();
    let runs = runs?;
    let diverged = (0..codes.runs).filter(|&run| runs[run].divergence.is_some());
    let diverged = diverged.fold(0, |mask, run| mask | 1 << run);
    let found = match diverged {
        0 => by_signature(&codes, &sources, &runs),
        _ => alone(rerun, &codes.within(diverged), &sources)?,
    };
    // What only happens if several change together belongs to all of them.
    Ok(if found.iter().any(Variation::has_effect) { found } else { vec![all] })
}

/// Runs those that may have caused a divergence separately: what changes on another path says nothing about other sources.
fn alone(rerun: &dyn Repeat, suspects: &[usize], sources: &[Source]) -> Result<Vec<Variation>, Error> {
    if suspects.len() == sources.len() && sources.len() > MOST_SUSPECTS {
        return Ok(Vec::new());
    }
    let found: Result<Vec<Variation>, Error> =
        suspects.par_iter().map(|&at| rerun.vary(&[sources[at]])).collect();
    let mut found = found?;
    let rest: Vec<Source> =
        (0..sources.len()).filter(|at| !suspects.contains(at)).map(|at| sources[at]).collect();
    if !suspects.is_empty() && !rest.is_empty() {
        found.extend(separate(rerun, rest)?);
    }
    Ok(found)
}

/// Assigns what changed to the sources that were varied in exactly these runs.
fn by_signature(codes: &SourceCodes, sources: &[Source], runs: &[Variation]) -> Vec<Variation> {
    let changed: Vec<&[Difference]> = runs.iter().map(|run| &run.changed[..]).collect();
    let mut found: BTreeMap<Vec<usize>, Vec<Difference>> = BTreeMap::new();
    for (mask, difference) in signatures(&changed) {
        let of = codes.within(mask);
        if !of.is_empty() {
            found.entry(of).or_default().push(difference);
        }
    }
    let idle = (0..sources.len()).filter(|at| !found.keys().any(|of| of.contains(at))).collect();
    let variation = |(of, changed): (Vec<usize>, Vec<Difference>)| Variation {
        sources: of.into_iter().map(|at| sources[at]).collect(),
        changed,
        divergence: None,
    };
    let idle = variation((idle, Vec::new()));
    let mut variations: Vec<Variation> = found.into_iter().map(variation).collect();
    if !idle.sources.is_empty() {
        variations.push(idle);
    }
    variations
}
