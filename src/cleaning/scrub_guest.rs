//! An instance whose allocator is called by preinit: nothing outside is there for it, and memory does not grow.

use super::not_scrubbed::NotScrubbed;
use crate::execute::{Initialized, Interrupt};
use crate::host::Limits;
use preinit_core::allocator::{Allocator, AllocatorShape};
use preinit_core::module::Module;
use preinit_core::probe::{Probe, Probed};
use std::ops::Range;
use std::time::Instant;
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
/// How many copies of memory there are at most.
const COPIES: u64 = 4;

pub(super) struct Guest<'g> {
    initialized: &'g mut Initialized,
    pub allocator: &'g Allocator,
    memory: Memory,
    globals: Vec<Global>,
    allocate: Func,
    free: Func,
    _limit: Option<Interrupt>,
    /// Copies of memory take time, too, and nothing interrupts them.
    deadline: Option<Instant>,
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
        let deadline = left.and_then(|left| Instant::now().checked_add(left));
        if let Some(fuel) = limits.fuel {
            let refueled = initialized.store.set_fuel(fuel);
            refueled.map_err(|error| NotScrubbed::Engine(error.to_string()))?;
        }
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
        let size = memory.data_size(&initialized.store) as u64;
        let room = limits.max_memory / COPIES;
        let guest =
            Guest { initialized, allocator, memory, globals, allocate, free, _limit: limit, deadline };
        if size > room { Err(NotScrubbed::TooLarge { size, room }) } else { Ok(guest) }
    }

    pub fn check_time(&self) -> Result<(), NotScrubbed> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(NotScrubbed::Timeout),
            _ => Ok(()),
        }
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
        let denied = self.denied();
        match self.allocate.call(&mut self.initialized.store, &arguments, &mut results) {
            Ok(()) => {
                let address = match results[0] {
                    Val::I32(address) => u64::from(address.cast_unsigned()),
                    Val::I64(address) => address.cast_unsigned(),
                    _ => 0,
                };
                match address {
                    0 => Ok(None),
                    _ if self.denied() != denied => Err(NotScrubbed::WithoutGrowth),
                    address => Ok(Some(Block { address, size })),
                }
            }
            Err(error) => limit(&error).map_or(Ok(None), Err),
        }
    }

    pub fn free(&mut self, block: &Block) -> Result<(), NotScrubbed> {
        let (address, size) = (self.word(block.address), self.word(block.size));
        let arguments = match self.allocator.shape {
            AllocatorShape::Plain => vec![address],
            AllocatorShape::Sized => vec![address, size],
            AllocatorShape::Aligned => vec![address, size, self.word(ALIGNMENT)],
        };
        let denied = self.denied();
        let freed = self.free.call(&mut self.initialized.store, &arguments, &mut []);
        freed.map_err(|error| {
            limit(&error).unwrap_or_else(|| NotScrubbed::Free(error.root_cause().to_string()))
        })?;
        if self.denied() == denied { Ok(()) } else { Err(NotScrubbed::WithoutGrowth) }
    }

    /// How often something was not to grow.
    fn denied(&self) -> u64 {
        self.initialized.store.data().denied_growths()
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
        // Where no fuel is counted there is nothing to set.
        _ = store.set_fuel(u64::MAX);
    }
}

/// The limit of the run that has ended a call.
fn limit(error: &Error) -> Option<NotScrubbed> {
    match error.downcast_ref() {
        Some(Trap::Interrupt) => Some(NotScrubbed::Timeout),
        Some(Trap::OutOfFuel) => Some(NotScrubbed::Fuel),
        _ => None,
    }
}
