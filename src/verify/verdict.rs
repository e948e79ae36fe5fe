use super::pattern::Pattern;
use serde::Serialize;
use std::fmt;

/// The answer of a verification. The JSON form has the same names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The answer in a word.
    pub outcome: Outcome,
    /// What differs, in the order in which it was found; at most [`super::VerifyOptions::max_differences`] of them.
    pub differences: Vec<Difference>,
    /// How many there are in all, ignored ones left out.
    pub differences_found: u64,
    /// How many were found and ignored.
    pub differences_ignored: u64,
    /// The shortest script that was found to show a difference; `None` if it shows without any call.
    pub script: Option<String>,
    /// Why it is not known whether both sides are the same, where it is not.
    pub undecided: Vec<String>,
    /// What the answer rests on.
    pub coverage: Coverage,
}

/// Whether the two modules are the same to everybody who uses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// No difference was found.
    Equal,
    /// There is at least one difference.
    Different,
    /// No difference was found, but something that was asked for could not be compared.
    CouldNotTell,
}

impl Outcome {
    /// The exit code that says this.
    pub fn exit_code(self) -> u8 {
        match self {
            Outcome::Equal => 0,
            Outcome::Different => 1,
            Outcome::CouldNotTell => 2,
        }
    }
}

/// One thing that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is, in dotted form: `memory.0.0x12f40`, `global.12`, `step.4.result`.
    pub key: String,
    /// In the original after init.
    pub original: String,
    /// In the snapshot.
    pub snapshot: String,
    /// The engines on which it shows; empty if it can be seen in the files.
    pub engines: Vec<String>,
}

impl Difference {
    pub(super) fn new(
        key: impl Into<String>,
        original: impl ToString,
        snapshot: impl ToString,
    ) -> Difference {
        Difference {
            key: key.into(),
            original: original.to_string(),
            snapshot: snapshot.to_string(),
            engines: Vec::new(),
        }
    }
}

/// What was compared and what was not.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// The engines that ran both sides.
    pub engines: Vec<EngineCoverage>,
    /// The engines that did not, and why.
    pub engines_skipped: Vec<Skipped>,
    /// The exported functions that were called on both sides.
    pub exports_called: Vec<String>,
    /// Those that were not, and why.
    pub exports_not_called: Vec<Skipped>,
    /// Functions that the calls entered.
    pub functions_entered: u64,
    /// What the comparison right after instantiation covered; every call is followed by another one.
    pub state: StateCoverage,
    /// Function bodies that were compared byte for byte.
    pub function_bodies: u64,
    /// Functions that the snapshot has only stubs of, because nothing can reach them.
    pub functions_stripped: u64,
    /// Functions that the snapshot has on top of the original's.
    pub functions_added: u64,
    /// What cannot be seen by this verifier.
    pub not_compared: Vec<String>,
    /// Seconds for everything.
    pub seconds: f64,
}

/// Sizes of what was compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StateCoverage {
    /// Bytes of all memories.
    pub memory_bytes: u64,
    /// Globals, private ones included.
    pub globals: u64,
    /// Slots of all tables.
    pub table_slots: u64,
    /// Objects of the heap that any of those reach.
    pub objects: u64,
    /// Data and element segments that code can name.
    pub segments: u64,
}

/// What was played on one engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct EngineCoverage {
    /// Its name.
    pub name: String,
    /// Instances that were made and played on.
    pub sequences: u64,
    /// Calls on both sides.
    pub calls: u64,
    /// Calls that returned.
    pub returned: u64,
    /// Calls that ran into the bound of fuel, stack or memory, on both sides at the same place.
    pub cut_short: u64,
    /// Host calls that were made on both sides.
    pub host_calls: u64,
    /// What may differ there without counting; empty for engines that are compared bit by bit.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tolerances: String,
    /// Seconds for compiling both sides.
    pub compile_seconds: f64,
    /// Seconds for everything else.
    pub seconds: f64,
}

/// Something that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// What.
    pub name: String,
    /// Why.
    pub why: String,
}

impl Skipped {
    pub(super) fn new(name: impl Into<String>, why: impl ToString) -> Skipped {
        Skipped { name: name.into(), why: why.to_string() }
    }
}

