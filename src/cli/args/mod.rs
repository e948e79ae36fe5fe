//! What the user typed, as clap sees it. Nothing here decides anything.

mod audit_args;
mod batch_args;
mod bool_switch;
mod cache_args;
mod compile_ahead_args;
mod embed_args;
mod files_args;
mod host_args;
mod limit_args;
mod message_args;
mod output_form_args;
mod prepare_args;
mod snapshot_args;
mod state_args;
mod switch_values;
mod untrusted;
mod verify_args;
mod wasmtime_args;
mod wizer_switches;

use std::ffi::OsString;
use std::path::Path;

use clap::builder::StyledStr;
use clap::builder::styling::Styles;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use preinit::stages::nearest;
use preinit::stages::printable::{Message, Printable};

use super::called_as::CalledAs;

pub use audit_args::AuditArgs;
pub use batch_args::BatchArgs;
pub use cache_args::CacheArgs;
pub use compile_ahead_args::CompileAheadArgs;
pub use embed_args::EmbedArgs;
pub use files_args::{ExtractArgs, InspectArgs, ListArgs};
pub use host_args::HostArgs;
pub use limit_args::LimitArgs;
pub use message_args::MessageArgs;
pub use output_form_args::OutputFormArgs;
pub use prepare_args::PrepareArgs;
pub use snapshot_args::{SnapshotArgs, notes};
pub use state_args::{EncodeArgs, ProbeArgs};
pub use verify_args::{Engine, PlayArgs, VerifyArgs};
pub use wasmtime_args::WasmtimeArgs;

/// Runs the initialization of a WebAssembly module once, at build time, and writes a module that starts where it ended
///
/// The module is instantiated, its init function is called, and its whole state is written into the output: memories,
/// globals, tables, dropped segments. The output needs no initialization any more.
#[derive(Debug, Parser)]
#[command(
    name = "preinit",
    bin_name = "preinit",
    // A test compares the engine's version with Cargo.lock.
    version = concat!(env!("CARGO_PKG_VERSION"), " (wasmtime 48.0.8)"),
    styles = Styles::plain(),
    max_term_width = 110,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    subcommand_value_name = "COMMAND",
    after_help = "See --help for more, with examples and exit codes.",
    after_long_help = notes(),
)]
pub struct Cli {
    /// What to do instead of making a snapshot.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Without a command: make a snapshot.
    #[command(flatten)]
    pub snapshot: SnapshotArgs,
}

/// Everything that is not making a snapshot.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell whether a snapshot is the original after init
    ///
    /// "Different" is a fact: both sides were seen to differ, in the place that is named. The only known false alarms are
    /// calls that use up the machine's own room (the depth of the call stack, memory); they are counted as "could not
    /// tell" wherever they are recognized, as is a call that runs out of fuel on one side only. "Equal" means that no
    /// difference was found in what the answer lists: after instantiation and after every call, all globals, all bytes
    /// of all memories, all tables and dropped segments, private ones included; of every call the results, the kind of
    /// trap, and the host calls with their arguments and the bytes that they pass, which is all output.
    Verify(Box<VerifyArgs>),
    /// Tell what a snapshot would freeze of the build: random numbers, times, secrets, open files
    ///
    /// A snapshot holds whatever init saw. The audit finds what depends on random numbers, clocks, environment variables,
    /// arguments and standard input; values of these that are in the output word for word; files that are still open;
    /// directories and environment that libc has cached; output that was not flushed; constructors that would run a
    /// second time. It names the variables and the calls, and says what to do about it.
    Audit(Box<AuditArgs>),
    /// Write the form of a module that shows its state, for a host that runs init itself
    ///
    /// The host instantiates it instead of the module, initializes it, and reads what the schema names. What it has read is
    /// a state file, from which `preinit encode` makes the snapshot. docs/state-file.md describes both files.
    Probe(ProbeArgs),
    /// Make a snapshot from a state that a host has read of the probed module
    Encode(Box<EncodeArgs>),
    /// Make many snapshots of one module, which is read and compiled once
    Batch(BatchArgs),
    /// Compile a module once, for runs with --prepared on other machines
    ///
    /// The file is machine code for this version of preinit and this kind of processor; others refuse it. It runs as it is: take
    /// it only from where you take programs from. A checksum guards it against damage, and against nothing else.
    Prepare(PrepareArgs),
    /// Say what a module is, and which command line to use for it
    ///
    /// It looks at the bytes only and runs nothing. Exit code 1 means that there is no command line to be recommended.
    Inspect(InspectArgs),
    /// List the files that --embed has put into a module, with their sizes
    List(ListArgs),
    /// Write the files that --embed has put into a module to a directory
    Extract(ExtractArgs),
    /// Write a shell's completion script to standard output
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the man page to standard output
    Man,
    /// Compile a module for the next run
    #[command(hide = true)]
    CompileAhead(CompileAheadArgs),
}

