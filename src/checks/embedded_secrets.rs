//! Embedded files that are kept secret elsewhere.

use super::secret_file::{is_secret_file, private_keys};
use crate::finding::{Finding, Level};
use preinit_core::embed::{EmbeddedKind, EmbeddedTree};
use preinit_core::module::Module;
use preinit_core::printable::Printable;
use std::ops::Range;

pub(crate) fn findings(module: &Module<'_>) -> Vec<Finding> {
    /// Files that have a finding of their own.
    const SEPARATE: usize = 64;
    let advise = |finding: Finding| {
        finding.advise("leave it out of what is embedded, and give it to the program where it runs".into())
    };
    let mut findings = Vec::new();
    let mut more = 0;
    for tree in EmbeddedTree::all_in(module) {
        let keys = PrivateKeys::of(tree.image());
        for entry in tree.entries() {
            let EmbeddedKind::File(contents) = entry.kind else { continue };
            let Some(what) = secret(&entry.path, keys.are_in(contents)) else { continue };
            if findings.len() == SEPARATE {
                more += 1;
                continue;
            }
            let title = format!(
                "the embedded file `{}` {what}, which everybody can read who has the module",
                Printable(&entry.path)
            );
            findings.push(advise(Finding::new(Level::Danger, "secret.embedded", title)));
        }
    }
    if more > 0 {
        let title = format!(
            "{more} more embedded files are ones that hold secrets, which everybody can read who has the module"
        );
        findings.push(advise(Finding::new(Level::Danger, "secret.embedded", title)));
    }
    findings
}

/// What of it is a secret.
fn secret(path: &str, has_private_key: bool) -> Option<&'static str> {
    if has_private_key {
        return Some("has a private key in it");
    }
    is_secret_file(path).then_some("is one that holds secrets elsewhere")
}

/// The private keys in a tree. It is searched once: any number of files can have the same contents.
struct PrivateKeys<'i> {
    image: &'i [u8],
    /// Where what stands before each begins and ends, in order.
    marks: Vec<Range<usize>>,
}

impl<'i> PrivateKeys<'i> {
    fn of(image: &'i [u8]) -> PrivateKeys<'i> {
        PrivateKeys { image, marks: private_keys(image).collect() }
    }

    /// Whether one is in this part of the tree.
    fn are_in(&self, part: &[u8]) -> bool {
        let start = part.as_ptr().addr().saturating_sub(self.image.as_ptr().addr());
        let next = self.marks.partition_point(|mark| mark.start < start);
        // Of those after it, none ends before the next one does.
        self.marks.get(next).is_some_and(|mark| mark.end <= start + part.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{PrivateKeys, secret};

    fn is_secret(path: &str, contents: &[u8]) -> bool {
        secret(path, PrivateKeys::of(contents).are_in(contents)).is_some()
    }

    #[test]
    fn keys_and_names_are_seen() {
        assert!(is_secret("/app/x.pem", b"\n-----BEGIN PRIVATE KEY-----\nMII"));
        assert!(is_secret("/app/x", b"-----BEGIN OPENSSH PRIVATE KEY-----"));
        assert!(is_secret("/app/.env", b"") && is_secret("/app/.env.local", b""));
        assert!(!is_secret("/app/ca.pem", b"-----BEGIN CERTIFICATE-----\nPRIVATE KEY-----"));
        assert!(!is_secret("/app/environment", b"-----BEGIN PUBLIC KEY-----"));
    }

    #[test]
    fn a_key_counts_where_all_of_its_mark_is() {
        let image = b"ab-----BEGIN PRIVATE KEY-----cd-----BEGIN RSA PRIVATE KEY-----e";
        let keys = PrivateKeys::of(image);
        assert_eq!(keys.marks, [2..29, 31..62]);
        for (start, end, expected) in [
            (0, 63, true),
            (2, 29, true),
            (2, 28, false),
            (3, 61, false),
            (3, 62, true),
            (32, 63, false),
            (63, 63, false),
            (0, 0, false),
        ] {
            assert_eq!(keys.are_in(&image[start..end]), expected, "{start}..{end}");
        }
    }
}
