use super::compile_cache::CompileCache;
use super::prepared_file::{self, Fit, PreparedError};
use crate::temporary::TemporaryDirectory;
use std::path::Path;
use std::sync::Arc;

/// Optimized code of one module, compiled before and elsewhere: by [`Preinit::prepare_code`](crate::Preinit::prepare_code).
///
/// It is machine code, and runs as it is. It must come from where programs come from.
///
/// ```
/// use preinit::{Preinit, PreparedCode};
///
/// let wasm = preinit::wat_to_wasm(br#"(module (func (export "preinit")))"#)?;
/// let file = Preinit::new().prepare_code(&wasm)?;
/// // On any machine with the same kind of processor:
/// let code = PreparedCode::open(&file, &wasm)?;
/// let output = Preinit::new().prepared_code(code).run(&wasm)?;
/// assert_eq!(output.report.compiler_choice, "prepared");
/// # Ok::<(), preinit::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PreparedCode {
    cache: CompileCache,
    _directory: Arc<TemporaryDirectory>,
}

impl PreparedCode {
    /// Whether a guest that may write to `directories` can change the code where it is unpacked, which is where temporary
    /// files are. Then it is not used, and the module is compiled.
    ///
    /// No example: it depends on the machine.
    pub fn is_in_reach_of<'d>(&self, directories: impl Iterator<Item = &'d Path>) -> bool {
        self.cache.is_in_reach_of(directories)
    }

    /// An empty place for code.
    pub(crate) fn empty() -> Result<PreparedCode, PreparedError> {
        let directory = TemporaryDirectory::new().map_err(PreparedError::io)?;
        let cache = CompileCache::new(directory.path().join("code"));
        Ok(PreparedCode { cache, _directory: Arc::new(directory) })
    }

    /// Takes code out of a file, if it fits.
    pub(crate) fn unpack(file: &[u8], fit: &Fit<'_>) -> Result<PreparedCode, PreparedError> {
        let entries = prepared_file::unpack(file, fit)?;
        let code = PreparedCode::empty()?;
        for (name, files) in &entries {
            code.cache.unpack_entry(name, files)?;
        }
        Ok(code)
    }

    /// The file that has what was compiled.
    pub(crate) fn pack(&self, fit: &Fit<'_>) -> Result<Vec<u8>, PreparedError> {
        prepared_file::pack(fit, self.cache.packed_entries()?)
    }

    /// Where it is.
    pub(crate) fn cache(&self) -> &CompileCache {
        &self.cache
    }
}

impl PartialEq for PreparedCode {
    fn eq(&self, other: &PreparedCode) -> bool {
        self.cache == other.cache
    }
}
