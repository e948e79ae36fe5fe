use super::super::error::SourceError;
use super::pax::{Pax, number};
use super::sparse::{self, Unreadable};
use super::unpacked::Unpacked;
use preinit_core::embed::Entry;
use preinit_core::printable::Printable;
use std::cell::Cell;
use std::io::{self, Read};
use std::ops::Range;
use tar::{EntryType, Header};

/// What stands between two files of an archive, such as long names, in bytes at most. It is kept whole while it is read.
const BETWEEN: u64 = 1 << 20;

/// Zeros after the end at most: tapes are filled up with them.
const AFTER: u64 = 64 << 20;

/// Records of an extended header that say where a file's bytes belong, in forms that are not known here.
const UNKNOWN_FORMS: [&str; 4] =
    ["SUN.holesdata", "SCHILY.realsize", "GNU.volume.offset", "GNU.volume.filename"];

/// Reads an archive as far as it is allowed to.
struct Metered<'m, R> {
    bytes: R,
    meter: &'m Meter,
}

#[derive(Default)]
struct Meter {
    allowed: Cell<u64>,
    /// Whether all of it was read.
    is_at_end: Cell<bool>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let allowed = self.meter.allowed.get();
        if allowed == 0 && !buffer.is_empty() {
            return Err(io::Error::other("more than 1 MiB stands between two of its files"));
        }
        let most = buffer.len().min(usize::try_from(allowed).unwrap_or(usize::MAX));
        let read = self.bytes.read(&mut buffer[..most])?;
        self.meter.is_at_end.set(read == 0 && most > 0);
        self.meter.allowed.set(allowed - read as u64);
        Ok(read)
    }
}

type TarEntry<'a, R> = tar::Entry<'a, R>;

