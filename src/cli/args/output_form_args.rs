//! What form a snapshot has.

use clap::{ArgAction, Args};
use preinit::Layout;

use crate::cli::parse::layout_name;

/// How the state is written.
#[derive(Debug, Args)]
pub struct OutputFormArgs {
    /// Make imported memories, tables and globals the module's own
    ///
    /// By default they stay imports, and what init changed in them is written when the snapshot is instantiated. A memory
    /// that threads share has to stay an import.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub internalize: bool,

    /// Imported memories hold nothing but zeros when an instance gets them
    ///
    /// Then zeros may be written to them too, so that many small pieces of data become a few long ones. Refused if a memory
    /// was not like that when init got it.
    #[arg(long, action = ArgAction::Set, default_value_t = false, conflicts_with = "internalize")]
    pub fresh_imports: bool,

    /// How memory contents are laid out: `auto`, `compact`, `mappable`, `sparse`
    ///
    /// `compact` is the smallest file. `mappable` adds zeros until Wasmtime maps the memory copy-on-write instead of
    /// copying it at every start, which it does if the data spans less than 16 MiB or less than twice its bytes; data far
    /// away from the rest is left to a start function. Other engines copy the zeros, too. `sparse` is for data in very many
    /// small islands: a start function copies records. `auto` is mappable where that takes no more zeros than an eighth of
    /// the data, and no start function; it is sparse where that makes a file of more than 10,000 islands much smaller.
    #[arg(long, value_name = "LAYOUT", default_value = "auto", value_parser = layout_name::parse)]
    pub layout: Layout,
}
