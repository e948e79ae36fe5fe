//! What is made from the command line's definition.

use std::io::{self, Write};

use anyhow::Context;
use clap_complete::Shell;

use super::args::definition;

/// Writes a shell's completion script to standard output.
pub fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut definition(), "preinit", &mut script);
    to_stdout(&script)
}

/// Writes the man page to standard output.
pub fn man() -> anyhow::Result<()> {
    let mut page = Vec::new();
    clap_mangen::Man::new(definition()).render(&mut page)?;
    to_stdout(&page)
}

/// In one go and with errors: the generators themselves panic on a closed pipe.
fn to_stdout(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).context("cannot write to standard output")
}
