//! The guest's side of a call: its memory, its allocator, and calls of preview 1 in its name.

use wasmtime::{Caller, Error, Extern, Memory, Val, bail};
use wiggle::{GuestMemory, GuestPtr};

use super::super::{HostState, errno};
use crate::host::host_value::HostValue;

/// A call.
pub(super) struct Guest<'c, 'p> {
    pub caller: Caller<'c, HostState>,
    pub params: &'p [Val],
}

impl Guest<'_, '_> {
    /// A 32-bit parameter.
    pub fn word(&self, index: usize) -> u32 {
        self.params.get(index).and_then(Val::i32).unwrap_or(0).cast_unsigned()
    }

    /// A 64-bit parameter.
    pub fn long(&self, index: usize) -> u64 {
        self.params.get(index).and_then(Val::i64).unwrap_or(0).cast_unsigned()
    }

    /// Calls a function of preview 1 with these arguments, in a memory of its own.
    pub fn preview1(&mut self, name: &str, args: &[HostValue], scratch: &mut [u8]) -> wasmtime::Result<()> {
        let backtrace = self.caller.data().recorder.backtrace(&self.caller);
        let errno = self.caller.data_mut().preview1(name, args, scratch, backtrace)?;
        if errno == errno::SUCCESS {
            Ok(())
        } else {
            Err(Error::msg(format!("`{name}` failed: errno {errno}")))
        }
    }

    /// Writes numbers, one after the other, at the address in a parameter.
    pub fn write(&mut self, address: u32, bytes: &[u8]) -> wasmtime::Result<()> {
        match self.memory()? {
            Extern::Memory(memory) => Ok(memory.write(&mut self.caller, address as usize, bytes)?),
            Extern::SharedMemory(memory) => {
                let at = GuestPtr::new((address, u32::try_from(bytes.len())?));
                Ok(GuestMemory::Shared(memory.data()).copy_from_slice(bytes, at)?)
            }
            _ => bail!("the caller exports no memory named `memory`"),
        }
    }

    /// The bytes at an address.
    pub fn read(&mut self, address: u32, len: u32) -> wasmtime::Result<Vec<u8>> {
        let at = GuestPtr::<[u8]>::new((address, len));
        match self.memory()? {
            Extern::Memory(memory) => {
                let memory: Memory = memory;
                Ok(GuestMemory::Unshared(memory.data_mut(&mut self.caller)).to_vec(at)?)
            }
            Extern::SharedMemory(memory) => Ok(GuestMemory::Shared(memory.data()).to_vec(at)?),
            _ => bail!("the caller exports no memory named `memory`"),
        }
    }

    fn memory(&mut self) -> wasmtime::Result<Extern> {
        let memory = self.caller.get_export("memory");
        memory.ok_or_else(|| Error::msg("the caller exports no memory named `memory`"))
    }

    /// Puts bytes into memory that the guest allocates. Gives the address.
    pub fn allocated(&mut self, bytes: &[u8], alignment: i32) -> wasmtime::Result<u32> {
        const REALLOC: &str = "cabi_realloc";
        if bytes.is_empty() {
            return Ok(alignment.cast_unsigned());
        }
        let realloc = self.caller.get_export(REALLOC).and_then(Extern::into_func);
        let realloc =
            realloc.and_then(|realloc| realloc.typed::<(i32, i32, i32, i32), i32>(&self.caller).ok());
        let Some(realloc) = realloc else {
            bail!("the caller exports no `{REALLOC}`, which the answer needs memory from")
        };
        let len = i32::try_from(bytes.len())?;
        let address = realloc.call(&mut self.caller, (0, 0, alignment, len))?.cast_unsigned();
        self.write(address, bytes)?;
        Ok(address)
    }
}

/// A number that preview 1 wrote.
pub(super) fn word(scratch: &[u8], at: usize) -> u32 {
    scratch.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// A number that preview 1 wrote.
pub(super) fn long(scratch: &[u8], at: usize) -> u64 {
    scratch.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
