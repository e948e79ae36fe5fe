//! Globals whose value is not the one that the input gives them.

use preinit_core::plan::{GlobalInit, Plan, StartStep};
use std::collections::BTreeSet;

/// How many there are.
pub(crate) fn globals_changed(plan: &Plan<'_>) -> usize {
    // One that is set to an object by the start function has a null until then.
    let steps = plan.start.iter().flat_map(|start| &start.steps);
    let set: BTreeSet<u32> = steps
        .filter_map(|step| match step {
            StartStep::SetGlobal { global, .. } => Some(*global),
            _ => None,
        })
        .collect();
    let first = (plan.kept_globals..).zip(&plan.globals);
    let own =
        first.filter(|(index, global)| matches!(global.init, GlobalInit::Value(_)) && !set.contains(index));
    own.count() + set.len()
}
