//! The error numbers that we answer ourselves.

pub(in crate::host) const SUCCESS: i32 = 0;
pub(in crate::host) const BADF: i32 = 8;
pub(super) const INVAL: i32 = 28;
pub(super) const IO: i32 = 29;
pub(super) const OVERFLOW: i32 = 61;
pub(super) const PIPE: i32 = 64;

/// The number for a failed write to one of this process's own streams.
pub(super) fn of_write(error: &std::io::Error) -> i32 {
    if error.kind() == std::io::ErrorKind::BrokenPipe { PIPE } else { IO }
}
