//! The names of temporary files. They tell on which machine and by which process the file was made.

use std::fmt::{self, Display};
use std::io;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

const PREFIX: &str = ".preinit-";
const SUFFIX: &str = ".tmp";

/// A machine, or container, by a hash of its name. Unnamed ones are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Host(u32);

impl Host {
    /// The one that this process runs on.
    pub(super) fn this() -> Host {
        static HOST: OnceLock<Host> = OnceLock::new();
        *HOST.get_or_init(|| {
            let linux = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
            let variable = || ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok());
            linux.or_else(variable).map_or(Host(0), |name| Host::named(name.trim()))
        })
    }

    fn named(name: &str) -> Host {
        let digest = Sha256::digest(name);
        Host(digest.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)).max(1))
    }

    /// Whether both are one machine for sure.
    pub(super) fn is(self, other: Host) -> bool {
        self == other && self != Host(0)
    }
}

/// The name of a temporary file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TemporaryName {
    pub(super) host: Host,
    process: u32,
    random: u64,
}

impl TemporaryName {
    /// A new one of this process.
    pub(super) fn new() -> io::Result<TemporaryName> {
        let random = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
        Ok(TemporaryName { host: Host::this(), process: std::process::id(), random })
    }

    /// Reads one, exactly as it is written.
    pub(super) fn parse(text: &str) -> Option<TemporaryName> {
        let mut parts = text.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.split('-');
        let host = Host(u32::from_str_radix(parts.next()?, 16).ok()?);
        let process = parts.next()?.parse().ok()?;
        let random = u64::from_str_radix(parts.next()?, 16).ok()?;
        let name = TemporaryName { host, process, random };
        (name.to_string() == text).then_some(name)
    }
}

impl Display for TemporaryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TemporaryName { host: Host(host), process, random } = self;
        write!(f, "{PREFIX}{host:08x}-{process}-{random:016x}{SUFFIX}")
    }
}

/// Whether this is the name of a temporary file of ours.
#[cfg(feature = "cache")]
pub(crate) fn is_temporary(name: &str) -> bool {
    TemporaryName::parse(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::{Host, TemporaryName};

    #[test]
    fn names_are_recognized() {
        let name = TemporaryName::new().unwrap();
        assert_eq!(TemporaryName::parse(&name.to_string()), Some(name));
        assert!(name.host == Host::this());
    }

    #[test]
    fn nothing_else_is() {
        assert!(TemporaryName::parse(".preinit-0badcafe-7-0123456789abcdef.tmp").is_some());
        for other in [
            "",
            ".tmp",
            ".preinit-.tmp",
            ".preinit-notes.tmp",
            ".preinit-a1B2c3.tmp",
            "preinit-0badcafe-7-0123456789abcdef.tmp",
            ".preinit-0badcafe-7-0123456789abcdef",
            ".preinit-0badcafe-7-0123456789abcdef.tmp.bak",
            ".preinit-0BADCAFE-7-0123456789abcdef.tmp",
            ".preinit-0badcafe-+7-0123456789abcdef.tmp",
            ".preinit-0badcafe-7-0123456789abcdef-.tmp",
            ".preinit-badcafe-7-0123456789abcdef.tmp",
            ".preinit-0badcafe-07-0123456789abcdef.tmp",
        ] {
            assert_eq!(TemporaryName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn hosts_are_told_apart() {
        assert!(Host::named("a").is(Host::named("a")));
        assert!(!Host::named("a").is(Host::named("b")));
        assert!(!Host(0).is(Host(0)), "both have no name");
    }
}
