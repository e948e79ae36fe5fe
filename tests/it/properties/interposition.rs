//! Whoever calls an import reaches the function that answers for it.

use preinit_testing::property::interposition::check;
use preinit_testing::{note, random, seeds};

#[test]
fn functions_that_answer_are_reached_by_all_callers() {
    let seeds = seeds(0..200);
    let mut checked = Vec::new();
    for seed in seeds.clone() {
        match std::panic::catch_unwind(|| check(&random::bytes(seed, 8000))) {
            Ok(found) => checked.extend(found.ok().flatten()),
            Err(_) => panic!("seed {seed}"),
        }
    }
    let total = |count: fn(&preinit_testing::property::interposition::Checked) -> usize| {
        checked.iter().map(count).sum::<usize>()
    };
    let (answered, redirected) = (total(|one| one.answered), total(|one| one.redirected));
    let returned = total(|one| one.returned);
    note(format!(
        "{} modules, {answered} imports answered, {redirected} callers redirected, {returned} calls returned",
        checked.len()
    ));
    let modules = (seeds.end - seeds.start) as usize;
    assert!(checked.len() * 2 > modules, "most are checked");
    // Most calls trap, on both sides.
    assert!(redirected > modules / 4 && returned > modules / 20, "there are callers");
}
