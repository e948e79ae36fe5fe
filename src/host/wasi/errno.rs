//! The error numbers that we answer ourselves.

pub(in crate::host) const SUCCESS: i32 = 0;
pub(in crate::host) const BADF: i32 = 8;
pub(super) const EXIST: i32 = 20;
pub(super) const FBIG: i32 = 22;
pub(super) const ILSEQ: i32 = 25;
pub(super) const INVAL: i32 = 28;
pub(super) const IO: i32 = 29;
pub(super) const ISDIR: i32 = 31;
pub(super) const LOOP: i32 = 32;
pub(super) const NAMETOOLONG: i32 = 37;
pub(super) const NOENT: i32 = 44;
pub(super) const NOSPC: i32 = 51;
pub(super) const NOTDIR: i32 = 54;
pub(super) const NOTEMPTY: i32 = 55;
pub(super) const NOTSUP: i32 = 58;
pub(super) const OVERFLOW: i32 = 61;
pub(super) const PERM: i32 = 63;
pub(super) const PIPE: i32 = 64;
pub(super) const XDEV: i32 = 75;

/// The number for a failed write to one of this process's own streams.
pub(super) fn of_write(error: &std::io::Error) -> i32 {
    if error.kind() == std::io::ErrorKind::BrokenPipe { PIPE } else { IO }
}
