//! What of the build machine is in a snapshot, as data that the report, the audit and the page share.
//!
//! ```
//! use preinit::Preinit;
//! use preinit::finding::{Finding, Level};
//! use preinit::host::WasiOptions;
//!
//! // A secret of the environment is kept.
//! let wasm = preinit::wat_to_wasm(br#"(module
//!     (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
//!     (memory (export "memory") 1)
//!     (func (export "preinit") (drop (call $environ (i32.const 16) (i32.const 64)))))"#)?;
//! let mut wasi = WasiOptions::default();
//! wasi.env = vec![("API_TOKEN".to_string(), "ghp_R4nd0mLook1ngSecretValue".to_string())];
//! let report = Preinit::new().wasi(wasi).run(&wasm)?.report;
//! let secret: &Finding = report.findings.iter().find(|finding| finding.key == "secret.env").expect("it is found");
//! assert_eq!(secret.level, Level::Danger);
//! assert!(!secret.locations.is_empty());
//! # Ok::<(), preinit::Error>(())
//! ```
//!
//! No example: the other types are what the fields of [`Finding`] hold.

use crate::Report;
use crate::error::Error;
use crate::host::Ledger;
use crate::wording::{Bytes, shortened};
use serde::{Serialize, Serializer};
use std::fmt;

/// How bad a finding is. The order is worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Every instance of the snapshot will fail, or reveals a secret.
    Danger,
    /// Something of the build is in the snapshot, which may or may not be intended.
    Warning,
    /// Good to know.
    Note,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Danger => "danger",
            Level::Warning => "warning",
            Level::Note => "note",
        })
    }
}

/// Something of the build that is in the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What kind it is, for tools: `taint.random`, `secret.env`, `handle.file`, …
    pub key: String,
    /// What was found, in one sentence.
    pub title: String,
    /// Where it is in the snapshot, the most informative locations first.
    pub locations: Vec<Location>,
    /// The number of further locations.
    pub more_locations: usize,
    /// The host calls that brought it in.
    pub sites: Vec<Site>,
    /// What to do about it, if anything needs to be done. In JSON its text, empty for `None`.
    #[serde(serialize_with = "advice_text")]
    pub advice: Option<Remedy>,
}

/// Locations that one finding lists; the others are counted.
const LISTED: usize = 40;

impl Finding {
    pub(crate) fn new(level: Level, key: impl Into<String>, title: impl Into<String>) -> Self {
        Finding {
            level,
            key: key.into(),
            title: title.into(),
            locations: Vec::new(),
            more_locations: 0,
            sites: Vec::new(),
            advice: None,
        }
    }

    /// Adds locations. Those over the number that one finding lists are counted.
    pub(crate) fn at(mut self, locations: Vec<Location>) -> Self {
        self.locations.extend(locations);
        self.more_locations += self.locations.len().saturating_sub(LISTED);
        self.locations.truncate(LISTED);
        self
    }

    /// Adds places: those that are kept, and the number of the others.
    pub(crate) fn at_places(mut self, places: Places) -> Self {
        self.more_locations += places.count - places.first.len();
        self.at(places.first)
    }

    pub(crate) fn by(mut self, sites: Vec<Site>) -> Self {
        self.sites = sites;
        self
    }

    pub(crate) fn advise(mut self, remedy: Remedy) -> Self {
        self.advice = Some(remedy);
        self
    }
}

/// Places of one kind, of which a memory can be full: as many as a finding lists, and how many there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    pub first: Vec<Location>,
    pub count: usize,
}

impl Places {
    pub fn add(&mut self, place: impl FnOnce() -> Location) {
        self.count += 1;
        if self.first.len() < LISTED {
            self.first.push(place());
        }
    }

    /// Adds those of `others`, behind these.
    pub fn append(&mut self, others: Places) {
        self.count += others.count;
        let room = LISTED.saturating_sub(self.first.len());
        self.first.extend(others.first.into_iter().take(room));
    }

    /// The finding about them, given their number, if there are any.
    pub fn finding(self, finding: impl FnOnce(usize) -> Finding) -> Option<Finding> {
        (self.count > 0).then(|| finding(self.count).at_places(self))
    }
}

fn advice_text<S: Serializer>(advice: &Option<Remedy>, serializer: S) -> Result<S::Ok, S::Error> {
    match advice {
        Some(remedy) => serializer.collect_str(remedy),
        None => serializer.serialize_str(""),
    }
}

/// What to do about a finding. A user interface may add how its own options are called.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// [`crate::Options::zero_stack`].
    ZeroStack,
    /// The same, once the module is linked so that it is possible.
    StackFirst,
    /// [`crate::Options::reset_libc`], or a call of this function of libc.
    ResetLibc(&'static str),
    /// The variable should be read at run time; [`crate::Options::reset_libc`] drops the copy in libc.
    ReadEnvironmentLater,
    /// [`crate::Options::rebase_clock`].
    RebaseClock,
    /// Fewer variables in [`crate::host::WasiOptions::env`].
    FewerVariables,
    /// An entry that does not run the constructors, by [`crate::Options::renames`].
    OtherEntry,
    /// Anything else, in words.
    Text(String),
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remedy::ZeroStack => f.write_str("let preinit clear the free stack"),
            Remedy::StackFirst => f.write_str(
                "static data may lie below the stack: link with -Wl,--stack-first, then preinit can clear the free stack",
            ),
            Remedy::RebaseClock => {
                f.write_str("let preinit shift an instance's readings, so that they go on from those of init")
            }
            Remedy::ResetLibc(function) => {
                write!(f, "call {function} before init ends, or let preinit reset libc")
            }
            Remedy::ReadEnvironmentLater => {
                f.write_str("read it at run time; if libc keeps a copy, let preinit reset libc")
            }
            Remedy::FewerVariables => f.write_str("let in only the variables that init needs"),
            Remedy::OtherEntry => f.write_str(
                "snapshot a reactor, or export as `_start` an entry that does not run the constructors, as \
                 PREINIT_INIT_MAIN in preinit.h defines it",
            ),
            Remedy::Text(text) => f.write_str(text),
        }
    }
}

