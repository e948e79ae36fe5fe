//! Modules and other files that options name, read whole.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use preinit::stages::Bytes;
use preinit::stages::PrintablePath;
use preinit::stages::way::{Way, WayError, open_file};

use super::args::usage_error;

/// Where a module comes from.
#[derive(Debug)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Input {
    /// The input that was typed, if any.
    pub fn new(typed: Option<PathBuf>) -> Self {
        match typed {
            Some(path) if path.as_os_str() != "-" => Input::File(path),
            _ => Input::Stdin,
        }
    }

    /// Whether reading it would wait for somebody to type a module.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Input::Stdin) && io::stdin().is_terminal()
    }

    /// Its name in messages.
    pub fn name(&self) -> String {
        match self {
            Input::Stdin => "standard input".to_owned(),
            Input::File(path) => PrintablePath(path).to_string(),
        }
    }

    /// The module in binary form.
    pub fn read(&self, reading: Reading<'_>) -> anyhow::Result<Vec<u8>> {
        match self {
            Input::Stdin => {
                let bytes = reading.read(io::stdin().lock(), 0).context("cannot read standard input")?;
                if bytes.is_empty() {
                    return Err(usage_error("no INPUT is given, and standard input is empty"));
                }
                to_binary(bytes, Path::new("<stdin>"))
            }
            Input::File(path) => read(path, reading),
        }
    }
}

/// How files are read that options name: whole, with no more than so many bytes, since what one is may be a pipe or a device
/// that never ends; and through no link that the module could have made.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'w> {
    bytes: u64,
    /// What allows more.
    option: Option<&'static str>,
    writable: &'w [PathBuf],
}

impl<'w> Reading<'w> {
    /// What a guest's memories may hold, its files may; and no module is refused because its memories are small.
    pub fn within(max_memory: u64) -> Reading<'w> {
        const LEAST: u64 = 256 << 20;
        Reading { option: Some("--max-memory"), ..Reading::at_most(max_memory.max(LEAST)) }
    }

    /// For commands in which nothing says how much may be read.
    pub fn at_most(bytes: u64) -> Reading<'w> {
        Reading { bytes, option: None, writable: &[] }
    }

    /// The same where a module runs, or has run, that may write to these directories.
    pub fn beside(self, writable: &'w [PathBuf]) -> Reading<'w> {
        Reading { writable, ..self }
    }

    /// For what reads by itself.
    pub fn bytes(self) -> u64 {
        self.bytes
    }

    /// For files that take `times` their size to be read.
    pub fn divided_by(self, times: u64) -> Reading<'w> {
        Reading { bytes: self.bytes / times, ..self }
    }

    /// Reads all of `path`.
    pub fn read_file(self, path: &Path) -> anyhow::Result<Vec<u8>> {
        let file = open_file(path, self.writable)
            .with_context(|| format!("cannot read `{}`", PrintablePath(path)))?;
        self.read_open(&file, path)
    }

    /// Reads all of what is open; `path` is its name in messages.
    pub fn read_open(self, file: &File, path: &Path) -> anyhow::Result<Vec<u8>> {
        let read = || -> anyhow::Result<Vec<u8>> { self.read(file, file.metadata()?.len()) };
        read().with_context(|| format!("cannot read `{}`", PrintablePath(path)))
    }

    /// Checks that no link decides where `path` leads that the module could have made.
    pub fn check_way(self, path: &Path) -> Result<(), WayError> {
        Way::to(path, self.writable.iter().map(PathBuf::as_path)).map(drop)
    }

    /// Reads to the end, for which `expected` bytes are there.
    fn read(self, from: impl Read, expected: u64) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if expected <= self.bytes {
            reserve(&mut bytes, expected)?;
            from.take(self.bytes.saturating_add(1)).read_to_end(&mut bytes)?;
        }
        if expected.max(bytes.len() as u64) > self.bytes {
            match self.option {
                Some(option) => bail!("it has more than {}; {option} allows more", Bytes(self.bytes)),
                None => bail!("it has more than {}, and no more is read", Bytes(self.bytes)),
            }
        }
        Ok(bytes)
    }
}

/// Makes room for so many bytes. How long a file is costs its author nothing.
pub fn reserve(bytes: &mut Vec<u8>, expected: u64) -> anyhow::Result<()> {
    let reserved = usize::try_from(expected).is_ok_and(|expected| bytes.try_reserve_exact(expected).is_ok());
    if !reserved {
        bail!("it has {}, for which this machine has no memory left", Bytes(expected));
    }
    Ok(())
}

