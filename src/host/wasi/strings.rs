//! Arguments and environment: an array of pointers into a buffer of NUL-terminated strings.

use wiggle::{GuestMemory, GuestPtr};

/// Strings as `args_get` and `environ_get` hand them out.
#[derive(Debug)]
pub(super) struct Strings {
    /// Each with its terminator.
    strings: Vec<Vec<u8>>,
}

impl Strings {
    pub(super) fn new(strings: impl Iterator<Item = String>) -> Self {
        let terminated = strings.map(|string| [string.as_bytes(), &[0]].concat());
        Self { strings: terminated.collect() }
    }

    /// Their number, and their bytes with terminators.
    pub(super) fn sizes(&self) -> wasmtime::Result<(u32, u32)> {
        let bytes: usize = self.strings.iter().map(Vec::len).sum();
        Ok((u32::try_from(self.strings.len())?, u32::try_from(bytes)?))
    }

    /// Writes the number and the bytes at these addresses.
    pub(super) fn write_sizes(
        &self,
        memory: &mut GuestMemory<'_>,
        number: u32,
        bytes: u32,
    ) -> wasmtime::Result<()> {
        let sizes = self.sizes()?;
        memory.write(GuestPtr::<u32>::new(number), sizes.0)?;
        memory.write(GuestPtr::<u32>::new(bytes), sizes.1)?;
        Ok(())
    }

    /// Writes the pointers and the strings at these addresses.
    pub(super) fn write(
        &self,
        memory: &mut GuestMemory<'_>,
        pointers: u32,
        text: u32,
    ) -> wasmtime::Result<()> {
        let mut pointer = GuestPtr::<u32>::new(pointers);
        let mut at = GuestPtr::<u8>::new(text);
        for string in &self.strings {
            let len = u32::try_from(string.len())?;
            memory.write(pointer, at.offset())?;
            memory.copy_from_slice(string, at.as_array(len))?;
            pointer = pointer.add(1)?;
            at = at.add(len)?;
        }
        Ok(())
    }
}