impl From<&str> for Remedy {
    fn from(text: &str) -> Self {
        Remedy::Text(text.to_string())
    }
}

/// A location in the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Location {
    /// In words: `memory 0 + 0x12f40`, `global 3 ($counter)`.
    pub at: String,
    /// The memory, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// The address of the first byte in that memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// The number of bytes, in memories; 0 elsewhere.
    pub bytes: u64,
    /// What it belongs to: a variable, the stack, the heap.
    pub owner: String,
    /// What is there, if that is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub what: String,
}

impl Location {
    /// A range of a memory.
    pub(crate) fn in_memory(memory: u32, address: u64, bytes: u64, owner: String) -> Self {
        let at = format!("memory {memory} + {address:#x}");
        Location { at, memory: Some(memory), address: Some(address), bytes, owner, what: String::new() }
    }

    /// Where it is, after the verb: `at` an address, `in` an object.
    pub(crate) fn within(&self) -> String {
        let preposition = if self.memory.is_some() { "at" } else { "in" };
        format!("{preposition} {}", self.at)
    }

    /// Something that is not in a memory.
    pub(crate) fn elsewhere(at: String, owner: String, what: String) -> Self {
        Location { at, memory: None, address: None, bytes: 0, owner, what }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.at)?;
        if self.bytes > 0 {
            write!(f, ", {}", Bytes(self.bytes))?;
        }
        if !self.owner.is_empty() {
            write!(f, ": {}", self.owner)?;
        }
        if !self.what.is_empty() {
            write!(f, " ({})", self.what)?;
        }
        Ok(())
    }
}

/// A host call and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Site {
    /// The number of calls before it.
    pub call: usize,
    /// The import.
    pub import: String,
    /// The functions in progress, innermost first.
    pub backtrace: Vec<String>,
}

impl Site {
    /// The call number `call`.
    pub(crate) fn of(ledger: &Ledger, call: usize) -> Site {
        let entry = ledger.entries().nth(call);
        let backtrace = entry.and_then(|entry| entry.call.backtrace.clone()).unwrap_or_default();
        Site { call, import: ledger.called(call).map(ToString::to_string).unwrap_or_default(), backtrace }
    }
}

impl Report {
    /// The report of a run in which warnings are errors. Notes are none.
    pub(crate) fn without_warnings(mut self) -> Result<Report, Error> {
        let is_warning = |finding: &Finding| finding.level < Level::Note;
        if self.warnings.is_empty() && !self.findings.iter().any(is_warning) {
            return Ok(self);
        }
        self.findings.retain(is_warning);
        Err(Error::Strict { warnings: self.warnings, findings: self.findings })
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 7;
        let name = self.import.rsplit('.').next().unwrap_or_default();
        f.write_str(name)?;
        // Wrappers around an import are named like it and say nothing more.
        let is_wrapper = |frame: &str| frame.trim_start_matches("__").ends_with(name);
        let frames: Vec<&String> = self.backtrace.iter().filter(|frame| !is_wrapper(frame)).collect();
        for frame in frames.iter().take(SHOWN) {
            write!(f, " < {}", shortened(frame))?;
        }
        if frames.len() > SHOWN {
            write!(f, " < {} more", frames.len() - SHOWN)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Finding, Level, Location, Places, Remedy};

    #[test]
    fn advice_is_text_in_json() {
        let finding = Finding::new(Level::Note, "key", "title");
        let json = serde_json::to_value(&finding).unwrap();
        assert_eq!(json["advice"], "");
        let json = serde_json::to_value(finding.advise(Remedy::ZeroStack)).unwrap();
        assert_eq!(json["advice"], "let preinit clear the free stack");
    }

    #[test]
    fn locations_over_the_limit_are_counted() {
        let locations = (0..50).map(|at| Location::in_memory(0, at, 1, String::new()));
        let finding = Finding::new(Level::Note, "key", "title").at(locations.collect());
        assert_eq!((finding.locations.len(), finding.more_locations), (40, 10));
    }

    #[test]
    fn places_over_the_limit_are_counted_and_not_kept() {
        let mut places = Places::default();
        (0..50).for_each(|at| places.add(|| Location::in_memory(0, at, 1, String::new())));
        assert_eq!(places.first.len(), 40);
        let counted = |places| Finding::new(Level::Note, "key", format!("{places} places"));
        let mut few = Places::default();
        few.add(|| Location::in_memory(1, 0, 1, String::new()));
        few.append(places.clone());
        assert_eq!(
            (few.first.len(), few.count, few.first[0].memory, few.first[1].memory),
            (40, 51, Some(1), Some(0))
        );
        let finding = places.finding(counted).unwrap();
        assert_eq!(
            (finding.title.as_str(), finding.locations.len(), finding.more_locations),
            ("50 places", 40, 10)
        );
        assert!(Places::default().finding(counted).is_none());
    }
}
