//! Seals: only who has the key of the cache can make them.

use std::{fmt, io};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The length of a seal, in bytes.
pub(super) const SEAL: usize = 32;

/// The secret of one cache directory.
#[derive(Clone)]
pub(super) struct Key([u8; Key::LENGTH]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// The length that HMAC takes as it is.
    pub const LENGTH: usize = 64;

    pub fn random() -> io::Result<Key> {
        let mut key = Key([0; Key::LENGTH]);
        getrandom::fill(&mut key.0).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(key)
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Key> {
        bytes.try_into().ok().map(Key)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Seals `content` as that of the entry `name` in `section`. Under another name the seal is not valid.
    pub fn seal(&self, section: &str, name: &str, content: &[u8]) -> [u8; SEAL] {
        self.mac(section, name, content).finalize().into_bytes().into()
    }

    pub fn is_valid(&self, seal: &[u8], section: &str, name: &str, content: &[u8]) -> bool {
        self.mac(section, name, content).verify_slice(seal).is_ok()
    }

    fn mac(&self, section: &str, name: &str, content: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.0.into());
        for part in [section.as_bytes(), name.as_bytes(), content] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn a_seal_is_for_one_key_place_and_content() {
        let key = Key::random().unwrap();
        let seal = key.seal("results", "ab", b"content");
        assert!(key.is_valid(&seal, "results", "ab", b"content"));
        for (section, name, content) in [
            ("compiled", "ab", &b"content"[..]),
            ("results", "ac", b"content"),
            ("results", "ab", b"contens"),
            ("results", "abc", b"ontent"),
            ("resultsab", "", b"content"),
        ] {
            assert!(!key.is_valid(&seal, section, name, content), "{section} {name}");
        }
        assert!(!Key::random().unwrap().is_valid(&seal, "results", "ab", b"content"));
        assert!(!key.is_valid(&seal[..31], "results", "ab", b"content"));
        assert!(!key.is_valid(&[], "results", "ab", b"content"));
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let key = Key::random().unwrap();
        let read = Key::from_bytes(key.as_bytes()).unwrap();
        assert_eq!(key.seal("", "", b""), read.seal("", "", b""));
        assert!(Key::from_bytes(&key.as_bytes()[1..]).is_none());
    }
}
