//! Verification.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};
use preinit::Compiler;
use preinit::Rename;
use preinit::Trigger;
use preinit::verify::{OtherEngine, Pattern};

use super::{HostArgs, LimitArgs};
use crate::cli::parse::name_pair::{self, Mapping, Variable};
use crate::cli::parse::{byte_count, fuel_amount, time_span};

/// The arguments of a verification.
#[derive(Debug, Args)]
#[command(after_long_help = NOTES)]
pub struct VerifyArgs {
    /// The module that the snapshot was made from, binary or text
    #[arg(value_name = "ORIGINAL")]
    pub original: PathBuf,

    /// The snapshot, binary or text
    #[arg(value_name = "SNAPSHOT")]
    pub snapshot: PathBuf,

    /// The exported function that initializes the original, as for the making of the snapshot
    #[arg(short = 'f', long = "init-func", value_name = "NAME")]
    pub init_functions: Vec<String>,

    /// The call at which the original was frozen in the middle, as for the making of the snapshot
    ///
    /// The original is played until there; from there on both sides go on, with the arguments, variables and standard input
    /// of --run-arg, --run-env and --run-stdin. What the entry does is compared, and its second call; no sequences are
    /// generated.
    #[arg(long, value_name = "TRIGGER")]
    pub at: Option<Trigger>,

    /// The export SRC of the original is DST in the snapshot
    #[arg(short = 'r', long = "rename-func", alias = "func-rename", value_name = "DST=SRC", value_parser = name_pair::rename)]
    pub renames: Vec<Rename>,

    /// An import of a component that was cut, as for the making of the snapshot
    ///
    /// In the snapshot its functions trap. Where the original still calls them after init, the answer is "different". May be repeated.
    #[arg(long = "cut-import", value_name = "NAME")]
    pub cut_imports: Vec<String>,

    /// Resources, streams or files of a component are held that no instance has, as for the making of the snapshot
    ///
    /// A call that uses one of them traps in the snapshot, or uses another one: the answer is "different" then.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub allow_live_handles: bool,

    /// A component's adapter from WASI preview 1 has kept its state, as for the making of the snapshot
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub keep_adapter_state: bool,

    /// Imported memories hold nothing but zeros when an instance gets them, as for the making of the snapshot
    ///
    /// A snapshot that was made with --fresh-imports is right only then, so without this option the answer is "could not
    /// tell".
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub fresh_imports: bool,

    /// Imports that the snapshot defines itself are shared with nobody, as for the making of the snapshot
    ///
    /// A snapshot that was made with --internalize is right only then, so without this option the answer is "could not tell".
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub internalize: bool,

    /// What is called.
    #[command(flatten)]
    pub play: PlayArgs,
    /// Also compare with an original that was started in another world, as an instance is
    ///
    /// At another time, with other random numbers, another environment and none, and other directories, one after the other, as far as
    /// init has asked for them. Compared is what calls return and print: those that are given, or each export without
    /// parameters. What differs there is what the snapshot has frozen of the build. The keys of such differences begin with
    /// `fresh.` and what is another.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub fresh: bool,

    /// Do not keep compiled code of the original between runs, and take none from earlier ones
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub no_cache: bool,

    /// Where compiled code is kept, as for a snapshot
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,

    /// What init can see.
    #[command(flatten)]
    pub host: HostArgs,
    /// What init can use up.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Differences to leave out
    ///
    /// `*` stands for any text: `memory.0.0x12f4*`. What is ignored after instantiation is ignored after calls too. May
    /// be repeated.
    #[arg(long, value_name = "KEY", value_parser = pattern, help_heading = "Messages")]
    pub ignore: Vec<Pattern>,

    /// The number of differences that are listed
    #[arg(long, value_name = "N", default_value_t = 100, help_heading = "Messages")]
    pub max_differences: usize,

    /// Print no verdict; twice, no warnings either
    #[arg(short, long, action = ArgAction::Count, help_heading = "Messages")]
    pub quiet: u8,

    /// Write the verdict as JSON; `-` for standard output
    #[arg(long, value_name = "FILE", help_heading = "Messages")]
    pub report: Option<PathBuf>,
}

