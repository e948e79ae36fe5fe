//! Files that are written at the end of a run and opened at its start.
//!
//! A regular file is replaced in one step: its new content is written to a temporary file in the same directory, which
//! then takes its name. The directory is opened before the module runs, and everything is done through what was opened:
//! a module that may write there cannot make the output go elsewhere. Nor can it have done so in an earlier run: links below
//! a directory that it may write to are refused. [`Output::new`] makes and removes a temporary file to see that it will work,
//! so that nothing is left however the run in between ends.

mod descriptor;
mod file_mode;
mod file_target;
mod input_files;

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf, is_separator};

use anyhow::{Context, bail};
use cap_std::fs::Dir;
use preinit::stages::PrintablePath;
use preinit::stages::temporary::Temporary;
use preinit::stages::way::Way;

pub use input_files::InputFiles;

use file_mode::FileMode;
use file_target::FileTarget;

/// Where something will be written.
#[derive(Debug)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Something that has no content to preserve, such as a pipe or a device.
    Device {
        /// Its name in messages.
        name: String,
        /// Open for writing.
        file: File,
    },
    /// A regular file.
    File {
        /// Its name in messages.
        name: String,
        /// Where it is, which for a symbolic link is where that points to.
        target: FileTarget,
        /// What its permissions will be.
        mode: FileMode,
    },
}

impl Output {
    /// Checks that `path` can be written. No path, or `-`, is standard output. `writable` are the directories that the module
    /// may write to, if one runs.
    pub fn new(path: Option<&Path>, writable: &[PathBuf]) -> anyhow::Result<Self> {
        match path {
            Some(path) if path.as_os_str() != "-" => {
                open(path, writable).with_context(|| format!("cannot write `{}`", PrintablePath(path)))
            }
            _ => Ok(Output::Stdout),
        }
    }

    /// The same for something that only this user shall read.
    pub fn private(path: &Path, writable: &[PathBuf]) -> anyhow::Result<Self> {
        let mut output = Output::new(Some(path), writable)?;
        if let Output::File { mode, .. } = &mut output {
            *mode = FileMode::Private;
        }
        Ok(output)
    }

    /// The same for something that will be run, so that nobody else may change it.
    pub fn program(path: &Path) -> anyhow::Result<Self> {
        let mut output = Output::new(Some(path), &[])?;
        if let Output::File { mode, .. } = &mut output {
            *mode = mode.without_others_writing();
        }
        Ok(output)
    }

    /// Whether somebody would see what is written.
    pub fn is_terminal(&self) -> bool {
        match self {
            Output::Stdout => io::stdout().is_terminal(),
            Output::Device { file, .. } => file.is_terminal(),
            Output::File { .. } => false,
        }
    }

    /// Its name in messages.
    pub fn name(&self) -> &str {
        match self {
            Output::Stdout => "standard output",
            Output::Device { name, .. } | Output::File { name, .. } => name,
        }
    }

    /// Whether both are written to the same place, so that one would be lost or they would run into each other.
    pub fn collides(&self, other: &Output) -> bool {
        match (self, other) {
            (Output::Stdout, Output::Stdout) => true,
            (Output::File { target: left, .. }, Output::File { target: right, .. }) => left.is(right),
            (Output::Device { file: left, .. }, Output::Device { file: right, .. }) => {
                are_one(left.metadata(), right.metadata())
            }
            (Output::Device { file, .. }, Output::File { target, .. })
            | (Output::File { target, .. }, Output::Device { file, .. }) => {
                are_one(file.metadata(), fs::metadata(target.path()))
            }
            (Output::Device { file, .. }, Output::Stdout) | (Output::Stdout, Output::Device { file, .. }) => {
                are_one(file.metadata(), descriptor::stdout().and_then(|stdout| stdout.metadata()))
            }
            // Checked when it was opened.
            (Output::Stdout, Output::File { .. }) | (Output::File { .. }, Output::Stdout) => false,
        }
    }

    /// Whether writing it would replace the file `input`.
    pub fn replaces(&self, input: &Path) -> bool {
        matches!(self, Output::File { target, .. } if target.is_named(input))
    }

