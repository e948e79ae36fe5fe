//! Compares a snapshot of a component with the original after init.
//!
//! What can be compared without running anything: the snapshot is made once more, in each layout. If it is that byte for byte, its
//! code is accounted for. Otherwise everything outside of its core modules must be, and the core modules are compared one by one.
//!
//! Then both run in lock step, the snapshot's host calls answered from the record of the original's, and at the end of each
//! sequence of calls every core instance of one side is compared with that of the other. Its core instances show themselves only
//! once, because that ends all calls: so each sequence has instances of its own.

mod arguments;
mod calls;
mod clock;
mod code;
mod deadline;
mod fresh;
mod frozen;
mod generate;
mod numbers;
mod pair;
mod running;
mod side;
mod states;

use super::verdict::{Difference, EngineCoverage, Skipped};
use super::verdict_builder::VerdictBuilder;
use super::{Verdict, VerifyError, VerifyOptions, failure};
use crate::component::init_call::ExportedFunction;
use crate::component::{ComponentRunError, Lack};
use crate::engine::{CompiledComponent, Compiler};
use crate::execute::InitResult;
use crate::host::Ledger;
use crate::options::Options;
use crate::report::seconds;
use calls::{Played, Sequence};
use clock::Shifts;
use code::Code;
use deadline::Deadline;
use pair::Pair;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};
use side::Side;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a component up to which it is played on more than one engine.
const SMALL: usize = 1 << 20;

/// Compares `snapshot` with `original` after init.
///
/// # Errors
/// [`VerifyError`], if the original cannot be run. Whatever is wrong with the snapshot is a difference.
pub(super) fn verify(
    original: &[u8],
    snapshot: &[u8],
    options: &VerifyOptions,
) -> Result<Verdict, VerifyError> {
    if options.at.is_some() {
        return frozen::verify(original, snapshot, options);
    }
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
    let run = run_options(options, shifts)?;
    let mut ledger = Ledger::default();
    let (code, ()) = Code::of(&run, (original, snapshot), &mut ledger, |_| ())?;
    verdict.changed_descriptors(&ledger, false);
    let record = Arc::new(ledger);
    code.compare((&sides.original, &side), &mut verdict)?;
    if !verdict.is_different() {
        sides.play((&side, shifts), &record, &mut verdict)?;
    }
    Ok(verdict.finish())
}

/// The run that makes the snapshot once more.
fn run_options(options: &VerifyOptions, shifts: Shifts) -> Result<Options, ComponentRunError> {
    let chosen = [(options.internalize, Lack::Internalize), (options.fresh_imports, Lack::FreshImports)];
    if let Some((_, lack)) = chosen.into_iter().find(|(is_chosen, _)| *is_chosen) {
        return Err(ComponentRunError::Lacks(lack));
    }
    Ok(Options {
        init_functions: options.init_functions.clone(),
        default_init_functions: options.default_init_functions.clone(),
        host: options.init_host(options.ledger.clone()),
        limits: options.limits,
        default_proposals: options.default_proposals,
        init_result: InitResult::Any,
        renames: options.renames.clone(),
        cut_imports: options.cut_imports.clone(),
        allow_live_handles: options.allow_live_handles,
        keep_adapter_state: options.keep_adapter_state,
        rebase_clock: Some(shifts != Shifts::Nobody),
        ..Options::default()
    })
}

struct Sides<'a> {
    original: Side<'a>,
    /// Of the original's bytes.
    digest: [u8; 32],
}

