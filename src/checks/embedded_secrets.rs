//! Embedded files that are kept secret elsewhere.

use super::secret_file::{has_secret, is_secret_file, private_keys};
use crate::finding::{Finding, Level};
use preinit_core::embed::{EmbeddedKind, EmbeddedTree};
use preinit_core::module::Module;
use preinit_core::printable::Printable;
use std::collections::HashMap;
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
        let mut texts = Texts { left: tree.image().len(), known: HashMap::new() };
        for entry in tree.entries() {
            let EmbeddedKind::File(contents) = entry.kind else { continue };
            let has_secret = || texts.have_secret(contents);
            let Some(what) = secret(&entry.path, keys.are_in(contents), has_secret) else { continue };
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
fn secret(path: &str, has_private_key: bool, has_secret: impl FnOnce() -> bool) -> Option<&'static str> {
    if has_private_key {
        return Some("has a private key in it");
    }
    if is_secret_file(path) {
        return Some("is one that holds secrets elsewhere");
    }
    has_secret().then_some("has a token or a password in it")
}

/// What is in files. Many can have the same contents.
struct Texts {
    /// The bytes that are still looked at: no more than the tree has, unless it is forged and files overlap.
    left: usize,
    known: HashMap<Range<*const u8>, bool>,
}

impl Texts {
    fn have_secret(&mut self, contents: &[u8]) -> bool {
        *self.known.entry(contents.as_ptr_range()).or_insert_with(|| {
            let rest = self.left.checked_sub(contents.len());
            self.left = rest.unwrap_or(0);
            rest.is_some() && has_secret(contents)
        })
    }
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
    use super::{PrivateKeys, Texts, has_secret, secret};
    use std::collections::HashMap;

    fn is_secret(path: &str, contents: &[u8]) -> bool {
        let has_key = PrivateKeys::of(contents).are_in(contents);
        secret(path, has_key, || has_secret(contents)).is_some()
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
    fn tokens_and_passwords_are_seen() {
        assert!(is_secret("/app/a.txt", b"url: postgres://bob:hunter2@db.example/shop"));
        assert!(is_secret("/app/config.toml", b"token = \"ghp_0123456789abcdefghijABCDEFGHIJ012345\""));
        let examples = [
            "password",
            "PASSWORD",
            "***",
            "xxx",
            "${PASSWORD}",
            "$DB_PASS",
            "<password>",
            "%s",
            "%(pw)s",
            "%PW%",
            "",
        ];
        let passwords = ["b", "hunter2", "%40hunter2%21xyz", "%23Zx81p", "$ecretHunter22", "%ab%"];
        for (password, expected) in
            examples.map(|text| (text, false)).into_iter().chain(passwords.map(|text| (text, true)))
        {
            let text = format!("# http://username:{password}@host.com:80/");
            assert_eq!(is_secret("/lib/url.py", text.as_bytes()), expected, "{text}");
        }
        // Of any size, as programs are that were bundled.
        let long = [&[b' '; 1 << 17][..], b"ghp_0123456789abcdefghijABCDEFGHIJ012345"].concat();
        assert!(is_secret("/app/bundle.js", &long));
        assert!(!is_secret("/app/data.bin", &[b"\0", &*long].concat()));
    }

    #[test]
    fn texts_are_looked_at_once() {
        let image = b"ghp_0123456789abcdefghijABCDEFGHIJ012345";
        let mut texts = Texts { left: image.len(), known: HashMap::new() };
        assert!(texts.have_secret(image) && texts.have_secret(image));
        // What overlaps is of a forged tree.
        assert!(!texts.have_secret(&image[..39]));
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
