//! Which files are kept secret elsewhere, by their names or by what is in them. Whether init reads a file or a module has it makes no
//! difference.

use super::value_kind::has_password;
use memchr::memmem;
use std::ops::Range;

/// Names of files that hold keys, passwords or tokens.
const NAMES: [&str; 16] = [
    ".env",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".htpasswd",
    ".pgpass",
    ".my.cnf",
    "credentials",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "kubeconfig",
    "wp-config.php",
];

/// How their names end. Not `.pem`, by which certificates are called as well: private keys show in what the file holds.
const ENDINGS: [&str; 7] = [".env", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx"];

/// Words of their names, if they are no programs: `secrets.json`, `db-password.txt`.
const WORDS: [&str; 11] = [
    "secret",
    "secrets",
    "token",
    "password",
    "passwords",
    "passwd",
    "credential",
    "credentials",
    "apikey",
    "apikeys",
    "private",
];

/// How the names of files end that are read as data.
const DATA: [&str; 10] = ["", "txt", "json", "yaml", "yml", "toml", "ini", "cfg", "conf", "properties"];

/// Whether a file of this name is kept secret elsewhere.
pub(crate) fn is_secret_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
    let has_word = || stem.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| WORDS.contains(&word));
    NAMES.contains(&name.as_str())
        || name.starts_with(".env.")
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || DATA.contains(&ending) && has_word()
}

/// What stands before a private key (RFC 7468), whatever its kind.
const BEGIN: &[u8] = b"-----BEGIN ";
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY-----";
/// How far apart these two are at most: the longest kind is `ENCRYPTED`.
const KIND: usize = 16;

/// Where private keys begin, and what stands before each ends, in order.
pub(super) fn private_keys(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    memmem::find_iter(bytes, BEGIN).filter_map(|begin| {
        let after = begin + BEGIN.len();
        let kind = &bytes[after..];
        let kind = &kind[..kind.len().min(KIND + PRIVATE_KEY.len())];
        Some(begin..after + memmem::find(kind, PRIVATE_KEY)? + PRIVATE_KEY.len())
    })
}

/// How tokens of services begin that nothing else begins with: AWS, GitHub, GitLab, Slack, Stripe, Google, npm.
const TOKENS: [&str; 14] = [
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "sk_live_",
    "rk_live_",
    "AIza",
    "npm_",
];

/// Whether there is a private key in what a file holds, or, in a text, a token or a URL with a password.
pub(super) fn has_secret(bytes: &[u8]) -> bool {
    /// Larger texts are no configuration.
    const SEARCHED: usize = 64 << 10;
    if private_keys(bytes).next().is_some() {
        return true;
    }
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= SEARCHED) else {
        return false;
    };
    words(text).any(|word| is_token(word) || has_password(word))
}

fn is_token(word: &str) -> bool {
    const SHORTEST: usize = 20;
    word.len() >= SHORTEST
        && TOKENS.iter().any(|beginning| word.starts_with(beginning))
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// The words of a configuration: names, values, and what is in quotation marks.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| c.is_whitespace() || "=\"'`,;()[]{}<>".contains(c);
    text.split(between).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{has_secret, is_secret_file};

    #[test]
    fn names_of_secret_files() {
        for name in [
            "/app/.env",
            ".env.local",
            "prod.env",
            "/root/.ssh/id_ed25519",
            "server.key",
            "secrets.json",
            "db-password.txt",
            "token",
            "private.yaml",
            "/home/me/.npmrc",
        ] {
            assert!(is_secret_file(name), "{name}");
        }
        for name in [
            "/lib/python3.12/secrets.py",
            "token.pyc",
            "tokenizer.json",
            "special_tokens_map.json",
            "environment",
            "passwords.rs",
            "/etc/cacert.pem",
            "keyboard.json",
            "secretary.txt",
            "",
        ] {
            assert!(!is_secret_file(name), "{name}");
        }
    }

    #[test]
    fn contents_that_are_secret() {
        for text in [
            "\n-----BEGIN PRIVATE KEY-----\nMII",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "key = \"AKIAIOSFODNN7EXAMPLE\"",
            "//registry.npmjs.org/:_authToken=npm_0123456789abcdefghijABCDEFGHIJ012345",
            "url: postgres://bob:hunter2@db.example/shop",
        ] {
            assert!(has_secret(text.as_bytes()), "{text}");
        }
        for text in [
            "-----BEGIN CERTIFICATE-----\nPRIVATE KEY-----",
            "-----BEGIN PUBLIC KEY-----",
            "npm_config_loglevel",
            "see https://example.com/a:b",
            "",
        ] {
            assert!(!has_secret(text.as_bytes()), "{text}");
        }
        assert!(!has_secret(b"\xff npm_0123456789abcdefghijABCDEFGHIJ012345"), "it is no text");
    }
}