impl<'a> Sides<'a> {
    fn new(original: &'a [u8], options: &VerifyOptions) -> Result<Sides<'a>, VerifyError> {
        Ok(Sides { original: Side::new(original, options)?, digest: Sha256::digest(original).into() })
    }

    /// Makes calls on every engine until one shows a difference.
    fn play(
        &self,
        (snapshot, shifts): (&Side<'_>, Shifts),
        record: &Arc<Ledger>,
        verdict: &mut VerdictBuilder<'_>,
    ) -> Result<(), VerifyError> {
        let options = verdict.options();
        let engines = self.engines(options, verdict);
        let share = options.time / engines.len().max(1) as u32;
        let mut deadline = None;
        for compiler in engines {
            let Some((original, compiled, coverage)) = self.compile(snapshot, compiler, verdict)? else {
                continue;
            };
            let pair = Pair {
                original: (&self.original, &original),
                snapshot: (snapshot, &compiled),
                digest: self.digest,
                record: Arc::clone(record),
                shifts,
                deadline: *deadline.get_or_insert_with(|| Deadline::after(options.limits.timeout)),
                options,
            };
            let coverage = play_on(&pair, coverage, share, verdict)?;
            verdict.coverage.engines.push(coverage);
            if verdict.is_different() {
                return Ok(());
            }
            if options.fresh && verdict.coverage.engines.len() == 1 {
                fresh::compare(&pair, verdict)?;
            }
        }
        if verdict.coverage.engines.is_empty() {
            verdict.undecided("no engine ran both sides");
        }
        Ok(())
    }

    /// Both sides on one engine; `None` if it does not run them.
    fn compile(
        &self,
        snapshot: &Side<'_>,
        compiler: Compiler,
        verdict: &mut VerdictBuilder<'_>,
    ) -> Result<Option<(CompiledComponent, CompiledComponent, EngineCoverage)>, VerifyError> {
        let compiling = Instant::now();
        let original = match self.original.compile(compiler) {
            Ok(compiled) => compiled,
            Err(error) if compiler == Compiler::Winch => {
                let skipped = Skipped::new(compiler.name(), format!("{error:#}"));
                verdict.coverage.engines_skipped.push(skipped);
                return Ok(None);
            }
            Err(error) => return Err(ComponentRunError::Compile(error).into()),
        };
        let snapshot = match snapshot.compile(compiler) {
            Ok(compiled) => compiled,
            Err(error) => {
                verdict.extend(failure::difference("compile", &error)?, compiler.name());
                return Ok(None);
            }
        };
        let coverage = EngineCoverage {
            name: compiler.name().to_string(),
            compile_seconds: seconds(compiling.elapsed()),
            ..EngineCoverage::default()
        };
        Ok(Some((original, snapshot, coverage)))
    }

    /// Engines that were asked for and do not play components.
    fn skip_others(&self, verdict: &mut VerdictBuilder<'_>) {
        for engine in &verdict.options().other_engines {
            let why = "only Wasmtime plays components";
            verdict.coverage.engines_skipped.push(Skipped::new(engine.name(), why));
        }
    }

    fn engines(&self, options: &VerifyOptions, verdict: &mut VerdictBuilder<'_>) -> Vec<Compiler> {
        self.skip_others(verdict);
        match (options.engines.is_empty(), self.original.component.bytes.len() <= SMALL) {
            (false, _) => options.engines.clone(),
            (true, true) => vec![Compiler::Cranelift, Compiler::Winch],
            (true, false) => vec![Compiler::Cranelift],
        }
    }
}

/// Plays the calls that were given and generated ones, as long as there is time.
fn play_on(
    pair: &Pair<'_, '_>,
    mut coverage: EngineCoverage,
    share: Duration,
    verdict: &mut VerdictBuilder<'_>,
) -> Result<EngineCoverage, VerifyError> {
    let started = Instant::now();
    let options = pair.options;
    let exports: Vec<String> =
        ExportedFunction::all(pair.snapshot.1).iter().map(ExportedFunction::name).collect();
    let mut sequences = Sequence::given(&options.scripts);
    sequences.push(Sequence::default());
    sequences.extend(Sequence::of_all(&exports, options.depth));
    let given = options.scripts.len();
    let mut rng = ChaCha20Rng::seed_from_u64(options.seed);
    for number in 0..given + 1 + options.sequences {
        if pair.deadline.is_over() {
            if number <= given {
                verdict.undecided(format!("there was no time left for all calls ({})", coverage.name));
            }
            break;
        }
        let sequence = match sequences.get(number) {
            Some(sequence) => sequence.clone(),
            None => Sequence::random(&exports, options.depth, &mut rng),
        };
        // The first two are always played: the state after instantiation, and one call of each export as far as they fit.
        if number > given + 1 && started.elapsed() >= share || options.sequences == 0 && number > given {
            break;
        }
        let played = pair.play(&sequence, &mut rng)?;
        count(&mut coverage, &played, verdict);
        if number == given {
            verdict.coverage.state = played.state.clone();
        }
        if !played.differences.is_empty() {
            verdict.script = (!played.script.is_empty()).then(|| played.script.join("\n"));
            verdict.extend(played.differences, &coverage.name);
            break;
        }
        verdict.add_unknown(played.differences.unknown);
        // A generated call may well need more than it gets; one that was asked for should not.
        let limited = if number < given { played.limited } else { Vec::new() };
        for why in played.undecided.into_iter().chain(limited) {
            verdict.undecided(format!("{why} ({})", coverage.name));
        }
    }
    coverage.seconds = seconds(started.elapsed());
    verdict.coverage.exports_not_called = exports
        .iter()
        .filter(|export| !verdict.coverage.exports_called.contains(export))
        .map(|export| {
            Skipped::new(export.as_str(), "no arguments could be made for it, or there was no time")
        })
        .collect();
    Ok(coverage)
}

fn count(coverage: &mut EngineCoverage, played: &Played, verdict: &mut VerdictBuilder<'_>) {
    coverage.sequences += 1;
    coverage.calls += played.calls;
    coverage.returned += played.returned;
    coverage.cut_short += played.limited.len() as u64;
    coverage.host_calls += played.host_calls;
    for export in &played.exports {
        if !verdict.coverage.exports_called.contains(export) {
            verdict.coverage.exports_called.push(export.clone());
        }
    }
    verdict.not_compared(played.not_compared.clone());
}
