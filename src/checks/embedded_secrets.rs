//! Embedded files that are kept secret elsewhere.

use crate::finding::{Finding, Level};
use memchr::memmem;
use preinit_core::embed::{EmbeddedKind, EmbeddedTree};
use preinit_core::module::Module;
use preinit_core::printable::Printable;

/// Names of files that hold keys, passwords or tokens.
const NAMES: [&str; 12] = [
    ".env",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".htpasswd",
    ".pgpass",
    "credentials",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
];
/// What stands before a private key (RFC 7468), whatever its kind.
const BEGIN: &[u8] = b"-----BEGIN ";
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY-----";
/// How far apart these two are at most: the longest kind is `ENCRYPTED`.
const KIND: usize = 16;

pub(crate) fn findings(module: &Module<'_>) -> Vec<Finding> {
    /// Files that have a finding of their own.
    const SEPARATE: usize = 64;
    let advise = |finding: Finding| {
        finding.advise("leave it out of what is embedded, and give it to the program where it runs".into())
    };
    let mut findings = Vec::new();
    let mut more = 0;
    for tree in EmbeddedTree::all_in(module) {
        for entry in tree.entries() {
            let EmbeddedKind::File(contents) = entry.kind else { continue };
            let Some(what) = secret(&entry.path, contents) else { continue };
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
fn secret(path: &str, contents: &[u8]) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if has_private_key(contents) {
        return Some("has a private key in it");
    }
    (NAMES.contains(&name) || name.starts_with(".env.")).then_some("is one that holds secrets elsewhere")
}

fn has_private_key(contents: &[u8]) -> bool {
    memmem::find_iter(contents, BEGIN).any(|at| {
        let kind = &contents[at + BEGIN.len()..];
        let kind = &kind[..kind.len().min(KIND + PRIVATE_KEY.len())];
        memmem::find(kind, PRIVATE_KEY).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::secret;

    #[test]
    fn keys_and_names_are_seen() {
        assert!(secret("/app/x.pem", b"\n-----BEGIN PRIVATE KEY-----\nMII").is_some());
        assert!(secret("/app/x", b"-----BEGIN OPENSSH PRIVATE KEY-----").is_some());
        assert!(secret("/app/.env", b"").is_some() && secret("/app/.env.local", b"").is_some());
        assert!(secret("/app/ca.pem", b"-----BEGIN CERTIFICATE-----\nPRIVATE KEY-----").is_none());
        assert!(secret("/app/environment", b"-----BEGIN PUBLIC KEY-----").is_none());
    }
}
