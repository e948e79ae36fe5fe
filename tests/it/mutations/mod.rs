//! The verifier against planted faults: each is put into a correct snapshot, at a random place, and must be found; none
//! may be found in the snapshots as they are.
//!
//! `PREINIT_MUTATION_SEED=n` chooses other places; the seed and the score are printed.

mod code;
mod corpus;
pub mod dice;
mod imports;
pub mod plant;
mod rewrite;

use corpus::{Frozen, Guest};
use dice::Dice;
use plant::Kind;
use preinit::stages::engine::{Compiler, on_guest_thread};
use preinit::stages::module::Module;
use preinit::verify::{Outcome, Verdict, Verifier, VerifyOptions, verify};
use preinit_testing::note;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;

/// A miss must not come and go from run to run of the whole suite.
const DEFAULT_SEED: u64 = 1;
const FAULTS_OF_EACH_KIND: usize = 72;
const CLEAN_RUNS_OF_EACH_GUEST: usize = 6;
const ENGINES: [Compiler; 3] = [Compiler::Winch, Compiler::Cranelift, Compiler::Pulley];

#[derive(Default)]
struct Score {
    planted: BTreeMap<Kind, usize>,
    found: BTreeMap<Kind, usize>,
    clean: usize,
    complaints: Vec<String>,
}

#[test]
fn every_planted_fault_is_found_and_nothing_else() {
    let seed = std::env::var("PREINIT_MUTATION_SEED").map_or(DEFAULT_SEED, |seed| seed.parse().unwrap());
    let guests = corpus::guests();
    let frozen = corpus::frozen();
    let score = Mutex::new(Score::default());
    // Which guest gets which faults is decided first, so that the threads have no influence on it.
    let work = assign(&guests, &mut Dice::new(seed));
    std::thread::scope(|scope| {
        for half in [0, 1] {
            let (guests, frozen, work, score) = (&guests, &frozen, &work, &score);
            scope.spawn(move || {
                on_guest_thread(|| {
                    for index in (half..guests.len()).step_by(2) {
                        check(&guests[index], &work[index], seed ^ index as u64, score);
                    }
                    for index in (half..frozen.len()).step_by(2) {
                        let faults = FAULTS_OF_EACH_KIND.div_ceil(frozen.len());
                        check_frozen(&frozen[index], faults, seed ^ index as u64, score);
                    }
                })
                .unwrap();
            });
        }
    });

    let score = score.into_inner().unwrap();
    let mut text = String::new();
    for (kind, planted) in &score.planted {
        writeln!(text, "{:>5}/{planted:<5} {kind:?}", score.found.get(kind).unwrap_or(&0)).unwrap();
    }
    let (found, planted): (usize, usize) = (score.found.values().sum(), score.planted.values().sum());
    let false_alarms =
        score.complaints.iter().filter(|complaint| complaint.starts_with("false alarm")).count();
    note(format!(
        "planted faults, PREINIT_MUTATION_SEED={seed}: found {found} of {planted}, {false_alarms} false alarms in {} clean \
         snapshots\n{text}",
        score.clean
    ));
    assert!(score.complaints.is_empty(), "{}", score.complaints.join("\n"));
    assert!(planted >= 1000 && score.planted.values().all(|planted| *planted >= 50), "{text}");
    assert_eq!(score.planted.len(), Kind::ALL.len(), "some kinds have no place to be planted in");
    assert_eq!(found, planted);
}

/// For each guest the kinds of faults that it gets.
fn assign(guests: &[Guest], dice: &mut Dice) -> Vec<Vec<Kind>> {
    let mut work = vec![Vec::new(); guests.len()];
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::ResumeCodeChanged) {
        let fitting: Vec<usize> = (0..guests.len())
            .filter(|&index| {
                let snapshot = Module::parse(&guests[index].snapshot).unwrap();
                let original = Module::parse(&guests[index].original).unwrap();
                plant::plant(kind, &original, &snapshot, dice).is_some()
            })
            .collect();
        // Small guests take more of them: whole programs take ten times as long to compile.
        let weights =
            |&index: &usize| std::iter::repeat_n(index, if guests[index].is_small() { 4 } else { 1 });
        let fitting: Vec<usize> = fitting.iter().flat_map(weights).collect();
        for _ in 0..FAULTS_OF_EACH_KIND {
            if let Some(index) = dice.pick(&fitting) {
                work[*index].push(kind);
            }
        }
    }
    work
}