/// Collects differences: drops the ignored ones, counts the rest, keeps the first of them.
#[derive(Debug)]
pub(super) struct Findings<'o> {
    ignore: &'o [Pattern],
    limit: usize,
    pub kept: Vec<Difference>,
    pub found: u64,
    pub ignored: u64,
}

impl<'o> Findings<'o> {
    pub fn new(ignore: &'o [Pattern], limit: usize) -> Self {
        Findings { ignore, limit, kept: Vec::new(), found: 0, ignored: 0 }
    }

    /// Whether nothing that counts was found.
    pub fn is_empty(&self) -> bool {
        self.found == 0
    }

    pub fn add(&mut self, difference: Difference) {
        if self.ignore.iter().any(|pattern| pattern.matches_key(&difference.key)) {
            self.ignored += 1;
            return;
        }
        if let Some(known) = self.kept.iter_mut().find(|known| {
            known.key == difference.key
                && known.original == difference.original
                && known.snapshot == difference.snapshot
        }) {
            known.engines.extend(difference.engines);
            return;
        }
        self.found += 1;
        if self.kept.len() < self.limit {
            self.kept.push(difference);
        }
    }

    pub fn extend(&mut self, differences: impl IntoIterator<Item = Difference>, engine: Option<&str>) {
        for mut difference in differences {
            difference.engines.extend(engine.map(str::to_string));
            self.add(difference);
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coverage = &self.coverage;
        match self.outcome {
            Outcome::Equal => writeln!(f, "equal: the snapshot is the original after init")?,
            Outcome::Different => writeln!(f, "different: the snapshot is not the original after init")?,
            Outcome::CouldNotTell => writeln!(f, "could not tell whether the snapshot is right")?,
        }
        for difference in &self.differences {
            let Difference { key, original, snapshot, engines } = difference;
            write!(f, "  {key}: {original} in the original, {snapshot} in the snapshot")?;
            // The others only watch what is the same on these.
            let mut in_step = coverage.engines.iter().filter(|engine| engine.tolerances.is_empty());
            if !engines.is_empty() && !in_step.all(|engine| engines.contains(&engine.name)) {
                write!(f, " (on {} only)", engines.join(", "))?;
            }
            writeln!(f)?;
        }
        let more = self.differences_found.saturating_sub(self.differences.len() as u64);
        if more > 0 {
            writeln!(f, "  and {more} more")?;
        }
        if let Some(script) = &self.script {
            writeln!(f, "to see it again, play this with --script:")?;
            script.lines().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        self.undecided.iter().try_for_each(|why| writeln!(f, "  not known: {why}"))?;
        if self.differences_ignored > 0 {
            writeln!(f, "ignored {} differences", self.differences_ignored)?;
        }
        write!(f, "{coverage}")
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StateCoverage { memory_bytes, globals, table_slots, objects, segments } = &self.state;
        writeln!(
            f,
            "compared: {memory_bytes} bytes of memory, {globals} globals, {table_slots} table slots, {objects} objects, {segments} \
             segments, {} function bodies",
            self.function_bodies
        )?;
        if self.functions_stripped > 0 {
            writeln!(
                f,
                "{} of the bodies are stubs of functions that nothing can reach",
                self.functions_stripped
            )?;
        }
        for engine in &self.engines {
            writeln!(
                f,
                "{}: {} calls in {} sequences ({} returned, {} cut short), {} host calls, {:.2} s + {:.2} s to compile",
                engine.name,
                engine.calls,
                engine.sequences,
                engine.returned,
                engine.cut_short,
                engine.host_calls,
                engine.seconds,
                engine.compile_seconds
            )?;
            if !engine.tolerances.is_empty() {
                writeln!(f, "{}: not compared: {}", engine.name, engine.tolerances)?;
            }
        }
        for Skipped { name, why } in &self.engines_skipped {
            writeln!(f, "{name}: not run: {why}")?;
        }
        if !self.exports_called.is_empty() {
            writeln!(f, "called: {}", self.exports_called.join(", "))?;
            writeln!(f, "entered: {} of {} functions", self.functions_entered, self.function_bodies)?;
        }
        for Skipped { name, why } in &self.exports_not_called {
            writeln!(f, "not called: {name}: {why}")?;
        }
        self.not_compared.iter().try_for_each(|what| writeln!(f, "not compared: {what}"))
    }
}
