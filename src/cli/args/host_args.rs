//! What init can see and do.

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};
use preinit::host::{Class, FileTimes, Policy, Random};

use super::EmbedArgs;
use crate::cli::parse::host_choice::{self, ClockChoice};
use crate::cli::parse::name_pair::{self, Mapping, Preload, Variable};

/// Imports, WASI, clocks and randomness.
#[derive(Debug, Args)]
#[command(next_help_heading = "Imports that init may call")]
pub struct HostArgs {
    /// Provide the imports from NAME by a WebAssembly file
    ///
    /// The snapshot keeps these imports; what init changes inside the provider is not part of it, and is
    /// warned of. May be repeated.
    #[arg(long = "preload", value_name = "NAME=FILE", value_parser = name_pair::preload)]
    pub preloads: Vec<Preload>,

    /// Let an imported function do nothing and return zero
    ///
    /// May be repeated. A stubbed memory, table or global is a fresh one. A function of a component's import is INTERFACE#NAME,
    /// or NAME if it is in no interface; it returns empty texts and lists, `none`, `ok`, and the first case.
    #[arg(long = "stub", value_name = "MODULE.NAME", value_parser = name_pair::stub)]
    pub stubs: Vec<String>,

    /// Do that for every import that nothing else provides
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub stub_all: bool,

    /// Allow, warn of or deny a class of calls
    ///
    /// The classes are `random`, `clock`, `env`, `args`, `stdin`, `output`, `files`, `sockets`, `process` and `stub`;
    /// `all` is all of them. A warning appears if init makes such a call; `deny` ends init at it. May be repeated; later
    /// ones count.
    ///
    /// [default: random=warn, all others allow]
    #[arg(long = "policy", value_name = "CLASS=allow|warn|deny", value_parser = host_choice::policy)]
    pub policies: Vec<(Option<Class>, Policy)>,

    /// Show in messages what host calls have passed
    ///
    /// It may be secret, so messages say only how much it is, where, and from which byte on it differs.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub show_values: bool,

    /// Provide WASI: preview 1, and snapshot 0 (`wasi_unstable`)
    ///
    /// The options under "WASI" say what init sees of this machine. By default that is standard input, output and error; no arguments, environment variables or files; and clocks
    /// and random numbers that are the same in every run.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub allow_wasi: bool,

    /// Give init this process's standard input, output and error
    ///
    /// Without them its input is empty and its output vanishes. While something goes to standard output, what init
    /// prints there comes out at standard error, at the end. A terminal gets what init prints as it is only if this option is
    /// given; otherwise escape sequences and other control characters are shown and do nothing.
    ///
    /// [default: true for a snapshot, false for `audit` and `verify`]
    #[arg(long, help_heading = "WASI", action = ArgAction::Set)]
    pub inherit_stdio: Option<bool>,

    /// Give init a file as its standard input
    ///
    /// For a program that is read from there, a script for instance: that its text stays in the state is a note then, and no warning.
    /// The same holds for --inherit-stdio.
    #[arg(long, help_heading = "WASI", value_name = "FILE")]
    pub stdin: Option<PathBuf>,

    /// Let init see all environment variables
    #[arg(long, help_heading = "WASI", action = ArgAction::Set)]
    pub inherit_env: Option<bool>,

    /// Set an environment variable, or pass one on
    ///
    /// With just a KEY, the value is the one that this process has. May be repeated.
    #[arg(long, help_heading = "WASI", value_name = "KEY[=VALUE]", value_parser = name_pair::variable)]
    pub env: Vec<Variable>,

    /// Add a program argument, beginning with `argv[0]`
    ///
    /// May be repeated. The first is the program's own name.
    #[arg(long = "arg", help_heading = "WASI", value_name = "ARG", allow_hyphen_values = true)]
    pub args: Vec<String>,