    /// Where it is, if it is a file: by one name, however it was typed.
    pub fn place(&self) -> Option<PathBuf> {
        match self {
            Output::File { target, .. } => Some(target.place()),
            _ => None,
        }
    }

    /// Does all of the writing that does not show yet.
    pub fn stage(self, bytes: Vec<u8>) -> anyhow::Result<Staged> {
        Ok(match self {
            Output::Stdout => Staged::Stdout(bytes),
            Output::Device { name, file } => Staged::Device { name, file, bytes },
            Output::File { name, target, mode } => {
                let temporary =
                    fill(&target, mode, &bytes).with_context(|| format!("cannot write `{name}`"))?;
                Staged::File { name, target, temporary }
            }
        })
    }
}

/// What is ready to be written.
#[derive(Debug)]
pub enum Staged {
    /// For standard output.
    Stdout(Vec<u8>),
    /// For a pipe or device.
    Device {
        /// Its name in messages.
        name: String,
        /// Open for writing.
        file: File,
        /// What to write.
        bytes: Vec<u8>,
    },
    /// For a regular file.
    File {
        /// Its name in messages.
        name: String,
        /// Where it will be.
        target: FileTarget,
        /// Its content.
        temporary: Temporary,
    },
}

impl Staged {
    /// Makes it visible.
    pub fn commit(self) -> anyhow::Result<()> {
        match self {
            Staged::Stdout(bytes) => print(&bytes),
            Staged::Device { name, mut file, bytes } => {
                file.write_all(&bytes).with_context(|| format!("cannot write `{name}`"))
            }
            Staged::File { name, target, temporary } => {
                let written = target.check().and_then(|()| temporary.persist(target.file_name()));
                written.map(drop).with_context(|| format!("cannot write `{name}`"))
            }
        }
    }
}

/// Whether a path names what this process has open already.
pub fn is_descriptor(path: &Path) -> bool {
    descriptor::number_of(path).is_some()
}

/// Whether both are there, and one.
fn are_one(left: io::Result<Metadata>, right: io::Result<Metadata>) -> bool {
    left.ok().zip(right.ok()).is_some_and(|(left, right)| descriptor::are_one(&left, &right))
}

/// What is written to a descriptor comes after what is there already.
fn open_descriptor(number: u32, name: String, typed: &Path) -> io::Result<Output> {
    let file = match number {
        1 => return Ok(Output::Stdout),
        2 => descriptor::stderr()?,
        _ => OpenOptions::new().append(true).open(typed)?,
    };
    Ok(Output::Device { name, file })
}

