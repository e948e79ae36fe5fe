use super::VerifyOptions;
use super::added_code::{Account, AddedCode};
use super::differences::Differences;
use super::module_comparison::ModuleComparison;
use super::unknown_references::Unknown;
use super::verdict::{Assumption, Coverage, Difference, Outcome, Verdict};
use crate::host::Ledger;
use crate::report::seconds;
use preinit_core::printable::Printable;
use std::time::Instant;

/// Reasons for "could not tell" that are listed at most.
const MAX_UNDECIDED: usize = 20;

/// Collects what a verdict consists of. Ignored differences are only counted, and only the first ones are kept.
pub(super) struct VerdictBuilder<'o> {
    started: Instant,
    options: &'o VerifyOptions,
    differences: Vec<Difference>,
    found: u64,
    ignored: u64,
    undecided: Vec<String>,
    unknown: Unknown,
    pub coverage: Coverage,
    /// A script that shows a difference.
    pub script: Option<String>,
}

impl<'o> VerdictBuilder<'o> {
    pub fn new(options: &'o VerifyOptions) -> Self {
        VerdictBuilder {
            started: Instant::now(),
            options,
            differences: Vec::new(),
            found: 0,
            ignored: 0,
            undecided: Vec::new(),
            unknown: Unknown::default(),
            coverage: Coverage::default(),
            script: None,
        }
    }

    /// What was asked for.
    pub fn options(&self) -> &'o VerifyOptions {
        self.options
    }

    /// Whether a difference was found that is not ignored.
    pub fn is_different(&self) -> bool {
        self.found > 0
    }

    pub fn add(&mut self, difference: Difference) {
        if self.options.ignores(&difference.key) {
            self.ignored += 1;
            return;
        }
        if let Some(known) = self.differences.iter_mut().find(|known| known.is_same(&difference)) {
            known.engines.extend(difference.engines);
            return;
        }
        self.found += 1;
        if self.differences.len() < self.options.max_differences {
            self.differences.push(difference);
        }
    }

    /// Adds what a comparison has found.
    pub fn add_all(&mut self, differences: Differences) {
        differences.kept.into_iter().for_each(|difference| self.add(difference));
        self.found += differences.more;
        self.ignored += differences.ignored;
        self.add_unknown(differences.unknown);
    }

    /// Adds places of which it is not known whether they differ.
    pub fn add_unknown(&mut self, unknown: Unknown) {
        self.unknown.extend(unknown);
    }

    /// Adds differences that show on `engine`, but for those that say where they show.
    pub fn extend(&mut self, differences: impl Into<Differences>, engine: &str) {
        let mut differences = differences.into();
        for difference in differences.kept.iter_mut().filter(|difference| difference.engines.is_empty()) {
            difference.engines.push(engine.to_string());
        }
        self.add_all(differences);
    }

    /// Adds what a comparison of the modules found.
    pub fn add_modules(&mut self, compared: ModuleComparison) {
        self.coverage.function_bodies = compared.function_bodies;
        self.coverage.functions_stripped = compared.functions_stripped;
        self.coverage.functions_added = compared.functions_added;
        self.coverage.exports_redirected = compared.exports_redirected;
        self.not_compared(compared.not_compared);
        compared.undecided.into_iter().for_each(|why| self.undecided(why));
        self.add_internalized(&compared.internalized);
        self.add_all(compared.differences);
    }

    /// Adds imports that the snapshot defines itself. Nobody sees in it whether others of the original's instances share them.
    fn add_internalized(&mut self, imports: &[String]) {
        let Some(named) = internalized(imports) else { return };
        let assumption = Assumption::OwnImports;
        match self.options.internalize {
            true => {
                self.not_compared([format!(
                    "what others do with {named}, which the snapshot defines itself"
                )]);
                self.coverage.assumptions.push(assumption);
            }
            false => {
                self.undecided(format!("the snapshot defines {named} itself, which the original imports"));
                self.coverage.assumptions_needed.push(assumption);
            }
        }
    }

    /// Adds what came of code that the snapshot adds.
    pub fn add_code(&mut self, added: &AddedCode<'_, '_, '_>, account: Account) {
        let assumption = Assumption::FreshImports;
        match account {
            Account::Same => self.coverage.functions_accounted = added.functions(),
            Account::SameOnFreshImports if self.options.fresh_imports => {
                self.coverage.functions_accounted = added.functions();
                self.coverage.assumptions.push(assumption);
            }
            Account::SameOnFreshImports => {
                self.undecided(format!("the snapshot is right only if {assumption}, and that was not said"));
                self.coverage.assumptions_needed.push(assumption);
            }
            Account::Other => self.undecided(added.unexplained()),
        }
    }

    /// Adds a reason for "could not tell".
    pub fn undecided(&mut self, why: impl Into<String>) {
        if self.undecided.len() < MAX_UNDECIDED {
            self.undecided.push(why.into());
        }
    }

    /// Adds the descriptors of a process's start that init has changed. Calls are answered to both sides as to the original's
    /// process, and the snapshot's will have them as they are at the start.
    pub fn changed_descriptors(&mut self, ledger: &Ledger, is_frozen: bool) {
        for changed in ledger.changed_descriptors() {
            match is_frozen {
                true => self.undecided(format!(
                    "{changed}; the frozen one has it as it is at the start of a process"
                )),
                false => self.not_compared([format!(
                    "calls that depend on this: in init, {changed}; an instance has it as it is at the start"
                )]),
            }
        }
    }

    /// Adds things that no engine compares.
    pub fn not_compared(&mut self, what: impl IntoIterator<Item = String>) {
        for what in what {
            if !self.coverage.not_compared.contains(&what) {
                self.coverage.not_compared.push(what);
            }
        }
    }

    pub fn finish(mut self) -> Verdict {
        self.coverage.seconds = seconds(self.started.elapsed());
        self.undecided.extend(self.unknown.describe());
        let outcome = match (self.is_different(), self.undecided.is_empty()) {
            (true, _) => Outcome::Different,
            (false, true) => Outcome::Equal,
            (false, false) => Outcome::CouldNotTell,
        };
        Verdict {
            outcome,
            differences: self.differences,
            differences_found: self.found,
            differences_ignored: self.ignored,
            ignore_unmatched: self.options.unmatched(),
            script: self.script,
            undecided: self.undecided,
            coverage: self.coverage,
        }
    }
}

/// The names of imports, if there are any; not all of very many.
pub(super) fn internalized(imports: &[String]) -> Option<String> {
    const NAMED: usize = 5;
    let names: Vec<String> =
        imports.iter().take(NAMED).map(|name| format!("`{}`", Printable(name))).collect();
    let more = imports.len().saturating_sub(NAMED);
    match (names.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(names.join(", ")),
        (false, more) => Some(format!("{} and {more} more", names.join(", "))),
    }
}
