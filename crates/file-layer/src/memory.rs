//! Access to the memory of the module that the layer is part of: the only unsafe code. The addresses are the module's own
//! and those of its calls. An engine checks each access, so that a wrong one traps.

use core::ptr;

macro_rules! access {
    ($get:ident, $put:ident, $ty:ty) => {
        pub fn $get(address: u32) -> $ty {
            // SAFETY: there is no other data in this memory that Rust knows of.
            unsafe { ptr::read_unaligned(address as *const $ty) }
        }

        pub fn $put(address: u32, value: $ty) {
            // SAFETY: as above.
            unsafe { ptr::write_unaligned(address as *mut $ty, value) }
        }
    };
}

access!(get_u8, put_u8, u8);
access!(get_u16, put_u16, u16);
access!(get_u32, put_u32, u32);
access!(get_u64, put_u64, u64);

/// Copies bytes, which may overlap.
pub fn copy(to: u32, from: u32, len: u32) {
    // SAFETY: as above.
    unsafe { ptr::copy(from as *const u8, to as *mut u8, len as usize) }
}

pub fn zero(address: u32, len: u32) {
    // SAFETY: as above.
    unsafe { ptr::write_bytes(address as *mut u8, 0, len as usize) }
}
