//! What a module gets besides its own state: functions, exports, tables, globals and segments, all at the end of their
//! index spaces, and the state of them. The rest of the pipeline does not know what an addition is for.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

use crate::module::{Module, ModuleError};
use crate::snapshot::{GlobalState, Heap, Snapshot, TableState};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// A module with something added, and the state of what was added.
#[derive(Debug)]
pub struct Addition {
    /// The binary: the module that it was made for, with everything added.
    pub wasm: Vec<u8>,
    /// The state of what was added.
    pub state: AddedState,
    /// What messages call slots of added tables, by table and slot.
    pub slots: HashMap<(u32, u64), String>,
    /// Exports through which the addition is reached, so that they must stay under some name.
    pub entries: Vec<String>,
    /// Whether debug information had to go, because code moved.
    pub drops_dwarf: bool,
}

/// The state of what was added, in the order of the index spaces.
#[derive(Debug, Default)]
pub struct AddedState {
    /// Of each added global.
    pub globals: Vec<GlobalState>,
    /// Of each added table.
    pub tables: Vec<TableState>,
    /// Declarative element segments that were added.
    pub declarative_elements: usize,
    /// What references to functions become, by function index: an imported function that another one answers for.
    pub redirected: BTreeMap<u32, u32>,
    /// The heap with the objects that only added tables and globals reach; they come after all others. `None` if there are
    /// none.
    pub heap: Option<Heap>,
}

/// An addition that was made for another state of the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the objects of the heap are not those that the addition was made for")]
pub struct OtherHeap;

/// A module and its state, while things are added to them.
pub struct Extended<'a> {
    wasm: Cow<'a, [u8]>,
    snapshot: Snapshot<'a>,
    slots: HashMap<(u32, u64), String>,
    entries: Vec<String>,
    drops_dwarf: bool,
}

impl<'a> Extended<'a> {
    /// Nothing is added yet.
    pub fn new(module: &Module<'a>, snapshot: Snapshot<'a>) -> Extended<'a> {
        Extended {
            wasm: Cow::Borrowed(module.bytes),
            snapshot,
            slots: HashMap::new(),
            entries: Vec::new(),
            drops_dwarf: false,
        }
    }

    /// Applies an addition, which must have been made for [`Extended::module`].
    ///
    /// # Errors
    /// If the addition was made for another state.
    pub fn add(&mut self, addition: Addition) -> Result<(), OtherHeap> {
        let Addition { wasm, state, slots, entries, drops_dwarf } = addition;
        if let Some(heap) = state.heap {
            if !heap.starts_with(&self.snapshot.heap) {
                return Err(OtherHeap);
            }
            self.snapshot.heap = heap;
        }
        if !state.redirected.is_empty() {
            self.snapshot.redirect_functions(&state.redirected);
        }
        self.snapshot.globals.extend(state.globals);
        self.snapshot.tables.extend(state.tables);
        for _ in 0..state.declarative_elements {
            self.snapshot.dropped_elements.push(true);
            self.snapshot.element_items.push(Vec::new());
        }
        self.wasm = Cow::Owned(wasm);
        self.slots.extend(slots);
        self.entries.extend(entries);
        self.drops_dwarf |= drops_dwarf;
        Ok(())
    }

    /// The module with everything that was added.
    ///
    /// # Errors
    /// If it does not validate, which would be a mistake of whoever made an addition.
    pub fn module(&self) -> Result<Module<'_>, ModuleError> {
        Module::parse(&self.wasm)
    }

    /// Whether nothing was added.
    pub fn is_original(&self) -> bool {
        matches!(self.wasm, Cow::Borrowed(_))
    }

    /// The state, that of what was added included.
    pub fn snapshot(&self) -> &Snapshot<'a> {
        &self.snapshot
    }

    /// The state, to change what no addition depends on.
    pub fn snapshot_mut(&mut self) -> &mut Snapshot<'a> {
        &mut self.snapshot
    }

    /// What messages call slots of added tables.
    pub fn slots(&self) -> &HashMap<(u32, u64), String> {
        &self.slots
    }

    /// Exports through which additions are reached.
    pub fn entries(&self) -> &[String] {
        &self.entries
    }

    /// Whether debug information had to go, because code moved.
    pub fn drops_dwarf(&self) -> bool {
        self.drops_dwarf
    }
}
