//! What a command writes besides its main output: a report, the ledger, what init printed.

use std::path::{Path, PathBuf};

use preinit::host::{DescriptorKind, Ledger, LedgerHash};
use preinit::stages::printable::printable_json;

use super::args::usage_error;
use super::input::Input;
use super::output::{InputFiles, Output, Staged};
use super::terminal;

/// The side outputs of a run of init; each is checked before the module is read.
#[derive(Debug, Default)]
pub struct SideOutputs {
    /// The report.
    pub report: Option<ReportOutput>,
    /// Every host call, as JSON lines.
    pub ledger: Option<Output>,
    /// How bytes appear in it.
    pub ledger_hash: LedgerHash,
    /// What init writes to standard output.
    pub captured_stdout: Option<Output>,
    /// What init writes to standard error.
    pub captured_stderr: Option<Output>,
}

/// A report: JSON, or a page of HTML.
#[derive(Debug)]
pub struct ReportOutput {
    /// Where it goes.
    pub output: Output,
    /// Whether it is a page.
    pub is_page: bool,
}

impl ReportOutput {
    /// A report in the file of this name, whose extension decides the format.
    pub fn new(path: &Path, writable: &[PathBuf]) -> anyhow::Result<Self> {
        let is_html =
            |extension: &&str| path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case(extension));
        Ok(Self { output: Output::new(Some(path), writable)?, is_page: ["html", "htm"].iter().any(is_html) })
    }
}

/// Checks that `path` can be written, if there is one.
pub fn optional(path: Option<&Path>, writable: &[PathBuf]) -> anyhow::Result<Option<Output>> {
    path.map(|path| Output::new(Some(path), writable)).transpose()
}

impl SideOutputs {
    /// All that there are.
    pub fn iter(&self) -> impl Iterator<Item = &Output> {
        let report = self.report.as_ref().map(|report| &report.output);
        [report, self.ledger.as_ref(), self.captured_stdout.as_ref(), self.captured_stderr.as_ref()]
            .into_iter()
            .flatten()
    }

    /// Whether the report is a page.
    pub fn has_page(&self) -> bool {
        self.report.as_ref().is_some_and(|report| report.is_page)
    }

    /// Whether something goes to standard output.
    pub fn use_stdout(&self) -> bool {
        self.iter().any(|output| matches!(output, Output::Stdout))
    }

    /// Refuses outputs that would replace the input, other files that are read, or each other. `main` may replace the input.
    pub fn check(&self, input: &Input, others: &InputFiles, main: Option<&Output>) -> anyhow::Result<()> {
        if let Input::File(path) = input
            && let Some(output) = self.iter().find(|output| output.replaces(path))
        {
            return Err(usage_error(&format!("{} is the input, and would be replaced", output.name())));
        }
        let outputs: Vec<&Output> = main.into_iter().chain(self.iter()).collect();
        outputs.iter().try_for_each(|output| others.check(output))?;
        for (at, output) in outputs.iter().enumerate() {
            if outputs[..at].iter().any(|other| other.collides(output)) {
                return Err(usage_error(&format!("two outputs go to {}", output.name())));
            }
        }
        Ok(())
    }

    /// Gets everything ready to be written. `report` makes the report's text, as a page or as JSON.
    pub fn stage(
        self,
        ledger: &Ledger,
        report: impl FnOnce(bool) -> anyhow::Result<String>,
    ) -> anyhow::Result<Vec<Staged>> {
        let mut staged = Vec::new();
        if let Some(ReportOutput { output, is_page }) = self.report {
            staged.push(output.stage(report(is_page)?.into_bytes())?);
        }
        if let Some(output) = self.ledger {
            let mut lines = Vec::new();
            ledger.write_json_lines(&mut lines, self.ledger_hash)?;
            staged.push(output.stage(printable_json(&String::from_utf8(lines)?).into_bytes())?);
        }
        let streams =
            [(self.captured_stdout, DescriptorKind::Stdout), (self.captured_stderr, DescriptorKind::Stderr)];
        for (output, stream) in streams {
            if let Some(output) = output {
                let printed = ledger.output(stream);
                let is_watched = output.is_terminal();
                staged.push(output.stage(if is_watched { terminal::escaped(&printed) } else { printed })?);
            }
        }
        Ok(staged)
    }
}

/// JSON with a line end.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(printable_json(&serde_json::to_string_pretty(value)?) + "\n")
}

#[cfg(test)]
mod tests {
    use super::json;

    #[test]
    fn json_does_nothing_to_a_terminal_and_says_the_same() {
        let text = "a\n\u{1b}[31m\u{7f}\u{9b}\u{202e}\u{3164}\u{e0041}\u{e9}\u{65e5}\"\\";
        let written = json(&[text]).unwrap();
        assert_eq!(
            written,
            "[\n  \"a\\n\\u001b[31m\\u007f\\u009b\\u202e\\u3164\\udb40\\udc41\u{e9}\u{65e5}\\\"\\\\\"\n]\n"
        );
        assert_eq!(serde_json::from_str::<[String; 1]>(&written).unwrap(), [text]);
    }
}
