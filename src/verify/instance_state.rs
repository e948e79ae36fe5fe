use preinit_core::module::Module;
use preinit_core::snapshot::Snapshot;
use std::borrow::Cow;

/// The state of an instance as it is compared: memories as they are, everything else as capture reads it.
pub(super) struct InstanceState<'s> {
    pub module: &'s Module<'s>,
    /// Everything but the memories.
    pub outline: Snapshot<'static>,
    pub memories: Vec<MemoryBytes<'s>>,
}

/// A memory as it is compared.
pub(super) struct MemoryBytes<'s> {
    pub bytes: Cow<'s, [u8]>,
    /// The number of pages that it may grow to.
    pub maximum: Option<u64>,
}
