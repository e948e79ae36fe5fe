//! Constructors that would run a second time, in an instance of the snapshot.

use super::difference::Difference;
use super::libc_state::ConstructorEffect;
use super::locations::locations;
use crate::evidence::{Evidence, Owner};
use crate::finding::{Finding, Level, Remedy};

/// `exports` run the constructors; `ran` says whether init has run them.
pub(super) fn finding(
    evidence: &Evidence<'_>,
    exports: &[&str],
    ran: bool,
    effect: &ConstructorEffect,
) -> Option<Finding> {
    let (what, locations) = match effect {
        ConstructorEffect::None => return None,
        ConstructorEffect::Unknown => ("; what that changes is not known".to_string(), Vec::new()),
        ConstructorEffect::Trapped(cause) => (format!(", which traps: {cause}"), Vec::new()),
        ConstructorEffect::Changed(differences) => {
            let matters = |difference: &&Difference| match difference {
                Difference::Memory { memory, range, .. } => {
                    evidence.owner(*memory, range.start) != Owner::FreeStack
                }
                _ => true,
            };
            let differences: Vec<Difference> = differences.iter().filter(matters).cloned().collect();
            if differences.is_empty() {
                return None;
            }
            let locations = locations(evidence, &differences, |_| false);
            (", which undoes or repeats what init has done".to_string(), locations)
        }
    };
    let names = match exports {
        [] => return None,
        [one] => format!("the export `{one}` runs"),
        [one, ..] => format!("`{one}` and {} more exports run", exports.len() - 1),
    };
    let again = if ran { "a second time" } else { "after init, which has not run them" };
    let remedy = match exports.contains(&"_start") {
        true => Remedy::OtherEntry,
        false => "link as a reactor (-mexec-model=reactor), whose _initialize runs them once".into(),
    };
    let level = if *effect == ConstructorEffect::Unknown { Level::Warning } else { Level::Danger };
    let title = format!("{names} the constructors {again}{what}");
    Some(Finding::new(level, "constructors", title).at(locations).advise(remedy))
}
