use serde::Serialize;
use std::fmt;

/// The result of a verification. The JSON form has the same names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The answer.
    pub outcome: Outcome,
    /// What differs, in the order of discovery; at most [`super::VerifyOptions::max_differences`].
    pub differences: Vec<Difference>,
    /// The number of differences, without ignored ones.
    pub differences_found: u64,
    /// The number of differences that were ignored.
    pub differences_ignored: u64,
    /// The patterns of [`super::VerifyOptions::ignore`] that no difference has matched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_unmatched: Vec<String>,
    /// The shortest script found that shows a difference; `None` if no call is needed to see it.
    pub script: Option<String>,
    /// What could not be decided, and why.
    pub undecided: Vec<String>,
    /// What was compared and what was not.
    pub coverage: Coverage,
}

/// Whether the snapshot behaves like the original after init.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// No difference was found in what the coverage lists.
    Equal,
    /// At least one difference was found.
    Different,
    /// No difference was found, but something that was asked for could not be compared.
    CouldNotTell,
}

impl Outcome {
    /// The exit code for this outcome.
    pub fn exit_code(self) -> u8 {
        match self {
            Outcome::Equal => 0,
            Outcome::Different => 1,
            Outcome::CouldNotTell => 2,
        }
    }
}

/// One difference between the two sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What differs, in dotted form: `memory.0.0x12f40`, `global.12`, `step.4.result`.
    pub key: String,
    /// The value in the original after init.
    pub original: String,
    /// The value in the snapshot.
    pub snapshot: String,
    /// The engines that show it; empty if it is in the files.
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

    /// Whether it is the same difference, perhaps on another engine.
    pub(super) fn is_same(&self, other: &Difference) -> bool {
        (&self.key, &self.original, &self.snapshot) == (&other.key, &other.original, &other.snapshot)
    }
}

/// What was compared and what was not.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// The engines that were used.
    pub engines: Vec<EngineCoverage>,
    /// The engines that were not, and why.
    pub engines_skipped: Vec<Skipped>,
    /// The exported functions that were called on both sides.
    pub exports_called: Vec<String>,
    /// The exported functions that were not called, and why.
    pub exports_not_called: Vec<Skipped>,
    /// The number of functions that the calls entered.
    pub functions_entered: u64,
    /// The size of the state that was compared after instantiation. It is compared again after every call.
    pub state: StateCoverage,
    /// Function bodies that were compared byte by byte.
    pub function_bodies: u64,
    /// Functions that are stubs in the snapshot because nothing can reach them.
    pub functions_stripped: u64,
    /// Functions that the snapshot has and the original has not.
    pub functions_added: u64,
    /// How many of those can run and are, byte for byte, what the verifier itself adds for this state.
    pub functions_accounted: u64,
    /// Exports of the snapshot that lead to added functions.
    pub exports_redirected: Vec<String>,
    /// What was said to hold, and was needed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<Assumption>,
    /// What was not said to hold, and was needed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assumptions_needed: Vec<Assumption>,
    /// What an instance was given that the build did not have, each in a world of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fresh: Vec<String>,
    /// Calls that were made there.
    #[serde(skip_serializing_if = "is_zero")]
    pub fresh_calls: u64,
    /// What was not compared on any engine.
    pub not_compared: Vec<String>,
    /// Time for everything, in seconds.
    pub seconds: f64,
}

/// Something about instances of the snapshot that cannot be seen in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Assumption {
    /// [`super::VerifyOptions::fresh_imports`].
    FreshImports,
    /// [`super::VerifyOptions::internalize`].
    OwnImports,
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Assumption::FreshImports => {
                f.write_str("imported memories hold nothing but zeros when an instance gets them")
            }
            Assumption::OwnImports => f.write_str(
                "imports that the snapshot defines itself are shared with nobody, and hold for every instance what they held \
                 for init",
            ),
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Sizes of what was compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StateCoverage {
    /// Bytes in all memories.
    pub memory_bytes: u64,
    /// Globals, private ones included.
    pub globals: u64,
    /// Slots of all tables.
    pub table_slots: u64,
    /// Heap objects that globals, tables and segments reach.
    pub objects: u64,
    /// Data and element segments that instructions refer to.
    pub segments: u64,
}

/// What was done on one engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct EngineCoverage {
    /// Its name.
    pub name: String,
    /// Sequences of calls, each on fresh instances.
    pub sequences: u64,
    /// Calls on both sides.
    pub calls: u64,
    /// Calls that returned.
    pub returned: u64,
    /// Calls that reached a limit of fuel, stack or memory.
    pub cut_short: u64,
    /// Host calls that were made on both sides.
    pub host_calls: u64,
    /// What is not compared on this engine; empty for engines that are compared bit by bit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_compared: Vec<String>,
    /// Time for compiling both sides, in seconds.
    pub compile_seconds: f64,
    /// Time for everything else, in seconds.
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
