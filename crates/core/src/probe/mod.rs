//! The module that is run: the given one, with its private state made visible. Exports are added for everything that
//! can hold state, and tiny functions that tell whether a passive segment was dropped. No index moves, so what is seen
//! through a probe is true of the original. Active data is left out where the host can write it just as well: the engine
//! would copy it into its artifact, or compile code for each segment.

mod deferred;
mod entry_marks;
mod names;

pub use deferred::{Deferred, DeferredData};
pub use names::{Probe, ProbeNames};

use crate::engine_limits::PARAMETERS;
use crate::module::{Hierarchy, Module, Replacements, SectionId, section_of};
use std::collections::BTreeSet;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Encode, ExportKind, Function, Instruction, RefType, ValType};
use wasmparser::CompositeInnerType;

/// The instrumented module and the names by which its parts are found.
#[derive(Debug)]
pub struct Probed {
    /// The binary to compile and run.
    pub wasm: Vec<u8>,
    /// The names of the exports that were added.
    pub names: ProbeNames,
    /// Every function that can be in a reference.
    pub functions: BTreeSet<u32>,
    /// Passive data segments that the code might drop, each with a probe function.
    pub droppable_data: Vec<u32>,
    /// Passive element segments that the code might drop, each with a probe function.
    pub droppable_elements: Vec<u32>,
    /// Live passive element segments that may hold objects, each with a function that copies it to a table.
    pub object_segments: Vec<u32>,
    /// Number of memories.
    pub memories: u32,
    /// Number of tags.
    pub tags: u32,
    /// Struct and array type indices by witness function: the parameters of witness `k` are these types, nullable.
    pub witnesses: Vec<Vec<u32>>,
    /// What the host has to do between instantiation and the first call; `None` where the engine does all.
    pub deferred: Option<Deferred>,
    /// Whether the engine writes active data segments.
    pub engine_writes_data: bool,
}

impl Probed {
    /// Instruments `module`.
    ///
    /// # Errors
    /// If a type of the module cannot be re-encoded, which validation rules out for the proposals that are supported.
    pub fn new(module: &Module<'_>) -> Result<Probed, ProbeError> {
        Probed::with(module, Deferred::of(module), [])
    }

    /// The same, and exports `functions` too, which can then be called by [`Probe::Function`].
    ///
    /// # Errors
    /// As of [`Probed::new`].
    pub fn exporting(
        module: &Module<'_>,
        functions: impl IntoIterator<Item = u32>,
    ) -> Result<Probed, ProbeError> {
        Probed::with(module, Deferred::of(module), functions)
    }

    /// Instruments `module` so that any engine runs it without our help: nothing is deferred.
    ///
    /// # Errors
    /// As of [`Probed::new`].
    pub fn for_any_engine(module: &Module<'_>) -> Result<Probed, ProbeError> {
        Probed::with(module, None, [])
    }

    fn with(
        module: &Module<'_>,
        deferred: Option<Deferred>,
        functions: impl IntoIterator<Item = u32>,
    ) -> Result<Probed, ProbeError> {
        let mut exported = module.referenceable_functions();
        exported.extend(functions);
        let mut probed = Probed {
            wasm: Vec::new(),
            names: ProbeNames::free(module),
            functions: exported,
            droppable_data: droppable(&module.code.dropped_data, |k| {
                module.data[k].is_passive() && !module.data[k].bytes.is_empty()
            }),
            droppable_elements: droppable(&module.code.dropped_elements, |k| {
                module.elements[k].is_passive()
                    && !module.elements[k].is_empty()
                    && !may_hold_objects(module, k)
            }),
            object_segments: object_segments(module),
            memories: module.memories.len() as u32,
            tags: module.tags.len() as u32,
            witnesses: witnessed_types(module),
            engine_writes_data: deferred.is_none() && module.data.iter().any(|segment| !segment.is_passive()),
            deferred,
        };
        let mut added = Added::new(module);
        probed.add_segment_probes(module, &mut added)?;
        probed.add_witnesses(&mut added);
        probed.add_exports(module, &mut added);
        probed.wasm = added.into_module(module, probed.deferred.as_ref());
        Ok(probed)
    }

    /// The export that shows `probe`.
    pub fn export_name(&self, probe: Probe) -> String {
        self.names.export(probe)
    }

    /// A name for an export that is added besides the probes.
    pub fn private_name(&self, name: &str) -> String {
        self.names.private(name)
    }

