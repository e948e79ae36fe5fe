//! Access control lists of POSIX, by which a file can be written by more users than its owner, group and others.
//!
//! The mode of a file that has one shows, in place of what the group may do, the most that anybody on the list may. So where a
//! mode lets no group write, nobody on a list may.

use std::fs::File;
use std::path::Path;

use cap_std::fs::Dir;

/// It is not known what a list says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

/// A file or directory that may have a list. Only Linux is asked for it.
pub trait Listed {
    /// The list as it is kept; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    fn access_list(&self) -> Result<Option<Vec<u8>>, Unknown> {
        Ok(None)
    }
}

/// What needs no look at its list.
#[derive(Debug, Clone, Copy)]
pub struct Unlisted;

impl Listed for Unlisted {}

#[cfg(not(target_os = "linux"))]
mod attribute {
    use super::{Dir, File, Listed, Path};

    impl Listed for File {}
    impl Listed for Dir {}
    impl Listed for Path {}
}

#[cfg(target_os = "linux")]
mod attribute {
    use super::{Dir, File, Listed, Path, Unknown};
    use rustix::fs::{fgetxattr, lgetxattr};
    use rustix::io::Errno;

    const NAME: &str = "system.posix_acl_access";

    /// As many bytes as an attribute can have.
    const LONGEST: usize = 1 << 16;

    fn read(get: impl FnOnce(&mut [u8]) -> rustix::io::Result<usize>) -> Result<Option<Vec<u8>>, Unknown> {
        let mut list = vec![0; LONGEST];
        match get(&mut list) {
            Ok(length) => {
                list.truncate(length);
                Ok(Some(list))
            }
            Err(Errno::NODATA | Errno::NOTSUP) => Ok(None),
            Err(_) => Err(Unknown),
        }
    }

    impl Listed for File {
        fn access_list(&self) -> Result<Option<Vec<u8>>, Unknown> {
            read(|list| fgetxattr(self, NAME, list))
        }
    }

    impl Listed for Dir {
        fn access_list(&self) -> Result<Option<Vec<u8>>, Unknown> {
            // It may be open for paths only, which is not enough for attributes.
            let readable = self.open(".").map_err(|_| Unknown)?;
            read(|list| fgetxattr(&readable, NAME, list))
        }
    }

    impl Listed for Path {
        fn access_list(&self) -> Result<Option<Vec<u8>>, Unknown> {
            read(|list| lgetxattr(self, NAME, list))
        }
    }
}

/// Whether a list lets somebody write who is neither `user` nor the administrator, by what `is_private` says of groups. Of the
/// file's own group, the mode says enough. What cannot be read might.
#[cfg(unix)]
pub(super) fn lets_others_write(list: &[u8], user: u32, is_private: impl Fn(u32) -> bool) -> bool {
    const VERSION: [u8; 4] = 2u32.to_le_bytes();
    let Some(entries) = list.strip_prefix(&VERSION) else { return true };
    let (entries, rest) = entries.as_chunks::<8>();
    let is_others = |entry: &[u8; 8]| {
        let [tag, _, permissions, _, id @ ..] = *entry;
        let (writes, id) = (permissions & 2 != 0, u32::from_le_bytes(id));
        match tag {
            OWNER | OWN_GROUP | MASK | EVERYBODY => false,
            USER => writes && id != user && id != 0,
            GROUP => writes && !is_private(id),
            _ => true,
        }
    };
    !rest.is_empty() || entries.iter().any(is_others)
}

#[cfg(unix)]
const OWNER: u8 = 1;
#[cfg(unix)]
const USER: u8 = 2;
#[cfg(unix)]
const OWN_GROUP: u8 = 4;
#[cfg(unix)]
const GROUP: u8 = 8;
#[cfg(unix)]
const MASK: u8 = 16;
#[cfg(unix)]
const EVERYBODY: u8 = 32;

#[cfg(all(test, unix))]
mod tests {
    use super::{EVERYBODY, GROUP, MASK, OWN_GROUP, OWNER, USER, lets_others_write};

    const ME: u32 = 4_000_001;
    const MINE: u32 = 4_000_002;
    const OTHER: u32 = 4_000_003;
    const NOBODY: u32 = u32::MAX;

    fn list(entries: &[(u8, u8, u32)]) -> Vec<u8> {
        let mut list = vec![2, 0, 0, 0];
        for (tag, permissions, id) in entries {
            list.extend([*tag, 0, *permissions, 0]);
            list.extend(id.to_le_bytes());
        }
        list
    }

    fn others_write(list: &[u8]) -> bool {
        lets_others_write(list, ME, |group| group == MINE)
    }

    /// An entry besides those that every list has, and whether it lets others write.
    #[test]
    fn table() {
        for (entry, others) in [
            ((USER, 7, OTHER), true),
            ((USER, 2, OTHER), true),
            ((USER, 5, OTHER), false),
            ((USER, 7, ME), false),
            ((USER, 7, 0), false),
            ((GROUP, 7, OTHER), true),
            ((GROUP, 6, OTHER), true),
            ((GROUP, 5, OTHER), false),
            ((GROUP, 7, MINE), false),
            ((3, 0, OTHER), true),
        ] {
            let list = list(&[
                (OWNER, 7, NOBODY),
                entry,
                (OWN_GROUP, 7, NOBODY),
                (MASK, 7, NOBODY),
                (EVERYBODY, 5, NOBODY),
            ]);
            assert_eq!(others_write(&list), others, "{entry:?}");
        }
    }

    #[test]
    fn what_is_no_list_might_let_others_write() {
        let list = list(&[(OWNER, 7, NOBODY), (OWN_GROUP, 7, NOBODY), (EVERYBODY, 5, NOBODY)]);
        assert!(!others_write(&list));
        for broken in [&list[1..], &list[..list.len() - 1], &[3, 0, 0, 0], &[]] {
            assert!(others_write(broken), "{broken:?}");
        }
    }
}
