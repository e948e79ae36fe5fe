//! Files that go into the module.

use clap::Args;

use crate::cli::parse::name_pair::{self, Mapping};

/// Files in the module.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files in the module")]
pub struct EmbedArgs {
    /// Put the directory, file or archive HOST into the module, where the program finds it as GUEST
    ///
    /// An archive (.zip, .tar, .tar.gz, .tgz) is unpacked, and one of another kind refused, unless GUEST is named like an archive. The program finds it wherever it runs, and during init, as if the directory had been given to it; it can read it, but
    /// not change it without --embed-rw. What is open when the snapshot is made stays open. May be repeated. `verify` and `audit` need the
    /// same ones.
    #[arg(long = "embed", value_name = "GUEST::HOST", value_parser = name_pair::mapping)]
    pub embed: Vec<Mapping>,

    /// Leave out what is named like this: `*.pyc`, `__pycache__`, `test/data/**`
    ///
    /// With a slash it is a path below HOST, without one a name anywhere; a slash at its end is of directories only, and does
    /// not count. A warning says if nothing is named like that. May be repeated.
    #[arg(long = "embed-exclude", value_name = "GLOB", requires = "embed")]
    pub exclude: Vec<String>,

    /// Let the program change what is embedded, in its own memory
    ///
    /// It can write, create, rename and remove, as in a directory of the host. Changes last as long as the instance does;
    /// those that init makes are in the snapshot. When the memory cannot grow any more, writing fails with `ENOSPC`. `verify`
    /// and `audit` need it as well.
    #[arg(long = "embed-rw", requires = "embed")]
    pub writable: bool,

    /// Let the program read its arguments, those of each run, from the file PATH
    ///
    /// Each has a zero byte after it, as in `/proc/self/cmdline` of Linux. It is for programs that are frozen with the
    /// arguments of the build. `verify` and `audit` need it as well.
    #[arg(long = "embed-args", value_name = "PATH")]
    pub arguments: Option<String>,

    /// Let the file PATH of the host be open in the snapshot, too, if it is opened only to be read
    ///
    /// PATH is as the program finds it. The file is opened anew for each use and read on from where it was, during init and
    /// wherever the snapshot runs; a directory given there must have it. So `--at` can freeze a program that has it open.
    /// May be repeated. `verify` and `audit` need the same ones.
    #[arg(long = "reopen", value_name = "PATH")]
    pub reopen: Vec<String>,
}
