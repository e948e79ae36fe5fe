//! Reads embedded files back.

use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use anyhow::bail;
use preinit::embed::{EmbeddedEntry, EmbeddedKind, EmbeddedTree};
use preinit::stages::component::{Component as WasmComponent, is_component};
use preinit::stages::module::Module;
use preinit::stages::printable::Printable;
use preinit::stages::{PrintablePath, counted};

use super::args::{ExtractArgs, ListArgs};
use super::exit::Exit;
use super::input::{self, Reading};
use super::watchdog::Watchdog;
use super::{extracted_links, extracted_tree, terminal};

/// The command `list`.
pub fn list(args: &ListArgs) -> anyhow::Result<Exit> {
    let _watchdog = Watchdog::listing()?;
    let wasm = input::read(&args.input, Reading::at_most(LARGEST))?;
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
    let wasm = input::read(&args.input, Reading::at_most(LARGEST))?;
    let modules = modules(&wasm)?;
    let trees: Vec<EmbeddedTree<'_>> = modules.iter().flat_map(EmbeddedTree::all_in).collect();
    let entries: Vec<EmbeddedEntry<'_>> = trees.iter().flat_map(EmbeddedTree::entries).collect();
    if entries.is_empty() {
        bail!("`{}` has no files in it", PrintablePath(&args.input));
    }
    check_size(&entries)?;
    let paths = entries.iter().map(|entry| inside(&entry.path)).collect::<anyhow::Result<Vec<_>>>()?;
    let (mut links, mut others) = (Vec::new(), Vec::new());
    for (entry, path) in entries.iter().zip(&paths) {
        match entry.kind {
            EmbeddedKind::Link(target) => links.push((path.as_path(), target)),
            _ => others.push(path.as_path()),
        }
    }
    extracted_links::check(&links, others.into_iter())?;
    let all: Vec<_> =
        paths.iter().map(PathBuf::as_path).zip(entries.iter().map(|entry| entry.kind)).collect();
    let files = extracted_tree::write_whole(&args.directory, &all)?;
    let directory = PrintablePath(&args.directory);
    terminal::message(&format!("{} written to `{directory}`\n", counted(files, "file")));
    Ok(Exit::Done)
}

/// The size of a module that is read, in bytes: what a data segment can have, and as much again.
const LARGEST: u64 = 8 << 30;

/// What is written at most, in bytes. Any number of files can have the same contents, which the module has once.
const MOST_WRITTEN: u64 = 4 << 30;

fn check_size(entries: &[EmbeddedEntry<'_>]) -> anyhow::Result<()> {
    let sizes = entries.iter().map(|entry| match entry.kind {
        EmbeddedKind::File(contents) => contents.len() as u64,
        EmbeddedKind::Link(target) => target.len() as u64,
        EmbeddedKind::Directory | EmbeddedKind::Arguments => 0,
    });
    let bytes: u64 = sizes.sum();
    if bytes > MOST_WRITTEN {
        let [files, most] = [bytes, MOST_WRITTEN].map(|bytes| bytes >> 20);
        bail!("the files in the module take {files} MiB, and no more than {most} MiB are written");
    }
    Ok(())
}

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

#[cfg(test)]
mod tests {
    use preinit::embed::{EmbeddedEntry, EmbeddedKind};

    use super::check_size;

    #[test]
    fn what_many_files_share_counts_for_each() {
        let contents = vec![0; 1 << 20];
        let file = EmbeddedEntry { path: "/a".to_owned(), kind: EmbeddedKind::File(&contents), modified: 0 };
        check_size(&vec![file.clone(); 4096]).unwrap();
        let error = check_size(&vec![file; 4097]).unwrap_err().to_string();
        assert_eq!(error, "the files in the module take 4097 MiB, and no more than 4096 MiB are written");
    }
}
