//! Reads archives: ZIP, and tar, plain or compressed by gzip. What is in one is taken as it would be unpacked, or refused: nothing is
//! passed over in silence.

mod gzip;
mod pax;
mod sparse;
mod tar_files;
mod unpacked;
mod zip_files;

use super::budget::Budget;
use super::error::SourceError;
use super::filter::Matching;
use super::sources::Times;
use gzip::Members;
use preinit_core::embed::Entry;
use std::fs::File;
use std::path::Path;
use unpacked::Unpacked;

/// The formats, by the end of a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Zip,
    Tar,
    TarGzip,
    /// An archive that is not unpacked here.
    Other,
}

impl Format {
    pub fn of(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let formats = [
            (".zip", Format::Zip),
            (".tar", Format::Tar),
            (".tar.gz", Format::TarGzip),
            (".tgz", Format::TarGzip),
            (".tar.bz2", Format::Other),
            (".tbz2", Format::Other),
            (".tar.xz", Format::Other),
            (".txz", Format::Other),
            (".tar.zst", Format::Other),
            (".tzst", Format::Other),
            (".tar.lz", Format::Other),
            (".tar.lz4", Format::Other),
            (".tar.br", Format::Other),
            (".7z", Format::Other),
            (".rar", Format::Other),
        ];
        formats.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| format)
    }
}

/// What is taken of an archive.
#[derive(Clone, Copy)]
pub(super) struct Unpacking<'u> {
    pub filter: &'u Matching<'u>,
    pub times: Times,
    pub budget: &'u Budget,
}

/// What is in the archive at `path`.
pub(super) fn read(path: &Path, format: Format, unpacking: Unpacking<'_>) -> Result<Entry, SourceError> {
    if format == Format::Other {
        return Err(SourceError::archive(
            path,
            "is an archive of a kind that is not unpacked here: make it a .tar.gz or a .zip, or embed it as a file, under a name \
             with the same ending",
        ));
    }
    let file = File::open(path).map_err(|source| SourceError::unreadable(path, source))?;
    let bytes = unpacking.budget.read_archive(file, path)?;
    let bytes = bytes.as_slice();
    let mut unpacked = Unpacked::new(path, unpacking);
    match format {
        Format::Zip => unpacked.zip(bytes)?,
        Format::TarGzip => unpacked.tar(Members::new(bytes))?,
        Format::Tar | Format::Other => unpacked.tar(bytes)?,
    }
    unpacked.into_entry()
}
