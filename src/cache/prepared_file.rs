//! Compiled code of one module in a file of its own, for machines that share no cache.
//!
//! A file is text of one line (JSON: who made it, for which module and processor), the engine's files one after the other, and a
//! SHA-256 of all of it. The hash is against damage: whoever can write the file can make code that runs.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The first bytes of such a file.
const MAGIC: &[u8] = b"preinit prepared code, version 1\n";

/// The length of the hash at the end.
const HASH: usize = 32;

/// What made the code, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    preinit: String,
    target: String,
    /// Of what the engine compiles for: the processor's features, and its settings.
    engine: String,
    /// SHA-256 of the module.
    module: String,
    /// The names that the cache has for the code of each engine's settings.
    entries: Vec<PackedEntry>,
}

/// Code for one engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PackedEntry {
    pub name: String,
    /// Path and length of each file, in the order in which they follow.
    pub files: Vec<(String, u64)>,
}

/// What a prepared file must fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fit<'f> {
    /// Of the engine's settings and processor.
    pub engine: &'f str,
    /// The digest of the module.
    pub module: [u8; 32],
}

/// Why a prepared file is not used. No example: each variant says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PreparedError {
    /// It is something else.
    #[error("it holds no prepared code")]
    Unrecognized,
    /// Not all of it is as it was written.
    #[error("it is damaged: its checksum does not fit")]
    Damaged,
    /// The code of one version is not for another.
    #[error("it was made by preinit {0}, and this is {own}", own = env!("CARGO_PKG_VERSION"))]
    Version(String),
    /// Machine code of another kind of processor.
    #[error("it was made for {0}, and this is {own}", own = target())]
    Target(String),
    /// Machine code that needs features which this processor may lack.
    #[error("it was made for a processor with other features, or with other settings of the engine")]
    Processor,
    /// It is code of another module.
    #[error("it was made of another module")]
    Module,
    /// The file system does not allow what is needed.
    #[error("{0}")]
    Io(String),
}

impl PreparedError {
    pub(super) fn io(error: impl ToString) -> PreparedError {
        PreparedError::Io(error.to_string())
    }
}

fn target() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

/// Packs entries of a cache.
pub(super) fn pack(fit: &Fit<'_>, entries: Vec<(PackedEntry, Vec<u8>)>) -> Result<Vec<u8>, PreparedError> {
    let (entries, contents): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
    let header = Header {
        preinit: env!("CARGO_PKG_VERSION").to_string(),
        target: target(),
        engine: fit.engine.to_string(),
        module: preinit_core::hex(&fit.module),
        entries,
    };
    let header = serde_json::to_string(&header).map_err(PreparedError::io)?;
    let mut file = [MAGIC, header.as_bytes(), b"\n"].concat();
    contents.iter().for_each(|content| file.extend_from_slice(content));
    let hash: [u8; HASH] = Sha256::digest(&file).into();
    file.extend(hash);
    Ok(file)
}

/// An entry's name, and the paths and contents of its files.
pub(super) type Unpacked<'b> = (String, Vec<(String, &'b [u8])>);

/// The entries of a file that fits.
pub(super) fn unpack<'b>(file: &'b [u8], fit: &Fit<'_>) -> Result<Vec<Unpacked<'b>>, PreparedError> {
    let content = file.strip_prefix(MAGIC).ok_or(PreparedError::Unrecognized)?;
    let length = file.len().checked_sub(HASH).filter(|length| *length >= MAGIC.len());
    let (whole, hash) = file.split_at(length.ok_or(PreparedError::Damaged)?);
    if Sha256::digest(whole)[..] != *hash {
        return Err(PreparedError::Damaged);
    }
    let content = &content[..content.len() - HASH];
    let end = content.iter().position(|byte| *byte == b'\n').ok_or(PreparedError::Damaged)?;
    let (header, mut rest) = content.split_at(end);
    let header: Header = serde_json::from_slice(header).map_err(|_| PreparedError::Damaged)?;
    if header.preinit != env!("CARGO_PKG_VERSION") {
        return Err(PreparedError::Version(header.preinit));
    }
    if header.target != target() {
        return Err(PreparedError::Target(header.target));
    }
    if header.engine != fit.engine {
        return Err(PreparedError::Processor);
    }
    if header.module != preinit_core::hex(&fit.module) {
        return Err(PreparedError::Module);
    }
    rest = &rest[1..];
    let mut entries = Vec::new();
    for PackedEntry { name, files } in header.entries {
        let mut unpacked = Vec::new();
        for (path, length) in files {
            let length = usize::try_from(length).map_err(|_| PreparedError::Damaged)?;
            let (file, after) = rest.split_at_checked(length).ok_or(PreparedError::Damaged)?;
            unpacked.push((path, file));
            rest = after;
        }
        entries.push((name, unpacked));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIT: Fit<'static> = Fit { engine: "e", module: [7; 32] };

    fn packed() -> Vec<u8> {
        let entry = PackedEntry { name: "n".into(), files: vec![("a/b".into(), 3), ("c".into(), 0)] };
        pack(&FIT, vec![(entry, b"xyz".to_vec())]).unwrap()
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let file = packed();
        let expected =
            vec![("n".to_string(), vec![("a/b".to_string(), &b"xyz"[..]), ("c".to_string(), &b""[..])])];
        assert_eq!(unpack(&file, &FIT), Ok(expected));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let file = packed();
        assert_eq!(unpack(&file, &Fit { engine: "f", ..FIT }), Err(PreparedError::Processor));
        assert_eq!(unpack(&file, &Fit { module: [8; 32], ..FIT }), Err(PreparedError::Module));
        assert_eq!(unpack(b"\0asm", &FIT), Err(PreparedError::Unrecognized));
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert!(unpack(&damaged, &FIT).is_err(), "{at}");
            assert!(unpack(&file[..at], &FIT).is_err(), "{at}");
        }
    }

    /// Sealed, but made elsewhere.
    fn with_header(change: impl Fn(&mut Header)) -> Vec<u8> {
        let file = packed();
        let content = &file[MAGIC.len()..file.len() - HASH];
        let end = content.iter().position(|byte| *byte == b'\n').unwrap();
        let mut header: Header = serde_json::from_slice(&content[..end]).unwrap();
        change(&mut header);
        let text = serde_json::to_string(&header).unwrap();
        let mut file = [MAGIC, text.as_bytes(), &content[end..]].concat();
        let hash: [u8; HASH] = Sha256::digest(&file).into();
        file.extend(hash);
        file
    }

    #[test]
    fn other_versions_and_targets_are_named() {
        let other = with_header(|header| header.preinit = "9.9.9".into());
        assert_eq!(unpack(&other, &FIT), Err(PreparedError::Version("9.9.9".into())));
        let other = with_header(|header| header.target = "riscv64-linux".into());
        let error = unpack(&other, &FIT).unwrap_err();
        assert!(error.to_string().starts_with("it was made for riscv64-linux, and this is "), "{error}");
        let longer = with_header(|header| header.entries[0].files[0].1 = u64::MAX);
        assert_eq!(unpack(&longer, &FIT), Err(PreparedError::Damaged));
    }
}
