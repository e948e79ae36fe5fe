//! Modules of wasm-smith with generated init functions, behave as their snapshots do.

use preinit_testing::property::generated::{Verdict, check};
use preinit_testing::{note, random, seeds};

#[test]
fn snapshots_of_generated_modules_behave_as_their_originals() {
    let seeds = seeds(0..150);
    let mut verdicts = Vec::new();
    for seed in seeds.clone() {
        match std::panic::catch_unwind(|| check(&random::bytes(seed, 8000))) {
            Ok(verdict) => verdicts.extend(verdict),
            Err(_) => panic!("seed {seed}"),
        }
    }
    let count = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| is(verdict)).count() as u64;
    let total = seeds.end - seeds.start;
    note(format!(
        "{total} modules: {} accepted, {} with an init that did not trap, {} with changed globals, {} with grown \
         memories, {} with a start function, {} on wasmi too, {} calls returned of {}",
        count(|verdict| verdict.accepted),
        count(|verdict| verdict.init_functions > 0),
        count(|verdict| verdict.changed_globals > 0),
        count(|verdict| verdict.changed_memories),
        count(|verdict| verdict.start_function),
        count(|verdict| verdict.ran_on_wasmi),
        verdicts.iter().map(|verdict| verdict.returned).sum::<usize>(),
        verdicts.iter().map(|verdict| verdict.calls).sum::<usize>(),
    ));
    assert!(count(|verdict| verdict.accepted) * 2 > total, "most are accepted");
    assert!(count(|verdict| verdict.ran_on_wasmi) * 10 > total, "wasmi knows some");
}
