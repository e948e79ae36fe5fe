//! Values that options take, one kind a file.

pub mod bytes;
pub mod duration;
pub mod fuel;
pub mod layout;
pub mod pair;
pub mod source;
pub mod timestamp;
