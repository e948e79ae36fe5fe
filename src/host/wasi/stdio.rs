//! Standard input, output and error.

use std::io::{self, IsTerminal, Read, Write};

use preinit_core::terminal_output::TerminalOutput;
use wiggle::{GuestMemory, GuestPtr};

use super::errno;
use crate::host::host_options::{Output, Stdin, WasiOptions};
use crate::host::ledger::DescriptorKind;

/// The three streams of a guest.
#[derive(Debug)]
pub(super) struct Stdio {
    stdin: Input,
    stdout: Sink,
    stderr: Sink,
}

#[derive(Debug)]
enum Input {
    Bytes(io::Cursor<Vec<u8>>),
    Inherit,
}

#[derive(Debug)]
struct Sink {
    output: Output,
    captured: Vec<u8>,
    /// Escapes what goes to a terminal.
    terminal: Option<TerminalOutput>,
}

/// Bytes that one read gives at most, so that a guest's huge buffer does not make the host allocate as much.
const READ_MAX: u32 = 1 << 20;

impl Stdio {
    pub(super) fn new(options: &WasiOptions) -> Self {
        let stdin = match &options.stdin {
            Stdin::Empty => Input::Bytes(io::Cursor::default()),
            Stdin::Bytes(bytes) => Input::Bytes(io::Cursor::new(bytes.clone())),
            Stdin::Inherit | Stdin::InheritUnasked => Input::Inherit,
        };
        let sink = |output, is_terminal: bool| {
            let is_escaped = output == Output::InheritEscaped && is_terminal;
            Sink { output, captured: Vec::new(), terminal: is_escaped.then(TerminalOutput::default) }
        };
        Self {
            stdin,
            stdout: sink(options.stdout, io::stdout().is_terminal()),
            stderr: sink(options.stderr, io::stderr().is_terminal()),
        }
    }

    /// What was written to captured standard output.
    pub(super) fn stdout(&self) -> &[u8] {
        &self.stdout.captured
    }

    /// What was written to captured standard error.
    pub(super) fn stderr(&self) -> &[u8] {
        &self.stderr.captured
    }

    /// The host memory that captured output takes, in bytes.
    pub(super) fn cost(&self) -> u64 {
        (self.stdout.captured.capacity() + self.stderr.captured.capacity()) as u64
    }

    /// Reads standard input into guest memory. Gives the number of bytes, 0 at the end, or an errno.
    pub(super) fn read(
        &mut self,
        memory: &mut GuestMemory<'_>,
        (address, len): (u32, u32),
    ) -> wasmtime::Result<Result<u32, i32>> {
        let mut bytes = vec![0; len.min(READ_MAX) as usize];
        let read = match &mut self.stdin {
            Input::Bytes(input) => input.read(&mut bytes),
            Input::Inherit if io::stdin().is_terminal() => io::stdin().lock().read(&mut bytes),
            Input::Inherit => fill(&mut io::stdin().lock(), &mut bytes),
        };
        let Ok(read) = read else { return Ok(Err(errno::IO)) };
        let read = u32::try_from(read)?;
        bytes.truncate(read as usize);
        memory.copy_from_slice(&bytes, GuestPtr::new((address, read)))?;
        Ok(Ok(read))
    }

    /// Writes guest memory to a stream. Gives the number of bytes or an errno.
    pub(super) fn write(
        &mut self,
        kind: DescriptorKind,
        memory: &GuestMemory<'_>,
        (address, len): (u32, u32),
    ) -> wasmtime::Result<Result<u32, i32>> {
        let bytes = memory.as_cow(GuestPtr::new((address, len)))?;
        let (sink, inherited): (_, &mut dyn Write) = match kind {
            DescriptorKind::Stdout => (&mut self.stdout, &mut io::stdout().lock()),
            DescriptorKind::Stderr => (&mut self.stderr, &mut io::stderr().lock()),
            _ => return Ok(Err(errno::BADF)),
        };
        let written = match sink.output {
            Output::Inherit | Output::InheritEscaped => {
                let escaped = sink.terminal.as_mut().map(|terminal| terminal.escape(&bytes));
                let shown = escaped.as_ref().map_or(&bytes[..], |escaped| escaped.as_bytes());
                inherited.write_all(shown).and_then(|()| inherited.flush())
            }
            Output::Capture => {
                sink.captured.extend_from_slice(&bytes);
                Ok(())
            }
            Output::Discard => Ok(()),
        };
        Ok(match written {
            Ok(()) => Ok(len),
            Err(error) => Err(errno::of_write(&error)),
        })
    }
}

impl Drop for Stdio {
    /// Shows what was only the beginning of a character.
    fn drop(&mut self) {
        let finish = |sink: &mut Sink, stream: &mut dyn Write| {
            let left = sink.terminal.as_mut().map(TerminalOutput::finish).filter(|left| !left.is_empty());
            if let Some(left) = left {
                // Nobody could hear of a failure.
                let _ = stream.write_all(left.as_bytes()).and_then(|()| stream.flush());
            }
        };
        finish(&mut self.stdout, &mut io::stdout());
        finish(&mut self.stderr, &mut io::stderr());
    }
}

/// Reads until `bytes` is full or the input ends.
fn fill(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match input.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) if filled > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, like a slow pipe.
    struct Trickle(u8);

    impl Read for Trickle {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            match (self.0, bytes.first_mut()) {
                (0, _) | (_, None) => Ok(0),
                (left, Some(byte)) => {
                    *byte = left;
                    self.0 -= 1;
                    Ok(1)
                }
            }
        }
    }

    #[test]
    fn a_slow_pipe_reads_like_a_file() {
        let mut input = Trickle(5);
        let mut bytes = [0; 4];
        assert_eq!(fill(&mut input, &mut bytes).unwrap(), 4);
        assert_eq!(bytes, [5, 4, 3, 2]);
        assert_eq!(fill(&mut input, &mut bytes).unwrap(), 1);
        assert_eq!(fill(&mut input, &mut bytes).unwrap(), 0);
    }
}
