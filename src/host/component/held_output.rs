//! What a component prints while a terminal would get it: it is shown when the store is dropped.

use std::io::{self, Write};

use preinit_core::terminal_output::TerminalOutput;

use super::Pipe;

/// Where it goes, if it is held back.
pub(super) enum HeldOutput {
    Stdout(Pipe),
    Stderr(Pipe),
}

impl Drop for HeldOutput {
    fn drop(&mut self) {
        let (pipe, stream): (_, &mut dyn Write) = match self {
            HeldOutput::Stdout(pipe) => (pipe, &mut io::stdout()),
            HeldOutput::Stderr(pipe) => (pipe, &mut io::stderr()),
        };
        if let Some(pipe) = pipe {
            let mut output = TerminalOutput::default();
            let shown = output.escape(&pipe.contents()) + &output.finish();
            // Nobody could hear of a failure.
            let _ = stream.write_all(shown.as_bytes()).and_then(|()| stream.flush());
        }
    }
}
