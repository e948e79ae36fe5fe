use crate::encode::EncodeError;

/// Why a stopped program cannot be written as a module that resumes.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// Its calls in progress have no form in a module.
    #[error("{0}")]
    Refused(String),
    /// What was read from the engine and from the module does not fit together, which is a mistake of preinit.
    #[error("the stack of the program cannot be read, which is a bug in preinit: {0}")]
    Unexplained(&'static str),
    /// The code could not be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The module could be validated once, but not again.
    #[error("the module cannot be read again, which is a bug in preinit: {0}")]
    Read(#[from] wasmparser::BinaryReaderError),
}

impl ResumeError {
    /// A type of a proposal that the encoder does not know.
    pub fn unknown(what: &'static str) -> ResumeError {
        ResumeError::Encode(EncodeError::Unknown(what))
    }
}
