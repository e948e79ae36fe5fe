use super::generate::{self, Edges};
use super::play::{Duel, Played};
use super::script::Script;
use super::shrink::{self, Shown};
use super::side::{Program, Side};
use super::spectator::Spectator;
use super::verdict::{Coverage, Difference, EngineCoverage, Findings, Skipped};
use super::verifier::Verifier;
use super::{VerifyError, start, state};
use crate::engine::Compiled;
use crate::instance::CaptureError;
use crate::report::seconds;
use preinit_core::snapshot::Value;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Reasons for "could not tell" that are listed at most.
const MAX_UNDECIDED: usize = 20;

/// One snapshot against the original, on every engine.
pub(super) struct Round<'r, 'o, 'a, 's> {
    verifier: &'r mut Verifier<'a>,
    program: Arc<Program<'s>>,
    findings: &'r mut Findings<'o>,
    coverage: &'r mut Coverage,
    opponents: Vec<Opponent<'s>>,
    spectators: Vec<Spectator>,
    /// For each defined function, whether calls entered it.
    entered: Vec<bool>,
    pub undecided: Vec<String>,
    /// The shortest script that shows a difference.
    pub script: Option<String>,
}

/// The snapshot on one engine.
struct Opponent<'s> {
    lane: usize,
    compiled: Compiled,
    /// An instance that nothing was played on.
    resting: Option<Side<'s>>,
    coverage: EngineCoverage,
}

impl<'r, 'o, 'a, 's> Round<'r, 'o, 'a, 's> {
    pub fn new(
        verifier: &'r mut Verifier<'a>,
        program: Arc<Program<'s>>,
        findings: &'r mut Findings<'o>,
        coverage: &'r mut Coverage,
    ) -> Self {
        Round {
            verifier,
            program,
            findings,
            coverage,
            opponents: Vec::new(),
            spectators: Vec::new(),
            entered: Vec::new(),
            undecided: Vec::new(),
            script: None,
        }
    }

    /// Compares the states, then plays.
    pub fn run(&mut self) -> Result<(), VerifyError> {
        for lane in 0..self.verifier.lanes.len() {
            self.instantiate(lane)?;
        }
        if self.opponents.is_empty() {
            self.undecided.push("no engine ran both sides".to_string());
        } else if self.findings.is_empty() {
            self.invite();
            self.play()?;
        }
        let coverage = self.opponents.drain(..).map(|opponent| opponent.coverage);
        self.coverage.engines = coverage.collect();
        self.coverage.functions_entered = self.entered.iter().filter(|&&entered| entered).count() as u64;
        for spectator in self.spectators.drain(..) {
            self.coverage.engines.push(spectator.coverage);
            let Some(withdrawn) = spectator.withdrawn else { continue };
            if self.verifier.options.other_engines.contains(&spectator.engine) {
                self.undecided.push(format!("{}: {}", withdrawn.name, withdrawn.why));
            }
            self.coverage.engines_skipped.push(withdrawn);
        }
        Ok(())
    }

    /// Makes both instances on one engine and compares them.
    fn instantiate(&mut self, lane: usize) -> Result<(), VerifyError> {
        let compiler = self.verifier.lanes[lane].compiler;
        let name = compiler.name();
        let started = Instant::now();
        let compiled = match start::compile(&self.program, compiler) {
            Ok(compiled) => compiled,
            Err(error) => {
                let difference = Difference::new("compile", "no error", format!("{error:#}"));
                self.findings.extend([difference], Some(name));
                return Ok(());
            }
        };
        let compile_time = started.elapsed() + self.verifier.lanes[lane].compile_time;
        let mut leader = self.verifier.leader(lane)?;
        let resting = match self.verifier.follower(&self.program, &compiled)? {
            Ok(mut follower) => {
                self.findings.extend(state::compare(&mut leader, &mut follower)?, Some(name));
                if self.opponents.is_empty() {
                    let (state, not_compared) = state::coverage(&mut leader)?;
                    self.coverage.state = state;
                    self.coverage.not_compared.extend(not_compared);
                }
                Some(follower)
            }
            Err(difference) => {
                self.findings.extend([difference], Some(name));
                None
            }
        };
        self.verifier.rest(lane, leader);
        let coverage = EngineCoverage {
            name: name.to_string(),
            compile_seconds: seconds(compile_time),
            ..EngineCoverage::default()
        };
        self.opponents.push(Opponent { lane, compiled, resting, coverage });
        Ok(())
    }

