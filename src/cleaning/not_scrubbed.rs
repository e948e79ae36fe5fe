//! Why free memory is left as it is.

use preinit_core::allocator::Allocator;

/// Why free memory cannot be zeroed.
///
/// ```
/// use preinit::{Error, NotScrubbed, Preinit};
///
/// let wasm = preinit::wat_to_wasm(br#"(module (memory 1) (func (export "preinit")))"#)?;
/// let error = Preinit::new().scrub(true).run(&wasm).unwrap_err();
/// assert!(matches!(error, Error::NotScrubbed(NotScrubbed::NoAllocator)), "{error}");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotScrubbed {
    /// There are no functions that are known to allocate and to free.
    #[error(
        "no allocator was found among the module's exports and names: none of {}, with the types that these have and each of one function only",
        Allocator::NAMES
    )]
    NoAllocator,
    /// There is no memory.
    #[error("the module has no memory")]
    NoMemory,
    /// Other threads may use the memory.
    #[error("the memory is shared, and other threads may allocate at any time")]
    Shared,
    /// Functions of others may be called, which do something that cannot be undone.
    #[error(
        "other modules, or functions of the program that preinit is part of, provide imports, and what they do cannot be undone"
    )]
    Others,
    /// Nobody says where the variables are.
    #[error("it is not known where variables are: there is no `__heap_base`, and {0}")]
    Variables(&'static str),
    /// Too much would have to be kept aside.
    #[error(
        "the memory has {size} bytes, of which copies are kept, and the limit of memory has room for {room}"
    )]
    TooLarge {
        /// Its size.
        size: u64,
        /// How large it may be.
        room: u64,
    },
    /// The allocator works otherwise where memory cannot grow.
    #[error(
        "the allocator wanted more memory and went on without it, and it may remember that there was none"
    )]
    WithoutGrowth,
    /// A block is not free.
    #[error("the allocator returned {size} bytes at {address:#x}, where {what}")]
    InUse {
        /// Its address.
        address: u64,
        /// How many bytes were asked for.
        size: u64,
        /// What is there.
        what: &'static str,
    },
    /// The same call in the same state has another result.
    #[error("the allocator returned something else when it was asked again in the same state")]
    Moody,
    /// A block could not be given back.
    #[error("a block could not be freed: {0}")]
    Free(String),
    /// What was given back is not free again.
    #[error(
        "of {first} bytes that were freed, only {again} could be allocated again: the allocator keeps what it is given back"
    )]
    Keeps {
        /// Bytes that were free first.
        first: u64,
        /// Bytes that were free afterwards.
        again: u64,
    },
    /// More is free after blocks were freed than before.
    #[error(
        "the allocator returned {size} bytes at {address:#x}, which it had not given away before: freeing frees more than a block"
    )]
    FreesMore {
        /// The address of a block.
        address: u64,
        /// Its size.
        size: u64,
    },
    /// Memory stays cut into pieces, or a block is smaller than what was asked for.
    #[error("of {free} bytes that are free, only {allocated} can be allocated in blocks of {size} bytes")]
    Cut {
        /// Bytes in larger blocks, or in blocks of this size before.
        free: u64,
        /// Bytes in blocks of this size.
        allocated: u64,
        /// The size.
        size: u64,
    },
    /// More is changed than an allocator's own variables.
    #[error("allocating and freeing changed {0} words outside of what is free, more than an allocator needs")]
    Elsewhere(usize),
    /// The state does not come to rest.
    #[error("allocating and freeing changes {0} other words each time, so it does more than that")]
    Restless(usize),
    /// Something else than memory has changed.
    #[error("allocating and freeing changed {0}")]
    State(&'static str),
    /// There was no time left.
    #[error("the time limit was reached while free memory was looked for")]
    Timeout,
    /// There was no fuel left.
    #[error("as much fuel as init may use was used up while free memory was looked for")]
    Fuel,
    /// The engine refused something.
    #[error("{0}")]
    Engine(String),
}
