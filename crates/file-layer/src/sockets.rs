//! Sockets: none of them is ours.

use crate::descriptors::{Target, number_for, target};
use crate::memory::{get_u32, put_u32};
use crate::{errno, host};

macro_rules! socket {
    ($fd:expr, $host:expr) => {
        match target($fd) {
            Target::Host(number) => $host(number),
            Target::Ours(_) => errno::NOTSOCK,
            Target::Closed => errno::BADF,
        }
    };
}

#[unsafe(export_name = "embed:sock_accept")]
extern "C" fn accept(fd: u32, flags: u32, accepted: u32) -> i32 {
    let result = socket!(fd, |fd| host::sock_accept(fd, flags, accepted));
    if result == errno::SUCCESS { renamed(accepted) } else { result }
}

#[unsafe(export_name = "embed:sock_recv")]
extern "C" fn recv(fd: u32, buffers: u32, count: u32, flags: u32, read: u32, out_flags: u32) -> i32 {
    socket!(fd, |fd| host::sock_recv(fd, buffers, count, flags, read, out_flags))
}

#[unsafe(export_name = "embed:sock_send")]
extern "C" fn send(fd: u32, buffers: u32, count: u32, flags: u32, sent: u32) -> i32 {
    socket!(fd, |fd| host::sock_send(fd, buffers, count, flags, sent))
}

#[unsafe(export_name = "embed:sock_shutdown")]
extern "C" fn shutdown(fd: u32, how: u32) -> i32 {
    socket!(fd, |fd| host::sock_shutdown(fd, how))
}

/// Puts the program's number in the place of the host's, which has just been given out.
pub fn renamed(at: u32) -> i32 {
    match number_for(get_u32(at)) {
        Ok(number) => {
            put_u32(at, number);
            errno::SUCCESS
        }
        Err(errno) => errno,
    }
}
