//! What of the build is in a component's core instances.

use super::part::path;
use crate::checks;
use crate::finding::{Finding, Remedy};
use crate::host::{Ledger, WasiOptions};
use preinit_core::component::{Component, CoreInstance};
use preinit_core::module::Module;
use preinit_core::snapshot::Snapshot;

/// Those of all core instances, each once.
#[derive(Default)]
pub struct Findings(Vec<Finding>);

/// The keys of findings that are exact where a stream of libc is found, and otherwise drawn from the calls alone.
const OF_STREAMS: [&str; 2] = ["handle.unread", "handle.end_of_input"];

impl Findings {
    /// Looks for what a core instance holds.
    pub fn add(
        &mut self,
        (component, instance): (&Component<'_>, &CoreInstance),
        module: &Module<'_>,
        snapshot: &Snapshot<'_>,
        (ledger, wasi): (&Ledger, Option<&WasiOptions>),
    ) {
        let path = path(component, instance);
        for mut finding in checks::findings(module, snapshot, ledger, wasi) {
            for location in &mut finding.locations {
                location.at = format!("{path} · {}", location.at);
            }
            let same = |other: &&mut Finding| other.key == finding.key && other.title == finding.title;
            match self.0.iter_mut().find(same) {
                Some(other) => {
                    let more = other.more_locations + finding.more_locations;
                    *other = Finding { more_locations: more, ..other.clone() }.at(finding.locations);
                }
                None => self.0.push(finding),
            }
        }
    }

    /// All, worst first. Where the clock goes on, it is none.
    pub fn finished(mut self, ledger: &Ledger, goes_on: bool) -> Vec<Finding> {
        let is_located =
            |key: &str| self.0.iter().any(|finding| finding.key == key && !finding.locations.is_empty());
        let located: Vec<&str> = OF_STREAMS.into_iter().filter(|key| is_located(key)).collect();
        self.0.retain(|finding| !(located.contains(&finding.key.as_str()) && finding.locations.is_empty()));
        self.0.extend(
            checks::monotonic_clock(ledger)
                .filter(|_| !goes_on)
                .map(|finding| finding.advise(Remedy::Text("read the clock anew at run time".to_string()))),
        );
        self.0.sort_by_key(|finding| finding.level);
        self.0
    }
}