/// The command line's definition, for the parser and for whatever is generated from it.
pub fn definition() -> clap::Command {
    Cli::command()
        .mut_args(bool_switch::complete)
        .mut_subcommands(|command| command.mut_args(bool_switch::complete))
        // A verification runs init again, and then what is compared, on several engines.
        .mut_subcommand("verify", |command| command.mut_arg("timeout", |timeout| timeout.default_value("5m")))
}

/// The words that are commands, unless they are values.
const COMMANDS: [&str; 12] = [
    "audit",
    "batch",
    "compile-ahead",
    "completions",
    "encode",
    "extract",
    "inspect",
    "list",
    "man",
    "prepare",
    "probe",
    "verify",
];

/// Parses all words, the program's name first.
pub fn parse(words: impl IntoIterator<Item = OsString>, called_as: CalledAs) -> Result<Cli, clap::Error> {
    let words: Vec<OsString> = words.into_iter().collect();
    if let Some(cli) = parse_plain(&words, called_as) {
        return Ok(cli);
    }
    let definition = for_caller(definition(), called_as);
    let words = switch_values::join_switch_values(&definition, words);
    check_command(&words)?;
    let matches =
        definition.try_get_matches_from(words).map_err(|error| printable(in_fitting_words(error)))?;
    let mut cli =
        Cli::from_arg_matches(&matches).map_err(|error| printable(error.format(&mut self::definition())))?;
    untrusted::apply(&mut cli, &matches);
    cli.snapshot.wasmtime.limit(&mut cli.snapshot.limits);
    Ok(cli)
}

/// The words where they ask for a snapshot and are right; `None` leaves them to the definition of everything. That takes a
/// millisecond, most of it for the other commands.
fn parse_plain(words: &[OsString], called_as: CalledAs) -> Option<Cli> {
    let may_be_command = |word: &OsString| word.to_str().is_some_and(|word| COMMANDS.contains(&word));
    if words.iter().any(may_be_command) {
        return None;
    }
    let plain = SnapshotArgs::augment_args(clap::Command::new("preinit")).mut_args(bool_switch::complete);
    let plain = for_caller(plain, called_as);
    let words = switch_values::join_switch_values(&plain, words.iter().cloned());
    check_command(&words).ok()?;
    let matches = plain.try_get_matches_from(words).ok()?;
    let snapshot = SnapshotArgs::from_arg_matches(&matches).ok()?;
    let mut cli = Cli { command: None, snapshot };
    untrusted::apply(&mut cli, &matches);
    cli.snapshot.wasmtime.limit(&mut cli.snapshot.limits);
    Some(cli)
}

fn for_caller(definition: clap::Command, called_as: CalledAs) -> clap::Command {
    match called_as {
        CalledAs::Preinit => definition,
        // Wizer has no limit of time.
        CalledAs::Wizer => definition.mut_arg("timeout", |timeout| timeout.default_value("none")),
    }
}