/// What is called on both sides.
#[derive(Debug, Args)]
#[command(next_help_heading = "Calls that are compared")]
pub struct PlayArgs {
    /// Call an export: `f(1, -0.5)`, `f("text")`, `f(3) => 9`
    ///
    /// Several calls are made on one instance, in this order. A text is written into the guest's memory, where its
    /// exported `preinit_alloc`, `malloc`, `alloc`, `allocate` or `cabi_realloc` says, with a zero byte behind it; it is
    /// passed as an address, or as an address and a length if the function has a parameter more.
    #[arg(long = "call", value_name = "CALL")]
    pub calls: Vec<String>,

    /// Make the calls in a file, one a line, on an instance of their own
    ///
    /// `#` begins a comment. May be repeated.
    #[arg(long = "script", value_name = "FILE")]
    pub scripts: Vec<PathBuf>,

    /// Add a program argument for the calls, beginning with `argv[0]`
    #[arg(long = "run-arg", value_name = "ARG", allow_hyphen_values = true)]
    pub run_args: Vec<String>,

    /// Set an environment variable for the calls
    #[arg(long = "run-env", value_name = "KEY[=VALUE]", value_parser = name_pair::variable)]
    pub run_env: Vec<Variable>,

    /// Let the calls read a directory, instead of those of init
    ///
    /// May be repeated.
    #[arg(long = "run-dir", value_name = "DIR|GUEST::HOST", value_parser = name_pair::directory_or_mapping)]
    pub run_dirs: Vec<Mapping>,

    /// Give the calls a file as their standard input
    #[arg(long = "run-stdin", value_name = "FILE")]
    pub run_stdin: Option<PathBuf>,

    /// Run on this engine: `cranelift`, `cranelift-opt`, `winch`, `pulley`, `wasmi` or `v8`
    ///
    /// May be repeated. Engines that do not support the module are left out. `wasmi` and `v8` do what was done on the
    /// first of the others, by themselves on cranelift, and are compared with tolerances that the verdict names. `v8`
    /// needs Node, best 24 or newer: `node`, or what PREINIT_NODE names.
    ///
    /// [default: cranelift, winch, and for a small module pulley and wasmi]
    #[arg(long = "engine", value_name = "ENGINE", value_parser = engine)]
    pub engines: Vec<Engine>,

    /// The number of generated sequences of calls, for each engine
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub sequences: usize,

    /// The number of calls in a generated sequence
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub depth: usize,

    /// Time for generated sequences, for all engines together
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = time_span::limit)]
    pub time: Time,

    /// The number of instructions of one call, more or less
    #[arg(long, value_name = "N", default_value_t = 20_000_000, value_parser = fuel_amount::parse)]
    pub call_fuel: u64,

    /// The memory that one sequence may add to what there is
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = byte_count::parse)]
    pub call_memory: u64,

    /// Generate other sequences
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

/// A time limit; `None` is no limit.
pub type Time = Option<Duration>;

/// An engine of either sort.
#[derive(Debug, Clone, Copy)]
pub enum Engine {
    /// Wasmtime, with this compiler.
    Wasmtime(Compiler),
    /// Another one.
    Other(OtherEngine),
}

fn engine(name: &str) -> Result<Engine, String> {
    Ok(match name {
        "cranelift" => Engine::Wasmtime(Compiler::Cranelift),
        "cranelift-opt" => Engine::Wasmtime(Compiler::OptimizingCranelift),
        "winch" => Engine::Wasmtime(Compiler::Winch),
        "pulley" => Engine::Wasmtime(Compiler::Pulley),
        "wasmi" => Engine::Other(OtherEngine::Wasmi),
        "v8" => Engine::Other(OtherEngine::V8),
        _ => return Err("expected cranelift, cranelift-opt, winch, pulley, wasmi or v8".to_owned()),
    })
}

fn pattern(text: &str) -> Result<Pattern, String> {
    Ok(Pattern::new(text))
}

const NOTES: &str = "\
Init of the original runs once more, with its output discarded and its standard input empty unless
--stdin or --inherit-stdio is given. It is stopped where it would change a file; `preinit --verify`
has no such limit, because there init is answered from the record of the run that made the snapshot.

Examples:
  preinit verify app.wasm app.pre.wasm -f init
  preinit verify app.wasm app.pre.wasm --allow-wasi --call 'query(3)' --call 'render(\"a text\")'
  preinit verify tool.wasm tool.pre.wasm -r _start=resume --run-arg tool --call '_start() => exit 0'

Exit codes:
  0  equal
  1  different
  2  could not tell, or could not: wrong usage, input or output error, malformed original";