/// The module in `path`, in binary form.
pub fn read(path: &Path, reading: Reading<'_>) -> anyhow::Result<Vec<u8>> {
    // Some systems only say "permission denied" for it.
    if path.is_dir() {
        bail!("cannot read `{}`: it is a directory", PrintablePath(path));
    }
    to_binary(reading.read_file(path)?, path)
}

fn to_binary(bytes: Vec<u8>, path: &Path) -> anyhow::Result<Vec<u8>> {
    if bytes.starts_with(b"\0asm") {
        return Ok(bytes);
    }
    let path = PrintablePath(path).to_string();
    if bytes.is_empty() {
        bail!("`{path}` is empty");
    }
    if let Some(kind) = kind_of(&bytes) {
        bail!("`{path}` is not a WebAssembly module: it is {kind}");
    }
    let Ok(text) = std::str::from_utf8(&bytes) else {
        bail!("`{path}` is not a WebAssembly module, neither binary nor text");
    };
    match wat::Parser::new().parse_str(Some(Path::new(&path)), text) {
        Ok(binary) => Ok(binary),
        Err(error) => bail!("{error}"),
    }
}

/// First bytes of files that are given for modules by mistake.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "compressed by gzip; decompress it first"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd; decompress it first"),
    (b"\xfd7zXZ\0", "compressed by xz; decompress it first"),
    (b"BZh", "compressed by bzip2; decompress it first"),
    (b"PK\x03\x04", "a ZIP archive; take the module out of it"),
    (b"!<arch>\n", "an archive of object files (ar); link it to a module first"),
    (b"\x7fELF", "a program or library for Linux (ELF), or a module that Wasmtime has compiled"),
    (b"MZ", "a program or library for Windows (PE)"),
    (b"\xcf\xfa\xed\xfe", "a program or library for macOS (Mach-O)"),
    (b"\xca\xfe\xba\xbe", "a program or library for macOS (Mach-O), or a Java class"),
    (b"BC\xc0\xde", "LLVM bitcode; compile it to a module first"),
    (b"version https://git-lfs", "a pointer of Git LFS; fetch the file with `git lfs pull`"),
];

/// What a file is that is no module.
fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(kind);
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Some("a tar archive; take the module out of it");
    }
    let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}').trim_start();
    // The text format begins with a parenthesis, a comment or an annotation.
    if text.is_empty() {
        return Some("nothing but white space");
    }
    if text.starts_with(['(', ';']) {
        return None;
    }
    let start = text.get(..text.len().min(14)).unwrap_or_default().to_ascii_lowercase();
    Some(if start.starts_with("<!doctype html") || start.starts_with("<html") {
        "a page of HTML; perhaps a download has failed"
    } else if text.starts_with("#!") {
        "a script"
    } else if text.starts_with(['{', '[']) && serde_json::from_str::<serde_json::Value>(text).is_ok() {
        "JSON"
    } else if is_javascript(text) {
        "JavaScript; the module is often a file beside it that ends in .wasm"
    } else {
        "some other text"
    })
}

/// Whether a text begins like a file of JavaScript.
fn is_javascript(text: &str) -> bool {
    const BEGINNINGS: [&str; 14] = [
        "//",
        "/*",
        "import ",
        "import{",
        "export ",
        "const ",
        "let ",
        "var ",
        "function",
        "async ",
        "\"use strict\"",
        "'use strict'",
        "class ",
        "!function",
    ];
    BEGINNINGS.iter().any(|beginning| text.starts_with(beginning)) || text.contains("WebAssembly")
}

#[cfg(test)]
mod tests {
    use super::kind_of;

    #[test]
    fn files_that_are_no_modules_are_recognized() {
        for (bytes, kind) in [
            (&b"\x1f\x8b\x08rest"[..], "gzip"),
            (b"\x7fELF\x02\x01\x01", "ELF"),
            (b"MZ\x90\0", "PE"),
            (b"const m = require('./m.wasm');", "JavaScript"),
            (b"/* made by emcc */ var Module = {};", "JavaScript"),
            (b"<!DOCTYPE html><title>404", "HTML"),
            (b"{\"a\": 1}", "JSON"),
            (b"#!/bin/sh\n", "a script"),
            (b" \n", "white space"),
            (b"hello", "other text"),
        ] {
            assert!(kind_of(bytes).is_some_and(|found| found.contains(kind)), "{kind}");
        }
        for bytes in [&b"(module)"[..], b"\n ;; a comment\n(module)", b"(; x ;)", b"\xef\xbb\xbf(module)"] {
            assert_eq!(kind_of(bytes), None);
        }
    }
}
