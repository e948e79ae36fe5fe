//! What the extended headers of a tar say (POSIX, `pax`).

use std::io;
use tar::PaxExtensions;

/// The records of one, in their order.
#[derive(Debug, Default)]
pub(super) struct Pax {
    records: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Pax {
    pub fn new(extensions: Option<PaxExtensions<'_>>) -> io::Result<Pax> {
        let mut records = Vec::new();
        for record in extensions.into_iter().flatten() {
            let record = record?;
            records.push((record.key_bytes().to_vec(), record.value_bytes().to_vec()));
        }
        Ok(Pax { records })
    }

    /// The value of a key: the last one holds.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        let mut records = self.records.iter().rev();
        records.find(|(known, _)| known == key.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// All keys and values.
    pub fn records(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.records.iter().map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// The first key that begins like this.
    pub fn key_with(&self, prefix: &str) -> Option<String> {
        let mut keys = self.records.iter().map(|(key, _)| key);
        keys.find(|key| key.starts_with(prefix.as_bytes()))
            .map(|key| String::from_utf8_lossy(key).into_owned())
    }

    /// The whole number that a key has; `None` if it has none, or something else.
    pub fn number(&self, key: &str) -> Option<u64> {
        number(self.get(key)?)
    }

    /// When the entry was changed, in nanoseconds after 1970.
    pub fn modified(&self) -> Option<u64> {
        nanoseconds(std::str::from_utf8(self.get("mtime")?).ok()?)
    }
}

pub(super) fn number(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Seconds with or without a fraction. What was before 1970 is there.
fn nanoseconds(seconds: &str) -> Option<u64> {
    if seconds.starts_with('-') {
        return Some(0);
    }
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let nine: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let whole = number(whole.as_bytes())?.checked_mul(1_000_000_000)?;
    whole.checked_add(number(nine.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::nanoseconds;

    #[test]
    fn times_have_fractions() {
        let cases = [
            ("12", Some(12_000_000_000)),
            ("12.5", Some(12_500_000_000)),
            ("0.000000001999", Some(1)),
            ("-3.5", Some(0)),
            ("99999999999999", None),
            ("1,5", None),
            ("1.x", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(nanoseconds(text), expected, "{text}");
        }
    }
}
