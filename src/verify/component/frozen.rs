//! A component that was frozen in the middle of a call: the state at that place, core instance by core instance, and everything
//! that happens from there on.

use super::super::differences::{Differences, Sink};
use super::super::verdict::{Difference, EngineCoverage, StateCoverage};
use super::super::verdict_builder::VerdictBuilder;
use super::super::{Verdict, VerifyError, VerifyOptions, failure};
use super::calls::{Call, Ended, Played, Sequence};
use super::clock::{Clock, Shifts, WAITS};
use super::code::Code;
use super::deadline::Deadline;
use super::fresh;
use super::pair::{Pair, Paired, ring, settle};
use super::running::Running;
use super::states::{self, AdapterStates, Compared, Shown};
use super::{Sides, count, run_options};
use crate::component::{ComponentRunError, Run};
use crate::engine::Compiler;
use crate::host::{HostOptions, Ledger};
use crate::options::Options;
use crate::report::seconds;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::sync::Arc;
use std::time::Instant;

/// The original at the place.
pub struct AtPlace {
    /// The export whose call was in progress.
    pub entry: String,
    /// How many calls returned before.
    returned: usize,
    /// Handles that are alive there.
    handles: usize,
    /// The host calls of the component before, in its own words.
    calls: usize,
    differences: Differences,
    coverage: StateCoverage,
    not_compared: Option<String>,
}

/// Compares `snapshot` with `original` as it is at the place where it was frozen.
///
/// # Errors
/// [`VerifyError`], if the original does not get there.
pub fn verify(original: &[u8], snapshot: &[u8], options: &VerifyOptions) -> Result<Verdict, VerifyError> {
    let mut verdict = VerdictBuilder::new(options);
    let sides = Sides::new(original, options)?;
    let side = match sides.original.snapshot(snapshot, options) {
        Ok(side) => side,
        Err(error) => {
            verdict.add(Difference::new("snapshot", "a valid component", error));
            return Ok(verdict.finish());
        }
    };
    let shifts = Shifts::of(&sides.original, &side);
    let run = Options { at: options.at.clone(), ..run_options(options, shifts)? };
    let engines = match options.engines.is_empty() {
        true => vec![Compiler::Cranelift],
        false => options.engines.clone(),
    };
    sides.skip_others(&mut verdict);
    let mut record = Ledger::default();
    let mut code = None;
    for compiler in engines {
        let Some((left, right, coverage)) = sides.compile(&side, compiler, &mut verdict)? else { continue };
        let mut pair = Pair {
            original: (&sides.original, &left),
            snapshot: (&side, &right),
            digest: sides.digest,
            record: Arc::new(record.clone()),
            shifts,
            deadline: Deadline::after(options.limits.timeout),
            options,
        };
        if code.is_none() {
            let hand_over = |run: Run<'_, '_>| at_place(run, &pair);
            let (made, place) = Code::of(&run, (original, snapshot), &mut record, hand_over)?;
            let place = place?;
            made.compare((&sides.original, &side), &mut verdict)?;
            verdict.coverage.state = place.coverage.clone();
            verdict.not_compared(place.not_compared.clone());
            code = Some(place);
            pair.record = Arc::new(record.clone());
        }
        let Some(place) = &mut code else { continue };
        verdict.extend(std::mem::take(&mut place.differences), compiler.name());
        if verdict.is_different() {
            break;
        }
        pair.deadline = Deadline::after(options.limits.timeout);
        let frozen = Frozen { pair: &pair, place };
        let coverage = frozen.play(coverage, &mut verdict)?;
        verdict.coverage.engines.push(coverage);
        if options.fresh && verdict.coverage.engines.len() == 1 && !verdict.is_different() {
            fresh::compare_frozen(&pair, &mut verdict)?;
        }
    }
    if verdict.coverage.engines.is_empty() && !verdict.is_different() {
        verdict.undecided("no engine ran both sides");
    }
    verdict.not_compared(["calls of other exports than the one that was in progress".to_string()]);
    Ok(verdict.finish())
}

/// Compares the original, which a run has left at the place, with the snapshot as it comes to be.
fn at_place(mut run: Run<'_, '_>, pair: &Pair<'_, '_>) -> Result<AtPlace, VerifyError> {
    let record = Arc::new(run.executed.ledger.clone());
    let mut place = AtPlace::of(&run)?;
    let pair = Pair { record, ..*pair };
    let snapshot = match pair.instantiated() {
        Ok(snapshot) => snapshot,
        Err(error) => {
            place.differences.push(failure::difference("instantiate", &error)?);
            return Ok(place);
        }
    };
    let (left_side, right_side) = (pair.original.0, pair.snapshot.0);
    let Running { bell, mut store, .. } = snapshot;
    let found = ring(bell, &mut store)?;
    let right = right_side.places(&found, &mut store)?;
    let (left, left_store) = run.places();
    let mut left = Shown { side: left_side, places: left, store: left_store };
    let mut right = Shown { side: right_side, places: &right, store: &mut store };
    let adapters = AdapterStates::of(pair.options, false);
    match states::compare((&mut left, &mut right), adapters, Sink::new(pair.options))? {
        Compared::States { differences, coverage, not_compared } => {
            place.differences = differences;
            (place.coverage, place.not_compared) = (coverage, not_compared);
        }
        Compared::Not => {
            place.differences.push(Difference::new("adapter", "its handles are taken anew", "it keeps them"));
        }
    }
    Ok(place)
}

