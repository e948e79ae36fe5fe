use super::super::error::SourceError;
use super::unpacked::Unpacked;
use flate2::bufread::DeflateDecoder;
use preinit_core::embed::Entry;
use preinit_core::printable::Printable;
use rawzip::extra_fields::ExtraFieldId;
use rawzip::{CompressionMethod, ZipFileHeaderRecord, ZipSliceArchive};
use std::io;

/// The first bytes of a file in an archive.
const LOCAL_HEADER: &[u8] = b"PK\x03\x04";

impl Unpacked<'_> {
    fn invalid(&self, error: rawzip::Error) -> SourceError {
        self.unreadable(io::Error::other(error))
    }

    pub fn zip(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let archive = rawzip::ZipArchive::from_slice(bytes).map_err(|error| self.invalid(error))?;
        self.check_end(&archive, bytes)?;
        let mut entries = archive.entries();
        let (mut count, mut first) = (0, u64::MAX);
        while let Some(entry) = entries.next_entry().map_err(|error| self.invalid(error))? {
            count += 1;
            first = first.min(entry.local_header_offset());
            self.zip_entry(&archive, &entry)?;
        }
        // Without 64-bit fields there are no more than 16 bits of the number, of however many.
        if count != archive.entries_hint() && (count & 0xffff) != archive.entries_hint() {
            return Err(self.refused(format!(
                "lists {count} entries, and says that they are {}",
                archive.entries_hint()
            )));
        }
        match first > 0 && bytes.starts_with(LOCAL_HEADER) {
            true => {
                Err(self
                    .refused("begins with files that its directory does not list: another archive, perhaps"))
            }
            false => Ok(()),
        }
    }

    /// Refuses what is not one whole archive.
    fn check_end(&self, archive: &ZipSliceArchive<&[u8]>, bytes: &[u8]) -> Result<(), SourceError> {
        let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let mut disks = bytes
            .get(place(archive.eocd_offset())..)
            .and_then(|end| end.get(4..8))
            .unwrap_or_default()
            .chunks(2);
        // Numbers that do not fit are elsewhere.
        if !disks.all(|disk| disk == [0; 2] || disk == [0xff; 2]) {
            return Err(
                self.refused("is a part of an archive in several parts; join them first (`zip -s 0`)")
            );
        }
        let after = bytes.get(place(archive.end_offset())..).unwrap_or_default();
        match after.iter().any(|byte| *byte != 0) {
            true => Err(self.refused("has more after its end")),
            false => Ok(()),
        }
    }

    fn zip_name(&self, entry: &ZipFileHeaderRecord<'_>) -> Result<String, SourceError> {
        let plain = entry.file_path().as_bytes();
        let fields = entry.extra_fields().filter(|(id, _)| *id == ExtraFieldId::INFO_ZIP_UNICODE_PATH);
        let mut names = fields.filter_map(|(_, field)| unicode_name(plain, field));
        let Some(name) = names.next() else { return self.text(plain) };
        // Programs take any of them then.
        if names.any(|other| other != name) || entry.flags().is_utf8() && name != plain {
            let plain = String::from_utf8_lossy(plain).into_owned();
            return Err(self.refused_at(&plain, "has two names in the archive"));
        }
        self.text(name)
    }

    fn zip_entry(
        &mut self,
        archive: &ZipSliceArchive<&[u8]>,
        entry: &ZipFileHeaderRecord<'_>,
    ) -> Result<(), SourceError> {
        let name = self.zip_name(entry)?;
        // ZIP has local times without a zone: they say nothing for certain.
        let modified = self.times.fixed();
        let names = self.names(&name)?;
        let kind = entry.mode().value() & FORMAT;
        let is_directory = entry.is_dir() || kind == DIRECTORY;
        if self.filter.excludes(&names, is_directory) {
            return Ok(());
        }
        // What separates names elsewhere is a letter of them on Unix.
        if name.contains('\\') && !is_of_unix(entry) {
            return Err(
                self.refused_at(&name, "has backslashes in its name, which separate names where it was made")
            );
        }
        if entry.flags().is_encrypted() || entry.flags().is_masked() {
            return Err(self.refused_at(&name, "is encrypted"));
        }
        if is_directory {
            return match entry.uncompressed_size_hint() {
                0 => self.directory(&names, modified),
                _ => Err(self.refused_at(&name, "is a directory in the archive, and has contents there")),
            };
        }
        if !matches!(kind, 0 | FILE | LINK) {
            return Err(SourceError::Special(self.in_archive(&name)));
        }
        if self.found(&names).is_some() {
            return Err(
                self.refused_at(&name, "is in the archive twice; programs differ in which one they take")
            );
        }
        let contents = self.unzipped(archive, entry, &name)?;
        if kind == LINK {
            let target =
                String::from_utf8(contents).map_err(|_| SourceError::NotUnicode(self.in_archive(&name)))?;
            return self.link(&names, target, modified);
        }
        self.put(&names, Entry::File { contents, modified })
    }

    /// The contents of a file, whose size and checksum are as the directory says.
    fn unzipped(
        &self,
        archive: &ZipSliceArchive<&[u8]>,
        entry: &ZipFileHeaderRecord<'_>,
        name: &str,
    ) -> Result<Vec<u8>, SourceError> {
        let local = archive.get_entry(entry.wayfinder()).map_err(|error| self.invalid(error))?;
        let header = local.local_header();
        let there = header.file_path();
        if there.as_bytes() != entry.file_path().as_bytes() {
            let there = String::from_utf8_lossy(there.as_bytes()).into_owned();
            let why = format!("is `{}` where the archive has its contents", Printable(&there));
            return Err(self.refused_at(name, why));
        }
        let path = self.in_archive(name);
        match entry.compression_method() {
            method if method != header.compression_method() => {
                Err(self.refused_at(name, "is compressed in two different ways by what the archive says"))
            }
            CompressionMethod::STORE => self.budget.read(&mut local.verifying_reader(local.data()), &path),
            CompressionMethod::DEFLATE => {
                self.budget.read(&mut local.verifying_reader(DeflateDecoder::new(local.data())), &path)
            }
            method => {
                let why = format!("is compressed in a way that is not known here: {method}");
                Err(self.refused_at(name, why))
            }
        }
    }
}

/// What Unix says of the kind of a file, which is above its permissions.
const FORMAT: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

fn is_of_unix(entry: &ZipFileHeaderRecord<'_>) -> bool {
    use rawzip::CreatorSystem;
    matches!(entry.version_made_by().creator_system(), CreatorSystem::UNIX | CreatorSystem::MACOS)
}

/// The name in UTF-8 that an extra field has besides the one in letters of another machine.
fn unicode_name<'e>(plain: &[u8], field: &'e [u8]) -> Option<&'e [u8]> {
    let [1, field @ ..] = field else { return None };
    let (sum, name) = field.split_first_chunk::<4>()?;
    // It does not hold any more where somebody has changed the other one.
    (rawzip::crc32(plain) == u32::from_le_bytes(*sum)).then_some(name)
}
