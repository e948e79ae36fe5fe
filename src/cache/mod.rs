//! What is kept between runs: compiled modules, and whatever else is put into a cache directory.
//!
//! Code from a cache runs as it is. So a cache directory is one that only this user can change, in which every entry is
//! sealed with a key that only this user can read; and one that this program has made, since old entries are removed.

mod compiled;
mod directory;
mod error;
mod seal;
mod section;
mod way;

pub use crate::ownership::Fault;
pub use compiled::CompileCache;
pub use directory::OwnedDirectory;
pub use error::CacheError;
pub use section::{EntryName, Section};
