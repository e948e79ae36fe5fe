//! What directories there are, and what is in them.

use super::call::{Answer, Guest, long, mismatch, option, record, word_at, words};
use super::filesystem::{DIRECTORY, MUTATE, READ, settled};
use super::resources::{Descriptor, DirectoryEntry, Resource};
use super::stat::type_name;
use crate::host::component_value::ComponentValue;

/// Of preview 1.
const FIRST_PREOPEN: u32 = 3;
const NOTDIR: i32 = 54;
const ILSEQ: i32 = 25;

/// All preopened directories, in their order. Each call gives new resources for them.
pub(super) fn preopened(guest: &mut Guest<'_>) -> Answer {
    let mut directories = Vec::new();
    for fd in FIRST_PREOPEN.. {
        let mut scratch = [0; 8];
        if guest.preview1("fd_prestat_get", &words(&[fd, 0]), &mut scratch)?.is_err() {
            break;
        }
        let len = word_at(&scratch, 4);
        let mut name = vec![0; len as usize];
        guest.must("fd_prestat_dir_name", &words(&[fd, 0, len]), &mut name)?;
        let descriptor = Descriptor { fd, flags: READ | MUTATE, filetype: Some(DIRECTORY) };
        let directory = guest.make("descriptor", Resource::Descriptor(descriptor))?;
        let name = ComponentValue::Text(String::from_utf8_lossy(&name).into_owned());
        directories.push(ComponentValue::Tuple(vec![directory, name]));
    }
    Ok(Some(ComponentValue::List(directories)))
}

pub(super) fn read_directory(guest: &mut Guest<'_>) -> Answer {
    match listing(guest)? {
        Ok(entries) => {
            let stream = guest.make("directory-entry-stream", entries)?;
            settled(Ok(Some(stream)))
        }
        Err(errno) => settled(Err(errno)),
    }
}

/// Everything in the directory that the first argument is; an errno is the inner error.
pub(super) fn listing(guest: &mut Guest<'_>) -> wasmtime::Result<Result<Resource, i32>> {
    let descriptor = match guest.typed_descriptor(0)? {
        Ok((descriptor, DIRECTORY)) => descriptor,
        Ok(_) => return Ok(Err(NOTDIR)),
        Err(errno) => return Ok(Err(errno)),
    };
    Ok(entries(guest, descriptor.fd)?.map(|entries| Resource::Entries(entries.into())))
}

/// Everything in a directory but itself and what it is in; an errno is the inner error.
fn entries(guest: &mut Guest<'_>, fd: u32) -> wasmtime::Result<Result<Vec<DirectoryEntry>, i32>> {
    const LEN: usize = 1 << 16;
    const HEADER: usize = 24;
    let mut found = Vec::new();
    let mut cookie = 0;
    let mut scratch = vec![0; LEN + 4];
    loop {
        let args = [&words(&[fd, 4, LEN as u32])[..], &[long(cookie)], &words(&[0])].concat();
        if let Err(errno) = guest.preview1("fd_readdir", &args, &mut scratch)? {
            return Ok(Err(errno));
        }
        let used = (word_at(&scratch, 0) as usize).min(LEN);
        let mut rest = &scratch[4..4 + used];
        let before = cookie;
        while let Some((header, tail)) = rest.split_at_checked(HEADER) {
            let Some((name, tail)) = tail.split_at_checked(word_at(header, 16) as usize) else { break };
            cookie = super::call::long_at(header, 0);
            rest = tail;
            if name != b"." && name != b".." {
                let name = std::str::from_utf8(name).map_err(|_| ILSEQ);
                found.push(name.map(|name| (header[20], name.to_owned())));
            }
        }
        // A buffer that is not full holds the end. One entry always fits.
        if used < LEN || cookie == before {
            return Ok(Ok(found));
        }
    }
}

pub(super) fn read_entry(guest: &mut Guest<'_>) -> Answer {
    let number = guest.handle(0)?;
    let Some(next) = guest.resources.next_entry(number) else {
        return Err(mismatch(0, "a stream of entries"));
    };
    match next {
        None => settled(Ok(Some(option(None)))),
        Some(Err(errno)) => settled(Err(errno)),
        Some(Ok((filetype, name))) => settled(Ok(Some(option(Some(record([
            ("type", type_name(filetype)),
            ("name", ComponentValue::Text(name)),
        ])))))),
    }
}
