//! A process that serves this one.

use std::io;
use std::process::{ChildStdin, ChildStdout, Command};

use super::registry::{Passing, Registered};

/// A process that ends when this is dropped, and with this process, however that ends.
#[derive(Debug)]
pub struct ServingProcess {
    _registered: Registered,
}

impl ServingProcess {
    /// Starts it. Gives its standard input and output, if they are pipes.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn start(
        command: &mut Command,
    ) -> io::Result<(ServingProcess, Option<ChildStdin>, Option<ChildStdout>)> {
        let (registered, (stdin, stdout)) = Registered::new(|| {
            let mut child = command.spawn()?;
            let pipes = (child.stdin.take(), child.stdout.take());
            Ok((Passing::Process(child), pipes))
        })?;
        Ok((ServingProcess { _registered: registered }, stdin, stdout))
    }
}