    /// Show init a directory
    ///
    /// Init sees it under the same name, or HOST under the name GUEST. It can change what it sees: changes stay in memory,
    /// nothing outside changes, and no instance of the snapshot has them. May be repeated.
    #[arg(long = "dir", help_heading = "WASI", value_name = "DIR|HOST::GUEST", value_parser = name_pair::directory)]
    pub dirs: Vec<Mapping>,

    /// Show init the directory HOST under the name GUEST, as --dir does
    ///
    /// May be repeated.
    #[arg(long = "mapdir", help_heading = "WASI", value_name = "GUEST::HOST", value_parser = name_pair::mapping)]
    pub mapdirs: Vec<Mapping>,

    /// Let init read a directory, and fail where it would change something
    ///
    /// May be repeated.
    #[arg(
        long = "dir-ro", help_heading = "WASI", value_name = "DIR|GUEST::HOST",
        value_parser = name_pair::directory_or_mapping
    )]
    pub readable_dirs: Vec<Mapping>,

    /// Let init read and change a directory
    ///
    /// May be repeated.
    #[arg(
        long = "dir-rw", help_heading = "WASI", value_name = "DIR|GUEST::HOST",
        value_parser = name_pair::directory_or_mapping
    )]
    pub writable_dirs: Vec<Mapping>,

    /// What the clocks say: `fixed:TIME`, `now`, `real` or `deny`
    ///
    /// A fixed clock starts at TIME (`2026-01-31T12:00:00Z` or seconds since 1970) and advances a little at each
    /// reading; a sleep advances it and returns at once. `now` is such a clock that starts at the time of the build. With
    /// `deny`, reading a clock is an error.
    ///
    /// [default: fixed:TIME of the environment variable SOURCE_DATE_EPOCH, or of 2000-01-01T00:00:00Z]
    #[arg(long, help_heading = "WASI", value_name = "CLOCK", value_parser = host_choice::clock)]
    pub clock: Option<ClockChoice>,

    /// Where random bytes come from: `module`, `seed:N`, `os` or `deny`
    ///
    /// `module` seeds a generator with a digest of the module, `seed:N` with a number, `os` asks the operating system.
    /// With `deny`, asking for random bytes is an error. Whatever init keeps of them is the same in every start of the
    /// snapshot.
    ///
    /// [default: module]
    #[arg(long, help_heading = "WASI", value_name = "RANDOM", value_parser = host_choice::random)]
    pub random: Option<Random>,

    /// Which modification times files have: `real` or `fixed`
    ///
    /// [default: real]
    #[arg(long, help_heading = "WASI", value_name = "TIMES", value_parser = host_choice::file_times)]
    pub file_times: Option<FileTimes>,

    /// Files in the module.
    #[command(flatten)]
    pub embed: EmbedArgs,
}

impl HostArgs {
    /// The directories of this machine that the guest may write to.
    pub fn writable(&self) -> Vec<PathBuf> {
        self.writable_dirs.iter().map(|mapping| mapping.host.clone()).collect()
    }

    /// What is read of this machine before init runs.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let preloads = self.preloads.iter().map(|preload| preload.file.as_path());
        let embedded = self.embed.embed.iter().map(|mapping| mapping.host.as_path());
        preloads.chain(embedded).chain(self.stdin.as_deref())
    }

    /// The given options that mean nothing without WASI, as typed.
    pub fn wasi_only(&self) -> Vec<&'static str> {
        [
            ("--stdin", self.stdin.is_some()),
            ("--inherit-env", self.inherit_env == Some(true)),
            ("--env", !self.env.is_empty()),
            ("--arg", !self.args.is_empty()),
            ("--dir", !self.dirs.is_empty()),
            ("--mapdir", !self.mapdirs.is_empty()),
            ("--dir-ro", !self.readable_dirs.is_empty()),
            ("--dir-rw", !self.writable_dirs.is_empty()),
            ("--clock", self.clock.is_some()),
            ("--random", self.random.is_some()),
            ("--file-times", self.file_times.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }
}
