//! What an audit found, as data.

use super::weight::Weight;
use crate::finding::{Finding, Level};
use crate::host::{Ledger, StubCalls};
use crate::page::MemoryMap;
use serde::Serialize;

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Audit {
    /// Everything that was found, worst first.
    pub findings: Vec<Finding>,
    /// Each source that init asked for, and what depends on it.
    pub varied: Vec<Varied>,
    /// What was not looked at, and why.
    pub not_covered: Vec<String>,
    /// Which bytes the snapshot adds.
    pub weight: Vec<Weight>,
    /// Calls that stubs have answered in the first run, by import.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stubs: Vec<StubCalls>,
    /// Host calls of the first run.
    pub host_calls: usize,
    /// How often init ran.
    pub runs: usize,
    /// Seconds by stage.
    pub timings: Timings,
    /// Pictures of the memories.
    #[serde(skip)]
    pub maps: Vec<MemoryMap>,
    /// Every host call of the first run.
    #[serde(skip)]
    pub ledger: Ledger,
    /// What the first run wrote to standard output, if that is captured.
    #[serde(skip)]
    pub stdout: Vec<u8>,
}

/// A source that was varied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Varied {
    /// Its name; several, if their effects were not separated.
    pub source: String,
    /// Bytes of memories that depend on it.
    pub bytes: u64,
    /// Ranges of memories, globals, tables and types of objects that depend on it.
    pub differences: usize,
    /// Whether init took another path.
    pub diverged: bool,
    /// What depends on it in memories: memory, first address, end.
    pub ranges: Vec<(u32, u64, u64)>,
}

/// Seconds by stage of an audit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Timings {
    /// Parsing and validating.
    pub parse: f64,
    /// Compiling, once for all runs.
    pub compile: f64,
    /// The first run of init.
    pub init: f64,
    /// Reading the state after it.
    pub capture: f64,
    /// All other runs, and comparing the states that they leave.
    pub reruns: f64,
    /// Naming and searching.
    pub search: f64,
    /// The whole.
    pub total: f64,
}

impl Audit {
    /// The number of findings of this level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// Whether nothing worse than a note was found.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.level == Level::Note)
    }
}
