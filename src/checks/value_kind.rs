//! How much it matters that a value is in the snapshot.

use crate::finding::{Level, Remedy};

/// What a value is, by the name of its variable. The order is worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueKind {
    /// A variable named like a secret, or a URL with a password.
    Secret,
    /// Any other variable: what is in it is not known.
    Variable,
    /// A variable that describes the machine.
    Machine,
    /// An argument: it was given for init to use, and is no secret.
    Argument,
}

/// Variables that describe the machine, besides `LC_…` and `XDG_…`.
const MACHINE: [&str; 30] = [
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

/// Parts of the names of files and variables that are not to be published.
const SECRET: [&str; 16] = [
    "secret",
    "token",
    "passw",
    "credential",
    "private",
    "apikey",
    "_key",
    "auth",
    "cookie",
    "session_id",
    "dsn",
    "api_key",
    ".pem",
    ".key",
    ".env",
    "id_rsa",
];

impl ValueKind {
    /// The kind of an environment variable.
    pub fn of_variable(name: &str, value: &str) -> ValueKind {
        if has_password(value) || is_secret_name(name) {
            ValueKind::Secret
        } else if MACHINE.contains(&name) || name.starts_with("LC_") || name.starts_with("XDG_") {
            ValueKind::Machine
        } else {
            ValueKind::Variable
        }
    }

    pub fn level(self) -> Level {
        match self {
            ValueKind::Secret | ValueKind::Variable => Level::Danger,
            ValueKind::Machine => Level::Warning,
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

/// Whether a file or variable is named like something that is not to be published.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|part| name.contains(part))
}

/// Whether the value is a URL with a password.
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::ValueKind::{self, Machine, Secret, Variable};

    #[test]
    fn kinds_of_variables() {
        for (name, value, expected) in [
            ("API_KEY", "x", Secret),
            ("GITHUB_TOKEN", "x", Secret),
            ("STORE", "postgres://bob:hunter2@db.example/shop", Secret),
            ("STORE", "postgres://bob@db.example/a:b@c", Variable),
            ("STORE", "bob:hunter2@db.example", Variable),
            ("HOME", "/home/somebody", Machine),
            ("LC_ALL", "C", Machine),
            ("MODE", "fast", Variable),
        ] {
            assert_eq!(ValueKind::of_variable(name, value), expected, "{name}={value}");
        }
    }
}
