//! How messages write numbers and names.

pub use preinit_core::nearest::nearest;
use preinit_core::printable::Printable;
use std::borrow::Cow;
use std::fmt;
use std::path::Path;

/// A number of bytes: exact below 10,000, in larger units above.
///
/// ```
/// use preinit::stages::Bytes;
/// assert_eq!(Bytes(1).to_string(), "1 byte");
/// assert_eq!(Bytes(4096).to_string(), "4096 bytes");
/// assert_eq!(Bytes(1 << 20).to_string(), "1.0 MiB");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 10_000 {
            return f.pad(&counted(self.0, "byte"));
        }
        let mut value = self.0 as f64;
        let mut unit = "";
        for larger in UNITS {
            // Not 1024, so that nothing is printed as `1024.0 KiB`.
            if value < 1023.95 {
                break;
            }
            value /= 1024.0;
            unit = larger;
        }
        f.pad(&format!("{value:.1} {unit}"))
    }
}

/// The name of a file, which whoever made the file has chosen. As [`Printable`], in one line.
///
/// ```
/// use preinit::stages::PrintablePath;
///
/// assert_eq!(PrintablePath("dir/a\nwarning: b".as_ref()).to_string(), "dir/a\\nwarning: b");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrintablePath<'a>(pub &'a Path);

impl fmt::Display for PrintablePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(&self.0.to_string_lossy()).fmt(f)
    }
}

/// A number and what it counts: `1 page`, `2 pages`.
pub fn counted(number: u64, singular: &str) -> String {
    format!("{number} {singular}{}", if number == 1 { "" } else { "s" })
}

/// The beginning of a name, which may be of any length, as the guest chose it.
pub(crate) fn shortened(name: &str) -> Cow<'_, str> {
    const SHOWN: usize = 120;
    match name.char_indices().nth(SHOWN) {
        Some((at, _)) => Cow::Owned(format!("{}…", &name[..at])),
        None => Cow::Borrowed(name),
    }
}

/// The first `shown` of `names`, and how many there are besides: `a, b and 3 more`.
pub(crate) fn listed(names: &[String], shown: usize) -> String {
    let first = names[..names.len().min(shown)].join(", ");
    match names.len().saturating_sub(shown) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, counted, listed, shortened};

    #[test]
    fn byte_counts() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (9_999, "9999 bytes"),
            (10_000, "9.8 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (26 << 20, "26.0 MiB"),
            (3 << 30, "3.0 GiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), expected);
        }
        assert_eq!(format!("{:>8}", Bytes(1)), "  1 byte");
    }

    #[test]
    fn counts_and_lists() {
        assert_eq!(counted(0, "page"), "0 pages");
        assert_eq!(counted(1, "page"), "1 page");
        let names = ["a", "b", "c"].map(String::from);
        assert_eq!(listed(&names, 3), "a, b, c");
        assert_eq!(listed(&names, 2), "a, b and 1 more");
        assert_eq!(listed(&[], 2), "");
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"é".repeat(121)), "é".repeat(120) + "…");
    }
}
