//! Time by the monotonic clock of the build, which is ahead of that of an instance.

use crate::evidence::sites;
use crate::finding::{Finding, Level, Remedy};
use crate::host::{Entry, Ledger};

/// Nanoseconds that no instance needs to get to where it reads the clock.
const AHEAD: u64 = 1_000_000;

/// Whether init has read the clock when it was ahead of what an instance will see.
pub(crate) fn finding(ledger: &Ledger) -> Option<Finding> {
    let clock = ledger.monotonic_clock().filter(|clock| *clock > AHEAD)?;
    let moved = if ledger.slept() { ", moved by sleeps" } else { "" };
    let title = format!(
        "init has read the monotonic clock at {:.3} s{moved}, and that of an instance begins anew: what init has planned by \
         it waits that much longer",
        clock as f64 / 1e9
    );
    let sites = sites(ledger, |_, entry: &Entry| entry.monotonic_reading().is_some());
    Some(Finding::new(Level::Warning, "clock.monotonic", title).by(sites).advise(Remedy::RebaseClock))
}
