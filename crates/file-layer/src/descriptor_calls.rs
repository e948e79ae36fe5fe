//! Calls about something open that need only be passed on, or refused.

use crate::descriptors::{Target, is_mapped, target, unbind};
use crate::{errno, host};

/// Passes a call on to the host, or gives an errno: one for a file of ours, one for a directory of ours.
macro_rules! pass {
    ($fd:expr, $host:expr, $file:expr, $directory:expr) => {
        match target($fd) {
            Target::Host(number) => $host(number),
            Target::Ours(object) if object.is_directory() => $directory,
            Target::Ours(_) => $file,
            Target::Closed => errno::BADF,
        }
    };
}
#[cfg(not(feature = "write"))]
pub(crate) use pass;

#[unsafe(export_name = "embed:fd_close")]
extern "C" fn close(fd: u32) -> i32 {
    match target(fd) {
        Target::Closed => errno::BADF,
        Target::Ours(_) => {
            unbind(fd);
            errno::SUCCESS
        }
        Target::Host(number) => {
            let result = host::fd_close(number);
            if result == errno::SUCCESS && is_mapped(fd) {
                unbind(fd);
            }
            result
        }
    }
}

#[unsafe(export_name = "embed:fd_advise")]
extern "C" fn advise(fd: u32, offset: u64, len: u64, advice: u32) -> i32 {
    const KINDS: u32 = 6;
    let known = if advice < KINDS { errno::SUCCESS } else { errno::INVAL };
    pass!(fd, |fd| host::fd_advise(fd, offset, len, advice), known, errno::BADF)
}

#[unsafe(export_name = "embed:fd_allocate")]
extern "C" fn allocate(fd: u32, offset: u64, len: u64) -> i32 {
    pass!(fd, |fd| host::fd_allocate(fd, offset, len), errno::NOTSUP, errno::BADF)
}

#[unsafe(export_name = "embed:fd_datasync")]
extern "C" fn datasync(fd: u32) -> i32 {
    pass!(fd, host::fd_datasync, errno::SUCCESS, errno::BADF)
}

#[unsafe(export_name = "embed:fd_sync")]
extern "C" fn sync(fd: u32) -> i32 {
    pass!(fd, host::fd_sync, errno::SUCCESS, errno::BADF)
}

#[unsafe(export_name = "embed:fd_fdstat_set_rights")]
extern "C" fn set_rights(fd: u32, base: u64, inheriting: u64) -> i32 {
    pass!(fd, |fd| host::fd_fdstat_set_rights(fd, base, inheriting), errno::NOTSUP, errno::NOTSUP)
}