/// A first word that is nearly a command, and no file, is a command misspelt: to clap it is the input.
fn check_command(words: &[OsString]) -> Result<(), clap::Error> {
    let Some(word) = words.get(1).and_then(|word| word.to_str()) else { return Ok(()) };
    if word.starts_with('-') || word.contains(['.', '/', '\\']) || Path::new(word).exists() {
        return Ok(());
    }
    match nearest(word, COMMANDS.into_iter().chain(["wizer"])) {
        Some(command) if command != word => {
            let message = format!(
                "there is neither a command nor a file `{}`; did you mean `{command}`?",
                Printable(word)
            );
            Err(self::definition().error(ErrorKind::InvalidSubcommand, message))
        }
        _ => Ok(()),
    }
}

/// An error about the usage that only a closer look at the arguments shows.
pub fn usage_error(message: &str) -> anyhow::Error {
    definition().error(ErrorKind::MissingRequiredArgument, Message(message)).into()
}

/// The same error, in which what was typed is one line that does nothing to a terminal.
fn printable(mut error: clap::Error) -> clap::Error {
    let context: Vec<_> = error.context().map(|(kind, value)| (kind, value.clone())).collect();
    for (kind, value) in context {
        let line = |text: &str| Printable(text).to_string();
        let value = match value {
            ContextValue::String(text) => ContextValue::String(line(&text)),
            ContextValue::Strings(texts) => {
                ContextValue::Strings(texts.iter().map(|text| line(text)).collect())
            }
            // Tips, which repeat what was typed.
            ContextValue::StyledStrs(texts) => {
                let texts = texts.iter().map(|text| StyledStr::from(line(&text.to_string())));
                ContextValue::StyledStrs(texts.collect())
            }
            _ => continue,
        };
        error.insert(kind, value);
    }
    error
}

/// To clap, a word that is one too many is a command out of place.
fn in_fitting_words(error: clap::Error) -> clap::Error {
    match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
        (ErrorKind::ArgumentConflict, Some(ContextValue::String(word))) => {
            let message = format!("unexpected argument '{}' found", Printable(word));
            definition().error(ErrorKind::UnknownArgument, message)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, CalledAs, Cli, definition, parse, parse_plain};
    use clap::Command;

    #[test]
    fn the_definition_is_consistent() {
        definition().debug_assert();
        let mut defined: Vec<_> =
            definition().get_subcommands().map(Command::get_name).map(String::from).collect();
        defined.sort_unstable();
        assert!(COMMANDS.is_sorted());
        assert_eq!(defined, COMMANDS);
        assert!(definition().get_subcommands().all(|command| command.get_all_aliases().next().is_none()));
    }

    /// Only a snapshot without mistakes is parsed without the other commands, and as it is with them.
    #[test]
    fn plain_lines_are_parsed_alike() {
        let words = |line: &str| -> Vec<_> {
            ["preinit"].into_iter().chain(line.split_whitespace()).map(Into::into).collect()
        };
        for line in ["in.wasm", "--untrusted in.wasm -o out.wasm", "--opt true -f init -r a=b --stub e.f -"] {
            for called_as in [CalledAs::Preinit, CalledAs::Wizer] {
                let plain = parse_plain(&words(line), called_as).expect(line);
                // A word that may be a command takes the other way.
                let Cli { snapshot, .. } = parse(words(&format!("{line} --arg man")), called_as).expect(line);
                let snapshot = format!("{snapshot:?}").replace(r#"args: ["man"]"#, "args: []");
                assert_eq!(format!("{:?}", plain.snapshot), snapshot, "{line}");
            }
        }
        for line in ["verify", "audit in.wasm", "in.wasm man", "audi", "--no-such in.wasm", "--help", "-V"] {
            assert!(parse_plain(&words(line), CalledAs::Preinit).is_none(), "{line}");
        }
    }
}
