//! The search for preopened directories. Programs ask for each number from 3 on until the answer is `BADF`. Mounts follow
//! the host's directories, of which there may be more or fewer in the next process.

use crate::descriptors::{Target, give_back, mounted, open_mount, target};
use crate::memory::put_u32;
use crate::state::FIRST_OF_OURS;
use crate::{errno, host, tree};

/// The first number of a preopened directory.
const FIRST: u32 = 3;
/// Of `prestat`: a directory.
const IS_DIRECTORY: u32 = 0;

#[unsafe(export_name = "embed:fd_prestat_get")]
extern "C" fn prestat(fd: u32, prestat: u32) -> i32 {
    if fd == FIRST {
        (0..tree::mounts()).for_each(|mount| mounted(mount).set_reported(false));
    }
    match target(fd) {
        Target::Closed => errno::BADF,
        Target::Ours(object) if object.is_mount() => {
            // The host of a snapshot may have more directories than that of the build.
            if host::fd_prestat_get(fd, prestat) == errno::SUCCESS {
                give_back(fd);
                return errno::SUCCESS;
            }
            report(object.index, prestat)
        }
        Target::Ours(_) => errno::BADF,
        Target::Host(number) => {
            let result = host::fd_prestat_get(number, prestat);
            if result == errno::SUCCESS || number != fd || !is_vacant(fd) {
                return result;
            }
            let next = (0..tree::mounts()).find(|mount| !mounted(*mount).is_reported());
            let Some(next) = next else { return result };
            open_mount(next, fd);
            report(next, prestat)
        }
    }
}

/// Whether the host has nothing open under this number.
fn is_vacant(fd: u32) -> bool {
    (FIRST..FIRST_OF_OURS).contains(&fd)
        && matches!(host::fd_fdstat_get(fd, crate::state::out()), errno::BADF | host::NOSYS)
}

fn report(mount: u32, prestat: u32) -> i32 {
    mounted(mount).set_reported(true);
    put_u32(prestat, IS_DIRECTORY);
    put_u32(prestat + 4, tree::mount(mount).name_len);
    errno::SUCCESS
}

#[unsafe(export_name = "embed:fd_prestat_dir_name")]
extern "C" fn prestat_name(fd: u32, path: u32, len: u32) -> i32 {
    match target(fd) {
        Target::Closed => errno::BADF,
        Target::Ours(object) if object.is_mount() => {
            let mount = tree::mount(object.index);
            if mount.name_len > len {
                return errno::NAMETOOLONG;
            }
            host::image(path, mount.name, mount.name_len);
            errno::SUCCESS
        }
        Target::Ours(_) => errno::NOTDIR,
        Target::Host(number) => host::fd_prestat_dir_name(number, path, len),
    }
}
