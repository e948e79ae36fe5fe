//! Which bytes of guest memory a call reads and writes.

use wiggle::{GuestError, GuestMemory, GuestPtr};

use super::functions::Function;
use crate::host::host_value::HostValue;
use crate::host::ledger::Region;

/// A range of guest memory, in terms of a function's parameters. Names are parameter names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Span {
    /// A pointer to something of fixed size.
    Fixed { at: &'static str, bytes: u32 },
    /// An array.
    Array { at: &'static str, count: &'static str, stride: u32 },
    /// An array whose length the function wrote.
    Counted { at: &'static str, count_at: &'static str, stride: u32 },
    /// The buffer that `iovs` names: the first that is not empty, since wasmtime-wasi uses only that.
    Buffer,
    /// As much of that buffer as the function says it has filled.
    Filled { count_at: &'static str },
    /// The pointers and the text of the arguments.
    Arguments,
    /// The pointers and the text of the environment.
    Environment,
    /// The name of a preopened directory.
    PreopenName,
}

/// What no parameter tells, taken before the call: the call may overwrite the array that names its buffers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context {
    /// The first buffer that is not empty: address and length.
    pub(super) buffer: Option<(u32, u32)>,
    /// Number, and bytes with their terminators.
    pub(super) arguments: (u32, u32),
    /// Number, and bytes with their terminators.
    pub(super) environment: (u32, u32),
    /// The name of the preopened directory that the call is about.
    pub(super) preopen_name: u32,
}

/// The first buffer that is not empty in the `count` of them at `iovs`: address and length.
fn first_buffer(memory: &GuestMemory<'_>, iovs: u32, count: u32) -> Option<(u32, u32)> {
    (0..count).find_map(|index| {
        let at = iovs.checked_add(index.checked_mul(8)?)?;
        match (word(memory, at), word(memory, at.checked_add(4)?)) {
            (Some(address), Some(len)) if len > 0 => Some(Some((address, len))),
            (Some(_), Some(_)) => None,
            _ => Some(None),
        }
    })?
}

/// The little-endian number at `address`, aligned or not.
fn word(memory: &GuestMemory<'_>, address: u32) -> Option<u32> {
    let bytes = bytes(memory, address, 4)?;
    bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn bytes(memory: &GuestMemory<'_>, address: u32, len: u32) -> Option<Vec<u8>> {
    memory.to_vec(GuestPtr::<[u8]>::new((address, len))).ok()
}

impl Function {
    /// Whether the parameter `name` is an address.
    pub(in crate::host) fn is_address(&self, name: &str) -> bool {
        self.reads.iter().chain(self.writes).any(|span| span.addresses().contains(&Some(name)))
    }

    /// The value of the 32-bit parameter `name`.
    pub(super) fn word(&self, args: &[HostValue], name: &str) -> Option<u32> {
        let index = self.params.iter().position(|(param, _)| *param == name)?;
        if let HostValue::I32(value) = args.get(index)? { Some(value.cast_unsigned()) } else { None }
    }

    /// The buffer that the parameters `iovs` and `iovs_len` name.
    pub(super) fn buffer(&self, args: &[HostValue], memory: &GuestMemory<'_>) -> Option<(u32, u32)> {
        first_buffer(memory, self.word(args, "iovs")?, self.word(args, "iovs_len")?)
    }

    /// The same after the fact: an empty buffer if all are, an error if the array of them is out of bounds.
    pub(super) fn stdio_buffer(
        &self,
        args: &[HostValue],
        memory: &GuestMemory<'_>,
        context: &Context,
    ) -> Result<(u32, u32), GuestError> {
        if let Some(buffer) = context.buffer {
            return Ok(buffer);
        }
        let (at, count) = (self.word(args, "iovs"), self.word(args, "iovs_len"));
        let bytes = count.unwrap_or(0).checked_mul(8).ok_or(GuestError::PtrOverflow)?;
        memory.to_vec(GuestPtr::<[u8]>::new((at.unwrap_or(0), bytes)))?;
        Ok((0, 0))
    }
}

impl Span {
    /// The bytes in these spans, without those that are empty or out of bounds.
    pub(super) fn regions(
        spans: &[Self],
        function: &Function,
        args: &[HostValue],
        memory: &GuestMemory<'_>,
        context: &Context,
    ) -> Vec<Region> {
        let ranges = spans.iter().flat_map(|span| span.ranges(function, args, memory, context));
        let regions = ranges.flatten().filter(|(_, len)| *len > 0);
        regions
            .filter_map(|(address, len)| Some(Region { address, bytes: bytes(memory, address, len)? }))
            .collect()
    }

    fn ranges(
        self,
        function: &Function,
        args: &[HostValue],
        memory: &GuestMemory<'_>,
        context: &Context,
    ) -> [Option<(u32, u32)>; 2] {
        let arg = |name: &'static str| function.word(args, name);
        let array = |at: &'static str, count: u32, stride: u32| Some((arg(at)?, count.checked_mul(stride)?));
        let count = |at: &'static str| word(memory, arg(at)?);
        let strings = |pointers, text, (number, bytes)| [array(pointers, number, 4), array(text, bytes, 1)];
        match self {
            Self::Fixed { at, bytes } => [array(at, bytes, 1), None],
            Self::Array { at, count, stride } => {
                [arg(count).and_then(|count| array(at, count, stride)), None]
            }
            Self::Counted { at, count_at, stride } => {
                [count(count_at).and_then(|count| array(at, count, stride)), None]
            }
            Self::Buffer => [context.buffer, None],
            Self::Filled { count_at } => {
                let filled = context.buffer.zip(count(count_at));
                [filled.map(|((address, len), count)| (address, len.min(count))), None]
            }
            Self::Arguments => strings("argv", "argv_buf", context.arguments),
            Self::Environment => strings("environ", "environ_buf", context.environment),
            Self::PreopenName => [array("path", context.preopen_name, 1), None],
        }
    }

    /// The parameters that are addresses.
    fn addresses(self) -> [Option<&'static str>; 2] {
        match self {
            Self::Fixed { at, .. } | Self::Array { at, .. } => [Some(at), None],
            Self::Counted { at, count_at, .. } => [Some(at), Some(count_at)],
            Self::Buffer => [Some("iovs"), None],
            Self::Filled { count_at } => [Some("iovs"), Some(count_at)],
            Self::Arguments => [Some("argv"), Some("argv_buf")],
            Self::Environment => [Some("environ"), Some("environ_buf")],
            Self::PreopenName => [Some("path"), None],
        }
    }

    #[cfg(test)]
    pub(super) fn names(self) -> Vec<&'static str> {
        match self {
            Self::Fixed { at, .. } => vec![at],
            Self::Array { at, count, .. } => vec![at, count],
            Self::Counted { at, count_at, .. } => vec![at, count_at],
            Self::Buffer => vec!["iovs", "iovs_len"],
            Self::Filled { count_at } => vec!["iovs", "iovs_len", count_at],
            Self::Arguments => vec!["argv", "argv_buf"],
            Self::Environment => vec!["environ", "environ_buf"],
            Self::PreopenName => vec!["path"],
        }
    }
}
