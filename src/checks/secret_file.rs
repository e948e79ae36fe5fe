//! Which files are kept secret elsewhere, by their names or by what is in them. Whether init reads a file or a module has it makes no
//! difference.

use super::value_forms::{EncodedText, is_text};
use super::value_kind::{has_real_password, is_token};
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
const ENDINGS: [&str; 8] = [".env", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk"];

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

/// What stands before a private key (RFC 7468, and RFC 9580 section 6.2), whatever its kind.
const BEGIN: &[u8] = b"-----BEGIN ";
const PRIVATE_KEYS: [&[u8]; 2] = [b"PRIVATE KEY-----", b"PRIVATE KEY BLOCK-----"];
/// How far apart these two are at most: the longest kind is `ENCRYPTED`.
const KIND: usize = 16;

/// Where private keys begin, and what stands before each ends, in order.
pub(super) fn private_keys(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    memmem::find_iter(bytes, BEGIN).filter_map(|begin| {
        let after = begin + BEGIN.len();
        let kind = &bytes[after..];
        PRIVATE_KEYS.iter().find_map(|mark| {
            let kind = &kind[..kind.len().min(KIND + mark.len())];
            Some(begin..after + memmem::find(kind, mark)? + mark.len())
        })
    })
}

/// Larger texts are no configuration.
pub(super) const CONFIGURATION: usize = 64 << 10;

/// Whether a file that holds this is secret as a whole: a private key is in it, or it is a configuration with a secret.
pub(super) fn is_secret_content(bytes: &[u8]) -> bool {
    private_keys(bytes).next().is_some() || bytes.len() <= CONFIGURATION && has_secret(bytes)
}

/// Whether there is a private key, a token or a URL with a password in what a file holds, if that begins as a text.
pub(super) fn has_secret(bytes: &[u8]) -> bool {
    if !is_text(&EncodedText::of(&bytes[..bytes.len().min(CONFIGURATION)]).bytes) {
        return false;
    }
    let text = EncodedText::of(bytes).bytes;
    let has_password = |word: &[u8]| {
        memchr::memchr(b'@', word).is_some() && has_real_password(&String::from_utf8_lossy(word))
    };
    private_keys(&text).next().is_some() || words(&text).any(|word| has_token(word) || has_password(word))
}

fn has_token(word: &[u8]) -> bool {
    tokens(word).next().is_some()
}

/// The tokens in a word, which can be a URL.
pub(super) fn tokens(word: &[u8]) -> impl Iterator<Item = &[u8]> {
    word.split(|byte| b":/@&|?#".contains(byte)).filter(|part| is_token(part))
}

/// The words of a configuration: names, values, and what is in quotation marks.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || b"=\"'`,;()[]{}<>".contains(byte);
    text.split(is_between).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{CONFIGURATION, has_secret, is_secret_content, is_secret_file};

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
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ",
            "key = \"AKIAIOSFODNN7EXAMPLE\"",
            "//registry.npmjs.org/:_authToken=npm_0123456789abcdefghijABCDEFGHIJ012345",
            "url: postgres://bob:hunter2@db.example/shop",
            "origin https://ghp_0123456789abcdefghij@github.com/a/b",
            "bearer:eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig",
            "OPENAI=sk-proj-0123456789abcdef",
            "pypi-AgEIcHlwaS5vcmcCJDQ",
        ] {
            assert!(has_secret(text.as_bytes()), "{text}");
            assert!(is_secret_content(text.as_bytes()), "{text}");
            let long = format!("{}\n{text}", "x".repeat(CONFIGURATION));
            assert!(has_secret(long.as_bytes()), "{text}");
            assert_eq!(is_secret_content(long.as_bytes()), text.contains("PRIVATE KEY"), "{text}");
        }
        for text in [
            "-----BEGIN CERTIFICATE-----\nPRIVATE KEY-----",
            "-----BEGIN PUBLIC KEY-----",
            "-----BEGIN PGP PUBLIC KEY BLOCK-----",
            "npm_config_loglevel",
            "see https://example.com/a:b",
            "see sk-estimator-doc-link and npm_config_registry_url",
            "//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJmaWxlIjoiYS5qcyJ9",
            "",
        ] {
            assert!(!has_secret(text.as_bytes()), "{text}");
        }
        let token = "\u{e9} npm_0123456789abcdefghijABCDEFGHIJ012345";
        let utf16 = |of: fn(u16) -> [u8; 2]| {
            format!("\u{feff}{token}").encode_utf16().flat_map(of).collect::<Vec<u8>>()
        };
        assert!(has_secret(&utf16(u16::to_le_bytes)) && has_secret(&utf16(u16::to_be_bytes)));
        assert!(has_secret(&token.chars().map(|char| char as u8).collect::<Vec<u8>>()));
        assert!(!has_secret(b"\0 npm_0123456789abcdefghijABCDEFGHIJ012345"), "it is no text");
    }
}
