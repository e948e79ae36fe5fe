//! How the process ends.

use std::io;
use std::process::ExitCode;

use preinit::error::{ExecuteError, Stop, StopCause};
use preinit::stages::printable::Printable;

use super::advice;
use super::called_as::CalledAs;
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
    /// Input or output error, malformed module.
    CouldNot,
    /// The command line is wrong.
    Usage,
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::CouldNot | Exit::Usage => 2,
        }
    }
}

impl Exit {
    /// The process's exit code. Wizer has one for everything but wrong usage.
    pub fn code(self, called_as: CalledAs) -> ExitCode {
        match (self, called_as) {
            (Exit::CouldNot, CalledAs::Wizer) => ExitCode::from(u8::from(Exit::Refused)),
            _ => ExitCode::from(u8::from(self)),
        }
    }
}

/// Prints an error with its causes and chooses the exit code.
pub fn fail(error: &anyhow::Error, called_as: CalledAs) -> Exit {
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        if usage.use_stderr() {
            terminal::message(&usage.render().to_string());
            return Exit::Usage;
        }
        // Help and version come this way too. If they cannot be printed, an error cannot either.
        let _ = usage.print();
        return Exit::Done;
    }
    // Whoever read our output has seen enough of it.
    if !error.chain().any(is_closed_pipe) {
        match ended_function(error, called_as) {
            Some((function, stop)) => terminal::message(&in_wizers_words(function, stop)),
            None => {
                let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
                terminal::error(&advised(error), causes.iter().map(String::as_str));
            }
        }
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

/// The init function that was stopped, where that is said in Wizer's words. An exit is, by whichever name we are called:
/// ComponentizeJS takes these words out of what it shows, and leaves what the program has printed.
fn ended_function(error: &anyhow::Error, called_as: CalledAs) -> Option<(&str, &Stop)> {
    let preinit::Error::Execute(ExecuteError::Stopped(stopped)) = error.downcast_ref()? else { return None };
    let stop = &stopped.stop;
    let wizers = called_as == CalledAs::Wizer || matches!(stop.cause, StopCause::Exit(_));
    stop.function.as_deref().filter(|_| wizers).map(|function| (function, stop))
}

/// The lines that Wizer prints of an init function that has not returned.
fn in_wizers_words(function: &str, stop: &Stop) -> String {
    let mut text = format!("Error: the `{}` function trapped\n\nCaused by:\n", Printable(function));
    text.push_str("    0: error while executing at wasm backtrace:\n");
    for frame in stop.trace.to_string().lines().skip(1) {
        text.push_str(&format!("       {frame}\n"));
    }
    let cause = match &stop.cause {
        StopCause::Exit(exit) => format!("Exited with i32 exit status {}", exit.code),
        StopCause::Other(trap) => Printable(trap).to_string(),
        cause => advice::with_advice(&cause.to_string(), advice::for_stop(cause)),
    };
    text.push_str(&format!("    1: {cause}\n"));
    text
}

fn is_closed_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The error's message, with what to do at the end of its first line; lists and backtraces follow that.
fn advised(error: &anyhow::Error) -> String {
    advice::with_advice(&error.to_string(), advice::for_error(error))
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
