//! An audit as text.

use super::audit_report::{Audit, Varied};
use super::weight::Weight;
use crate::finding::{Finding, Level};
use crate::wording::{Bytes, counted};

/// Lines of a short text.
const SCREEN: usize = 40;

/// Locations of one finding in a short text.
const LOCATIONS: usize = 3;

/// Host calls of one finding in a short text.
const SITES: usize = 2;

/// Columns of text.
const WIDTH: usize = 110;

const INDENT: &str = "         ";

impl Audit {
    /// The findings as text, worst first; everything if `verbose`, otherwise at most a screen.
    pub fn text(&self, verbose: bool) -> String {
        let mut lines = vec![headline(self)];
        let left_out = findings(self, verbose, &mut lines);
        lines.push(String::new());
        if verbose {
            lines.extend(self.varied.iter().map(varied));
            self.weight.iter().for_each(|weight| add_weight(weight, &mut lines));
        }
        for stub in &self.stubs {
            lines.extend(wrapped("stub     ", &stub.to_string()));
        }
        for not_covered in &self.not_covered {
            lines.extend(wrapped("skipped  ", not_covered));
        }
        if left_out > 0 {
            lines.push(format!("and {left_out} more in the verbose text"));
        }
        let runs = if self.runs == 1 { "once".to_string() } else { format!("{} times", self.runs) };
        let calls = counted(self.host_calls as u64, "host call");
        lines.push(format!("init ran {runs} in {:.2} s; {calls}", self.timings.total));
        lines.dedup_by(|a, b| a.is_empty() && b.is_empty());
        lines.iter().map(|line| printable(line) + "\n").collect()
    }
}

/// Adds the findings, and gives the number of those for which there is no room.
fn findings(audit: &Audit, verbose: bool, lines: &mut Vec<String>) -> usize {
    let mut left_out = 0;
    for finding in &audit.findings {
        let text = finding_lines(finding, verbose);
        let is_shown = verbose || finding.level < Level::Note;
        if is_shown && (verbose || lines.len() + text.len() < SCREEN) {
            lines.push(String::new());
            lines.extend(text);
        } else if is_shown && lines.len() + 2 < SCREEN {
            lines.push(String::new());
            lines.extend(wrapped(&format!("{:<9}", finding.level), &finding.title));
        } else {
            left_out += 1;
        }
    }
    left_out
}

fn varied(varied: &Varied) -> String {
    let bytes = Bytes(varied.bytes);
    let differences = counted(varied.differences as u64, "place");
    let what = match (varied.differences, varied.diverged) {
        (0, false) => "nothing depends on it".to_string(),
        (0, true) => "init takes another path".to_string(),
        (_, false) => format!("{bytes} in {differences} depend on it"),
        (_, true) => format!("{bytes} in {differences} differ; init takes another path"),
    };
    format!("varied   {}: {what}", varied.source)
}

fn add_weight(weight: &Weight, lines: &mut Vec<String>) {
    lines.push(format!(
        "weight   memory {}: {} of {} are not zero, in {} of 4 KiB; {} not as in the input, in {}; {} written, of which {} are zero",
        weight.memory,
        Bytes(weight.nonzero),
        Bytes(weight.size),
        counted(weight.pages, "page"),
        Bytes(weight.changed),
        counted(weight.changed_pages.len() as u64, "page"),
        Bytes(weight.written),
        Bytes(weight.written.saturating_sub(weight.nonzero)),
    ));
    for share in &weight.owners {
        lines.push(format!("{INDENT}{:>12}  {}", Bytes(share.changed), share.owner));
    }
}

/// Names are the guest's: what would move the cursor or reverse the text is shown as its number.
fn printable(line: &str) -> String {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    line.chars().map(|c| if harmful(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

fn headline(audit: &Audit) -> String {
    let levels = [Level::Danger, Level::Warning, Level::Note];
    let counts = levels.into_iter().filter(|level| audit.count(*level) > 0);
    let counts: Vec<String> =
        counts.map(|level| counted(audit.count(level) as u64, &level.to_string())).collect();
    let clean = "nothing of the build is in the snapshot that should not be";
    match (audit.is_clean(), counts.is_empty()) {
        (true, true) => clean.to_string(),
        (true, false) => format!("{clean}; {}", counts.join(", ")),
        (false, _) => counts.join(", "),
    }
}

fn finding_lines(finding: &Finding, verbose: bool) -> Vec<String> {
    let (locations, sites) = if verbose { (usize::MAX, usize::MAX) } else { (LOCATIONS, SITES) };
    let mut lines = wrapped(&format!("{:<9}", finding.level), &finding.title);
    for location in finding.locations.iter().take(locations) {
        lines.push(format!("{INDENT}at {location}"));
    }
    let more = finding.more_locations + finding.locations.len().saturating_sub(locations);
    if more > 0 {
        lines.push(format!("{INDENT}and {}", counted(more as u64, "more place")));
    }
    for site in finding.sites.iter().take(sites) {
        lines.extend(wrapped(&format!("{INDENT}by "), &site.to_string()));
    }
    if let Some(advice) = &finding.advice {
        lines.extend(wrapped(&format!("{INDENT}-> "), &advice.to_string()));
    }
    lines
}

/// `text` in lines: the first starts with `head`, the others are indented as far.
fn wrapped(head: &str, text: &str) -> Vec<String> {
    let mut lines = vec![head.to_string()];
    let mut empty = true;
    for word in text.split_whitespace() {
        let len = lines.last().map_or(0, |line| line.chars().count());
        if !empty && len + 1 + word.chars().count() > WIDTH {
            lines.push(" ".repeat(head.chars().count()));
            empty = true;
        }
        if let Some(line) = lines.last_mut() {
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
    }
    lines
}
