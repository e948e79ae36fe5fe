use super::fitting::{Fitting, check_imported};
use super::heap::HeapContents;
use super::{
    State, StateAlias, StateError, StateImportedMemory, StateImportedTable, StateReference, VERSION,
};
use crate::capture::{
    Contents, Fields, Identity, Instance, Observed, ObservedObject, ObservedRef, Segment, TableId, TableSize,
};
use crate::hex;
use crate::module::Module;
use crate::snapshot::{Alias, Image, ImportedMemory};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use wasmparser::{MemoryType, StorageType};

/// The instance that a [`State`] describes, as capture reads it.
pub struct StateInstance<'s> {
    module: &'s Module<'s>,
    state: &'s State,
    /// Contents by memory index.
    memories: &'s [Vec<u8>],
    /// Contents of imported memories as they were handed over, by memory index.
    imported: BTreeMap<u32, &'s [u8]>,
    functions: HashMap<u32, u64>,
    fitting: Fitting<'s>,
    heap: Option<HeapContents<'s>>,
}

impl<'s> StateInstance<'s> {
    /// The instance of `module` with this state and these contents of its memories.
    ///
    /// # Errors
    /// [`StateError`], if it cannot be the state of an instance of this module.
    pub fn new(
        module: &'s Module<'s>,
        state: &'s State,
        memories: &'s [Vec<u8>],
    ) -> Result<StateInstance<'s>, StateError> {
        check_module(module, state)?;
        count("globals", state.globals.len(), module.globals.len())?;
        count("tables", state.tables.len(), module.tables.len())?;
        count("memories", state.memories.len(), module.memories.len())?;
        count("contents of memories", memories.len(), module.memories.len())?;
        let fitting = Fitting::new(module, state);
        fitting.check(state)?;
        let functions = state.functions.iter().map(|function| (function.index, function.identity));
        let functions = functions.collect();
        let instance = StateInstance {
            module,
            state,
            memories,
            imported: BTreeMap::new(),
            functions,
            fitting,
            heap: None,
        };
        instance.check_sizes()?;
        Ok(instance)
    }

    /// With what imported memories held when they were handed over, by memory index, as far as it was not zeros.
    ///
    /// # Errors
    /// If something is missing, or is not of the size that the state gives.
    pub fn with_imported(mut self, contents: &'s BTreeMap<u32, Vec<u8>>) -> Result<Self, StateError> {
        for memory in self.state.imported.memories.iter().filter(|memory| memory.file.is_some()) {
            let (index, what) = (memory.index, "the contents of imported memory");
            let bytes = contents.get(&index).ok_or(StateError::Missing { what, index })?;
            if bytes.len() as u64 != memory.size {
                let (what, size) = ("imported memory", bytes.len() as u64);
                return Err(StateError::ImportSize { what, index, size });
            }
            self.imported.insert(index, bytes);
        }
        Ok(self)
    }

    /// With what the objects and strings of the state hold, if it has such.
    ///
    /// # Errors
    /// If these are not of the types that the state says.
    pub fn with_heap(mut self, contents: &'s [u8]) -> Result<Self, StateError> {
        let heap = self.state.heap.as_ref();
        self.heap = heap.map(|heap| HeapContents::of(&self.fitting, heap, contents)).transpose()?;
        Ok(self)
    }

    fn check_sizes(&self) -> Result<(), StateError> {
        for (index, (ty, contents)) in (0u32..).zip(self.module.memories.iter().zip(self.memories)) {
            let bytes = contents.len() as u64;
            if !is_size_of(ty, bytes) {
                return Err(StateError::MemorySize { index, bytes });
            }
        }
        for &StateImportedMemory { index, size, .. } in &self.state.imported.memories {
            let now = self.memories[index as usize].len() as u64;
            if size > now || !is_size_of(&self.module.memories[index as usize], size) {
                return Err(StateError::ImportSize { what: "imported memory", index, size });
            }
        }
        for (index, (table, state)) in (0u32..).zip(self.module.tables.iter().zip(&self.state.tables)) {
            let slots = state.slots.len() as u64;
            let fits = slots >= table.ty.initial && table.ty.maximum.is_none_or(|maximum| slots <= maximum);
            if !fits {
                return Err(StateError::TableSize { index, slots });
            }
        }
        for StateImportedTable { index, slots } in &self.state.imported.tables {
            let now = self.state.tables[*index as usize].slots.len();
            let least = self.module.tables[*index as usize].ty.initial;
            if slots.len() > now || (slots.len() as u64) < least {
                let (what, size) = ("imported table", slots.len() as u64);
                return Err(StateError::ImportSize { what, index: *index, size });
            }
        }
        Ok(())
    }

    fn heap(&self, object: Identity) -> Result<&HeapContents<'s>, StateError> {
        self.heap.as_ref().ok_or(StateError::Opaque(object.0))
    }

    fn imported_table_slots(&self, index: u32) -> Option<&'s [StateReference]> {
        let table = self.state.imported.tables.iter().find(|table| table.index == index);
        table.map(|table| &table.slots[..])
    }

    fn table_slots(&self, table: TableId) -> Result<&'s [StateReference], StateError> {
        match table {
            TableId::Table(index) => {
                let table = self.state.tables.get(index as usize);
                table.map(|table| &table.slots[..]).ok_or(StateError::Missing { what: "table", index })
            }
            TableId::Items(index) => {
                let items = self.state.items.iter().find(|items| items.segment == index);
                let missing = StateError::Missing { what: "the items of element segment", index };
                items.map(|items| &items.items[..]).ok_or(missing)
            }
        }
    }
}

