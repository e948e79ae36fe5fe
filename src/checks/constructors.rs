//! Constructors that would run a second time, in an instance of the snapshot.

use crate::error::Error;
use crate::evidence::{Difference, Evidence, Owner, differences, locations};
use crate::execute::{Called, FinishedInit, REACTOR_INITIALIZE};
use crate::finding::{Finding, Level, Remedy};
use crate::guest::{LibcFunctions, Program};
use crate::options::Options;
use preinit_core::snapshot::Snapshot;

/// The effect of a second run of the constructors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConstructorEffect {
    /// There are no constructors.
    None,
    /// They changed this.
    Changed(Vec<Difference>),
    /// They asked for something outside.
    Unknown,
    /// They trapped.
    Trapped(String),
}

impl ConstructorEffect {
    /// Runs the constructors in an instance whose init has left the state `before`.
    pub fn of(
        mut finished: FinishedInit<'_>,
        libc: &LibcFunctions,
        before: &Snapshot<'_>,
    ) -> Result<ConstructorEffect, Error> {
        let Some(constructors) = libc.constructors else { return Ok(ConstructorEffect::None) };
        Ok(match finished.call(constructors, &[]) {
            Called::Returned => ConstructorEffect::Changed(differences(before, &finished.state()?)),
            Called::Sealed => ConstructorEffect::Unknown,
            Called::Trapped(cause) => ConstructorEffect::Trapped(cause),
        })
    }
}

/// The exports that run the constructors, as far as the output keeps them. `init` are the exports that init is.
pub(crate) fn exports<'m>(program: &Program<'m>, options: &Options, init: &[String]) -> Vec<&'m str> {
    // What is frozen resumes, and does not begin again.
    let consumed = if options.keep_init_functions && options.at.is_none() { &[] } else { init };
    program.exports_with_constructors(|name: &str| {
        let is_replaced = options.renames.iter().any(|rename| rename.dst == name);
        is_replaced || name == REACTOR_INITIALIZE || consumed.iter().any(|init| init == name)
    })
}

/// `exports` run the constructors; `ran` says whether init has run them.
pub(crate) fn finding(
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
