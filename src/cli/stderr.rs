//! Standard error, where a failure to write is nothing that anybody could be told about.

use std::io::{self, IsTerminal, Write};

/// Prints text that brings its own line ends.
pub fn print(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

/// Prints warnings, one a line.
pub fn warn(warnings: &[String]) {
    for warning in warnings {
        print(&format!("warning: {warning}\n"));
    }
}

/// Whether a person may be watching.
pub fn is_terminal() -> bool {
    io::stderr().is_terminal()
}