impl Unpacked<'_> {
    pub fn tar(&mut self, bytes: impl Read) -> Result<(), SourceError> {
        let meter = Meter { allowed: Cell::new(BETWEEN), ..Meter::default() };
        let mut archive = tar::Archive::new(Metered { bytes, meter: &meter });
        let entries = archive.entries().map_err(|error| self.unreadable(error))?;
        let mut global_time = None;
        for entry in entries {
            let entry = entry.map_err(|error| self.unreadable(error))?;
            // What the entry has, whether it is taken or not, and what may come until the next one.
            let size = match entry.header().entry_type().is_gnu_sparse() {
                true => entry.header().entry_size().map_err(|error| self.unreadable(error))?,
                false => entry.size(),
            };
            meter.allowed.set(size.saturating_add(BETWEEN));
            match entry.header().entry_type().is_pax_global_extensions() {
                true => global_time = self.global_header(entry)?.or(global_time),
                false => self.tar_entry(entry, global_time)?,
            }
        }
        match meter.is_at_end.get() {
            true => Err(self.refused("ends without the zeros that end a tar archive: it may be cut off")),
            false => self.nothing_more(archive.into_inner().bytes),
        }
    }

    /// Reads to the end, also for the checksum of what is compressed. What follows is another archive, or garbage.
    fn nothing_more(&self, mut bytes: impl Read) -> Result<(), SourceError> {
        let (mut buffer, mut zeros) = ([0; 1 << 13], 0);
        loop {
            let read = bytes.read(&mut buffer).map_err(|error| self.unreadable(error))?;
            zeros += read as u64;
            if buffer[..read].iter().any(|byte| *byte != 0) || zeros > AFTER {
                return Err(self.refused(
                    "has more after the end of its first archive: unpack it with `tar --ignore-zeros`, and embed the directory",
                ));
            }
            if read == 0 {
                return Ok(());
            }
        }
    }

    /// A header for all entries after it. Gives the time that they have by it.
    fn global_header<R: Read>(&self, mut entry: TarEntry<'_, R>) -> Result<Option<u64>, SourceError> {
        // What stands before it is for the next file, but the reader takes it for this header's.
        let is_lost = entry.path_bytes() != entry.header().path_bytes();
        if entry.size() > BETWEEN {
            return Err(self.refused("has a header for all files of more than 1 MiB"));
        }
        let mut text = Vec::new();
        entry.read_to_end(&mut text).map_err(|error| self.unreadable(error))?;
        let pax = Pax::new(Some(tar::PaxExtensions::new(&text))).map_err(|error| self.unreadable(error))?;
        let own = entry.pax_extensions().map_err(|error| self.unreadable(error))?;
        if is_lost || own.is_some_and(|mut own| own.next().is_some()) {
            return Err(self.refused("has a header for all files between a file and that file's own header"));
        }
        for key in ["path", "linkpath", "size", "GNU.sparse."].iter().chain(&UNKNOWN_FORMS) {
            if let Some(key) = pax.key_with(key) {
                return Err(
                    self.refused(format!("has a header for all files that says `{key}`, which is for one"))
                );
            }
        }
        Ok(pax.modified())
    }

    fn tar_entry<R: Read>(
        &mut self,
        mut entry: TarEntry<'_, R>,
        global_time: Option<u64>,
    ) -> Result<(), SourceError> {
        let pax = entry.pax_extensions().and_then(Pax::new).map_err(|error| self.unreadable(error))?;
        let name = match pax.get("GNU.sparse.name").or(pax.get("path")) {
            Some(name) => self.text(name)?,
            None => self.text(&entry.path_bytes())?,
        };
        self.check_header(&entry, &pax, &name)?;
        let kind = entry.header().entry_type();
        if kind.as_byte() == LABEL {
            return Ok(());
        }
        let in_header = entry.header().mtime().unwrap_or(0).saturating_mul(1_000_000_000);
        let modified = self.times.of(pax.modified().or(global_time).unwrap_or(in_header));
        let names = self.names(&name)?;
        let is_directory = is_directory(kind, &name);
        if self.filter.excludes(&names, is_directory) {
            return Ok(());
        }
        if is_directory {
            self.directory(&names, modified)
        } else if is_file(kind) {
            let contents = self.contents(&mut entry, &pax, &name)?;
            self.put(&names, Entry::File { contents, modified })
        } else {
            let target = match pax.get("linkpath") {
                Some(target) => target.to_vec(),
                None => entry.link_name_bytes().unwrap_or_default().into_owned(),
            };
            let target =
                String::from_utf8(target).map_err(|_| SourceError::NotUnicode(self.in_archive(&name)))?;
            match kind.is_symlink() {
                true => self.link(&names, target, modified),
                false => self.hard_link(&names, &target),
            }
        }
    }

    /// Refuses what would be read otherwise than it is meant.
    fn check_header<R: Read>(
        &self,
        entry: &TarEntry<'_, R>,
        pax: &Pax,
        name: &str,
    ) -> Result<(), SourceError> {
        let kind = entry.header().entry_type();
        if pax.get("size").is_some_and(|said| number(said) != Some(entry.size())) {
            return Err(self.refused_at(name, "has a size in the archive that is none, or two of them"));
        }
        if let Some(key) = UNKNOWN_FORMS.iter().find_map(|key| pax.key_with(key)) {
            let why = format!("is in the archive in a form that is not known here (`{key}`)");
            return Err(self.refused_at(name, why));
        }
        if has_unclear_name(entry.header()) {
            return Err(self.refused_at(name, "has a header in the archive in a form that is not known here"));
        }
        let why = match kind.as_byte() {
            b'M' => "goes on from another volume: unpack all of them, and embed the directory",
            b'D' => "is of an incremental backup: unpack it, and embed the directory",
            b'x' | b'L' | b'K' | b'X' | b'N' => {
                "is a header for another entry, in a form that is not known here"
            }
            // Some readers skip them, and others do not.
            b'1' | b'2' | b'5' | LABEL if entry.size() != 0 => {
                "is no file in the archive, and has contents there"
            }
            _ if is_directory(kind, name) && entry.size() != 0 => {
                "is a directory in the archive, and has contents there"
            }
            b'1' | b'2' | b'5' | LABEL => return Ok(()),
            _ if is_file(kind) => return Ok(()),
            _ => return Err(SourceError::Special(self.in_archive(name))),
        };
        Err(self.refused_at(name, why))
    }

    fn contents<R: Read>(
        &self,
        entry: &mut TarEntry<'_, R>,
        pax: &Pax,
        name: &str,
    ) -> Result<Vec<u8>, SourceError> {
        if pax.key_with("GNU.sparse.").is_none() {
            return self.budget.read(entry, self.path);
        }
        sparse::read(pax, entry, self.budget).map_err(|error| match error {
            Unreadable::Wrong(why) => {
                self.refused_at(name, format!("is a file with holes that cannot be read: {why}"))
            }
            Unreadable::Io(error) => self.unreadable(error),
            Unreadable::Other(error) => error,
        })
    }

    fn hard_link(&mut self, names: &[String], target: &str) -> Result<(), SourceError> {
        let same = self.found(&self.names(target)?).cloned().ok_or_else(|| {
            let why = "which is no file before it in the archive, or is left out";
            self.refused_at(&names.join("/"), format!("is a hard link to `{}`, {why}", Printable(target)))
        })?;
        match same {
            // It leads elsewhere from another place.
            Entry::Link { target, modified } => self.link(names, target, modified),
            Entry::File { contents, modified } => {
                self.budget.take(contents.len() as u64)?;
                self.put(names, Entry::File { contents, modified })
            }
            other => self.put(names, other),
        }
    }
}

/// The kind of the entry that is the name of the whole archive.
const LABEL: u8 = b'V';

/// Whether there is something where a header of POSIX has the beginning of a name, and the header does not say for certain that it is
/// one: some programs take it for that. Files with holes have other things there.
fn has_unclear_name(header: &Header) -> bool {
    const PREFIX: Range<usize> = 345..500;
    let has_prefix = header.as_bytes()[PREFIX].iter().any(|byte| *byte != 0);
    has_prefix && header.as_ustar().is_none() && !header.entry_type().is_gnu_sparse()
}

fn is_file(kind: EntryType) -> bool {
    kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()
}

/// Old archives have no other sign of a directory than its name.
fn is_directory(kind: EntryType, name: &str) -> bool {
    kind.is_dir() || is_file(kind) && name.ends_with('/')
}
