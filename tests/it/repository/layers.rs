//! Who may know what.

use super::rust_source::RustSource;
use super::{files, none, read};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const CORE: &str = "crates/core/src";

const ENGINES: [&str; 11] = [
    "cranelift",
    "javascriptcore",
    "pulley",
    "spidermonkey",
    "v8",
    "wasmer",
    "wasmi",
    "wasmtime",
    "wazero",
    "wiggle",
    "winch",
];

/// Code of the core names no engine at all. Its messages may say in prose which engines have a limit, comments where a
/// limit is from; in messages an engine has its proper name, and the ones that preinit uses have no lower-case name.
#[test]
fn the_core_knows_no_engine() {
    let mut complaints = Vec::new();
    for path in files(&[CORE], "rs") {
        let source = RustSource::read(&path);
        // The table of the limits of engines has their names as data.
        let is_table = path.ends_with("engine_limits/mod.rs");
        for (number, line) in source.code.lines().enumerate().filter(|_| !is_table) {
            let words = words(line).map(str::to_lowercase);
            for engine in words.filter(|word| ENGINES.contains(&word.as_str())) {
                complaints.push(format!("{}:{}: `{engine}` in code", path.display(), number + 1));
            }
        }
        for (line, text) in &source.strings {
            for engine in words(text).filter(|word| *word != "wazero" && ENGINES.contains(word)) {
                complaints.push(format!("{}:{line}: `{engine}` in a message", path.display()));
            }
        }
    }
    none(&complaints);
}

#[test]
fn the_core_knows_no_files_processes_or_environment() {
    let mut complaints = Vec::new();
    for path in files(&[CORE], "rs") {
        for (number, line) in RustSource::read(&path).code.lines().enumerate() {
            for what in
                ["std::fs", "std::env", "std::process", "std::net", "std::path", "std::thread", "std::time"]
            {
                if line.contains(what) {
                    complaints.push(format!("{}:{}: `{what}`", path.display(), number + 1));
                }
            }
        }
    }
    none(&complaints);
}

#[test]
fn the_core_depends_on_little() {
    let manifest = read(Path::new("crates/core/Cargo.toml"));
    let section = manifest.split("[dependencies]\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split_once(" = ").map(|(name, _)| name));
    let names: BTreeSet<&str> = names.filter(|name| !name.starts_with('#')).collect();
    let allowed = ["rayon", "serde", "sha2", "thiserror", "wasm-encoder", "wasmparser"];
    assert_eq!(names, BTreeSet::from(allowed));
}

/// The command line adds advice to what the library says.
#[test]
fn the_library_names_no_options_of_the_command() {
    let options = options_of_the_command();
    assert!(options.contains("--strip-init") && options.len() > 50, "{options:?}");
    let mut complaints = Vec::new();
    for path in files(&["src", CORE], "rs").into_iter().filter(|path| is_library(path)) {
        let source = RustSource::read(&path);
        for (line, text) in source.strings.iter().chain(&source.comments) {
            for option in options_in(text).filter(|option| options.contains(*option)) {
                complaints.push(format!("{}:{line}: `{option}`", path.display()));
            }
        }
    }
    none(&complaints);
}

fn is_library(path: &Path) -> bool {
    let is_test = path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs");
    !is_test && !path.starts_with("src/cli") && path != Path::new("src/main.rs")
}

/// From its help texts. What every command has is no sign of ours.
fn options_of_the_command() -> BTreeSet<String> {
    let mut options = BTreeSet::new();
    for command in [&[][..], &["audit"], &["verify"]] {
        let mut preinit = Command::new(env!("CARGO_BIN_EXE_preinit"));
        let help = preinit.args(command).arg("--help").output().unwrap();
        assert!(help.status.success(), "{command:?} --help");
        options.extend(options_in(&String::from_utf8_lossy(&help.stdout)).map(str::to_string));
    }
    options.retain(|option| !["--help", "--version"].contains(&option.as_str()));
    options
}

/// Words with two hyphens in front.
fn options_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("--").filter_map(|(at, _)| {
        let is_inside =
            text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "-_".contains(c));
        let name = text[at + 2..].split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next()?;
        let name = name.trim_end_matches('-');
        let is_option = name.starts_with(|c: char| c.is_ascii_alphabetic());
        (!is_inside && is_option).then(|| &text[at..at + 2 + name.len()])
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[test]
fn options_are_found_in_prose() {
    let text = "use `--keep-init`, --map-dir=X or -W--no; a -- b; --9; --at: x--y \"--stub-\"";
    assert_eq!(options_in(text).collect::<Vec<_>>(), ["--keep-init", "--map-dir", "--at", "--stub"]);
}
