//! The two halves of a snapshot, for hosts that run init themselves.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use preinit::Rename;
use preinit::stages::constant_exports::ConstantExport;

use super::OutputFormArgs;
use super::limit_args::Limit;
use crate::cli::parse::{byte_count, name_pair, time_span};

/// The first half.
#[derive(Debug, Args)]
#[command(after_long_help = PROBE_NOTES)]
pub struct ProbeArgs {
    /// The module, binary or text
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,

    /// The file for the module that shows its state; `-` for standard output
    #[arg(short, long, value_name = "OUTPUT", required = true)]
    pub output: PathBuf,

    /// The file for what to read, as JSON; `-` for standard output
    #[arg(long, value_name = "FILE", required = true)]
    pub state_schema: PathBuf,

    /// What it can use up.
    #[command(flatten)]
    pub limits: FileLimitArgs,
}

/// Bounds on work that runs nothing.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct FileLimitArgs {
    /// Time for each step of the work: `500ms`, `3s`, `2m`, `none`
    ///
    /// The steps are reading, making the output, and writing it. The process ends when one of them takes longer, whatever it
    /// waits for.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time_span::limit)]
    pub timeout: Limit,

    /// Size of all memories together: `512MiB`, `4GiB`
    ///
    /// A module may have as many bytes, or 256 MiB; a state, which takes up to eight times its size to be read, an eighth of
    /// that.
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = byte_count::parse)]
    pub max_memory: u64,
}

/// The second half.
#[derive(Debug, Args)]
#[command(after_long_help = ENCODE_NOTES)]
pub struct EncodeArgs {
    /// The module that was given to `preinit probe`, binary or text
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,

    /// What the host has read, as JSON
    ///
    /// The files that it names are taken from the folder that it is in.
    #[arg(long, value_name = "FILE", required = true)]
    pub state: PathBuf,

    /// The snapshot's file; `-` or nothing for standard output
    #[arg(short, long, value_name = "OUTPUT")]
    pub output: Option<PathBuf>,

    /// An exported function that has initialized the module; it is no export of the output
    ///
    /// May be repeated.
    #[arg(short = 'f', long = "init-func", value_name = "NAME")]
    pub init_functions: Vec<String>,

    /// Let the export NAME do nothing, for a host that calls it at every start
    ///
    /// It is for functions that initialize the module and return nothing. May be repeated.
    #[arg(long = "noop-export", value_name = "NAME")]
    pub noop_exports: Vec<String>,

    /// Let the export NAME do nothing but return the number VALUE
    ///
    /// It is for functions that initialize the module and return what the host needs later. May be repeated.
    #[arg(long = "constant-export", value_name = "NAME=VALUE", value_parser = name_pair::constant_export)]
    pub constant_exports: Vec<ConstantExport>,

    /// Rename the export SRC to DST
    ///
    /// An export that is named DST already is dropped. May be repeated.
    #[arg(short = 'r', long = "rename-func", value_name = "DST=SRC", value_parser = name_pair::rename)]
    pub renames: Vec<Rename>,

    /// How the state is written.
    #[command(flatten)]
    pub form: OutputFormArgs,

    /// Turn every warning into a refusal
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub strict: bool,

    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,

    /// What it can use up.
    #[command(flatten)]
    pub limits: FileLimitArgs,
}

const PROBE_NOTES: &str = "\
Example:
  preinit probe app.wasm -o app.probed.wasm --state-schema schema.json
  node run-init.mjs app.probed.wasm schema.json state/
  preinit encode app.wasm --state state/state.json -o app.pre.wasm

Exit codes:
  0  both files are written
  2  could not: wrong usage, input or output error, malformed module";

const ENCODE_NOTES: &str = "\
Example:
  preinit encode app.wasm --state state/state.json -o app.pre.wasm --noop-export _initialize

Exit codes:
  0  the snapshot is written
  1  refused: the state cannot be written
  2  could not: wrong usage, input or output error, malformed module, not a state of it";
