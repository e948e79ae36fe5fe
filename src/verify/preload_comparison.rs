//! Compares what is inside preloaded modules, out of reach of the imports: both sides have instances of the same ones.

use super::compared_instance::ComparedInstance;
use super::differences::Sink;
use super::state_comparison;
use super::tolerance::Tolerance;
use super::verdict_builder::VerdictBuilder;
use crate::instance::CaptureError;
use preinit_core::printable::Printable;
use preinit_core::snapshot::Reference;

/// Adds every difference there is. What the original imports is compared as its own.
pub(super) fn compare(
    original: &mut ComparedInstance<'_>,
    snapshot: &mut ComparedInstance<'_>,
    found: &mut Sink<'_>,
) -> Result<(), CaptureError> {
    for (name, private) in original.private_parts() {
        let part = (&*name, &private);
        if let (Some(left), Some(right)) = (original.preload_state(part)?, snapshot.preload_state(part)?) {
            found.further_below(&format!("preload.{}.", Printable(&name)), |found| {
                state_comparison::compare(&left, &right, Tolerance::None, found);
            });
        }
    }
    Ok(())
}

/// Says what of them cannot be compared.
pub(super) fn add_not_compared(
    original: &mut ComparedInstance<'_>,
    verdict: &mut VerdictBuilder<'_>,
) -> Result<(), CaptureError> {
    for name in original.hidden_preloads() {
        verdict.undecided(format!("the state of the preloaded module `{}` cannot be read", Printable(name)));
    }
    for (name, private) in original.private_parts() {
        let Some(state) = original.preload_state((&name, &private))? else { continue };
        let references = state_comparison::references(&state.outline);
        let count = references.filter(|reference| matches!(reference, Reference::Unwritable(_))).count();
        verdict.not_compared((count > 0).then(|| {
            format!(
                "what {count} references inside the preloaded module `{}` point to: functions and objects of other modules, host \
                 values, continuations",
                Printable(&name)
            )
        }));
    }
    Ok(())
}
