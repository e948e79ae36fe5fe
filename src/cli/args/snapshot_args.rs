//! Making a snapshot.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use preinit::stages::freeze::{FrameReader, Trigger};
use preinit::{InitResult, Rename};

use super::wizer_switches::{self, IgnoredArgs};
use super::{CacheArgs, HostArgs, LimitArgs, MessageArgs, OutputFormArgs, WasmtimeArgs};
use crate::cli::parse::{init_result, name_pair};

/// The arguments of a snapshot.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// The module, binary or text; `-` or nothing for standard input
    #[arg(value_name = "INPUT")]
    pub input: Option<PathBuf>,

    /// The snapshot's file; `-` or nothing for standard output
    ///
    /// An existing file is replaced in one step at the very end; it is untouched if anything fails. It may be the input.
    #[arg(short, long, value_name = "OUTPUT")]
    pub output: Option<PathBuf>,

    /// The exported function that initializes the module
    ///
    /// May be repeated; the functions run in this order. A reactor's `_initialize` runs before them in any case. All of
    /// them are no longer exports of the output.
    ///
    /// Arguments are constants in parentheses: `init(1, -0.5)`. A text, `eval("1 + 1")`, and a list, `init(["a", "b"])` or
    /// `init([1, 2])`, is written into memory that the module's own `malloc`, `cabi_realloc` or the like returns, with a zero
    /// byte after a text; it is passed as an address and a length, or as an address if the function has no parameter for the
    /// length. Elements of lists are 32-bit numbers, or addresses and lengths of texts.
    ///
    /// Of a component, arguments are written in WAVE, as in `init("a", [1, 2], {x: 1, y: none})`. INSTANCE#NAME is a function of an
    /// exported instance.
    ///
    /// [default: the first that exists of `wizer-initialize`, `wizer.initialize`, `preinit`]
    #[arg(short = 'f', long = "init-func", value_name = "NAME")]
    pub init_functions: Vec<String>,

    /// Which result of an init function is success, a number or `any`
    ///
    /// A function that returns nothing succeeds if it returns.
    ///
    /// [default: 0]
    #[arg(long, value_name = "N|any", allow_negative_numbers = true, value_parser = init_result::parse)]
    pub init_result: Option<InitResult>,

    /// Rename the export SRC to DST
    ///
    /// An export that is named DST already is dropped: after `-r _start=resume` the snapshot starts at `resume`. May be
    /// repeated.
    #[arg(short = 'r', long = "rename-func", alias = "func-rename", value_name = "DST=SRC", value_parser = name_pair::rename)]
    pub renames: Vec<Rename>,

    /// Keep the init function as an export of the output
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub keep_init_func: bool,

    /// Cut an import of a component
    ///
    /// Init has it; in the output it is an instance of the component's own, whose functions trap. For what only init calls, such
    /// as a loader of modules. May be repeated.
    #[arg(long = "cut-import", value_name = "NAME")]
    pub cut_imports: Vec<String>,

    /// Write the snapshot of a component even if resources, streams or files are held that no instance has
    ///
    /// Whoever uses one of them traps with `unknown handle index`, or uses another one. A warning says where they are held.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub allow_live_handles: bool,

    /// Keep the state of a component's adapter from WASI preview 1, with the handles in it
    ///
    /// Otherwise the adapter forgets its state, and takes the handles of each instance anew. What is kept needs
    /// --allow-live-handles.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub keep_adapter_state: bool,

    /// How the state is written.
    #[command(flatten)]
    pub form: OutputFormArgs,

    /// Replace the code that only init could reach by stubs
    ///
    /// A function that the snapshot can never call, whatever is done with its exports, becomes `unreachable`. Function
    /// indices and names stay; debug information goes, because code moves.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub strip_init: bool,

    /// Run init in optimized code, which takes several times longer to compile
    ///
    /// Without a word that is done where it pays: for small modules, and where the cache has the code. After a run of a
    /// larger module whose init takes long, a process of low priority compiles it for the next run.
    #[arg(long = "opt", action = ArgAction::Set)]
    pub optimize: Option<bool>,

    /// Run init in the code of the baseline compiler, and compile nothing for the next run
    #[arg(long = "no-opt", conflicts_with = "optimize")]
    pub no_optimize: bool,

    /// Freeze the program in the middle, just before a call, instead of when init returns
    ///
    /// The snapshot resumes there when its entry export is called for the first time; by default that is `_start`.
    /// TRIGGER is `stdin` (the first read of standard input), `open:PATH` (the first opening of that path),
    /// `export:NAME` (control enters that exported function), `call:NAME` (the same for a name of the name section),
    /// `checkpoint` (the export `preinit_checkpoint`, see preinit.h), or the call of an import: `MODULE.NAME`, with
    /// arguments `MODULE.NAME(0, _, ..)`. `#N` after any of them is the N-th time.
    #[arg(long, value_name = "TRIGGER")]
    pub at: Option<Trigger>,

    /// How --at reads the calls in progress: `unwind` or `inspect`
    ///
    /// `inspect` uses the engine's debugging interface, which takes several times as long.
    #[arg(long, value_name = "HOW", value_parser = reader, hide = true)]
    pub frames: Option<FrameReader>,

    /// Verify the snapshot, and write it only if it is right
    ///
    /// As `preinit verify` does it, with its defaults. Init is answered from the record of the run that made the
    /// snapshot: it does not print, read or write anything again.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub verify: bool,

    /// Let wasi-libc forget directories and environment, so that instances see their own
    ///
    /// Calls `__wasilibc_reset_preopens` and `__wasilibc_deinitialize_environ` after init, if the module exports them or
    /// has them in its name section. Otherwise puts back the variables that say that libc has asked, if it is certain which
    /// they are.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub reset_libc: bool,

    /// Let an instance's monotonic clock go on from where it stood when init last read it
    ///
    /// Otherwise it begins anew, and what init has planned by it waits longer. Its imports are answered by functions of the
    /// output, which shift the host's answers.
    ///
    /// [default: true with --at, else false]
    #[arg(long, action = ArgAction::Set)]
    pub rebase_clock: Option<bool>,

    /// Clear what functions have left on the stack
    ///
    /// Refused unless nothing else can be there: the stack comes first in memory, and is empty.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub zero_stack: bool,

    /// Zero the free memory, by the module's own allocator
    ///
    /// After init, memory is full of what was freed. While it may not grow, `malloc` is called until nothing is left, and all of it is
    /// zeroed and freed again. The summary says what that gains; if it gains nothing, nothing is changed. Refused without an allocator
    /// that is known by its name, and wherever it is not certain to be safe.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub scrub: bool,

    /// Call a function after init, before the state is read: the module's own collector, for example
    ///
    /// An export, or a function in the name section, without parameters. What it returns does not matter. May be repeated.
    #[arg(long = "before-capture", value_name = "NAME")]
    pub before_capture: Vec<String>,

    /// Turn every warning into a refusal
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub strict: bool,

    /// What init can see.
    #[command(flatten)]
    pub host: HostArgs,
    /// What init can use up.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// What is kept between runs.
    #[command(flatten)]
    pub cache: CacheArgs,
    /// What to tell about it.
    #[command(flatten)]
    pub messages: MessageArgs,
    /// Wizer's feature switches.
    #[command(flatten)]
    pub ignored: IgnoredArgs,
    /// The options of `wasmtime wizer`.
    #[command(flatten)]
    pub wasmtime: WasmtimeArgs,
}

