//! The template of a page, and what is put into it.

use super::call_rows::{CallRow, call_rows};
use super::memory_map::MemoryMap;
use crate::finding::Finding;
use crate::host::Ledger;
use crate::wording::Bytes;

use preinit_core::printable::printable_json;
use serde::Serialize;

const TEMPLATE: &str = include_str!("page.html");

/// What a page shows. The template draws it and formats no numbers itself.
#[derive(Serialize)]
pub(crate) struct Page<'a> {
    title: &'a str,
    subject: &'static str,
    /// Instead of the number of findings, if there are none.
    clean: &'static str,
    findings: Vec<FindingText>,
    warnings: Vec<String>,
    not_covered: &'a [String],
    /// What the bits of [`MemoryMap::tainted`] stand for.
    sources: Vec<String>,
    maps: Vec<Map<'a>>,
    calls: Vec<CallRow>,
    calls_left_out: usize,
    tables: Vec<Table>,
    /// Seconds by stage.
    timings: Vec<(&'static str, f64)>,
}

#[derive(Serialize)]
struct FindingText {
    level: String,
    title: String,
    locations: Vec<String>,
    more_locations: usize,
    sites: Vec<String>,
    advice: String,
}

#[derive(Serialize)]
struct Map<'a> {
    #[serde(flatten)]
    map: &'a MemoryMap,
    columns: u64,
    size_text: String,
    cell_text: String,
    row_text: String,
}

/// Names and what they stand for.
#[derive(Serialize)]
pub(crate) struct Table {
    pub title: String,
    pub rows: Vec<(String, String)>,
}

impl<'a> Page<'a> {
    /// A page about a run with these host calls.
    pub fn new(title: &'a str, subject: &'static str, clean: &'static str, ledger: &Ledger) -> Page<'a> {
        let (calls, calls_left_out) = call_rows(ledger);
        Page {
            title,
            subject,
            clean,
            findings: Vec::new(),
            warnings: Vec::new(),
            not_covered: &[],
            sources: Vec::new(),
            maps: Vec::new(),
            calls,
            calls_left_out,
            tables: Vec::new(),
            timings: Vec::new(),
        }
    }

    pub fn findings(mut self, findings: &[Finding]) -> Page<'a> {
        self.findings = findings.iter().map(FindingText::of).collect();
        self
    }

    pub fn warnings(mut self, warnings: Vec<String>) -> Page<'a> {
        self.warnings = warnings;
        self
    }

    pub fn not_covered(mut self, not_covered: &'a [String]) -> Page<'a> {
        self.not_covered = not_covered;
        self
    }

    /// `sources` are what the bits of [`MemoryMap::tainted`] stand for.
    pub fn maps(mut self, maps: &'a [MemoryMap], sources: Vec<String>) -> Page<'a> {
        self.maps = maps.iter().map(Map::of).collect();
        self.sources = sources;
        self
    }

    pub fn tables(mut self, tables: Vec<Table>) -> Page<'a> {
        self.tables = tables;
        self
    }

    pub fn timings(mut self, timings: Vec<(&'static str, f64)>) -> Page<'a> {
        self.timings = timings;
        self
    }

    /// The HTML.
    pub fn render(&self) -> String {
        // Only floats that are no numbers and maps with other keys than text cannot be written; there are none.
        let json = serde_json::to_string(self).unwrap_or_default();
        // Inside a script element, only its end tag and comments mean something.
        let json = printable_json(&json).replace('<', "\\u003c");
        TEMPLATE.replacen("{{version}}", env!("CARGO_PKG_VERSION"), 1).replacen("{{data}}", &json, 1)
    }
}

impl FindingText {
    fn of(finding: &Finding) -> FindingText {
        FindingText {
            level: finding.level.to_string(),
            title: finding.title.clone(),
            locations: finding.locations.iter().map(ToString::to_string).collect(),
            more_locations: finding.more_locations,
            sites: finding.sites.iter().map(ToString::to_string).collect(),
            advice: finding.advice.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl Map<'_> {
    fn of(map: &MemoryMap) -> Map<'_> {
        /// Cells in a row of the picture.
        const COLUMNS: u64 = 256;
        Map {
            map,
            columns: COLUMNS,
            size_text: Bytes(map.size).to_string(),
            cell_text: Bytes(map.cell).to_string(),
            row_text: Bytes(map.cell * COLUMNS).to_string(),
        }
    }
}
