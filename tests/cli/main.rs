//! The built binary, run as users and build tools run it.

mod argv;
mod audit;
mod audit_code;
mod backtraces;
mod batch;
mod cache;
mod component_options;
mod component_verify;
mod components;
mod embed;
mod embed_options;
mod evil_names;
mod golden;
mod host;
mod init_function;
mod inspect;
mod messages;
mod output;
mod prepare;
mod preview2;
mod security;
mod slips;
mod standard_input;
mod state_file;
#[cfg(unix)]
mod tiers;
#[cfg(unix)]
mod time_limit;
mod verify;
mod wizer;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Init functions under two names, one that traps and one that never returns.
const MODULE: &str = r#"(module
    (memory (export "memory") 1)
    (global (export "ran") (mut i32) (i32.const 0))
    (func (export "init") (global.set 0 (i32.const 7)))
    (func (export "wizer-initialize") (global.set 0 (i32.const 8)))
    (func $deepest unreachable)
    (func $bad (export "bad") (call $deepest))
    (func (export "spin") (loop (br 0))))"#;

/// A directory of its own, in which the binary runs.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    /// Holds `in.wat` and `in.wasm`.
    fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        place.write("in.wat", MODULE);
        place.write("in.wasm", wat::parse_str(MODULE).unwrap());
        place
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.join(name)).unwrap()
    }

    /// The names of all files, sorted.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_preinit"));
        command
            .args(args)
            .current_dir(self.path())
            .env_remove("COLUMNS")
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::null());
        command
    }

    fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a line of words without blanks in them.
    fn line(&self, line: &str) -> Output {
        self.run(line.split_whitespace())
    }

    fn line_with_stdin(&self, line: &str, stdin: &[u8]) -> Output {
        let mut command = self.command(line.split_whitespace());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A child that does not want it closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        child.wait_with_output().unwrap()
    }

    /// The snapshot `out.wasm` of `in.wasm` by this line, as text.
    fn snapshot(&self, line: &str) -> String {
        done(&self.line(line));
        wasmprinter::print_bytes(self.read("out.wasm")).unwrap()
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn done(output: &Output) {
    assert_eq!(code(output), 0, "{}", stderr(output));
}

/// Ended with this code and a message that holds `text`.
#[track_caller]
fn failed(output: &Output, expected: i32, text: &str) {
    let message = stderr(output);
    assert_eq!(code(output), expected, "{message}");
    assert!(message.starts_with("error: ") && message.contains(text), "{message}");
}
