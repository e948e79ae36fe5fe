//! Reads embedded files back.

use std::fmt::Write;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use preinit::embed::{EmbeddedEntry, EmbeddedKind, EmbeddedTree};
use preinit::stages::component::{Component as WasmComponent, is_component};
use preinit::stages::module::Module;
use preinit::stages::printable::Printable;
use preinit::stages::{PrintablePath, counted};

use super::args::{ExtractArgs, ListArgs};
use super::exit::Exit;
use super::extracted_links;
use super::input::{self, SizeLimit};
use super::terminal;
use super::watchdog::Watchdog;

/// The command `list`.
pub fn list(args: &ListArgs) -> anyhow::Result<Exit> {
    let _watchdog = Watchdog::listing()?;
    let wasm = input::read(&args.input, SizeLimit::of(LARGEST))?;
    let modules = modules(&wasm)?;
    let mut text = String::new();
    for tree in modules.iter().flat_map(EmbeddedTree::all_in) {
        for entry in tree.entries() {
            let path = Printable(&entry.path);
            // Writing to a string does not fail.
            let _ = match entry.kind {
                EmbeddedKind::File(contents) => writeln!(text, "{:>12}  {path}", contents.len()),
                EmbeddedKind::Directory => writeln!(text, "{:>12}  {path}", "directory"),
                EmbeddedKind::Arguments => writeln!(text, "{:>12}  {path}", "arguments"),
                EmbeddedKind::Link(target) => {
                    writeln!(text, "{:>12}  {path} -> {}", "link", Printable(target))
                }
            };
        }
    }
    if text.is_empty() {
        terminal::message(&format!("`{}` has no files in it\n", PrintablePath(&args.input)));
        return Ok(Exit::Refused);
    }
    terminal::answer(&text, false)?;
    Ok(Exit::Done)
}

/// The command `extract`.
pub fn extract(args: &ExtractArgs) -> anyhow::Result<Exit> {
    let _watchdog = Watchdog::listing()?;
    let wasm = input::read(&args.input, SizeLimit::of(LARGEST))?;
    let modules = modules(&wasm)?;
    let trees: Vec<EmbeddedTree<'_>> = modules.iter().flat_map(EmbeddedTree::all_in).collect();
    let entries: Vec<EmbeddedEntry<'_>> = trees.iter().flat_map(EmbeddedTree::entries).collect();
    if entries.is_empty() {
        bail!("`{}` has no files in it", PrintablePath(&args.input));
    }
    let paths = entries.iter().map(|entry| inside(&entry.path)).collect::<anyhow::Result<Vec<_>>>()?;
    let (mut links, mut others) = (Vec::new(), Vec::new());
    for (entry, path) in entries.iter().zip(&paths) {
        match entry.kind {
            EmbeddedKind::Link(target) => links.push((path.as_path(), target)),
            _ => others.push(path.as_path()),
        }
    }
    extracted_links::check(&links, others.into_iter())?;
    let directory = &args.directory;
    let cannot_make = || format!("cannot make the directory `{}`", PrintablePath(directory));
    fs::create_dir_all(directory).with_context(cannot_make)?;
    if fs::read_dir(directory).with_context(cannot_make)?.next().is_some() {
        bail!("`{}` is not empty; give a directory that is not there yet", PrintablePath(directory));
    }
    let folder = Dir::open_ambient_dir(directory, ambient_authority()).with_context(cannot_make)?;
    let mut files = 0;
    // Links come last, so that nothing is written through one.
    for links in [false, true] {
        for (entry, path) in entries.iter().zip(&paths) {
            if matches!(entry.kind, EmbeddedKind::Link(_)) == links {
                write(&folder, path, entry.kind)
                    .with_context(|| format!("cannot write `{}`", PrintablePath(&directory.join(path))))?;
                files += u64::from(matches!(entry.kind, EmbeddedKind::File(_) | EmbeddedKind::Link(_)));
            }
        }
    }
    terminal::message(&format!("{} written to `{}`\n", counted(files, "file"), PrintablePath(directory)));
    Ok(Exit::Done)
}

/// The size of a module that is read, in bytes: what a data segment can have, and as much again.
const LARGEST: u64 = 8 << 30;

/// The module, or the core modules of the component, wherever they are in it.
fn modules(wasm: &[u8]) -> anyhow::Result<Vec<Module<'_>>> {
    if !is_component(wasm) {
        return Ok(vec![Module::parse(wasm)?]);
    }
    let component = WasmComponent::parse(wasm)?;
    component.modules().iter().map(|module| Ok(Module::parse_part(module.bytes)?)).collect()
}

/// The way of a path below a directory. Whoever made the module shall not choose where else something is written.
fn inside(path: &str) -> anyhow::Result<PathBuf> {
    let relative: PathBuf = Path::new(path)
        .components()
        .filter(|part| !matches!(part, Component::RootDir | Component::CurDir))
        .collect();
    if relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return Ok(relative);
    }
    bail!("the module has a file `{}`, which leads out of the directory", Printable(path))
}

fn write(folder: &Dir, path: &Path, kind: EmbeddedKind<'_>) -> std::io::Result<()> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        folder.create_dir_all(parent)?;
    }
    match kind {
        EmbeddedKind::Directory => folder.create_dir_all(path),
        // Its bytes are nowhere but in an instance.
        EmbeddedKind::Arguments => Ok(()),
        EmbeddedKind::File(contents) => folder.write(path, contents),
        #[cfg(unix)]
        EmbeddedKind::Link(target) => folder.symlink(target, path),
        #[cfg(not(unix))]
        EmbeddedKind::Link(target) => folder.symlink_file(target, path),
    }
}
