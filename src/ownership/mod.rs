//! Who can change a file or directory, by its owner, mode and access control list.
//!
//! Only Unix has these, and lists are read on Linux only. Elsewhere nothing is checked: there, a directory is as private as the
//! one that it was made in.

mod acl;
#[cfg(unix)]
mod groups;

use cap_std::fs::Metadata;

pub use acl::{Listed, Unknown, Unlisted};

/// How somebody else could change a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is somebody else's.
    #[error("belongs to another user (number {0})")]
    AnotherOwner(u32),
    /// Its mode lets others write.
    #[error("can be changed by others (its mode is {0:04o})")]
    OthersWrite(u32),
    /// Its access control list lets others write, or cannot be read.
    #[error("can be changed by others (by its access control list)")]
    ListedWrite,
    /// Its mode lets others read a secret.
    #[error("can be read by others")]
    OthersRead,
    /// It has other names, perhaps where others write.
    #[error("has {0} names")]
    Linked(u64),
}

/// Checks that only this user can change this file or directory, whose list is `listed`.
///
/// # Errors
/// How others can.
pub fn check(metadata: &Metadata, listed: &(impl Listed + ?Sized)) -> Result<(), Fault> {
    #[cfg(unix)]
    return Attributes::of(metadata, listed).own(rustix::process::geteuid().as_raw());
    #[cfg(not(unix))]
    {
        let _ = (metadata, listed);
        Ok(())
    }
}

/// Checks that only this user and the administrator can change this file, whose it may be.
///
/// # Errors
/// How others can.
pub fn check_installed(metadata: &Metadata, listed: &(impl Listed + ?Sized)) -> Result<(), Fault> {
    #[cfg(unix)]
    return Attributes::of(metadata, listed).installed(rustix::process::geteuid().as_raw());
    #[cfg(not(unix))]
    {
        let _ = (metadata, listed);
        Ok(())
    }
}

/// Checks that only this user can read and change this file.
///
/// # Errors
/// How others can.
pub fn check_secret(metadata: &Metadata, listed: &impl Listed) -> Result<(), Fault> {
    check(metadata, listed)?;
    #[cfg(unix)]
    if cap_std::fs::MetadataExt::mode(metadata) & 0o077 != 0 {
        return Err(Fault::OthersRead);
    }
    Ok(())
}

/// Checks that nobody but this user and the administrator can exchange what is in this directory, if it is theirs, or
/// where this link leads.
///
/// # Errors
/// How others can.
pub fn check_ancestor(metadata: &Metadata, listed: &(impl Listed + ?Sized)) -> Result<(), Fault> {
    #[cfg(unix)]
    return Attributes::of(metadata, listed).ancestor(rustix::process::geteuid().as_raw());
    #[cfg(not(unix))]
    {
        let _ = (metadata, listed);
        Ok(())
    }
}

#[cfg(unix)]
#[derive(Debug, Clone)]
struct Attributes {
    owner: u32,
    group: u32,
    mode: u32,
    /// Of a file; directories count theirs otherwise.
    names: u64,
    is_link: bool,
    list: Result<Option<Vec<u8>>, Unknown>,
}

#[cfg(unix)]
impl Attributes {
    const STICKY: u32 = 0o1000;
    const GROUP_WRITES: u32 = 0o020;
    const OTHERS_WRITE: u32 = 0o002;

    fn of(metadata: &Metadata, listed: &(impl Listed + ?Sized)) -> Attributes {
        use cap_std::fs::MetadataExt;
        // Without this right in the mode, nobody on a list has it.
        let may_write = metadata.mode() & Self::GROUP_WRITES != 0 && !metadata.is_symlink();
        Attributes {
            owner: metadata.uid(),
            group: metadata.gid(),
            mode: metadata.mode() & 0o7777,
            names: if metadata.is_dir() { 1 } else { metadata.nlink() },
            is_link: metadata.is_symlink(),
            list: if may_write { listed.access_list() } else { Ok(None) },
        }
    }

