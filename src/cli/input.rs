//! Modules read from files or standard input, binary or text.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

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
            Input::File(path) => path.display().to_string(),
        }
    }

    /// The module in binary form.
    pub fn read(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Input::Stdin => {
                let mut bytes = Vec::new();
                io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
                to_binary(bytes, Path::new("<stdin>"))
            }
            Input::File(path) => read(path),
        }
    }
}

/// The module in `path`, in binary form.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    // Some systems only say "permission denied" for it.
    if path.is_dir() {
        bail!("cannot read `{}`: it is a directory", path.display());
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    to_binary(bytes, path)
}

fn to_binary(bytes: Vec<u8>, path: &Path) -> anyhow::Result<Vec<u8>> {
    if bytes.starts_with(b"\0asm") {
        return Ok(bytes);
    }
    if bytes.is_empty() {
        bail!("`{}` is empty", path.display());
    }
    let Ok(text) = std::str::from_utf8(&bytes) else {
        bail!("`{}` is not a WebAssembly module, neither binary nor text", path.display());
    };
    match wat::Parser::new().parse_str(Some(path), text) {
        Ok(binary) => Ok(binary),
        Err(error) => bail!("{error}"),
    }
}
