//! The audit.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use preinit::host::LedgerHash;
use preinit::{InitResult, Rename, Trigger};

use super::{HostArgs, LimitArgs};
use crate::cli::parse::{init_result, ledger_hash, name_pair};

/// The arguments of an audit.
#[derive(Debug, Args)]
#[command(after_long_help = NOTES)]
pub struct AuditArgs {
    /// The module, binary or text; `-` or nothing for standard input
    #[arg(value_name = "INPUT")]
    pub input: Option<PathBuf>,

    /// The exported function that initializes the module, as for a snapshot
    #[arg(short = 'f', long = "init-func", value_name = "NAME")]
    pub init_functions: Vec<String>,

    /// Which result of an init function is success, as for a snapshot
    #[arg(long, value_name = "N|any", allow_negative_numbers = true, value_parser = init_result::parse)]
    pub init_result: Option<InitResult>,

    /// Run until this call instead of to the end of init, as for a snapshot
    #[arg(long, value_name = "TRIGGER")]
    pub at: Option<Trigger>,

    /// Rename the export SRC to DST, as for a snapshot
    #[arg(short = 'r', long = "rename-func", alias = "func-rename", value_name = "DST=SRC", value_parser = name_pair::rename)]
    pub renames: Vec<Rename>,

    /// Keep the init function as an export, as for a snapshot
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub keep_init_func: bool,

    /// Run init under the optimizing compiler
    #[arg(long = "opt", action = ArgAction::Set)]
    pub optimize: Option<bool>,

    /// Do not keep compiled code between runs, and take none from earlier ones
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub no_cache: bool,

    /// Where compiled code is kept, as for a snapshot
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,

    /// Let wasi-libc forget directories and environment, as for a snapshot
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub reset_libc: bool,

    /// End with 1 if there are dangers or warnings
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub strict: bool,

    /// What init can see.
    #[command(flatten)]
    pub host: HostArgs,
    /// What init can use up.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// List everything: notes, all places, all calls, where the bytes are
    #[arg(short, long, help_heading = "Messages")]
    pub verbose: bool,

    /// Print no findings; twice, no warnings either
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "verbose", help_heading = "Messages")]
    pub quiet: u8,

    /// Write the findings as JSON, or as a page of HTML if FILE ends in `.html`; `-` for standard output
    ///
    /// The page needs nothing else: a picture of the memories with what depends on what, the host calls in order, sizes and
    /// times.
    #[arg(long, value_name = "FILE", help_heading = "Messages")]
    pub report: Option<PathBuf>,

    /// Write every host call of the first run as JSON lines; `-` for standard output
    #[arg(long, value_name = "FILE", help_heading = "Messages")]
    pub ledger: Option<PathBuf>,

    /// How bytes appear in the ledger: `salted` hashes say nothing about them, `plain` ones can be compared between runs
    ///
    /// A short secret can be guessed from its plain hash.
    #[arg(long, value_name = "HASH", value_parser = ledger_hash::parse, default_value = "salted", help_heading = "Messages")]
    pub ledger_hash: LedgerHash,
}

const NOTES: &str = "\
Init runs once as for a snapshot, and then again with other random numbers, at another time, and with
other values of the environment variables, arguments and standard input that it was given and asked
for. What moves in its memories, globals, tables and objects depends on them. The further runs are answered
from the record of the first: nothing outside is read or written twice. What init prints vanishes and
its standard input is empty, unless --inherit-stdio is given.

Values that are in the output word for word are dangers if they are of environment variables, those
named like a secret first; HOME, PATH, LANG and their like are warnings. Arguments are there to be used:
what depends on them is a note.

Names of variables come from DWARF, names of functions from the name section; audit a build that has
them to see which variable it is.

Examples:
  preinit audit app.wasm --allow-wasi --env API_KEY --mapdir /lib::./lib
  preinit audit app.wasm --allow-wasi --strict -q || echo 'not fit to be published'
  preinit audit command.wasm --allow-wasi --arg command --at stdin

Exit codes:
  0  done; with --strict: and nothing is worse than a note
  1  --strict, and there are dangers or warnings; or init trapped or was stopped
  2  could not: wrong usage, input or output error, malformed module";