    /// Whether an export of the running instance is a probe and not the module's own.
    pub fn is_probe(&self, export: &str) -> bool {
        self.names.has(export)
    }

    fn add_segment_probes(&self, module: &Module<'_>, added: &mut Added) -> Result<(), ProbeError> {
        if !self.droppable_data.is_empty() {
            let scratch = added.memory();
            for &data_index in &self.droppable_data {
                let init = Instruction::MemoryInit { mem: scratch, data_index };
                added.probe_function(self.export_name(Probe::Data(data_index)), 1, &init);
            }
        }
        let mut scratch_tables: Vec<(wasmparser::RefType, u32)> = Vec::new();
        for &elem_index in &self.droppable_elements {
            let ty = module.elements[elem_index as usize].ty().nullable();
            let known = scratch_tables.iter().find(|(scratch_ty, _)| *scratch_ty == ty);
            let table = match known {
                Some((_, table)) => *table,
                None => {
                    let table = added
                        .table(RoundtripReencoder.ref_type(ty).map_err(|_| ProbeError { elem_index })?, 1);
                    scratch_tables.push((ty, table));
                    table
                }
            };
            let init = Instruction::TableInit { elem_index, table };
            added.probe_function(self.export_name(Probe::Element(elem_index)), 1, &init);
        }
        for &elem_index in &self.object_segments {
            let element = &module.elements[elem_index as usize];
            let ty = RoundtripReencoder.ref_type(element.ty().nullable());
            let table = added.table(ty.map_err(|_| ProbeError { elem_index })?, element.len());
            added.export(self.export_name(Probe::Items(elem_index)), ExportKind::Table, table);
            let init = Instruction::TableInit { elem_index, table };
            added.probe_function(self.export_name(Probe::Element(elem_index)), element.len(), &init);
        }
        Ok(())
    }

    fn add_witnesses(&self, added: &mut Added) {
        for (k, types) in self.witnesses.iter().enumerate() {
            let params = types.iter().map(|&ty| {
                ValType::Ref(RefType { nullable: true, heap_type: wasm_encoder::HeapType::Concrete(ty) })
            });
            let ty = added.function_type(params.collect());
            let mut body = Function::new([]);
            body.instruction(&Instruction::End);
            added.function(self.export_name(Probe::Witness(k as u32)), ty, &body);
        }
    }

    fn add_exports(&self, module: &Module<'_>, added: &mut Added) {
        for &index in &self.functions {
            added.export(self.export_name(Probe::Function(index)), ExportKind::Func, index);
        }
        for index in 0..module.globals.len() as u32 {
            added.export(self.export_name(Probe::Global(index)), ExportKind::Global, index);
        }
        for index in 0..module.memories.len() as u32 {
            added.export(self.export_name(Probe::Memory(index)), ExportKind::Memory, index);
        }
        for index in 0..module.tables.len() as u32 {
            added.export(self.export_name(Probe::Table(index)), ExportKind::Table, index);
        }
        for index in 0..module.tags.len() as u32 {
            added.export(self.export_name(Probe::Tag(index)), ExportKind::Tag, index);
        }
        if let Some(start) = self.deferred.as_ref().and_then(|deferred| deferred.start) {
            added.export(self.export_name(Probe::Start), ExportKind::Func, start);
        }
    }
}

/// A type that cannot be written in a probe.
#[derive(Debug, thiserror::Error)]
#[error("element segment {elem_index} has a type of a proposal that preinit does not know")]
pub struct ProbeError {
    elem_index: u32,
}

fn droppable(named: &BTreeSet<u32>, is_live_at_start: impl Fn(usize) -> bool) -> Vec<u32> {
    named.iter().copied().filter(|&k| is_live_at_start(k as usize)).collect()
}

/// Passive segments whose items may be objects: what instructions can name of them.
fn object_segments(module: &Module<'_>) -> Vec<u32> {
    let named = module.code.highest_element.map_or(0, |highest| highest + 1);
    let may_be_live =
        |&k: &u32| module.elements[k as usize].is_passive() && may_hold_objects(module, k as usize);
    (0..named).filter(may_be_live).collect()
}

fn may_hold_objects(module: &Module<'_>, k: usize) -> bool {
    let element = &module.elements[k];
    let holds = matches!(
        module.hierarchy(element.ty().heap_type()),
        Hierarchy::Any | Hierarchy::Extern | Hierarchy::Exn
    );
    holds && !element.is_empty()
}