fn open(typed: &Path, writable: &[PathBuf]) -> anyhow::Result<Output> {
    let name = PrintablePath(typed).to_string();
    // Elsewhere it would be a file of the name without it.
    let is_of_directory =
        typed.as_os_str().as_encoded_bytes().last().is_some_and(|last| is_separator(*last as char));
    if is_of_directory {
        bail!("it is a directory");
    }
    let way = match writable {
        [] => None,
        _ => Some(Way::to(typed, writable.iter().map(PathBuf::as_path))?),
    };
    if let Some(number) = descriptor::number_of(typed) {
        return Ok(open_descriptor(number, name, typed)?);
    }
    if let Some(way) = &way
        && let Some(directory) = way.open_directory()?
    {
        return open_in(directory, &way.path, name);
    }
    let followed = way.as_ref().map_or(typed, |way| &way.path);
    let (path, mode) = match fs::metadata(typed) {
        Ok(metadata) if metadata.is_dir() => bail!("it is a directory"),
        Ok(metadata) if metadata.is_file() && !is_windows_device(typed) => {
            // A file that may not be written should not be replaced either.
            let file = OpenOptions::new().write(true).open(followed)?;
            (fs::canonicalize(followed)?, replacing(&file)?)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_windows_device(typed) => {
            (follow(followed)?, FileMode::New)
        }
        Ok(_) | Err(_) => {
            let file = OpenOptions::new().write(true).open(typed)?;
            return Ok(Output::Device { name, file });
        }
    };
    Ok(Output::File { name, target: FileTarget::open(&path)?, mode })
}

/// The same for a file of an open directory, in which no link is followed. `path` has none.
fn open_in(directory: Dir, path: &Path, name: String) -> anyhow::Result<Output> {
    let Some(file_name) = path.file_name() else { bail!("it is a directory") };
    let write = || directory.open_with(file_name, cap_std::fs::OpenOptions::new().write(true));
    let mode = match directory.symlink_metadata(file_name) {
        Ok(metadata) if metadata.is_dir() => bail!("it is a directory"),
        Ok(metadata) if metadata.is_symlink() => bail!("a link was put there"),
        Ok(metadata) if metadata.is_file() => replacing(&write()?.into_std())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileMode::New,
        Ok(_) => return Ok(Output::Device { name, file: write()?.into_std() }),
        Err(error) => return Err(error.into()),
    };
    Ok(Output::File { name, target: FileTarget::in_directory(directory, path)?, mode })
}

/// The mode of what replaces this file. It would no more be where a standard stream goes, or comes from.
fn replacing(file: &File) -> anyhow::Result<FileMode> {
    let metadata = file.metadata()?;
    if let Some(stream) = descriptor::standard_stream(&metadata) {
        bail!("{stream} goes there too, and would be lost");
    }
    if descriptor::is_standard_input(&metadata) {
        bail!("standard input comes from there, and would be lost");
    }
    Ok(FileMode::replacing(file, &metadata))
}

/// Windows has its devices in every directory.
fn is_windows_device(path: &Path) -> bool {
    let is = |device: &str| path.as_os_str().eq_ignore_ascii_case(device);
    cfg!(windows) && (is("nul") || is("con"))
}

/// Where a symbolic link that leads to no file yet points to in the end.
fn follow(path: &Path) -> io::Result<PathBuf> {
    // As many as Linux follows. Only a cycle is longer.
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(target) = fs::read_link(&path) else { return Ok(path) };
        path = match path.parent() {
            Some(directory) => directory.join(target),
            None => target,
        };
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Writes to standard output, in one go and with errors: what prints by itself panics on a closed pipe.
pub fn print(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).context("cannot write to standard output")
}

fn fill(target: &FileTarget, mode: FileMode, bytes: &[u8]) -> io::Result<Temporary> {
    target.check()?;
    let mut temporary = target.temporary(mode.at_first())?;
    temporary.file().write_all(bytes)?;
    mode.set(temporary.file())?;
    Ok(temporary)
}

#[cfg(test)]
mod tests {
    use super::Output;
    use std::fs;

    fn write(path: &std::path::Path, bytes: &[u8]) {
        Output::new(Some(path), &[]).unwrap().stage(bytes.to_vec()).unwrap().commit().unwrap();
    }

    #[test]
    fn a_file_is_made_and_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        write(&path, b"one");
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write(&path, b"two");
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn nothing_shows_before_the_commit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let output = Output::new(Some(&path), &[]).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        drop(output.stage(b"one".to_vec()).unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn one_place_by_two_names() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        write(&path, b"");
        let other = directory.path().join(".").join("out");
        assert!(Output::new(Some(&path), &[]).unwrap().collides(&Output::new(Some(&other), &[]).unwrap()));
        assert!(!Output::new(Some(&path), &[]).unwrap().collides(&Output::Stdout));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (link, path) = (directory.path().join("link"), directory.path().join("out"));
        std::os::unix::fs::symlink("out", &link).unwrap();
        for bytes in [b"one", b"two"] {
            write(&link, bytes);
            assert_eq!(fs::read(&path).unwrap(), bytes);
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        }
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("link", &path).unwrap();
        assert!(Output::new(Some(&link), &[]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_any_file() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (path, plain) = (directory.path().join("out"), directory.path().join("plain"));
        write(&path, b"");
        fs::write(&plain, b"").unwrap();
        assert_eq!(mode(&path), mode(&plain));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        write(&path, b"");
        assert_eq!(mode(&path), 0o640);
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_written_to() {
        assert!(matches!(Output::new(Some("/dev/null".as_ref()), &[]), Ok(Output::Device { .. })));
        assert!(matches!(Output::new(Some("/dev/stdout".as_ref()), &[]), Ok(Output::Stdout)));
        write("/dev/null".as_ref(), b"gone");
    }
}
