//! What people read. Everything that is printed goes through here, because names and messages may come from a module or
//! a guest that nobody trusts: only what a guest prints itself passes unchanged, to a pipe or where that was asked for.

use std::io::{self, IsTerminal, Write};

use preinit::stages::printable::printable_lines;
use preinit::stages::terminal_output::TerminalOutput;

use super::output::print;

/// Characters of one line. A line that is longer cannot be read, and may have been made long on purpose.
const LINE: usize = 4000;

/// Prints text, which brings its own line ends, to standard error. A failure to do so is nothing that anybody could hear
/// of.
pub fn message(text: &str) {
    write(printable_lines(text, LINE).as_bytes());
}

/// Prints warnings to standard error, one a line.
pub fn warn(warnings: &[String]) {
    for warning in warnings {
        message(&format!("warning: {}\n", indented(warning)));
    }
}

/// Prints lines that say of what kind they are, to standard error; if there are more than `shown`, how many.
pub fn list(lines: &[String], shown: usize) {
    for line in lines.iter().take(shown) {
        message(&format!("{}\n", indented(line)));
    }
    if lines.len() > shown {
        message(&format!("audit: and {} more\n", lines.len() - shown));
    }
}

/// Prints an error and its causes to standard error.
pub fn error<'c>(first: &str, causes: impl IntoIterator<Item = &'c str>) {
    let mut text = format!("error: {}\n", indented(first));
    for cause in causes {
        text.push_str(&format!("  caused by: {}\n", indented(cause)));
    }
    message(&text);
}

/// Prints the answer of a command, to standard error where something else goes to standard output.
pub fn answer(text: &str, to_stderr: bool) -> anyhow::Result<()> {
    if to_stderr {
        message(text);
        return Ok(());
    }
    print(printable_lines(text, LINE).as_bytes())
}

/// What the guest printed, as a terminal gets it that did not ask for it.
pub fn escaped(bytes: &[u8]) -> Vec<u8> {
    let mut output = TerminalOutput::default();
    (output.escape(bytes) + &output.finish()).into_bytes()
}

/// Passes on what the guest printed. A terminal gets it as it is only if that `is_asked_for`.
pub fn guest_output(bytes: &[u8], is_asked_for: bool) {
    if is_asked_for || !is_watched() {
        return write(bytes);
    }
    write(&escaped(bytes));
}

/// Writes over the line that was drawn before. The text must fit into a line.
pub fn redraw(text: &str) {
    write(format!("\r{}", printable_lines(text, LINE)).as_bytes());
}

/// Whether a person may be reading standard error.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// A message in which every line but the first is indented, so that a line break in it cannot begin a message of ours.
fn indented(text: &str) -> String {
    let mut lines = text.split('\n');
    let mut indented = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        indented.push_str(if line.starts_with("  ") || line.is_empty() { "\n" } else { "\n  " });
        indented.push_str(line);
    }
    indented
}

fn write(bytes: &[u8]) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(bytes);
    let _ = stderr.flush();
}

#[cfg(test)]
mod tests {
    use super::indented;

    #[test]
    fn no_line_of_a_message_can_pass_for_one_of_ours() {
        assert_eq!(indented("a\nerror: b\n  c\n d\n"), "a\n  error: b\n  c\n   d\n");
    }
}