impl AtPlace {
    /// Where a run has ended.
    pub fn of(run: &Run<'_, '_>) -> Result<AtPlace, VerifyError> {
        let no_call = ComponentRunError::Option("a place in no call");
        let executed = &run.executed;
        let (Some(call), Some(interrupted)) = (executed.in_progress(), &executed.interrupted) else {
            return Err(no_call.into());
        };
        Ok(AtPlace {
            entry: call.name(),
            returned: interrupted.returned,
            calls: executed.ledger.component_calls().len(),
            handles: executed.handles,
            differences: Differences::default(),
            coverage: StateCoverage::default(),
            not_compared: None,
        })
    }
}

impl Pair<'_, '_> {
    /// The original before the call that will be interrupted. From the place on it is in the world of calls.
    pub fn before(&self, place: &AtPlace) -> Result<Running, VerifyError> {
        let host: HostOptions = self.options.init_host(Some(Arc::clone(&self.record)));
        let mut calls = self.init_calls()?;
        calls.truncate(place.returned);
        let mut running = self.start(self.original.1, host, &calls)?;
        let state = running.store.data_mut().state();
        state.restart_after_replay(&self.options.run_host(), self.digest);
        // All that the call needs to get to the place counts here.
        state.allow_growth(self.options.limits.max_memory);
        Ok(running)
    }
}

/// Both sides, from the place on.
struct Frozen<'f, 'p, 'o> {
    pair: &'f Pair<'p, 'o>,
    place: &'f AtPlace,
}

impl Frozen<'_, '_, '_> {
    /// Lets both go on: once to the end of the call, and once more with calls after it.
    fn play(
        &self,
        mut coverage: EngineCoverage,
        verdict: &mut VerdictBuilder<'_>,
    ) -> Result<EngineCoverage, VerifyError> {
        let started = Instant::now();
        let again = Call {
            export: self.pair.snapshot_name(&self.place.entry),
            arguments: Some(Vec::new()),
            expected: None,
        };
        // It would begin with what an import was cut after.
        let again = if self.pair.options.cut_imports.is_empty() { vec![again] } else { Vec::new() };
        let mut after = vec![Sequence::default(), Sequence { calls: again }];
        for script in Sequence::given(&self.pair.options.scripts) {
            after[1].calls.extend(script.calls);
        }
        for sequence in after {
            let played = self.resume(&sequence)?;
            count(&mut coverage, &played, verdict);
            let is_over = !played.differences.is_empty() || played.undecided.is_some();
            if !played.differences.is_empty() {
                verdict.script = Some(played.script.join("\n"));
            }
            verdict.extend(played.differences, &coverage.name);
            // The second call may well need more than it gets; what was asked for should not.
            let is_asked = sequence.calls.is_empty() || !self.pair.options.scripts.is_empty();
            let limited = if is_asked { played.limited } else { Vec::new() };
            let has_limit = !limited.is_empty();
            for why in played.undecided.into_iter().chain(limited) {
                verdict.undecided(format!("{why} ({})", coverage.name));
            }
            if is_over || has_limit || played.returned == 0 {
                break;
            }
        }
        coverage.seconds = seconds(started.elapsed());
        Ok(coverage)
    }

    /// Lets both go on to the end of the call that was in progress, and then makes others.
    fn resume(&self, after: &Sequence) -> Result<Played, VerifyError> {
        const PREFIX: &str = "resumed";
        let entry = self.pair.snapshot_name(&self.place.entry);
        let mut played = Played { script: vec![format!("{entry}()")], ..Played::default() };
        let mut original = self.pair.before(self.place)?;
        let mut snapshot = match self.pair.instantiated() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                played.differences.push(failure::difference("instantiate", &error)?);
                return Ok(played);
            }
        };
        let limits = || (u64::MAX, self.pair.deadline.left());
        let expected = original.call(&self.place.entry, &[], limits());
        if expected.is_out_of_time() {
            played.calls += 1;
            played.limited.push(format!("{PREFIX}: {}", expected.describe()));
            return Ok(played);
        }
        let made = original.store.data_mut().state().ledger().len();
        let left = original.store.data_mut().state().ledger().unreplayed().unwrap_or(0);
        if left > 0 {
            let recorded = made + left;
            return Err(VerifyError::NotReplayed { made, recorded });
        }
        // If it has made no host call since, it is still in the world of before.
        original.store.data_mut().state().end_replay()?;
        let (mut calls, host_calls) = original.take_calls();
        calls.drain(..self.place.calls.min(calls.len()));
        played.note_handles(&calls);
        original.alive = self.place.handles;
        let mut clock = Clock::of(&self.pair.record, self.pair.shifts);
        let Some(answers) = clock.answers(&calls, &host_calls) else {
            played.undecided = Some(format!("{PREFIX}: {WAITS}"));
            return Ok(played);
        };
        let made = (&calls[..], &answers[..]);
        snapshot.store.data_mut().state().replay_next(answers.clone());
        let found = snapshot.call(&entry, &[], limits());
        played.calls += 1;
        played.returned += u64::from(matches!(expected, Ended::Returned(_)));
        played.host_calls += calls.len() as u64;
        played.exports.push(entry);
        let mut differences = Vec::new();
        if expected == found {
            differences.extend(self.pair.host_difference(PREFIX, made, &mut snapshot, &clock));
        }
        let paired = Paired { original: expected, snapshot: found, differences };
        if settle(PREFIX, paired, &mut played) {
            // Only arguments that are typed are played here.
            let mut rng = ChaCha20Rng::seed_from_u64(self.pair.options.seed);
            let sides = (&mut original, &mut snapshot, &mut clock);
            self.pair.steps(sides, after, &mut rng, &mut played)?;
        }
        if played.differences.is_empty() && played.undecided.is_none() && played.limited.is_empty() {
            self.pair.compare_states((original, snapshot), &mut played)?;
        }
        Ok(played)
    }
}
