//! An audit for people.

use super::{Audit, Finding, Level};
use std::borrow::Cow;

/// Lines of a short text.
const SCREEN: usize = 40;

/// Places and calls of one finding in a short text.
const SHORT: usize = 3;

/// Columns of text.
const WIDTH: usize = 110;

const INDENT: &str = "         ";

pub(super) fn text(audit: &Audit, verbose: bool) -> String {
    let mut lines = vec![headline(audit)];
    let mut left_out = 0;
    for finding in &audit.findings {
        let told = tell(finding, verbose);
        let room = verbose || lines.len() + told.len() < SCREEN && finding.level < Level::Note;
        if room {
            lines.push(String::new());
            lines.extend(told);
        } else if lines.len() + 2 < SCREEN && finding.level < Level::Note {
            lines.push(String::new());
            lines.extend(wrapped(&format!("{:<9}", finding.level), &finding.title));
        } else {
            left_out += 1;
        }
    }
    lines.push(String::new());
    lines.extend(audit.varied.iter().filter(|_| verbose).map(|varied| {
        let what = match (varied.places, varied.diverged) {
            (0, false) => "nothing depends on it".to_string(),
            (0, true) => "init takes another course".to_string(),
            (places, false) => {
                format!("{} in {} depend on it", bytes(varied.bytes), counted(places as u64, "place"))
            }
            (places, true) => format!(
                "{} in {} differ; init takes another course",
                bytes(varied.bytes),
                counted(places as u64, "place")
            ),
        };
        format!("varied   {}: {what}", varied.source)
    }));
    for weight in audit.weight.iter().filter(|_| verbose) {
        lines.push(format!(
            "weight   memory {}: {} of {} are not zero, in {} of 4 KiB; {} not as in the input, in {}; {} written, of which {} are zero",
            weight.memory,
            bytes(weight.nonzero),
            bytes(weight.size),
            counted(weight.pages, "page"),
            bytes(weight.changed),
            counted(weight.changed_pages.len() as u64, "page"),
            bytes(weight.written),
            bytes(weight.written.saturating_sub(weight.nonzero)),
        ));
        for share in &weight.owners {
            lines.push(format!("{INDENT}{:>12}  {}", bytes(share.changed), share.owner));
        }
    }
    for not_covered in &audit.not_covered {
        lines.extend(wrapped("not seen ", not_covered));
    }
    if left_out > 0 {
        lines.push(format!("and {left_out} more, which -v lists"));
    }
    lines.push(format!(
        "init ran {} in {:.2} s; {} host calls",
        if audit.runs == 1 { "once".to_string() } else { format!("{} times", audit.runs) },
        audit.timings.total,
        audit.host_calls
    ));
    while lines.windows(2).any(|pair| pair[0].is_empty() && pair[1].is_empty()) {
        lines.dedup_by(|a, b| a.is_empty() && b.is_empty());
    }
    lines.iter().map(|line| printable(line) + "\n").collect()
}

/// Names are the guest's: what would move the cursor, or turn the order of the letters, is shown as its number.
fn printable(line: &str) -> String {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    line.chars().map(|c| if harmful(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// As much of a name as tells which it is: it may be of any length.
pub(super) fn name(text: &str) -> Cow<'_, str> {
    const SHOWN: usize = 120;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
        None => Cow::Borrowed(text),
    }
}

fn headline(audit: &Audit) -> String {
    let count = |level, one: &str, many: &str| match audit.count(level) {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let counts = [
        count(Level::Danger, "danger", "dangers"),
        count(Level::Warning, "warning", "warnings"),
        count(Level::Note, "note", "notes"),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    match (audit.is_clean(), counts.is_empty()) {
        (true, true) => "nothing of the build is in the snapshot that should not be".to_string(),
        (true, false) => {
            format!("nothing of the build is in the snapshot that should not be; {}", counts.join(", "))
        }
        (false, _) => counts.join(", "),
    }
}

fn tell(finding: &Finding, verbose: bool) -> Vec<String> {
    let shown = if verbose { usize::MAX } else { SHORT };
    let mut lines = wrapped(&format!("{:<9}", finding.level), &finding.title);
    for place in finding.places.iter().take(shown) {
        lines.push(format!("{INDENT}at {place}"));
    }
    let more = finding.more_places + finding.places.len().saturating_sub(shown);
    if more > 0 {
        lines.push(format!("{INDENT}and {more} more places"));
    }
    for site in finding.sites.iter().take(if verbose { usize::MAX } else { 2 }) {
        lines.extend(wrapped(&format!("{INDENT}by "), &site.to_string()));
    }
    if !finding.advice.is_empty() {
        lines.extend(wrapped(&format!("{INDENT}-> "), &finding.advice));
    }
    lines
}

/// `text` in lines, the first behind `head`, the others as far in.
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

/// A number of bytes in words.
pub(super) fn bytes(count: u64) -> String {
    match count {
        1 => "1 byte".to_string(),
        0..10_000 => format!("{count} bytes"),
        10_000..10_000_000 => format!("{:.1} KiB", count as f64 / 1024.0),
        _ => format!("{:.1} MiB", count as f64 / (1 << 20) as f64),
    }
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
