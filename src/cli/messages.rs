//! How much is said about a run.

use preinit::Report;
use preinit::finding::Level as FindingLevel;
use serde::{Deserialize, Serialize};

use super::called_as::CalledAs;
use super::{advice, summary, terminal};

/// What is printed. Each level prints what those before it print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Errors.
    Errors,
    /// Warnings, and what of the build was found in the snapshot.
    Warnings,
    /// What was done.
    Summary,
    /// Each stage.
    Verbose,
}

impl Level {
    /// The level that was typed, by `-v` and by how many `-q`; a summary is for people, so by itself it appears only where
    /// one is watching.
    pub fn of(verbose: bool, quiet: u8, watched: bool, called_as: CalledAs) -> Level {
        match (verbose, quiet, called_as) {
            (true, ..) => Level::Verbose,
            (_, 0, CalledAs::Preinit) if watched => Level::Summary,
            (_, 0 | 1, CalledAs::Preinit) => Level::Warnings,
            _ => Level::Errors,
        }
    }
}

/// What to print about a run.
pub struct Messages {
    /// How much.
    pub level: Level,
    /// Whether to draw the progress line.
    pub progress: bool,
    /// What was typed and will have no effect.
    pub warnings: Vec<String>,
}

/// What can be said about a run that has succeeded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Warnings.
    warnings: Vec<String>,
    /// What of the build was found, for those who get no summary.
    findings: Vec<String>,
    /// The summary's lines, short and long.
    summaries: [String; 2],
}

/// Findings that get a line of their own.
const LISTED: usize = 4;

impl Account {
    /// What a report says.
    pub fn of(report: &Report) -> Account {
        let findings = report.findings.iter().filter(|finding| finding.level < FindingLevel::Note);
        // A line break in a name must not begin a line.
        let in_a_line = |title: &str| title.replace('\n', "\\n");
        Account {
            warnings: advice::warnings(&report.warnings),
            findings: findings
                .map(|finding| format!("{}: {}", finding.level, in_a_line(&finding.title)))
                .collect(),
            summaries: [false, true].map(|verbose| summary::details(report, verbose)),
        }
    }
}

impl Messages {
    /// Prints what was typed in vain.
    pub fn print_warnings(&self) {
        if self.level >= Level::Warnings {
            terminal::warn(&self.warnings);
        }
    }

    /// Prints what was done; `output` is where the snapshot is, `note` is a last line.
    pub fn print(&self, output: &str, account: &Account, note: &str) {
        if self.level >= Level::Warnings {
            terminal::warn(&account.warnings);
        }
        if self.level == Level::Warnings {
            terminal::list(&account.findings, LISTED);
        }
        if self.level >= Level::Summary {
            terminal::message(&summary::headline(output));
            terminal::message(&account.summaries[usize::from(self.level == Level::Verbose)]);
            terminal::message(note);
        }
    }

    /// Prints something that only a verbose run says.
    pub fn note(&self, what: &str, reason: &str) {
        if self.level == Level::Verbose {
            terminal::message(&format!("{what}: {reason}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CalledAs::{Preinit, Wizer};
    use super::Level;

    #[test]
    fn levels() {
        for (verbose, quiet, watched, called_as, expected) in [
            (false, 0, true, Preinit, Level::Summary),
            (false, 0, false, Preinit, Level::Warnings),
            (false, 1, true, Preinit, Level::Warnings),
            (false, 2, true, Preinit, Level::Errors),
            (false, 3, false, Preinit, Level::Errors),
            (true, 0, false, Preinit, Level::Verbose),
            (false, 0, true, Wizer, Level::Errors),
            (true, 0, false, Wizer, Level::Verbose),
        ] {
            let found = Level::of(verbose, quiet, watched, called_as);
            assert_eq!(found, expected, "{verbose} {quiet} {watched} {called_as:?}");
        }
    }
}
