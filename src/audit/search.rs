//! Draws findings from the state that init left, and from what changed when it ran again.

use super::rerun::Variation;
use super::weight::Weight;
use super::{free_stack, taint};
use crate::checks::LibcState;
use crate::checks::constructors::ConstructorEffect;
use crate::checks::{
    self, FileSearch, Given, SHORTEST, Source, ValuePlace, ValueSearch, constructors, libc_findings,
};
use crate::evidence::{Difference, Evidence, locations};
use crate::finding::{Finding, Level};
use crate::guest::Program;
use crate::host::ImportName;
use crate::options::Options;
use crate::preloaded::PreloadedChange;
use crate::wording::counted;
use preinit_core::snapshot::Shape;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What the runs after the first have shown.
pub(super) struct Repeated {
    pub variations: Vec<Variation>,
    pub libc: LibcState,
    pub constructors: ConstructorEffect,
    /// What differs from the first run, although nothing was changed.
    pub unstable: Vec<Difference>,
    /// The number of these runs.
    pub runs: usize,
}

/// What is searched.
pub(super) struct Search<'a> {
    pub evidence: &'a Evidence<'a>,
    pub program: &'a Program<'a>,
    pub options: &'a Options,
    pub given: Given<'a>,
    /// The exports that init is.
    pub init_functions: &'a [String],
    /// `None` if init cannot run again.
    pub repeated: Option<&'a Repeated>,
    pub weights: &'a [Weight],
    /// What init has changed inside preloaded modules.
    pub preloads: &'a [PreloadedChange],
}

/// What was found.
pub(super) struct Found {
    /// Worst first.
    pub findings: Vec<Finding>,
    /// Values that are too short to be searched for.
    pub too_short: usize,
}

impl Search<'_> {
    pub fn run(&self) -> Found {
        let Search { evidence, given, .. } = *self;
        let variations = self.repeated.map_or(&[][..], |repeated| &repeated.variations);
        let dependent = Dependent::of(variations);
        let values = ValueSearch::run(evidence, given, |source, place| dependent.may_be(source, place));
        let files = FileSearch::run(evidence, &given.wasi.stdin, true);
        let mut findings = taint::findings(evidence, given, variations, &values.reported);
        findings.extend(values.findings);
        findings.extend(files.findings);
        findings.extend(checks::handles(evidence));
        findings.extend(checks::embedded_secrets(evidence.module));
        if let Some(Repeated { libc, constructors, unstable, .. }) = self.repeated {
            findings.extend(libc_findings::findings(evidence, given.wasi, libc));
            findings.extend(self.constructors(constructors));
            findings.extend(self::unstable(evidence, unstable));
        }
        if !self.options.rebases_clock() {
            findings.extend(checks::monotonic_clock(evidence.ledger));
        }
        findings.extend(self.preloads.iter().map(PreloadedChange::finding));
        findings.extend(free_stack::finding(evidence, self.weights));
        findings.sort_by_key(|finding| finding.level);
        Found { findings, too_short: values.too_short + files.too_short }
    }

    fn constructors(&self, effect: &ConstructorEffect) -> Option<Finding> {
        let exports = constructors::exports(self.program, self.options, self.init_functions);
        let ran = self.program.runs_constructors(self.init_functions);
        constructors::finding(self.evidence, &exports, ran, effect)
    }
}

/// What changes with another value of which source, for searches.
pub(super) struct Dependent {
    /// For each variation in which init came to its end, what of memories changed, in order.
    ranges: Vec<Vec<(u32, Range<u64>)>>,
    /// And the shapes of objects that changed.
    shapes: Vec<BTreeSet<Shape>>,
    /// Which of these have varied a source.
    of_source: BTreeMap<Source, Vec<usize>>,
}

impl Dependent {
    pub fn of(variations: &[Variation]) -> Dependent {
        let mut dependent = Dependent { ranges: Vec::new(), shapes: Vec::new(), of_source: BTreeMap::new() };
        let is_finished = |variation: &&Variation| {
            variation.divergence.as_ref().is_none_or(|divergence| divergence.finished)
        };
        for variation in variations.iter().filter(is_finished) {
            let changed = variation.changed.iter().filter_map(|difference| match difference {
                Difference::Memory { memory, range, .. } => Some((*memory, range.clone())),
                _ => None,
            });
            let mut changed: Vec<_> = changed.collect();
            changed.sort_by_key(|(memory, range)| (*memory, range.start));
            let shapes = variation.changed.iter().filter_map(|difference| match difference {
                Difference::Objects { shape, .. } => Some(*shape),
                _ => None,
            });
            dependent.shapes.push(shapes.collect());
            for source in &variation.sources {
                dependent.of_source.entry(*source).or_default().push(dependent.ranges.len());
            }
            dependent.ranges.push(changed);
        }
        dependent
    }

    /// Whether what is in a place changes with another value of `source`, as far as the variations show.
    pub fn may_be(&self, source: Source, place: &ValuePlace) -> bool {
        let Some(variations) = self.of_source.get(&source) else { return true };
        variations.iter().any(|variation| match place {
            ValuePlace::Memory(memory, range) => {
                let changed = &self.ranges[*variation];
                let before = changed
                    .partition_point(|(other, changed)| (*other, changed.end) <= (*memory, range.start));
                let next = changed.get(before);
                next.is_some_and(|(other, changed)| other == memory && changed.start < range.end)
            }
            ValuePlace::Object(shape) => self.shapes[*variation].contains(shape),
        })
    }
}

pub(super) fn unstable(evidence: &Evidence<'_>, differences: &[Difference]) -> Option<Finding> {
    if differences.is_empty() {
        return None;
    }
    let title = "init ends differently when it is repeated with the same answers";
    let locations = locations(evidence, differences, |_| false);
    Some(Finding::new(Level::Warning, "unstable", title).at(locations))
}

/// What was not looked at, in sentences.
pub(super) fn not_covered(
    unrecorded: &[ImportName],
    too_short: usize,
    calls_in_progress: usize,
) -> Vec<String> {
    let mut not_covered = Vec::new();
    if !unrecorded.is_empty() {
        let names: Vec<String> = unrecorded.iter().map(|import| format!("`{import}`")).collect();
        not_covered.push(format!(
            "what depends on which source: init would have to run again, and the calls of {} are not recorded, because \
             a linker provides them",
            names.join(", ")
        ));
    }
    if too_short > 0 {
        not_covered.push(format!(
            "{} shorter than {SHORTEST} bytes, which {} not searched for",
            counted(too_short as u64, "value"),
            if too_short == 1 { "is" } else { "are" },
        ));
    }
    if calls_in_progress > 0 {
        not_covered.push(format!(
            "what the locals of the {} in progress depend on; everything that they point to was compared",
            if calls_in_progress == 1 { "call".to_string() } else { format!("{calls_in_progress} calls") }
        ));
    }
    not_covered
}
