//! How the process ends.

use std::io;
use std::process::ExitCode;

use super::advice;
use super::snapshot_request::Refused;
use super::terminal;
use super::verify_command::Unverified;

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The snapshot is written, or whatever else was asked for.
    Done,
    /// The module was understood and turned down, or a snapshot is different from its original.
    Refused,
    /// Wrong usage, input or output error, malformed module.
    CouldNot,
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::CouldNot => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(u8::from(exit))
    }
}

/// Prints an error with its causes and chooses the exit code.
pub fn fail(error: &anyhow::Error) -> Exit {
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        if usage.use_stderr() {
            terminal::message(&usage.render().to_string());
            return Exit::CouldNot;
        }
        // Help and version come this way too. If they cannot be printed, an error cannot either.
        let _ = usage.print();
        return Exit::Done;
    }
    // Whoever read our output has seen enough of it.
    if !error.chain().any(is_closed_pipe) {
        let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
        terminal::error(&advised(error), causes.iter().map(String::as_str));
    }
    if let Some(unverified) = error.downcast_ref::<Unverified>() {
        return unverified.0.into();
    }
    if error.is::<Refused>() {
        return Exit::Refused;
    }
    match error.downcast_ref::<preinit::Error>() {
        Some(error) if error.is_refusal() => Exit::Refused,
        _ => Exit::CouldNot,
    }
}

fn is_closed_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The error's message, with what to do at the end of its first line; lists and backtraces follow that.
fn advised(error: &anyhow::Error) -> String {
    let message = error.to_string();
    let Some(advice) = advice::for_error(error) else { return message };
    let (first, rest) = match message.split_once('\n') {
        Some((first, rest)) => (first, format!("\n{rest}")),
        None => (message.as_str(), String::new()),
    };
    let (first, colon) = match first.strip_suffix(':') {
        Some(first) => (first, ":"),
        None => (first, ""),
    };
    format!("{first}; {advice}{colon}{rest}")
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    #[test]
    fn a_closed_pipe_is_recognized_below_context() {
        let pipe: anyhow::Result<()> = Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe).into());
        let error = pipe.context("cannot write to standard output").unwrap_err();
        assert!(error.chain().any(super::is_closed_pipe));
        assert!(!anyhow::anyhow!("x").chain().any(super::is_closed_pipe));
    }
}
