use super::entry_marks::Added;
use super::lowest_value::LowestValue;
use super::targets::Targets;
use super::{
    ChangeMarks, Deferred, MemoryCount, Probe, ProbeError, ProbeNames, ProbeOptions, deferred, entry_marks,
    object_readers,
};
use crate::module::{Module, Patch, SectionId};
use std::borrow::Cow;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{ConstExpr, Encode, ExportKind, Function, HeapType, Instruction, RefType, ValType};

/// The binary with probes, and what was added to its code.
pub(super) fn instrument(
    module: &Module<'_>,
    targets: &Targets,
    names: &ProbeNames,
    deferred: Option<&Deferred>,
    options: &ProbeOptions,
) -> Result<(Vec<u8>, Added), ProbeError> {
    let mut probes = Probes { module, names, patch: Patch::new(module), nullary: None };
    probes.add_segment_probes(targets)?;
    probes.add_witnesses(&targets.witnesses);
    probes.add_vector_halves(&targets.vector_globals);
    probes.add_definition(options.definition);
    probes.add_float_bits(&targets.float_globals);
    probes.add_functions(targets, options);
    probes.add_exports();
    object_readers::add(module, names, &targets.objects, &mut probes.patch)?;
    let mut patch = probes.patch;
    if let Some(deferred) = deferred {
        deferred::leave_out(module, &mut patch.replacements);
        if let Some(start) = deferred.start {
            patch.export(&names.export(Probe::Start), ExportKind::Func, start);
        }
    }
    if options.leaves_out_dwarf {
        patch.replacements.remove_dwarf();
    }
    let memory_count = MemoryCount::install(module, options, &mut patch);
    let change_marks = match options.marks_changes {
        true => ChangeMarks::install(module, names, &mut patch)?,
        false => ChangeMarks::default(),
    };
    let lowest = options.lowest_of.and_then(|global| LowestValue::install(module, names, global, &mut patch));
    let added = Added { memory_count, change_marks, lowest };
    entry_marks::rewrite_bodies(module, names, (options, &added), &mut patch)?;
    Ok((patch.apply(), added))
}

struct Probes<'m, 'a> {
    module: &'m Module<'a>,
    names: &'m ProbeNames,
    patch: Patch<'m, 'a>,
    /// The type of probe functions, once there is one.
    nullary: Option<u32>,
}

impl Probes<'_, '_> {
    fn add_segment_probes(&mut self, targets: &Targets) -> Result<(), ProbeError> {
        if !targets.droppable_data.is_empty() {
            let scratch = self.patch.memory(1);
            for &data_index in &targets.droppable_data {
                let init = Instruction::MemoryInit { mem: scratch, data_index };
                self.add_segment_probe(Probe::Data(data_index), 1, &init);
            }
        }
        let mut scratch_tables: Vec<(wasmparser::HeapType, u32)> = Vec::new();
        for &elem_index in &targets.droppable_elements {
            let ty = self.module.elements[elem_index as usize].ty().heap_type();
            let known = scratch_tables.iter().find(|(scratch_ty, _)| *scratch_ty == ty);
            let table = match known {
                Some((_, table)) => *table,
                None => {
                    let table = self.add_table(elem_index, 1)?;
                    scratch_tables.push((ty, table));
                    table
                }
            };
            let init = Instruction::TableInit { elem_index, table };
            self.add_segment_probe(Probe::Element(elem_index), 1, &init);
        }
        for &elem_index in &targets.object_segments {
            let len = self.module.elements[elem_index as usize].len();
            let table = self.add_table(elem_index, len)?;
            self.add_export(Probe::Items(elem_index), ExportKind::Table, table);
            let init = Instruction::TableInit { elem_index, table };
            self.add_segment_probe(Probe::Element(elem_index), len, &init);
        }
        Ok(())
    }

    /// A table for items of an element segment.
    fn add_table(&mut self, segment: u32, len: u32) -> Result<u32, ProbeError> {
        let ty = self.module.elements[segment as usize].ty().heap_type();
        let ty = RoundtripReencoder.heap_type(ty).map_err(|_| ProbeError::UnknownType { segment })?;
        Ok(self.patch.table(ty, u64::from(len)))
    }

    /// A function that initializes `len` elements of a scratch space from the segment, and traps if that was dropped.
    fn add_segment_probe(&mut self, probe: Probe, len: u32, init: &Instruction<'_>) {
        let ty = match self.nullary {
            Some(ty) => ty,
            None => self.add_function_type(&[], &[]),
        };
        self.nullary = Some(ty);
        let mut body = Function::new([]);
        body.instruction(&Instruction::I32Const(0))
            .instruction(&Instruction::I32Const(0))
            .instruction(&Instruction::I32Const(len as i32))
            .instruction(init)
            .instruction(&Instruction::End);
        self.add_function(probe, ty, body);
    }