fn reader(name: &str) -> Result<FrameReader, String> {
    match name {
        "unwind" => Ok(FrameReader::Unwind),
        "inspect" => Ok(FrameReader::Inspect),
        _ => Err("expected unwind or inspect".to_owned()),
    }
}

/// Everything that is not about one option.
pub fn notes() -> String {
    format!(
        "\
Wizer compatibility:
  Wizer's command lines work unchanged. A switch may be written `--switch`, `--switch=BOOL` or
  `--switch BOOL`, where BOOL is true or false. All features that the engine has are on and relaxed
  SIMD is deterministic, so these switches are accepted and ignored:
{ignored}
  Called by the name of `wizer` (a link or a copy), or as `preinit wizer`, it prints nothing on
  success, ends with 1 for every failure but wrong usage, knows no init functions but Wizer's, and
  has no time limit. The options of `wasmtime wizer` (-S, -W, --dir HOST::GUEST) are understood.
  Unlike in Wizer, changes in directories stay in memory unless --dir-rw gives them, and clocks
  and random numbers are the same in every run unless asked for otherwise.

Examples:
  Call the export `init` and write the snapshot:
      preinit app.wasm -o app.pre.wasm -f init

  Let init print and read the files below ./lib, as /lib:
      preinit app.wasm -o app.pre.wasm --allow-wasi --mapdir /lib::./lib

  Give init an environment variable and other random numbers:
      preinit app.wasm -o app.pre.wasm --allow-wasi --env LANG=C --random seed:7

  In a pipeline, with imports that nothing should call for real:
      preinit --stub env.log < app.wat > app.pre.wasm

Exit codes:
  0  the snapshot is written
  1  refused: init trapped, called an import that is not allowed or went over a limit, or the
     state that it left cannot be written
  2  could not: wrong usage, input or output error, malformed module",
        ignored = wizer_switches::listing(),
    )
}
