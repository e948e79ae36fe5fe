use std::collections::BTreeMap;
use std::fmt;

/// What was done and found, over one script or many.
#[derive(Debug, Default)]
pub struct Tally {
    pub files: usize,
    /// Files that ran on the baseline compiler.
    pub winch: usize,
    /// Instances that scripts made.
    pub modules: usize,
    /// Instances that were replaced by their snapshots.
    pub snapshots: usize,
    /// Assertions about what an instance does, or about making one.
    pub assertions: usize,
    /// Those that do not hold in the engine even without snapshots, by file.
    pub unmet: BTreeMap<String, usize>,
    /// Those that hold, on instances that were replaced right before.
    pub right_before: usize,
    /// Those that hold, on instances that were replaced at some time before, but could not be right before.
    pub before: usize,
    /// Moments at which instances could not be replaced, by reason.
    pub excluded: BTreeMap<String, usize>,
    /// Everything that was not as without snapshots.
    pub failures: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.files += other.files;
        self.winch += other.winch;
        self.modules += other.modules;
        self.snapshots += other.snapshots;
        self.assertions += other.assertions;
        self.right_before += other.right_before;
        self.before += other.before;
        add(&mut self.unmet, other.unmet);
        add(&mut self.excluded, other.excluded);
        self.failures.extend(other.failures);
    }
}

fn add(counts: &mut BTreeMap<String, usize>, other: BTreeMap<String, usize>) {
    for (key, count) in other {
        *counts.entry(key).or_default() += count;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { files, winch, modules, snapshots, assertions, right_before, before, .. } = self;
        let unmet: usize = self.unmet.values().sum();
        let passed = right_before + before;
        writeln!(f, "{files} files ({winch} on Winch, the rest on Cranelift), {modules} modules")?;
        writeln!(f, "{snapshots} instances replaced by their snapshots")?;
        writeln!(f, "{assertions} assertions about instances, of which")?;
        writeln!(f, "  {passed} passed after a snapshot, {right_before} of them right after one")?;
        writeln!(f, "  {} passed on instances that were never replaced", assertions - passed - unmet)?;
        writeln!(f, "  {unmet} do not hold in the engine even without snapshots:")?;
        list(f, &self.unmet)?;
        let excluded: usize = self.excluded.values().sum();
        writeln!(f, "{excluded} moments without a snapshot, because the state held")?;
        list(f, &self.excluded)?;
        writeln!(f, "{} failures", self.failures.len())?;
        self.failures.iter().take(50).try_for_each(|failure| writeln!(f, "  {failure}"))
    }
}

fn list(f: &mut fmt::Formatter<'_>, counts: &BTreeMap<String, usize>) -> fmt::Result {
    counts.iter().try_for_each(|(key, count)| writeln!(f, "{count:>9} {key}"))
}
