//! How much it matters that a value is in the snapshot.

use crate::finding::{Level, Remedy};

/// What a value is, by the name of its variable. The order is worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueKind {
    /// A variable named like a secret, or a value that looks like one.
    Secret,
    /// Any other variable.
    Variable,
    /// A variable that describes the machine.
    Machine,
    /// An argument: it was given for init to use, and is no secret.
    Argument,
}

/// Variables that describe the machine, besides `LC_…` and `XDG_…`.
const MACHINE: [&str; 31] = [
    "COLORTERM",
    "DISPLAY",
    "EDITOR",
    "HOME",
    "HOSTNAME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "LS_COLORS",
    "MAIL",
    "MANPATH",
    "OLDPWD",
    "PAGER",
    "PATH",
    "PWD",
    "PYTHONHOME",
    "PYTHONPATH",
    "SHELL",
    "SHLVL",
    "SSH_AUTH_SOCK",
    "TEMP",
    "TERM",
    "TERM_PROGRAM",
    "TMP",
    "TMPDIR",
    "TZ",
    "USER",
    "USERNAME",
    "VISUAL",
    "WINDOWID",
    "_",
];

/// Parts of the names of variables that are not to be published.
const SECRET: [&str; 16] = [
    "secret",
    "token",
    "passw",
    "passphrase",
    "_pass",
    "pgpass",
    "_pwd",
    "credential",
    "private",
    "apikey",
    "_key",
    "auth",
    "cookie",
    "session_id",
    "dsn",
    "api_key",
];

impl ValueKind {
    /// The kind of an environment variable.
    pub fn of_variable(name: &str, value: &str) -> ValueKind {
        let is_machine = MACHINE.contains(&name);
        if is_secret_value(value) || is_secret_name(name) && !is_machine {
            ValueKind::Secret
        } else if is_machine || name.starts_with("LC_") || name.starts_with("XDG_") {
            ValueKind::Machine
        } else {
            ValueKind::Variable
        }
    }

    pub fn level(self) -> Level {
        match self {
            ValueKind::Secret => Level::Danger,
            ValueKind::Variable | ValueKind::Machine => Level::Warning,
            ValueKind::Argument => Level::Note,
        }
    }

    pub fn remedy(self) -> Remedy {
        match self {
            ValueKind::Secret | ValueKind::Variable => {
                "do not let it in, or overwrite it before init ends; resetting libc frees the copy in libc and does not \
                 overwrite it"
                    .into()
            }
            ValueKind::Machine => Remedy::FewerVariables,
            ValueKind::Argument => {
                "arguments are not treated as secrets; if this is one, pass it at run time".into()
            }
        }
    }
}

/// Whether a variable is named like something that is not to be published.
pub(super) fn is_secret_name(name: &str) -> bool {
    // Authors are no secrets, nor is what `auth` is in else.
    let name = name.to_ascii_lowercase().replace("author", "");
    SECRET.iter().any(|part| name.contains(part))
}

/// How keys and tokens of services begin: AWS, GitHub, GitLab, Slack, Stripe and OpenAI, Google, npm, PyPI, JSON web tokens.
const TOKENS: [&str; 17] = [
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
    "sk-",
    "sk_live_",
    "rk_live_",
    "AIza",
    "npm_",
    "pypi-",
    WEB_TOKEN,
];

/// So does all JSON in base64. A token has several parts.
const WEB_TOKEN: &str = "eyJ";

/// Whether a word is a token of a known form. Names that begin like one are of small letters only.
pub(super) fn is_token(word: &[u8]) -> bool {
    const SHORTEST: usize = 20;
    let Some(beginning) = TOKENS.iter().find(|beginning| word.starts_with(beginning.as_bytes())) else {
        return false;
    };
    let is_web_token = *beginning == WEB_TOKEN;
    let has_parts = word.contains(&b'.');
    let rest = &word[beginning.len()..];
    word.len() >= SHORTEST
        && has_parts == is_web_token
        && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte))
        && rest.iter().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// Whether a value looks like a secret: a URL with a password, a private key, a token of a known form, or a long random word
/// of letters of both cases and digits.
fn is_secret_value(value: &str) -> bool {
    const RANDOM: usize = 24;
    let is_word = |c: char| c.is_ascii_alphanumeric() || "+_-=".contains(c);
    let has = |kind: fn(&char) -> bool| value.chars().filter(kind).count() > 3;
    let is_random = value.len() >= RANDOM
        && value.chars().all(is_word)
        && has(char::is_ascii_uppercase)
        && has(char::is_ascii_lowercase)
        && has(char::is_ascii_digit);
    has_password(value) || value.contains("PRIVATE KEY-----") || is_token(value.as_bytes()) || is_random
}

/// Whether the value is a URL with a password.
pub(super) fn has_password(value: &str) -> bool {
    password(value).is_some()
}

/// Whether the value is a URL with a password that is more than an example of one.
pub(super) fn has_real_password(value: &str) -> bool {
    password(value).is_some_and(|password| !is_example(password))
}

/// Whether it stands for a password: a usual word, stars, or a place where one is put in.
fn is_example(password: &str) -> bool {
    const WORDS: [&str; 7] = ["password", "passwd", "passwort", "pass", "pwd", "secret", "pw"];
    let is_name = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let enclosed = |start: &str, end: &str| password.starts_with(start) && password.ends_with(end);
    WORDS.contains(&password.to_ascii_lowercase().as_str())
        || password.bytes().all(|byte| b"*.xX".contains(&byte))
        || matches!(password, "%s" | "%d")
        || [("${", "}"), ("$(", ")"), ("{", "}"), ("<", ">"), ("[", "]"), ("%{", "}"), ("%(", ")s")]
            .iter()
            .any(|(start, end)| enclosed(start, end))
        || password.strip_prefix('$').is_some_and(is_name)
        || password.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')).is_some_and(is_name)
}

/// The password in a URL.
fn password(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, _) = authority.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

#[cfg(test)]
mod tests {
    use super::ValueKind::{self, Machine, Secret, Variable};

    #[test]
    fn kinds_of_variables() {
        for (name, value, expected) in [
            ("API_KEY", "x", Secret),
            ("GITHUB_TOKEN", "x", Secret),
            ("DB_PASS", "x", Secret),
            ("SMTP_PWD", "x", Secret),
            ("OLDPWD", "/", Machine),
            ("SSH_AUTH_SOCK", "/tmp/ssh-a1/agent.123", Machine),
            ("GIT_AUTHOR_NAME", "Jane Smith", Variable),
            ("XAUTHORITY", "/home/me/.Xauthority", Variable),
            ("AUTHORIZATION_AUTH", "x", Secret),
            ("STORE", "postgres://bob:hunter2@db.example/shop", Secret),
            ("STORE", "postgres://bob@db.example/a:b@c", Variable),
            ("STORE", "bob:hunter2@db.example", Variable),
            ("HOME", "/home/somebody", Machine),
            ("LC_ALL", "C", Machine),
            ("MODE", "fast", Variable),
            ("RUST_MIN_STACK", "8388608", Variable),
            ("COMMIT", "0123456789abcdef0123456789abcdef01234567", Variable),
            ("BUILD", "/home/me/Build2026Release/OutputDirectory9876", Variable),
            ("MODE", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig", Secret),
            ("CI_A", "ghp_0123456789abcdefghij", Secret),
            ("A", "Zx81pQ07LmNb42KdYt93RwUe", Secret),
            ("A", "-----BEGIN RSA PRIVATE KEY-----\nMII", Secret),
        ] {
            assert_eq!(ValueKind::of_variable(name, value), expected, "{name}={value}");
        }
    }
}
