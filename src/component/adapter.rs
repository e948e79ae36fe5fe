//! The adapter that answers WASI preview 1 with preview 2 (`wasi_snapshot_preview1.*.wasm` of Wasmtime). It keeps handles of
//! streams and directories in a state of its own, which it makes at its first call. Without that state it makes a new one, so
//! that it takes the handles of the instance that it runs in.

use super::part::Part;
use crate::evidence::Contents;
use preinit_core::component::is_clock_module;
use preinit_core::module::{Module, Names, Space, is_function};
use preinit_core::probe::{CallMarks, Probe};
use preinit_core::snapshot::{Snapshot, Value};
use preinit_core::wasi_version::WasiVersion;
use std::ops::Range;
use wasmparser::{AbstractHeapType, HeapType, Import, RefType, ValType};
use wasmtime::{Instance, Store};

/// Its variable `allocation_state` when it has a stack, and no state yet.
const STACK_ALLOCATED: i32 = 2;

/// The same when it has both.
const STATE_ALLOCATED: i32 = 4;

/// Streams that it holds at most besides directories.
pub const STREAMS: usize = 3;

/// What it exports besides the functions of WASI.
const OF_ADAPTER: [&str; 3] = ["adapter_close_badfd", "adapter_open_badfd", "reset_adapter_state"];

/// The size of its state, and of its stack.
const PAGE: u64 = 0x1_0000;

/// What its state begins and ends with.
const MAGIC: u32 = u32::from_le_bytes(*b"ugh!");

/// Where the adapter says whether it has a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adapter {
    state: u32,
    allocation: u32,
    stack_pointer: Option<u32>,
    /// Whether it exports functions of preview 1. Nobody else would have it beside a program.
    answers: bool,
}

/// What an adapter has in the memory of another core instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterMemory {
    /// The core instance that has the memory.
    pub owner: usize,
    pub memory: u32,
    pub state: Range<u64>,
    /// What its functions have left on its stack.
    pub free_stack: Range<u64>,
}

impl Adapter {
    /// If the module may be the adapter: it has variables of these names. That it is shows in a state.
    pub fn of(module: &Module<'_>) -> Option<Adapter> {
        let names = module.names();
        let global = |wanted| global_named(module, &names, wanted);
        Some(Adapter {
            state: global("internal_state_ptr")?,
            allocation: global("allocation_state")?,
            stack_pointer: global("__stack_pointer"),
            answers: module
                .exports
                .iter()
                .any(|export| is_function(export.kind) && WasiVersion::Preview1.has_function(export.name)),
        })
    }

    /// Whether it has a state, in `memory`, the one that it imports. Names alone do not say so: another module's variables of these
    /// names are part of the snapshot.
    pub fn has_state(self, snapshot: &Snapshot<'_>, memory: &[u8]) -> bool {
        let allocation = snapshot.globals.get(self.allocation as usize);
        let word = |at: u64| memory.get(usize::try_from(at).ok()?..)?.first_chunk().copied();
        self.answers
            && allocation.is_some_and(|global| global.value == Value::I32(STATE_ALLOCATED))
            && address(snapshot, self.state).is_some_and(|state| {
                [state, state + PAGE - 4].iter().all(|at| word(*at).map(u32::from_le_bytes) == Some(MAGIC))
            })
    }

    /// Whether it has made its stack.
    pub fn has_stack(self, snapshot: &Snapshot<'_>) -> bool {
        let allocation = snapshot.globals.get(self.allocation as usize);
        allocation.is_some_and(|global| global.value != Value::I32(0))
    }

    /// Whether this global says whether it has a stack.
    pub fn says_stack_by(self, global: u32) -> bool {
        self.allocation == global
    }

    /// Whether it can give descriptors other numbers. A probe then marks which of its functions were entered.
    pub fn can_renumber(self, module: &Module<'_>) -> bool {
        renumbering(module).is_some()
    }

    /// Whether it was asked to give descriptors other numbers, which it will not have when it makes its state anew.
    pub fn has_renumbered<T: 'static>(
        self,
        (part, instance): (&Part<'_>, Instance),
        store: &mut Store<T>,
    ) -> bool {
        let Some(function) = renumbering(&part.module) else { return false };
        let marks = part.probed.export_name(Probe::Entries);
        let marks = instance.get_memory(&mut *store, &marks);
        // What cannot be told counts as asked.
        let mark = marks.and_then(|marks| marks.data(&*store).get(function as usize).copied());
        mark != Some(0)
    }

