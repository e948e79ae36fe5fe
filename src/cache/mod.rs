//! What is kept between runs: compiled modules, and whatever else is put into a cache directory.
//!
//! Code from a cache runs as it is. So a cache directory is one that only this user can change, in which every entry is
//! sealed with a key that only this user can read; and one that this program has made, since old entries are removed.

mod cache_section;
mod compile_cache;
mod entry_files;
mod error;
mod init_runs;
mod owned_directory;
mod owned_file;
mod prepared_code;
mod prepared_file;
mod resolved_path;
mod seal;

pub use crate::ownership::Fault;
pub use cache_section::{CacheSection, EntryName};
pub use compile_cache::CompileCache;
pub(crate) use compile_cache::CompiledEntry;
pub use error::CacheError;
pub(crate) use init_runs::InitRuns;
pub use owned_directory::OwnedDirectory;
pub use owned_file::{OwnedFile, check_way};
pub use prepared_code::PreparedCode;
pub(crate) use prepared_file::Fit;
pub use prepared_file::PreparedError;