/// Checks that this is the state of an instance of `module`, in the form that this version reads, and that it says once what each
/// import held.
///
/// # Errors
/// [`StateError`], if it is that of another module, or says something twice.
pub fn check_module(module: &Module<'_>, state: &State) -> Result<(), StateError> {
    if state.version != VERSION {
        return Err(StateError::Version(state.version));
    }
    if state.module != hex(&module.digest()) {
        return Err(StateError::Module);
    }
    check_imported(module, state)
}

/// Whether a memory of this type can have so many bytes.
pub fn is_size_of(ty: &MemoryType, bytes: u64) -> bool {
    let page = 1u64 << ty.page_size_log2.unwrap_or(16);
    let pages = bytes / page;
    bytes.is_multiple_of(page) && pages >= ty.initial && ty.maximum.is_none_or(|maximum| pages <= maximum)
}

fn count(what: &'static str, found: usize, expected: usize) -> Result<(), StateError> {
    match found == expected {
        true => Ok(()),
        false => Err(StateError::Count { what, found, expected }),
    }
}

impl Instance for StateInstance<'_> {
    type Error = StateError;

    fn function(&mut self, index: u32) -> Result<Identity, StateError> {
        let identity = self.functions.get(&index).copied();
        identity.map(Identity).ok_or(StateError::Missing { what: "the identity of function", index })
    }

    fn imported_function(&mut self, index: u32) -> Result<Option<Identity>, StateError> {
        let functions = &mut self.state.imported.functions.iter();
        Ok(functions.find(|function| function.index == index).map(|function| Identity(function.identity)))
    }

    fn global(&mut self, index: u32) -> Result<Observed, StateError> {
        let value = self.state.globals.get(index as usize).copied();
        value.map(Observed::from).ok_or(StateError::Missing { what: "global", index })
    }

    fn table(&mut self, table: TableId) -> Result<TableSize, StateError> {
        let slots = self.table_slots(table)?.len() as u64;
        let maximum = match table {
            TableId::Table(index) => {
                let declared = self.module.tables.get(index as usize).and_then(|table| table.ty.maximum);
                self.state.tables.get(index as usize).and_then(|table| table.maximum).or(declared)
            }
            TableId::Items(_) => Some(slots),
        };
        Ok(TableSize { slots, maximum })
    }

    fn slots(
        &mut self,
        table: TableId,
        range: Range<u64>,
        out: &mut Vec<ObservedRef>,
    ) -> Result<(), StateError> {
        let slots = self.table_slots(table)?;
        let slots = slots.get(range.start as usize..range.end as usize).unwrap_or_default();
        out.extend(slots.iter().map(|&slot| ObservedRef::from(slot)));
        Ok(())
    }

    fn memory(&self, index: u32) -> Result<Contents<'_>, StateError> {
        let missing = StateError::Missing { what: "memory", index };
        let bytes = self.memories.get(index as usize).ok_or(missing)?;
        let declared = self.module.memories.get(index as usize).and_then(|memory| memory.maximum);
        let maximum = self.state.memories.get(index as usize).and_then(|memory| memory.maximum);
        Ok(Contents { size: bytes.len() as u64, maximum: maximum.or(declared), image: Image::of(bytes) })
    }

    fn is_dropped(&mut self, segment: Segment) -> Result<bool, StateError> {
        Ok(match segment {
            Segment::Data(index) => self.state.dropped_data.contains(&index),
            Segment::Element(index) => self.state.dropped_elements.contains(&index),
        })
    }

    fn imported_global(&mut self, index: u32) -> Result<Option<Observed>, StateError> {
        let global = self.state.imported.globals.iter().find(|global| global.index == index);
        Ok(global.map(|global| Observed::from(global.value)))
    }

    fn imported_table(&mut self, index: u32) -> Result<Option<u64>, StateError> {
        Ok(self.imported_table_slots(index).map(|slots| slots.len() as u64))
    }

    fn imported_slots(
        &mut self,
        index: u32,
        range: Range<u64>,
        out: &mut Vec<ObservedRef>,
    ) -> Result<(), StateError> {
        let slots = self.imported_table_slots(index).unwrap_or_default();
        let slots = slots.get(range.start as usize..range.end as usize).unwrap_or_default();
        out.extend(slots.iter().map(|&slot| ObservedRef::from(slot)));
        Ok(())
    }

    fn imported_memory(&self, index: u32) -> Result<Option<ImportedMemory>, StateError> {
        let memory = self.state.imported.memories.iter().find(|memory| memory.index == index);
        let image = || self.imported.get(&index).map(|bytes| Image::of(bytes).into_owned());
        Ok(memory.map(|memory| ImportedMemory { size: memory.size, image: image().unwrap_or_default() }))
    }

    fn aliases(&self) -> Vec<Alias> {
        let alias =
            |alias: &StateAlias| Alias { space: alias.kind.into(), index: alias.index, first: alias.first };
        self.state.aliases.iter().map(alias).collect()
    }

    fn last_call(&self) -> Option<Identity> {
        let calls = &self.heap.as_ref().and(self.state.heap.as_ref())?.calls;
        calls.last().map(|call| Identity(call.identity))
    }

    fn string_constants(&self) -> Option<&[String]> {
        self.state.heap.as_ref()?.constants.as_deref()
    }

    fn object(&mut self, object: Identity) -> Result<ObservedObject, StateError> {
        Ok(self.heap.as_ref().map_or(ObservedObject::Opaque, |heap| heap.object(object)))
    }

    fn fields(
        &mut self,
        object: Identity,
        wanted: &[(u32, StorageType)],
        fields: &mut Fields<'_>,
    ) -> Result<(), StateError> {
        self.heap(object)?.fields(object, wanted, fields)
    }

    fn array_len(&mut self, array: Identity) -> Result<u32, StateError> {
        self.heap(array)?.len(array)
    }

    fn elements(
        &mut self,
        array: Identity,
        element: StorageType,
        range: Range<u32>,
        fields: &mut Fields<'_>,
    ) -> Result<(), StateError> {
        self.heap(array)?.elements(array, element, range, fields)
    }
}