    fn own(&self, user: u32) -> Result<(), Fault> {
        if self.owner != user {
            return Err(Fault::AnotherOwner(self.owner));
        }
        self.written_by_others(user)?;
        if self.names > 1 {
            return Err(Fault::Linked(self.names));
        }
        Ok(())
    }

    fn installed(self, user: u32) -> Result<(), Fault> {
        Attributes { owner: if self.owner == 0 { user } else { self.owner }, ..self }.own(user)
    }

    fn ancestor(&self, user: u32) -> Result<(), Fault> {
        if self.owner != user && self.owner != 0 {
            return Err(Fault::AnotherOwner(self.owner));
        }
        // In a sticky directory, as `/tmp`, everybody makes files, but exchanges only their own. Nobody writes to a link.
        if self.mode & Self::STICKY != 0 || self.is_link {
            return Ok(());
        }
        self.written_by_others(user)
    }

    fn written_by_others(&self, user: u32) -> Result<(), Fault> {
        let group = self.mode & Self::GROUP_WRITES != 0 && !groups::is_private(self.group, user);
        if group || self.mode & Self::OTHERS_WRITE != 0 {
            return Err(Fault::OthersWrite(self.mode));
        }
        let listed = match &self.list {
            Ok(None) => false,
            Ok(Some(list)) => acl::lets_others_write(list, user, |group| groups::is_private(group, user)),
            Err(Unknown) => true,
        };
        if listed {
            return Err(Fault::ListedWrite);
        }
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::Attributes;

    const ME: u32 = 4_000_001;
    const OTHER: u32 = 4_000_002;
    const ROOT: u32 = 0;

    fn attributes(owner: u32, mode: u32) -> Attributes {
        Attributes { owner, group: 4_000_003, mode, names: 1, is_link: false, list: Ok(None) }
    }

    /// Owner, mode, whether it is safe on the way to a directory, whether it is safe as something of our own.
    #[test]
    fn table() {
        for (owner, mode, way, own) in [
            (ME, 0o700, true, true),
            (ME, 0o755, true, true),
            (ME, 0o600, true, true),
            (ME, 0o644, true, true),
            (ME, 0o775, false, false),
            (ME, 0o757, false, false),
            (ME, 0o777, false, false),
            (ME, 0o720, false, false),
            (ME, 0o702, false, false),
            (ME, 0o666, false, false),
            (ME, 0o2770, false, false),
            (ME, 0o1777, true, false),
            (ME, 0o1770, true, false),
            (ROOT, 0o755, true, false),
            (ROOT, 0o700, true, false),
            (ROOT, 0o1777, true, false),
            (ROOT, 0o777, false, false),
            (ROOT, 0o775, false, false),
            (OTHER, 0o700, false, false),
            (OTHER, 0o755, false, false),
            (OTHER, 0o1777, false, false),
            (OTHER, 0o000, false, false),
        ] {
            let attributes = attributes(owner, mode);
            assert_eq!(attributes.ancestor(ME).is_ok(), way, "on the way: {owner} {mode:o}");
            assert_eq!(attributes.own(ME).is_ok(), own, "own: {owner} {mode:o}");
        }
    }

    #[test]
    fn the_administrator_trusts_nobody_else() {
        assert!(attributes(ROOT, 0o700).own(ROOT).is_ok() && attributes(ROOT, 0o755).ancestor(ROOT).is_ok());
        assert!(attributes(ME, 0o700).own(ROOT).is_err() && attributes(ME, 0o700).ancestor(ROOT).is_err());
    }

    #[test]
    fn a_file_with_two_names_is_not_our_own() {
        assert!(Attributes { names: 2, ..attributes(ME, 0o600) }.own(ME).is_err());
    }

    #[test]
    fn a_link_counts_by_its_owner() {
        let link = |owner| Attributes { is_link: true, ..attributes(owner, 0o777) };
        assert!(link(ME).ancestor(ME).is_ok() && link(ROOT).ancestor(ME).is_ok());
        assert!(link(OTHER).ancestor(ME).is_err());
    }
}