fn witnessed_types(module: &Module<'_>) -> Vec<Vec<u32>> {
    let is_object = |ty: &wasmparser::SubType| {
        matches!(ty.composite_type.inner, CompositeInnerType::Struct(_) | CompositeInnerType::Array(_))
    };
    let types: Vec<u32> =
        (0u32..).zip(&module.types).filter(|(_, ty)| is_object(ty)).map(|(k, _)| k).collect();
    types.chunks(PARAMETERS.most as usize).map(<[u32]>::to_vec).collect()
}

/// What is appended to each section of the module.
struct Added {
    next_type: u32,
    next_function: u32,
    next_table: u32,
    next_memory: u32,
    probe_type: Option<u32>,
    sections: Vec<(SectionId, Entries)>,
}

#[derive(Default)]
struct Entries {
    count: u32,
    bytes: Vec<u8>,
}

impl Added {
    fn new(module: &Module<'_>) -> Self {
        Added {
            next_type: module.types.len() as u32,
            next_function: module.functions.len() as u32,
            next_table: module.tables.len() as u32,
            next_memory: module.memories.len() as u32,
            probe_type: None,
            sections: Vec::new(),
        }
    }

    fn push(&mut self, id: SectionId, encode: impl FnOnce(&mut Vec<u8>)) {
        let at = match self.sections.iter().position(|(known, _)| *known == id) {
            Some(at) => at,
            None => {
                self.sections.push((id, Entries::default()));
                self.sections.len() - 1
            }
        };
        let entries = &mut self.sections[at].1;
        entries.count += 1;
        encode(&mut entries.bytes);
    }

    fn function_type(&mut self, params: Vec<ValType>) -> u32 {
        self.push(SectionId::TYPE, |out| {
            out.push(0x60);
            params.as_slice().encode(out);
            <[ValType]>::encode(&[], out);
        });
        self.next_type += 1;
        self.next_type - 1
    }

    fn memory(&mut self) -> u32 {
        let ty = wasm_encoder::MemoryType {
            minimum: 1,
            maximum: Some(1),
            memory64: false,
            shared: false,
            page_size_log2: None,
        };
        self.push(SectionId::MEMORY, |out| ty.encode(out));
        self.next_memory += 1;
        self.next_memory - 1
    }

    fn table(&mut self, element_type: RefType, size: u32) -> u32 {
        let ty = wasm_encoder::TableType {
            element_type,
            table64: false,
            minimum: u64::from(size),
            maximum: Some(u64::from(size)),
            shared: false,
        };
        self.push(SectionId::TABLE, |out| ty.encode(out));
        self.next_table += 1;
        self.next_table - 1
    }

    /// A function that initializes `len` elements of a scratch space from the segment; that traps if it was dropped.
    fn probe_function(&mut self, name: String, len: u32, init: &Instruction<'_>) {
        let ty = match self.probe_type {
            Some(ty) => ty,
            None => self.function_type(Vec::new()),
        };
        self.probe_type = Some(ty);
        let mut body = Function::new([]);
        body.instruction(&Instruction::I32Const(0));
        body.instruction(&Instruction::I32Const(0));
        body.instruction(&Instruction::I32Const(len as i32));
        body.instruction(init);
        body.instruction(&Instruction::End);
        self.function(name, ty, &body);
    }

    fn function(&mut self, name: String, ty: u32, body: &Function) {
        self.push(SectionId::FUNCTION, |out| ty.encode(out));
        self.push(SectionId::CODE, |out| body.encode(out));
        self.export(name, ExportKind::Func, self.next_function);
        self.next_function += 1;
    }

    fn export(&mut self, name: String, kind: ExportKind, index: u32) {
        self.push(SectionId::EXPORT, |out| {
            name.as_str().encode(out);
            kind.encode(out);
            index.encode(out);
        });
    }

    fn into_module(self, module: &Module<'_>, deferred: Option<&Deferred>) -> Vec<u8> {
        let mut replacements = Replacements::default();
        if deferred.is_some() {
            deferred::leave_out(module, &mut replacements);
        }
        for (id, entries) in self.sections {
            let contents = match module.section(id) {
                Some(section) => section.with_entries(entries.count, &entries.bytes),
                None => section_of(entries.count, &entries.bytes),
            };
            replacements.set(id, contents);
        }
        replacements.apply(&module.sections)
    }
}
