//! Numbers of handles. The runtime gives the one that was free last, so where init has left some, or has made and dropped several,
//! calls get others from the original than from an instance that begins anew. That is no fault of the snapshot.

use super::super::VerifyError;
use super::calls::{Ended, Played};
use super::pair::{Pair, Paired};
use crate::component::ComponentRunError;
use crate::host::ComponentValue;
use std::sync::Arc;

/// The original's name of what was called, and the arguments.
pub type MadeCall = (String, Vec<ComponentValue>);

/// What is not compared of a call.
const OF_RESULTS: &str = "what a call gives or does by the numbers of handles, which differ: in the original, init has left some, \
                              or has made and dropped several";

/// What is not compared of the state.
pub const OF_STATES: &str = "memories and globals after calls that were given handles, whose numbers differ: in the original, init has \
                             left some, or has made and dropped several";

impl Pair<'_, '_> {
    /// Whether calls that were made can have got handles with other numbers on one side. The counts are of those that were alive
    /// before, on each side.
    pub fn has_other_numbers(&self, alive: (usize, usize), played: &Played) -> Result<bool, VerifyError> {
        let makes = || self.original.0.component.makes_handles().map_err(ComponentRunError::from);
        let are_given = played.is_given_handles || played.calls > 0 && makes()?;
        Ok(are_given && (alive.0 != alive.1 || self.has_more_at_once(alive.0 + 1)?))
    }

    /// Whether init has more handles than so many at once. It is not known of what was stopped, and not needed: nothing of that is
    /// played from the beginning.
    fn has_more_at_once(&self, handles: usize) -> Result<bool, VerifyError> {
        if self.options.at.is_some() {
            return Ok(false);
        }
        let host = self.options.init_host(Some(Arc::clone(&self.record)));
        Ok(self.start_within(self.original.1, host, &self.init_calls()?, Some(handles)).is_err())
    }

    /// Whether the last of these calls differs, and not by a fault of the snapshot, as far as can be told. Nothing can follow it.
    pub fn is_of_numbers(
        &self,
        prefix: &str,
        (paired, made, alive): (&Paired, &[MadeCall], (usize, usize)),
        played: &mut Played,
    ) -> Result<bool, VerifyError> {
        if self.options.at.is_some() || !paired.is_different() || !self.has_other_numbers(alive, played)? {
            return Ok(false);
        }
        match self.depends_on_numbers(made, &paired.original)? {
            Some(true) => played.not_compared.push(OF_RESULTS.to_string()),
            Some(false) => return Ok(false),
            None => played.undecided = Some(format!("{prefix}: {OF_RESULTS}")),
        }
        Ok(true)
    }

    /// Whether the last one of these calls ends otherwise in an original whose handles all have higher numbers. `None` if its init
    /// ends otherwise.
    fn depends_on_numbers(&self, calls: &[MadeCall], expected: &Ended) -> Result<Option<bool>, VerifyError> {
        let (side, compiled) = self.original;
        let moved = side.compile_with_taken_handles(compiled.compiler).map_err(ComponentRunError::Compile)?;
        let host = self.options.init_host(Some(Arc::clone(&self.record)));
        let Ok(mut moved) = self.start(&moved, host, &self.init_calls()?) else { return Ok(None) };
        moved.store.data_mut().restart(&self.options.run_host(), self.digest)?;
        let mut ended = None;
        for (export, arguments) in calls {
            ended = Some(moved.call(export, arguments, self.limits()));
        }
        Ok(Some(ended.as_ref() != Some(expected)))
    }
}
