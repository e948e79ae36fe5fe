//! The permissions of a file that is written.

use std::fs::{File, Metadata};
use std::io;

#[cfg(unix)]
use preinit::stages::ownership::Listed;

/// Who may read and write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileMode {
    /// Whoever the user's mask lets.
    New,
    /// Whoever the user's mask lets read, and nobody else writes.
    NewProgram,
    /// The user.
    Private,
    /// Those who could read and write the file that it replaces.
    #[cfg(unix)]
    As {
        /// Bits for the owner, the group and others.
        bits: u32,
        /// The group.
        group: u32,
    },
}

const NEW: u32 = 0o666;
const NEW_PROGRAM: u32 = 0o644;
const PRIVATE: u32 = 0o600;

/// Neither may anybody become somebody else by running it, nor does it keep its directory's group.
#[cfg(unix)]
const PERMISSIONS: u32 = 0o777;

#[cfg(unix)]
const OTHERS_WRITE: u32 = 0o022;

#[cfg(unix)]
const GROUP: u32 = 0o070;

impl FileMode {
    /// That of a file that replaces this one. Somebody else's file says nothing about what ours shall be.
    #[cfg(unix)]
    pub fn replacing(replaced: &File, metadata: &Metadata) -> FileMode {
        use std::os::unix::fs::MetadataExt;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return FileMode::New;
        }
        let bits = metadata.mode() & PERMISSIONS;
        // With a list, the group's bits are those of everybody on it, and the list is not kept.
        let bits = if replaced.access_list() == Ok(None) { bits } else { without_group(bits) };
        FileMode::As { bits, group: metadata.gid() }
    }

    /// That of a file that replaces this one. Read-only files are not replaced, and there is nothing else to keep.
    #[cfg(not(unix))]
    pub fn replacing(_: &File, _: &Metadata) -> FileMode {
        FileMode::New
    }

    /// The same, where only the user may write.
    pub fn without_others_writing(self) -> FileMode {
        match self {
            FileMode::New => FileMode::NewProgram,
            #[cfg(unix)]
            FileMode::As { bits, group } => FileMode::As { bits: bits & !OTHERS_WRITE, group },
            mode => mode,
        }
    }

    /// What the file is made with, on Unix.
    pub fn at_first(self) -> u32 {
        match self {
            FileMode::New => NEW,
            FileMode::NewProgram => NEW_PROGRAM,
            _ => PRIVATE,
        }
    }

    /// Sets what the file has at last.
    pub fn set(self, file: &File) -> io::Result<()> {
        #[cfg(unix)]
        if let FileMode::As { bits, group } = self {
            use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
            let same_group = file.metadata()?.gid() == group || fchown(file, None, Some(group)).is_ok();
            let bits = if same_group { bits } else { without_group(bits) };
            file.set_permissions(PermissionsExt::from_mode(bits))?;
        }
        let _ = file;
        Ok(())
    }
}

/// Another group may do what everybody may.
#[cfg(unix)]
fn without_group(bits: u32) -> u32 {
    bits & !GROUP | bits & (bits << 3) & GROUP
}

#[cfg(all(test, unix))]
mod tests {
    use super::without_group;

    #[test]
    fn another_group_is_like_others() {
        for (bits, expected) in
            [(0o640, 0o600), (0o664, 0o644), (0o666, 0o666), (0o600, 0o600), (0o604, 0o604), (0o770, 0o700)]
        {
            assert_eq!(without_group(bits), expected, "{bits:o}");
        }
    }
}
