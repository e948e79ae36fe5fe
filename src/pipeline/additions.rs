//! What goes into the module besides its state.

use crate::error::{Error, OptionsError};
use crate::freeze::{FrozenReport, StopPoint, StopRun};
use crate::host::Ledger;
use crate::options::Options;
use crate::warning::Warning;
use preinit_core::addition::Extended;
use preinit_core::module::{Module, is_function};
use preinit_core::plan::Plan;
use preinit_core::rebase::rebase_clock;
use preinit_core::snapshot::Snapshot;

/// The module and its state with everything that was added to them, in order.
pub(super) struct Additions<'a> {
    pub extended: Extended<'a>,
    /// How the program was frozen, if it was.
    pub frozen: Option<FrozenReport>,
    /// What an instance's monotonic clock goes on from, if it does.
    pub monotonic_clock: Option<u64>,
    pub warnings: Vec<Warning>,
}

impl<'a> Additions<'a> {
    /// Adds to `module` and its state what the options want.
    pub fn to(
        module: &'a Module<'a>,
        snapshot: Snapshot<'a>,
        options: &Options,
        stopped: Option<(StopRun<'_>, StopPoint)>,
        ledger: &Ledger,
    ) -> Result<Additions<'a>, Error> {
        let mut additions = Additions {
            extended: Extended::new(module, snapshot),
            frozen: None,
            monotonic_clock: None,
            warnings: Vec::new(),
        };
        if let Some((stop_run, point)) = stopped {
            additions.resume(stop_run, &point, ledger)?;
        }
        if let Some(clock) = ledger.monotonic_clock().filter(|_| options.rebases_clock()) {
            additions.rebase(clock)?;
        }
        Ok(additions)
    }

    /// Code that makes the calls again that were in progress.
    fn resume(&mut self, stop_run: StopRun<'_>, point: &StopPoint, ledger: &Ledger) -> Result<(), Error> {
        let frozen = stop_run.resume(point, self.extended.snapshot(), ledger)?;
        self.extended.add(frozen.addition)?;
        self.warnings.extend(frozen.warnings);
        self.frozen = Some(frozen.report);
        Ok(())
    }

    /// Lets the monotonic clock go on from where it stood.
    fn rebase(&mut self, clock: u64) -> Result<(), Error> {
        let rebased = rebase_clock(&self.extended.module()?, clock);
        match rebased {
            Ok(Some(addition)) => {
                self.extended.add(addition)?;
                self.monotonic_clock = Some(clock);
            }
            Ok(None) => {}
            Err(error) => {
                self.warnings.push(Warning::ClockNotRebased(error.to_string().as_str().into()));
            }
        }
        Ok(())
    }

    /// What was added must be reached by some name.
    pub fn check_entries(&self, target: &Module<'_>, plan: &Plan<'_>) -> Result<(), OptionsError> {
        for name in self.extended.entries() {
            let Some(entry) = target.export(name) else { continue };
            let is_entry = |index| index == entry.index;
            if !plan.exports.iter().any(|export| is_function(export.kind) && is_entry(export.index)) {
                return Err(OptionsError::EntryReplaced { entry: name.clone() });
            }
        }
        Ok(())
    }
}
