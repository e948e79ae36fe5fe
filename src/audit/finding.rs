use serde::Serialize;
use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Every instance of the snapshot will be wrong, or tells what it must not tell.
    Danger,
    /// Something of the build is in the snapshot, which may or may not be meant.
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
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What kind it is, for tools: `taint.random`, `secret.env`, `handle.file`, …
    pub key: String,
    /// What was found, in one sentence.
    pub title: String,
    /// Where it sits in the snapshot, the most telling places first.
    pub places: Vec<Place>,
    /// How many more places there are.
    pub more_places: usize,
    /// The host calls that brought it in.
    pub sites: Vec<Site>,
    /// What to do about it; empty where nothing needs to be done.
    pub advice: String,
}

impl Finding {
    pub(super) fn new(level: Level, key: impl Into<String>, title: impl Into<String>) -> Self {
        Finding {
            level,
            key: key.into(),
            title: title.into(),
            places: Vec::new(),
            more_places: 0,
            sites: Vec::new(),
            advice: String::new(),
        }
    }

    pub(super) fn at(mut self, places: Vec<Place>) -> Self {
        self.places = places;
        self
    }

    pub(super) fn by(mut self, sites: Vec<Site>) -> Self {
        self.sites = sites;
        self
    }

    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }
}

/// A place in the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// In words: `memory 0 + 0x12f40`, `global 3 ($counter)`.
    pub at: String,
    /// The memory, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// The address of the first byte in that memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// The number of bytes from the first to the last that is concerned, in memories.
    pub bytes: u64,
    /// What it belongs to: a variable, the stack, the heap.
    pub owner: String,
    /// What is there, if that is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub what: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.at)?;
        if self.bytes > 0 {
            write!(f, ", {}", super::text::bytes(self.bytes))?;
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
pub struct Site {
    /// The number of calls before it.
    pub call: usize,
    /// The import.
    pub import: String,
    /// The functions in progress, innermost first.
    pub backtrace: Vec<String>,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 7;
        let name = self.import.rsplit('.').next().unwrap_or_default();
        f.write_str(name)?;
        // The wrappers around an import say nothing that its name does not.
        let telling = self.backtrace.iter().filter(|frame| !frame.trim_start_matches("__").ends_with(name));
        let frames: Vec<&String> = telling.collect();
        for frame in frames.iter().take(SHOWN) {
            write!(f, " < {}", super::text::name(frame))?;
        }
        if frames.len() > SHOWN {
            write!(f, " < {} more", frames.len() - SHOWN)?;
        }
        Ok(())
    }
}
