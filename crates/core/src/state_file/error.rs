/// Why a [`State`](super::State) is not the state of an instance of the module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// It was written for another version.
    #[error("the state has version {0}; only version {expected} is supported", expected = super::VERSION)]
    Version(u32),
    /// It is the state of another module.
    #[error("the state is that of another module")]
    Module,
    /// There are not as many as the module has.
    #[error("the state has {found} {what}, the module {expected}")]
    Count {
        /// Of what, in the plural.
        what: &'static str,
        /// In the state.
        found: usize,
        /// In the module.
        expected: usize,
    },
    /// A memory is not of whole pages, or not of the size that the module declares.
    #[error("memory {index} has {bytes} bytes, which does not fit the module")]
    MemorySize {
        /// The memory index.
        index: u32,
        /// The number of bytes.
        bytes: u64,
    },
    /// A table is not of the size that the module declares.
    #[error("table {index} has {slots} slots, which does not fit the module")]
    TableSize {
        /// The table index.
        index: u32,
        /// The number of slots.
        slots: u64,
    },
    /// A part is missing.
    #[error("the state lacks {what} {index}")]
    Missing {
        /// The part.
        what: &'static str,
        /// Its index.
        index: u32,
    },
    /// An object is asked for that the host cannot read.
    #[error("the state does not say what object {0} holds")]
    Opaque(u64),
}