    /// The calls that close descriptors, which a probe marks. `reset_adapter_state` opens those of the start again.
    pub fn closing(self, module: &Module<'_>) -> Option<CallMarks> {
        let function = |name| {
            let export = module.export(name).filter(|export| is_function(export.kind));
            export.map(|export| export.index)
        };
        CallMarks::of(module, function("fd_close")?, function("reset_adapter_state"))
    }

    /// The descriptors that it was asked to close, and was able to.
    pub fn closed<T: 'static>(
        self,
        (part, instance): (&Part<'_>, Instance),
        store: &mut Store<T>,
    ) -> Vec<u32> {
        let marks = instance.get_memory(&mut *store, &part.probed.export_name(Probe::Calls));
        let marks = marks.map_or(&[][..], |marks| marks.data(&*store));
        (0..).zip(marks).filter(|(_, mark)| **mark != 0).map(|(descriptor, _)| descriptor).collect()
    }

    /// Where its state and its stack are, in the memory of `owner`, whose state is `memory_of`.
    pub fn memory(
        self,
        snapshot: &Snapshot<'_>,
        (owner, module, memory_of): (usize, &Module<'_>, &Snapshot<'_>),
    ) -> Option<AdapterMemory> {
        let (state, top) = (address(snapshot, self.state)?, address(snapshot, self.stack_pointer?)?);
        let memory = module.imported.memories;
        let contents = Contents::of(&memory_of.memories.get(memory as usize)?.image);
        let is_state = contents.word(state) == MAGIC && contents.word(state + PAGE - 4) == MAGIC;
        is_state.then(|| AdapterMemory {
            owner,
            memory,
            state: state..state + PAGE,
            free_stack: top.saturating_sub(PAGE)..top,
        })
    }

    /// Lets the adapter make its state anew.
    pub fn forget(self, snapshot: &mut Snapshot<'_>) {
        for (global, value) in [(self.allocation, STACK_ALLOCATED), (self.state, 0)] {
            if let Some(global) = snapshot.globals.get_mut(global as usize) {
                global.value = Value::I32(value);
            }
        }
    }
}

fn address(snapshot: &Snapshot<'_>, global: u32) -> Option<u64> {
    match snapshot.globals.get(global as usize)?.value {
        Value::I32(value) => Some(u64::from(value.cast_unsigned())),
        _ => None,
    }
}

/// The function that gives descriptors other numbers, by its index among those that the adapter defines.
fn renumbering(module: &Module<'_>) -> Option<u32> {
    let export = module.export("fd_renumber").filter(|export| is_function(export.kind))?;
    export.index.checked_sub(module.imported.functions)
}

fn global_named(module: &Module<'_>, names: &Names<'_>, wanted: &str) -> Option<u32> {
    let own = (0u32..).zip(&module.globals).skip(module.imported.globals as usize);
    let mut variables = own.filter(|(_, global)| global.ty.mutable && global.ty.content_type == ValType::I32);
    variables.find(|(index, _)| names.get(Space::Global, *index) == Some(wanted)).map(|(index, _)| index)
}

/// Whether a core module that is not the adapter has no way to keep a handle: it asks nobody but the adapter, or has no variables
/// and only passes calls on, or keeps the time alone. Calls that are in progress have variables.
pub fn keeps_no_handles(module: &Module<'_>, is_in_progress: bool) -> bool {
    // A component may call any functions so.
    let is_of_wasi = |import: &Import<'_>| {
        WasiVersion::of_module(import.module)
            .is_some_and(|version| version.has_function(import.name) || OF_ADAPTER.contains(&import.name))
    };
    let asks_only_adapter = module.imports_of(Space::Function).all(|(_, import)| is_of_wasi(import));
    asks_only_adapter || !is_in_progress && (!has_variables(module) || is_clock_module(module))
}

/// Whether a core module has a place for a number. Objects and small integers are behind references.
fn has_variables(module: &Module<'_>) -> bool {
    let is_function = |ty: RefType| {
        matches!(
            ty.heap_type(),
            HeapType::Abstract { ty: AbstractHeapType::Func | AbstractHeapType::NoFunc, .. }
        )
    };
    let holds_more = |ty: ValType| matches!(ty, ValType::Ref(ty) if !is_function(ty));
    !module.memories.is_empty()
        || module.globals.iter().any(|global| global.ty.mutable || holds_more(global.ty.content_type))
        || module.tables.iter().any(|table| !is_function(table.ty.element_type))
}

/// Whether a core module calls something that can give it a handle, and has a place to keep it.
pub fn can_take_handles(module: &Module<'_>, is_in_progress: bool) -> bool {
    let asks = module.imports_of(Space::Function).next().is_some();
    asks && !keeps_no_handles(module, is_in_progress)
}
