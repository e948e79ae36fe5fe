//! An instance whose allocator is called by preinit: nothing outside is there for it, and memory does not grow.

use super::scrub::NotScrubbed;
use crate::execute::{Initialized, Interrupt};
use crate::host::Limits;
use preinit_core::allocator::{Allocator, AllocatorShape};
use preinit_core::module::Module;
use preinit_core::probe::{Probe, Probed};
use std::ops::Range;
use wasmtime::{Error, Extern, Func, Global, Memory, Trap, Val};

/// A block of memory that the guest has given away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub address: u64,
    pub size: u64,
}

impl Block {
    pub fn range(&self) -> Range<u64> {
        self.address..self.address.saturating_add(self.size)
    }
}

/// Memory 0 and the numbers in mutable globals.
pub(super) struct Checkpoint {
    pub memory: Vec<u8>,
    globals: Vec<Val>,
}

/// Rust's own default on these targets.
const ALIGNMENT: u64 = 8;

pub(super) struct Guest<'g> {
    initialized: &'g mut Initialized,
    pub allocator: &'g Allocator,
    memory: Memory,
    globals: Vec<Global>,
    allocate: Func,
    free: Func,
    _limit: Option<Interrupt>,
}

impl<'g> Guest<'g> {
    pub fn new(
        (module, probed): (&Module<'_>, &Probed),
        allocator: &'g Allocator,
        initialized: &'g mut Initialized,
        limits: &Limits,
    ) -> Result<Guest<'g>, NotScrubbed> {
        let engine = initialized.store.engine().clone();
        let left = limits.timeout.map(|timeout| timeout.saturating_sub(initialized.run_time));
        let limit = left.map(|left| Interrupt::after(left, &engine, &mut initialized.store));
        initialized.store.data_mut().close(true);
        let handle = initialized.instance.handle;
        let mut export = |probe| {
            let export = handle.get_export(&mut initialized.store, &probed.export_name(probe));
            export.ok_or_else(|| NotScrubbed::Engine("a probe is missing".into()))
        };
        let Extern::Memory(memory) = export(Probe::Memory(0))? else { return Err(NotScrubbed::Shared) };
        let mut function =
            |index| export(Probe::Function(index))?.into_func().ok_or(NotScrubbed::NoAllocator);
        let (allocate, free) = (function(allocator.allocate)?, function(allocator.free)?);
        let mut globals = Vec::new();
        for (index, global) in (0u32..).zip(&module.globals) {
            if global.ty.mutable && !global.ty.content_type.is_reference_type() {
                globals.extend(export(Probe::Global(index))?.into_global());
            }
        }
        Ok(Guest { initialized, allocator, memory, globals, allocate, free, _limit: limit })
    }

    pub fn memory(&self) -> &[u8] {
        self.memory.data(&self.initialized.store)
    }

    /// What is there now, in the room of a checkpoint that is not needed any more.
    pub fn checkpoint(&mut self, mut memory: Vec<u8>) -> Checkpoint {
        memory.clear();
        memory.extend_from_slice(self.memory());
        let store = &mut self.initialized.store;
        let globals = self.globals.iter().map(|global| global.get(&mut *store)).collect();
        Checkpoint { memory, globals }
    }

    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), NotScrubbed> {
        let store = &mut self.initialized.store;
        let memory = self.memory.data_mut(&mut *store);
        if memory.len() != checkpoint.memory.len() {
            return Err(NotScrubbed::Engine("a memory has grown that was not to grow".into()));
        }
        memory.copy_from_slice(&checkpoint.memory);
        for (global, value) in self.globals.iter().zip(&checkpoint.globals) {
            global.set(&mut *store, *value).map_err(|error| NotScrubbed::Engine(error.to_string()))?;
        }
        Ok(())
    }

    /// A block, or `None` if there is none of this size; whatever a function did that failed has to be undone.
    pub fn allocate(&mut self, size: u64) -> Result<Option<Block>, NotScrubbed> {
        let mut results = [self.word(0)];
        let arguments = match self.allocator.shape {
            AllocatorShape::Aligned => vec![self.word(size), self.word(ALIGNMENT)],
            AllocatorShape::Plain | AllocatorShape::Sized => vec![self.word(size)],
        };
        match self.allocate.call(&mut self.initialized.store, &arguments, &mut results) {
            Ok(()) => {
                let address = match results[0] {
                    Val::I32(address) => u64::from(address.cast_unsigned()),
                    Val::I64(address) => address.cast_unsigned(),
                    _ => 0,
                };
                Ok((address != 0).then_some(Block { address, size }))
            }
            Err(error) if is_timeout(&error) => Err(NotScrubbed::Timeout),
            Err(_) => Ok(None),
        }
    }

    pub fn free(&mut self, block: &Block) -> Result<(), NotScrubbed> {
        let (address, size) = (self.word(block.address), self.word(block.size));
        let arguments = match self.allocator.shape {
            AllocatorShape::Plain => vec![address],
            AllocatorShape::Sized => vec![address, size],
            AllocatorShape::Aligned => vec![address, size, self.word(ALIGNMENT)],
        };
        let freed = self.free.call(&mut self.initialized.store, &arguments, &mut []);
        freed.map_err(|error| match is_timeout(&error) {
            true => NotScrubbed::Timeout,
            false => NotScrubbed::Free(error.root_cause().to_string()),
        })
    }

    /// Zeroes a block, which lies in memory.
    pub fn zero(&mut self, block: &Block) {
        let memory = self.memory.data_mut(&mut self.initialized.store);
        let range = block.range();
        if let Some(bytes) = memory.get_mut(range.start as usize..range.end as usize) {
            bytes.fill(0);
        }
    }

    fn word(&self, value: u64) -> Val {
        match self.allocator.wide {
            true => Val::I64(value.cast_signed()),
            false => Val::I32((value as u32).cast_signed()),
        }
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        let store = &mut self.initialized.store;
        store.data_mut().close(false);
        store.set_epoch_deadline(u64::MAX / 2);
    }
}

fn is_timeout(error: &Error) -> bool {
    matches!(error.downcast_ref(), Some(Trap::Interrupt))
}
