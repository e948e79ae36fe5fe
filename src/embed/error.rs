use crate::wording::{Bytes, PrintablePath};
use preinit_core::embed::NameError;
use preinit_core::printable::{Message, Printable};
use std::io;
use std::path::{Path, PathBuf};

/// Why files cannot be taken into a tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Something cannot be read.
    #[error("cannot read `{}`", shown(path))]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A name or the target of a link is not Unicode, so that no program could ask for it.
    #[error("`{}` has a name, or leads to one, that is not UTF-8", shown(.0))]
    NotUnicode(PathBuf),
    /// It is neither a file, nor a directory, nor a link.
    #[error("`{}` is neither a file, a directory nor a symbolic link", shown(.0))]
    Special(PathBuf),
    /// Something in an archive, or an archive, that would not be in the module as it is unpacked elsewhere.
    #[error("`{}` {why}", shown(path))]
    Archive {
        /// The archive, or what is in it.
        path: PathBuf,
        /// What is wrong, after its name.
        why: String,
    },
    /// A link, or a name in an archive, leads out of what is embedded, so that it would lead nowhere.
    #[error("`{}` leads out of what is embedded, to `{}`", shown(path), Printable(target))]
    LeadsOut {
        /// The link, or the archive.
        path: PathBuf,
        /// Where it leads.
        target: String,
    },
    /// Files, names and entries are more than is allowed.
    #[error("the files to embed have more than {}, with what their names and archives take", Bytes(*.0))]
    TooLarge(u64),
    /// A path has too many names, or is too long.
    #[error("a path to embed has {depth} names in {bytes} bytes; 128 names in 4096 bytes are possible")]
    TooDeep {
        /// Its length.
        bytes: usize,
        /// Its names.
        depth: usize,
    },
    /// A pattern of what is left out cannot be read.
    #[error("`{}` is not a pattern of names: {why}", Printable(pattern))]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        why: String,
    },
    /// See [`NameError`].
    #[error(transparent)]
    Name(#[from] NameError),
}

impl SourceError {
    /// `source` may be what a library says of an archive, in which names of that stand. It becomes one line.
    pub(super) fn unreadable(path: &Path, source: io::Error) -> SourceError {
        let message = Message(&source.to_string()).to_string();
        let source = match source.raw_os_error() {
            Some(_) => source,
            None => io::Error::new(source.kind(), message),
        };
        SourceError::Unreadable { path: path.to_owned(), source }
    }

    pub(super) fn archive(path: &Path, why: impl Into<String>) -> SourceError {
        SourceError::Archive { path: path.to_owned(), why: why.into() }
    }
}

fn shown(path: &Path) -> String {
    PrintablePath(path).to_string()
}