    /// Takes in the engines by other people.
    fn invite(&mut self) {
        for engine in self.verifier.other_engines() {
            match Spectator::new(engine, &self.program.module) {
                Ok(spectator) => self.spectators.push(spectator),
                Err(skipped) => self.coverage.engines_skipped.push(skipped),
            }
        }
    }

    fn play(&mut self) -> Result<(), VerifyError> {
        let options = self.verifier.options;
        let edges = self.edges()?;
        let sequences = generate::sequences(&self.program.module, &edges, options.depth);
        let players = self.opponents.len() + self.spectators.len();
        let share = options.time / players.max(1) as u32;
        for opponent in 0..self.opponents.len() {
            let started = Instant::now();
            for script in &options.scripts {
                let played = self.sequence(opponent, script, Duration::MAX)?;
                if let Some(shown) = self.judge(opponent, script, played, true) {
                    let shown = shrink::given(shown, &mut |script| self.replay(opponent, script))?;
                    return self.show(opponent, shown);
                }
            }
            let mut runner = runner(options.seed);
            let generating = Instant::now();
            for index in 0..options.sequences {
                // The first has its instance already; a long init is not repeated when there is no time for it.
                let lead_time = if index == 0 { Duration::ZERO } else { self.lead_time(opponent) };
                if generating.elapsed() + lead_time >= share {
                    break;
                }
                let Some(strategy) = sequences.strategy(index) else { break };
                let Ok(mut tree) = strategy.new_tree(&mut runner) else { break };
                let script = Script { steps: tree.current() };
                let played = self.sequence(opponent, &script, share)?;
                if let Some(shown) = self.judge(opponent, &script, played, false) {
                    let play: &mut shrink::Play<'_> = &mut |script| self.replay(opponent, script);
                    let shown = shrink::generated(&mut tree, shown, play)?;
                    return self.show(opponent, shown);
                }
            }
            self.opponents[opponent].coverage.seconds = seconds(started.elapsed());
        }
        let exports = self.program.module.exports.iter();
        let functions = exports.filter(|export| preinit_core::module::is_function(export.kind));
        let not_reached = functions.filter(|export| {
            !self.coverage.exports_called.iter().any(|called| called == export.name)
                && !sequences.skipped.iter().any(|skipped| skipped.name == export.name)
        });
        let why = match options.sequences {
            0 => "no generated calls were asked for",
            _ => "there was no time",
        };
        let not_reached = not_reached.map(|export| Skipped::new(export.name, why));
        self.coverage.exports_not_called = not_reached.chain(sequences.skipped.iter().cloned()).collect();
        Ok(())
    }

    fn lead_time(&self, opponent: usize) -> Duration {
        self.verifier.lanes[self.opponents[opponent].lane].lead_time
    }

    /// Plays a script and counts what it covers. Other engines watch, as long as their time lasts.
    fn sequence(&mut self, opponent: usize, script: &Script, share: Duration) -> Result<Played, VerifyError> {
        let (mut played, leader) = self.on_fresh_pair(opponent, script)?;
        let coverage = &mut self.opponents[opponent].coverage;
        coverage.sequences += 1;
        coverage.calls += played.calls;
        coverage.returned += played.returned;
        coverage.cut_short += played.cut_short;
        coverage.host_calls += played.host_calls;
        for export in &played.exports {
            if !self.coverage.exports_called.contains(export) {
                self.coverage.exports_called.push(export.clone());
            }
        }
        if opponent == 0
            && let Some(mut leader) = leader
        {
            self.entered.resize(leader.entered().count(), false);
            for (entered, now) in self.entered.iter_mut().zip(leader.entered()) {
                *entered |= now;
            }
            self.watch(&mut played, &mut leader, share)?;
        }
        Ok(played)
    }