fn check(guest: &Guest, faults: &[Kind], seed: u64, score: &Mutex<Score>) {
    let original = Module::parse(&guest.original).unwrap();
    let snapshot = Module::parse(&guest.snapshot).unwrap();
    let mut dice = Dice::new(seed);
    let engines = ENGINES.map(|engine| match (engine, guest.needs_cranelift) {
        (Compiler::Winch, true) => Compiler::Cranelift,
        (engine, _) => engine,
    });
    for (lane, engine) in engines.into_iter().enumerate() {
        let options = VerifyOptions {
            engines: vec![engine],
            sequences: 12,
            depth: 5,
            fuel: 1_000_000,
            seed,
            host: guest.host.clone(),
            ..VerifyOptions::default()
        };
        let mut verifier = match Verifier::new(&guest.original, &options) {
            Ok(verifier) => verifier,
            Err(error) => {
                score.lock().unwrap().complaints.push(format!("{}: {error}", guest.name));
                return;
            }
        };
        for _ in 0..CLEAN_RUNS_OF_EACH_GUEST / ENGINES.len() {
            let verdict = verifier.verify(&guest.snapshot).unwrap();
            let mut score = score.lock().unwrap();
            score.clean += 1;
            if verdict.outcome != Outcome::Equal {
                score.complaints.push(format!("false alarm in {}: {verdict}", guest.name));
            }
        }
        for kind in faults.iter().skip(lane).step_by(ENGINES.len()) {
            let Some((wasm, what)) = plant::plant(*kind, &original, &snapshot, &mut dice) else { continue };
            let verdict = verifier.verify(&wasm).unwrap();
            let place = format!("{} on {}: {what}", guest.name, engine.name());
            score.lock().unwrap().count(*kind, &verdict, &place);
        }
    }
}

/// Faults in the code that resumes.
fn check_frozen(guest: &Frozen, faults: usize, seed: u64, score: &Mutex<Score>) {
    let Frozen { name, original, snapshot, trigger, host } = guest;
    let options = VerifyOptions {
        at: Some(trigger.parse().unwrap()),
        engines: vec![Compiler::Cranelift],
        host: host.clone(),
        ..VerifyOptions::default()
    };
    let verdict = verify(original, snapshot, &options).unwrap();
    {
        let mut score = score.lock().unwrap();
        score.clean += 1;
        if verdict.outcome != Outcome::Equal {
            score.complaints.push(format!("false alarm in {name}: {verdict}"));
        }
    }
    let (before, after) = (Module::parse(original).unwrap(), Module::parse(snapshot).unwrap());
    let mut dice = Dice::new(seed);
    for _ in 0..faults {
        let kind = Kind::ResumeCodeChanged;
        let Some((wasm, what)) = plant::plant(kind, &before, &after, &mut dice) else { continue };
        let verdict = verify(original, &wasm, &options).unwrap();
        score.lock().unwrap().count(kind, &verdict, &format!("{name}: {what}"));
    }
}

impl Score {
    fn count(&mut self, kind: Kind, verdict: &Verdict, place: &str) {
        *self.planted.entry(kind).or_default() += 1;
        let is_found = match kind.hides() {
            true => verdict.outcome != Outcome::Equal,
            false => verdict.outcome == Outcome::Different,
        };
        match is_found {
            true => *self.found.entry(kind).or_default() += 1,
            false => self.complaints.push(format!("missed: {kind:?} in {place}\n{verdict}")),
        }
    }
}
