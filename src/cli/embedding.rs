//! Files that go into the module before it is run.

use anyhow::Context;
use preinit::embed::{Source, Sources, Times, Tree, Writing, embed_for};
use preinit::host::{Clock, FileTimes};

use super::args::{HostArgs, usage_error};
use super::host_conversion::clock;
use super::input::SizeLimit;
use super::terminal;

/// What is put into modules; read when it is asked for.
pub struct Embedding {
    tree: Option<Tree>,
    writing: Writing,
}

impl Embedding {
    /// Reads what the arguments name.
    pub fn new(args: &HostArgs, limit: SizeLimit) -> anyhow::Result<Self> {
        if args.embed.embed.is_empty() && args.embed.reopen.is_empty() {
            return Ok(Embedding { tree: None, writing: Writing::Refused });
        }
        let mut sources = Sources::default();
        sources.set_times(times(args));
        sources.set_max_bytes(limit.bytes());
        for pattern in &args.embed.exclude {
            sources.exclude(pattern).map_err(|error| usage_error(&format!("--embed-exclude: {error}")))?;
        }
        for mapping in &args.embed.embed {
            let source = Source::new(mapping.guest.clone(), mapping.host.clone());
            sources.add(source).map_err(|error| usage_error(&format!("--embed: {error}")))?;
        }
        for path in &args.embed.reopen {
            sources.reopen(path);
        }
        let tree = sources.tree().context("cannot embed files")?;
        let writing = if args.embed.writable { Writing::InMemory } else { Writing::Refused };
        Ok(Embedding { tree: Some(tree), writing })
    }

    /// The module with what is put into it.
    pub fn applied(&self, wasm: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let Some(tree) = &self.tree else { return Ok(wasm) };
        let embedded = embed_for(&wasm, tree, self.writing).context("cannot embed files")?;
        if embedded.drops_dwarf {
            terminal::warn(&["debug information was left out, since --embed has moved code".to_owned()]);
        }
        Ok(embedded.wasm)
    }
}

/// The times that embedded files have: the same on every machine, unless the real ones are asked for.
fn times(args: &HostArgs) -> Times {
    match (args.file_times, clock(args.clock, &mut Vec::new())) {
        (Some(FileTimes::Real), _) => Times::Real,
        (_, Clock::Fixed(start)) => Times::Fixed(start),
        _ => Times::default(),
    }
}
