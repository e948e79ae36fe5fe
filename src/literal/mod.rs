//! Arguments as they are written: for the calls of scripts, and for init functions.

mod allocator;
mod display;
mod parse;
mod typed;

pub(crate) use allocator::{Allocator, word};
pub(crate) use display::{quote, write_list};
pub(crate) use parse::LiteralParser;
#[cfg(feature = "verify")]
pub(crate) use typed::literal_of;
pub(crate) use typed::typed;

/// A value as it is written. Its type is that of the parameter it is passed to.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// An integer, the bits of a vector, or a float that is a whole number.
    Integer {
        /// Whether it has a minus sign.
        negative: bool,
        /// The number without its sign.
        magnitude: u128,
    },
    /// A float: decimal, `inf`, `nan` or `nan:0x…`, with an optional sign.
    Float(String),
    /// Bytes to write into memory.
    Text(Vec<u8>),
    /// A null reference.
    Null,
    /// A function by its index.
    Function(u32),
    /// An unboxed 31-bit integer.
    I31(u32),
}
