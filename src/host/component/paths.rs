//! Calls with paths.

use super::call::{Answer, Guest, long, word_at, words};
use super::filesystem::{FLAGS, READ, WRITE, settled};
use super::resources::{Descriptor, Resource};
use super::stat::PATH_FLAGS;
use crate::host::component_value::ComponentValue;

pub(super) fn open(guest: &mut Guest<'_>) -> Answer {
    const OPEN_FLAGS: [&str; 4] = ["create", "directory", "exclusive", "truncate"];
    const OUT: usize = 4;
    /// Rights of preview 1: to read, to seek, to tell, to read a directory; and to write.
    const RIGHTS_TO_READ: u64 = 1 << 1 | 1 << 2 | 1 << 5 | 1 << 14;
    const RIGHT_TO_WRITE: u64 = 1 << 6;
    /// How writes are synchronized, in preview 2 and in preview 1.
    const SYNCHRONIZED: [(u32, u32); 3] = [(1 << 2, 1 << 4), (1 << 3, 1 << 1), (1 << 4, 1 << 3)];
    let (base, path_flags, path) = (guest.descriptor(0)?, guest.flags(1, &PATH_FLAGS)?, guest.text(2)?);
    let (open_flags, flags) = (guest.flags(3, &OPEN_FLAGS)?, guest.flags(4, &FLAGS)?);
    let mut rights = 0;
    if flags & READ != 0 {
        rights |= RIGHTS_TO_READ;
    }
    if flags & WRITE != 0 {
        rights |= RIGHT_TO_WRITE;
    }
    let fd_flags = SYNCHRONIZED.iter().filter(|(bit, _)| flags & bit != 0).fold(0, |all, (_, bit)| all | bit);
    let mut scratch = [&[0; OUT][..], path.as_bytes()].concat();
    let mut args = words(&[base.fd, path_flags, OUT as u32, u32::try_from(path.len())?, open_flags]);
    args.extend([long(rights), long(rights)]);
    args.extend(words(&[fd_flags, 0]));
    if let Err(errno) = guest.preview1("path_open", &args, &mut scratch)? {
        return settled(Err(errno));
    }
    let fd = word_at(&scratch, 0);
    guest.resources.opened(fd);
    let descriptor = Resource::Descriptor(Descriptor { fd, flags, filetype: None });
    let opened = guest.make("descriptor", descriptor)?;
    settled(Ok(Some(opened)))
}

pub(super) fn create_directory(guest: &mut Guest<'_>) -> Answer {
    with_path(guest, "path_create_directory")
}

pub(super) fn remove_directory(guest: &mut Guest<'_>) -> Answer {
    with_path(guest, "path_remove_directory")
}

pub(super) fn unlink_file(guest: &mut Guest<'_>) -> Answer {
    with_path(guest, "path_unlink_file")
}

/// A function about nothing but a path.
fn with_path(guest: &mut Guest<'_>, name: &str) -> Answer {
    let (fd, path) = (guest.descriptor(0)?.fd, guest.text(1)?);
    let args = words(&[fd, 0, u32::try_from(path.len())?]);
    let answered = guest.preview1(name, &args, &mut path.into_bytes())?;
    settled(answered.map(|()| None))
}

pub(super) fn read_link(guest: &mut Guest<'_>) -> Answer {
    const LONGEST: u32 = 1 << 16;
    const ILSEQ: i32 = 25;
    let (fd, path) = (guest.descriptor(0)?.fd, guest.text(1)?);
    let len = u32::try_from(path.len())?;
    let target = 4 + len;
    let mut scratch = [&[0; 4][..], path.as_bytes(), &vec![0; LONGEST as usize]].concat();
    let args = words(&[fd, 4, len, target, LONGEST, 0]);
    if let Err(errno) = guest.preview1("path_readlink", &args, &mut scratch)? {
        return settled(Err(errno));
    }
    let target = target as usize;
    let bytes = scratch.get(target..target + word_at(&scratch, 0) as usize).unwrap_or_default().to_vec();
    settled(String::from_utf8(bytes).map(|text| Some(ComponentValue::Text(text))).map_err(|_| ILSEQ))
}

pub(super) fn rename(guest: &mut Guest<'_>) -> Answer {
    let (old, new) = (guest.descriptor(0)?.fd, guest.descriptor(2)?.fd);
    let (path, new_path) = (guest.text(1)?, guest.text(3)?);
    let [len, new_len] = [u32::try_from(path.len())?, u32::try_from(new_path.len())?];
    let mut scratch = [path.as_bytes(), new_path.as_bytes()].concat();
    let answered = guest.preview1("path_rename", &words(&[old, 0, len, new, len, new_len]), &mut scratch)?;
    settled(answered.map(|()| None))
}

pub(super) fn link(guest: &mut Guest<'_>) -> Answer {
    let (old, new) = (guest.descriptor(0)?.fd, guest.descriptor(3)?.fd);
    let flags = guest.flags(1, &PATH_FLAGS)?;
    let (path, new_path) = (guest.text(2)?, guest.text(4)?);
    let [len, new_len] = [u32::try_from(path.len())?, u32::try_from(new_path.len())?];
    let mut scratch = [path.as_bytes(), new_path.as_bytes()].concat();
    let args = words(&[old, flags, 0, len, new, len, new_len]);
    let answered = guest.preview1("path_link", &args, &mut scratch)?;
    settled(answered.map(|()| None))
}

pub(super) fn symbolic_link(guest: &mut Guest<'_>) -> Answer {
    let (fd, target, path) = (guest.descriptor(0)?.fd, guest.text(1)?, guest.text(2)?);
    let [len, path_len] = [u32::try_from(target.len())?, u32::try_from(path.len())?];
    let mut scratch = [target.as_bytes(), path.as_bytes()].concat();
    let answered = guest.preview1("path_symlink", &words(&[0, len, fd, len, path_len]), &mut scratch)?;
    settled(answered.map(|()| None))
}
