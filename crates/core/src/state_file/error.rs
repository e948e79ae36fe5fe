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
    /// Something that the state names is not there.
    #[error("the state names {what} {index}, which the module does not have")]
    Unknown {
        /// What it is.
        what: &'static str,
        /// Its index.
        index: u32,
    },
    /// Something is said twice.
    #[error("the state says twice what {what} {index} held")]
    Twice {
        /// What it is.
        what: &'static str,
        /// Its index.
        index: u32,
    },
    /// A value that cannot be where it is.
    #[error("{what} {index} holds what is not of its type")]
    Type {
        /// What it is.
        what: &'static str,
        /// Its index.
        index: u32,
    },
    /// An import is smaller now than it was, or than it must be.
    #[error("{what} {index} had another size when it was handed over than it can have had: {size}")]
    ImportSize {
        /// What it is.
        what: &'static str,
        /// Its index.
        index: u32,
        /// In bytes or slots.
        size: u64,
    },
    /// What an import held is needed.
    #[error("{what} {index} is imported, and the state does not say what it held when it was handed over")]
    ImportUnknown {
        /// What it is.
        what: &'static str,
        /// Its index.
        index: u32,
    },
    /// A segment has not as many items.
    #[error("the state has {found} items of element segment {segment}, the module {expected}")]
    Items {
        /// The segment.
        segment: u32,
        /// In the state.
        found: usize,
        /// In the module.
        expected: u32,
    },
    /// A part is missing.
    #[error("the state lacks {what} {index}")]
    Missing {
        /// The part.
        what: &'static str,
        /// Its index.
        index: u32,
    },
    /// The numbers of objects and strings are not as many as these have.
    #[error("the file with what objects hold has {found} bytes, and those of the state {expected}")]
    HeapSize {
        /// In the file.
        found: u64,
        /// By the types and lengths of the state.
        expected: u64,
    },
    /// Two objects or strings have one number.
    #[error("two objects of the state have the number {0}")]
    SameIdentity(u64),
    /// An object has not as many references as its type.
    #[error("object {0} has another number of references than its type")]
    References(u64),
    /// An object is asked for that the host cannot read.
    #[error("the state does not say what object {0} holds")]
    Opaque(u64),
}