    /// Lets the other engines do the same. What is already known to differ, or unknown, they need not see.
    fn watch(
        &mut self,
        played: &mut Played,
        leader: &mut Side<'_>,
        share: Duration,
    ) -> Result<(), VerifyError> {
        for spectator in &mut self.spectators {
            if !played.differences.is_empty() || played.undecided.is_some() {
                break;
            }
            if spectator.plays(share)
                && let Some(mut difference) = spectator.follow(self.verifier, played, leader)?
            {
                difference.engines.push(spectator.engine.name().to_string());
                played.differences.push(difference);
            }
        }
        Ok(())
    }

    /// Plays a script again, on all engines that this opponent leads.
    fn replay(&mut self, opponent: usize, script: &Script) -> Result<Played, VerifyError> {
        let (mut played, leader) = self.on_fresh_pair(opponent, script)?;
        if opponent == 0
            && let Some(mut leader) = leader
        {
            self.watch(&mut played, &mut leader, Duration::MAX)?;
        }
        Ok(played)
    }

    /// Gives the leader back as it is afterwards.
    fn on_fresh_pair(
        &mut self,
        opponent: usize,
        script: &Script,
    ) -> Result<(Played, Option<Side<'a>>), VerifyError> {
        let options = self.verifier.options;
        let Opponent { lane, compiled, resting, .. } = &mut self.opponents[opponent];
        let leader = self.verifier.leader(*lane)?;
        let follower = match resting.take() {
            Some(follower) => Ok(follower),
            None => self.verifier.follower(&self.program, compiled)?,
        };
        let mut played = Played::default();
        match follower {
            Ok(follower) => {
                let (renames, ignore) = (&options.renames, &options.ignore);
                let mut duel = Duel { leader, follower, renames, ignore, fuel: options.fuel };
                duel.play(script, &mut played)?;
                Ok((played, Some(duel.leader)))
            }
            Err(difference) => {
                played.differences.push(difference);
                Ok((played, None))
            }
        }
    }

    /// Keeps what is not known; gives back what has to be reduced and shown.
    fn judge(&mut self, opponent: usize, script: &Script, played: Played, given: bool) -> Option<Shown> {
        if !played.differences.is_empty() {
            return Some((script.clone(), played));
        }
        let name = &self.opponents[opponent].coverage.name;
        // A generated call may well need more than it gets; one that was asked for should not.
        let cut = if given { &played.cut[..] } else { &[] };
        for why in played.undecided.iter().chain(cut) {
            if self.undecided.len() < MAX_UNDECIDED {
                self.undecided.push(format!("{why} ({name})"));
            }
        }
        None
    }

    /// Takes the differences that a script shows, on every engine.
    fn show(&mut self, opponent: usize, (script, played): Shown) -> Result<(), VerifyError> {
        let name = |round: &Self, index: usize| round.opponents[index].coverage.name.clone();
        for difference in played.differences {
            let here = difference.engines.is_empty().then(|| name(self, opponent));
            self.findings.extend([difference], here.as_deref());
        }
        for other in (0..self.opponents.len()).filter(|other| *other != opponent) {
            let (played, _) = self.on_fresh_pair(other, &script)?;
            self.findings.extend(played.differences, Some(&name(self, other)));
        }
        self.script = (!self.findings.is_empty()).then(|| script.to_string());
        Ok(())
    }

    /// Looks at an instance for values that are worth passing.
    fn edges(&mut self) -> Result<Edges, CaptureError> {
        let original = self.verifier.program.module.referenceable_functions();
        let module = &self.program.module;
        let mut edges = Edges::default();
        edges.functions.extend(module.referenceable_functions().intersection(&original));
        let Some(side) = self.opponents.iter_mut().find_map(|opponent| opponent.resting.as_mut()) else {
            return Ok(edges);
        };
        let around = |value: u64| [value.wrapping_sub(1), value, value.wrapping_add(1)];
        let state = side.outline()?;
        for table in &state.tables {
            edges.slots.extend(around(table.elements.len() as u64));
            edges.slots.push(table.elements.len() as u64 / 2);
        }
        for global in &state.globals {
            match global.value {
                Value::I32(value) => edges.addresses.push(u64::from(value.cast_unsigned())),
                Value::I64(value) => edges.addresses.push(value.cast_unsigned()),
                _ => {}
            }
        }
        edges.addresses.extend(state::addresses(side)?);
        Ok(edges)
    }
}

/// The same sequences for the same seed, on every engine.
fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng)
}
