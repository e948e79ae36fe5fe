//! What is made from the command line's definition.

use std::io::{self, Write};

use anyhow::Context;
use clap_complete::Shell;

use super::args::{definition, notes};
use super::output::print;

/// Writes a shell's completion script to standard output.
pub fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut definition(), "preinit", &mut script);
    print(&script)
}

/// Writes the man page to standard output.
pub fn man() -> anyhow::Result<()> {
    let page = man_page().context("cannot make the man page")?;
    print(&page)
}

/// The generator's own page, except that it would refer to pages of the commands and fill the lines of the notes.
fn man_page() -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(definition());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    writeln!(page, ".SH COMMANDS")?;
    for command in definition().get_subcommands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(page, ".TP\n\\fB{}\\fR\n{}", command.get_name(), verbatim(&about))?;
    }
    writeln!(page, ".SH NOTES\n.nf\n{}\n.fi", verbatim(&notes()))?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// Text without anything that the formatter would act upon.
fn verbatim(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
        if line.starts_with('.') { format!("\\&{line}") } else { line }
    });
    lines.collect::<Vec<_>>().join("\n")
}
