//! Files that go into the module before it is run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context;
use preinit::embed::{Source, Sources, Times, Tree, Writing, embed_for};
use preinit::host::{Clock, FileTimes};
use preinit::stages::PrintablePath;
use preinit::stages::printable::{Printable, listed};

use super::args::{HostArgs, usage_error};
use super::host_conversion::clock;
use super::input::Reading;
use super::parse::name_pair::Mapping;
use super::terminal;

/// What is put into modules; read when it is asked for.
pub struct Embedding {
    tree: Option<Tree>,
    writing: Writing,
}

impl Embedding {
    /// Reads what the arguments name. Gives a warning for each pattern that matches nothing.
    pub fn new(args: &HostArgs, reading: Reading<'_>, warnings: &mut Vec<String>) -> anyhow::Result<Self> {
        if args.embed.embed.is_empty() && args.embed.reopen.is_empty() && args.embed.arguments.is_none() {
            return Ok(Embedding { tree: None, writing: Writing::Refused });
        }
        let mut sources = Sources::default();
        sources.set_times(times(args));
        sources.set_max_bytes(reading.bytes());
        for pattern in &args.embed.exclude {
            sources.exclude(pattern).map_err(|error| usage_error(&format!("--embed-exclude: {error}")))?;
        }
        for mapping in &args.embed.embed {
            reading
                .check_way(&mapping.host)
                .with_context(|| format!("cannot embed `{}`", PrintablePath(&mapping.host)))?;
            let source = Source::new(mapping.guest.clone(), mapping.host.clone());
            sources.add(source).map_err(|error| usage_error(&format!("--embed: {error}")))?;
        }
        if let Some(path) = &args.embed.arguments {
            sources.arguments(path);
        }
        for path in &args.embed.reopen {
            check_is_in_one_directory(path, args)?;
            warnings.extend(vain_reopening(path, args));
            sources.reopen(path);
        }
        let (tree, unmatched) = sources.tree_and_unmatched().context("cannot embed files")?;
        warnings.extend(unmatched.iter().map(|pattern| unmatched_pattern(pattern)));
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

fn unmatched_pattern(pattern: &str) -> String {
    format!(
        "--embed-exclude `{}` matches nothing: it is a name, or with a slash before its end a path below HOST",
        Printable(pattern)
    )
}

/// A file is opened anew in the directory with the longest name, which may be another than that in which the program has opened it.
fn check_is_in_one_directory(path: &str, args: &HostArgs) -> anyhow::Result<()> {
    let names: BTreeSet<&str> =
        directories(args).map(|mapping| &*mapping.guest).filter(|name| is_in(path, name)).collect();
    if names.len() < 2 {
        return Ok(());
    }
    let names: Vec<_> = names.into_iter().map(Printable).collect();
    let path = Printable(path);
    Err(usage_error(&format!(
        "--reopen: `{path}` is in several of the directories that are given ({}), and could be opened anew in another than the \
         program has opened it in; give one of them",
        listed(names, usize::MAX)
    )))
}

fn directories(args: &HostArgs) -> impl Iterator<Item = &Mapping> {
    [&args.dirs, &args.mapdirs, &args.readable_dirs, &args.writable_dirs].into_iter().flatten()
}

/// Says that there is no such file. To a C library `/data` and `data` are one directory.
fn vain_reopening(path: &str, args: &HostArgs) -> Option<String> {
    let names = |path: &str| -> Vec<String> {
        path.split('/').filter(|name| !matches!(*name, "" | ".")).map(str::to_owned).collect()
    };
    let typed = names(path);
    let within = |mapping: &Mapping| -> Option<PathBuf> {
        let rest = typed.strip_prefix(names(&mapping.guest).as_slice())?;
        Some(mapping.host.join(rest.iter().collect::<PathBuf>()))
    };
    let places: Vec<PathBuf> = directories(args).filter_map(within).collect();
    let why = match places.first() {
        None => "it is in none of the directories that are given".to_owned(),
        Some(place) if !places.iter().any(|place| place.exists()) => {
            format!("there is no `{}`", PrintablePath(place))
        }
        Some(_) => return None,
    };
    Some(format!("--reopen `{}` has no effect: {why}", Printable(path)))
}

fn is_in(path: &str, directory: &str) -> bool {
    match directory.trim_end_matches('/') {
        "" if directory.starts_with('/') => path.starts_with('/'),
        "" | "." => !path.starts_with('/'),
        name => path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')),
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
