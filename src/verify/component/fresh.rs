//! Compares a snapshot with an original that was started in another world, each on a host of its own.

use super::super::fresh::{self, Source};
use super::super::lock_step::differing_output;
use super::super::verdict_builder::VerdictBuilder;
use super::super::{VerifyError, VerifyOptions};
use super::arguments::arguments;
use super::calls::{Call, Ended, Played, Sequence};
use super::frozen::AtPlace;
use super::numbers::MadeCall;
use super::pair::{Pair, Paired, settle};
use super::run_options;
use super::running::Running;
use crate::component::init_call::ExportedFunction;
use crate::component::remade;
use crate::host::Ledger;
use crate::options::Options;
use crate::temporary::TemporaryDirectory;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::sync::Arc;

/// Plays in each world of which init has asked for something.
pub fn compare(pair: &Pair<'_, '_>, verdict: &mut VerdictBuilder<'_>) -> Result<(), VerifyError> {
    in_other_worlds(pair, verdict, |source, there, verdict| {
        let mut there = there;
        let mut recorded = None;
        for sequence in sequences(&there) {
            let (original, record) = there.initialized(recorded)?;
            there.record = Arc::clone(&record);
            recorded = Some(record);
            let mut sides = (original, there.elsewhere()?);
            let (mut played, mut made) = (Played::default(), Vec::new());
            for (number, call) in sequence.calls.iter().enumerate() {
                let prefix = format!("step.{number}");
                if !there.play_one(&mut sides, (&prefix, call, &mut made), &mut played)? {
                    break;
                }
            }
            fresh::add(source, played.into(), verdict);
        }
        Ok(())
    })
}

/// The same of a component that was frozen: from the place on.
pub fn compare_frozen(pair: &Pair<'_, '_>, verdict: &mut VerdictBuilder<'_>) -> Result<(), VerifyError> {
    in_other_worlds(pair, verdict, |source, mut there, verdict| {
        let (original, mut record) = (there.original.0.component.bytes, Ledger::default());
        let run = Options { at: there.options.at.clone(), ..run_options(there.options, there.shifts)? };
        let place = remade(&run, original, &mut record, |_| true, |run| AtPlace::of(&run))??;
        there.record = Arc::new(record);
        let (mut original, mut snapshot) = (there.before(&place)?, there.elsewhere()?);
        let ended = original.call(&place.entry, &[], (u64::MAX, there.deadline.left()));
        original.store.data_mut().state().end_replay()?;
        let entry = there.snapshot_name(&place.entry);
        let found = snapshot.call(&entry, &[], (u64::MAX, there.deadline.left()));
        let mut played = Played { calls: 1, ..Played::default() };
        let paired = there.paired("resumed", (ended, found), (&mut original, &mut snapshot));
        settle("resumed", paired, &mut played);
        fresh::add(source, played.into(), verdict);
        Ok(())
    })
}

/// Does something in each of them. One in which the original does not come to where the snapshot begins is said.
fn in_other_worlds(
    pair: &Pair<'_, '_>,
    verdict: &mut VerdictBuilder<'_>,
    mut play: impl FnMut(Source, Pair<'_, '_>, &mut VerdictBuilder<'_>) -> Result<(), VerifyError>,
) -> Result<(), VerifyError> {
    let folder = match TemporaryDirectory::new() {
        Ok(folder) => folder,
        Err(error) => {
            verdict.undecided(format!("no other directory could be made: {error}"));
            return Ok(());
        }
    };
    for source in Source::asked(&pair.record, pair.options) {
        verdict.coverage.fresh.push(source.describe().to_string());
        let varied: VerifyOptions = source.varied(pair.options, folder.path());
        let there = Pair { options: &varied, record: Arc::clone(&pair.record), ..*pair };
        match play(source, there, verdict) {
            Err(VerifyError::Component(error)) => fresh::add_stopped(source, &error, verdict),
            result => result?,
        }
    }
    Ok(())
}

/// The calls that were given, or each export without parameters.
fn sequences(pair: &Pair<'_, '_>) -> Vec<Sequence> {
    if !pair.options.scripts.is_empty() {
        return Sequence::given(&pair.options.scripts);
    }
    let exports = ExportedFunction::all(pair.snapshot.1);
    let call = |function: &ExportedFunction| {
        let call = Call { export: function.name(), arguments: Some(Vec::new()), expected: None };
        Sequence { calls: vec![call.clone(), call] }
    };
    exports.iter().filter(|function| function.takes_nothing()).map(call).collect()
}

impl Pair<'_, '_> {
    /// The snapshot on a host of its own.
    fn elsewhere(&self) -> Result<Running, VerifyError> {
        let mut snapshot = self.instantiated()?;
        snapshot.store.data_mut().restart(&self.options.run_host(), self.digest)?;
        Ok(snapshot)
    }

    /// Makes a call on both sides. Whether more can follow.
    fn play_one(
        &self,
        (original, snapshot): &mut (Running, Running),
        (prefix, call, made): (&str, &Call, &mut Vec<MadeCall>),
        played: &mut Played,
    ) -> Result<bool, VerifyError> {
        let mut rng = ChaCha20Rng::seed_from_u64(self.options.seed);
        let name = self.original_name(&call.export);
        let Some(arguments) =
            arguments((original, &name, snapshot), call, (&mut rng, &mut Vec::new()), played)
        else {
            return Ok(false);
        };
        let ended = original.call(&name, &arguments, self.limits());
        let found = snapshot.call(&call.export, &arguments, self.limits());
        played.calls += 1;
        let paired = self.paired(prefix, (ended, found), (original, snapshot));
        made.push((name, arguments));
        let alive = (original.alive, snapshot.alive);
        Ok(!self.is_of_numbers(prefix, (&paired, made, alive), played)? && settle(prefix, paired, played))
    }

    /// How a call ended on both sides, and what they have printed.
    fn paired(
        &self,
        prefix: &str,
        (original, snapshot): (Ended, Ended),
        (left, right): (&mut Running, &mut Running),
    ) -> Paired {
        let (left, right) = (left.take_calls().1, right.take_calls().1);
        let differences = differing_output(prefix, (&left, &right), self.options.host.show_values);
        Paired { original, snapshot, differences }
    }
}

impl From<Played> for fresh::Shown {
    fn from(played: Played) -> fresh::Shown {
        let Played { calls, differences, undecided, .. } = played;
        fresh::Shown { calls, differences, undecided }
    }
}
