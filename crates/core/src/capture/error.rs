/// Why the state could not be read; `E` is the error of the [`Instance`](super::Instance).
#[derive(Debug, thiserror::Error)]
pub enum CaptureError<E> {
    /// The instance could not be read.
    #[error(transparent)]
    Instance(#[from] E),
    /// What was read is not the state of an instance of the module.
    #[error("the state that was read does not fit the module: {0}")]
    Mismatch(&'static str),
    /// The machine has no memory left for a table.
    #[error("this machine has no memory left for a table with {0} slots")]
    NoMemory(u64),
    /// The machine has no memory left for an array, or for what objects hold before it.
    #[error("this machine has no memory left for an array with {0} elements")]
    NoMemoryForArray(u32),
    /// The machine has no memory left for more objects.
    #[error("this machine has no memory left for more than {0} objects of the heap")]
    NoMemoryForObjects(u32),
}