    fn add_witnesses(&mut self, witnesses: &[Vec<u32>]) {
        for (k, types) in (0u32..).zip(witnesses) {
            let reference = |&ty| ValType::Ref(RefType { nullable: true, heap_type: HeapType::Concrete(ty) });
            let params: Vec<ValType> = types.iter().map(reference).collect();
            let ty = self.add_function_type(&params, &[]);
            let mut body = Function::new([]);
            body.instruction(&Instruction::End);
            self.add_function(Probe::Witness(k), ty, body);
        }
    }

    fn add_vector_halves(&mut self, globals: &[u32]) {
        if globals.is_empty() {
            return;
        }
        let ty = self.add_function_type(&[], &[ValType::I64]);
        for &global in globals {
            for (lane, probe) in [(0, Probe::LowHalf(global)), (1, Probe::HighHalf(global))] {
                let mut body = Function::new([]);
                body.instruction(&Instruction::GlobalGet(global))
                    .instruction(&Instruction::I64x2ExtractLane(lane))
                    .instruction(&Instruction::End);
                self.add_function(probe, ty, body);
            }
        }
    }

    fn add_definition(&mut self, number: Option<u32>) {
        if let Some(number) = number {
            let ty = self.add_function_type(&[], &[]);
            let mut body = Function::new([]);
            body.instruction(&Instruction::End);
            self.add_function(Probe::Definition(number), ty, body);
        }
    }

    fn add_float_bits(&mut self, globals: &[u32]) {
        let module = self.module;
        let of_type = |wanted: wasmparser::ValType| -> Vec<u32> {
            let is_wanted = |global: &u32| module.globals[*global as usize].ty.content_type == wanted;
            globals.iter().copied().filter(is_wanted).collect()
        };
        for (globals, result, instruction) in [
            (of_type(wasmparser::ValType::F32), ValType::I32, Instruction::I32ReinterpretF32),
            (of_type(wasmparser::ValType::F64), ValType::I64, Instruction::I64ReinterpretF64),
        ] {
            if globals.is_empty() {
                continue;
            }
            let ty = self.add_function_type(&[], &[result]);
            for global in globals {
                let mut body = Function::new([]);
                body.instruction(&Instruction::GlobalGet(global))
                    .instruction(&instruction)
                    .instruction(&Instruction::End);
                self.add_function(Probe::Bits(global), ty, body);
            }
        }
    }

    fn add_function_type(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        const FUNCTION: u8 = 0x60;
        let mut entry = vec![FUNCTION];
        params.encode(&mut entry);
        results.encode(&mut entry);
        self.patch.ty(&entry)
    }

    fn add_function(&mut self, probe: Probe, ty: u32, body: Function) {
        let function = self.patch.function(ty, &body.into_raw_body());
        self.add_export(probe, ExportKind::Func, function);
    }

    fn add_export(&mut self, probe: Probe, kind: ExportKind, index: u32) {
        self.patch.export(&self.names.export(probe), kind, index);
    }

    fn add_functions(&mut self, targets: &Targets, options: &ProbeOptions) {
        let mut exported = Cow::Borrowed(&targets.functions);
        if targets.tables_functions(options) {
            let table = self.patch.table(HeapType::FUNC, exported.len() as u64);
            self.add_export(Probe::Functions, ExportKind::Table, table);
            self.patch.add(SectionId::ELEMENT, |out| {
                const ACTIVE_IN_TABLE: u8 = 2;
                const FUNCTIONS: u8 = 0;
                out.push(ACTIVE_IN_TABLE);
                table.encode(out);
                ConstExpr::i32_const(0).encode(out);
                out.push(FUNCTIONS);
                let functions: Vec<u32> = exported.iter().copied().collect();
                functions.as_slice().encode(out);
            });
            exported = Cow::Owned(options.functions.iter().copied().collect());
        }
        for &index in exported.iter() {
            self.add_export(Probe::Function(index), ExportKind::Func, index);
        }
    }

    fn add_exports(&mut self) {
        for index in 0..self.module.globals.len() as u32 {
            self.add_export(Probe::Global(index), ExportKind::Global, index);
        }
        for index in 0..self.module.memories.len() as u32 {
            self.add_export(Probe::Memory(index), ExportKind::Memory, index);
        }
        for index in 0..self.module.tables.len() as u32 {
            self.add_export(Probe::Table(index), ExportKind::Table, index);
        }
        for index in 0..self.module.tags.len() as u32 {
            self.add_export(Probe::Tag(index), ExportKind::Tag, index);
        }
    }
}
