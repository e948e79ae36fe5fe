//! Error numbers of WASI preview 1.

pub const SUCCESS: i32 = 0;
pub const TOOBIG: i32 = 1;
pub const BADF: i32 = 8;
#[cfg(feature = "write")]
pub const BUSY: i32 = 10;
pub const EXIST: i32 = 20;
#[cfg(feature = "write")]
pub const FBIG: i32 = 22;
pub const ILSEQ: i32 = 25;
pub const INVAL: i32 = 28;
pub const ISDIR: i32 = 31;
pub const LOOP: i32 = 32;
pub const MFILE: i32 = 33;
pub const NAMETOOLONG: i32 = 37;
pub const NOENT: i32 = 44;
#[cfg(feature = "write")]
pub const NOSPC: i32 = 51;
pub const NOTDIR: i32 = 54;
#[cfg(feature = "write")]
pub const NOTEMPTY: i32 = 55;
pub const NOTSOCK: i32 = 57;
pub const NOTSUP: i32 = 58;
pub const PERM: i32 = 63;
#[cfg(not(feature = "write"))]
pub const ROFS: i32 = 69;
pub const XDEV: i32 = 75;
