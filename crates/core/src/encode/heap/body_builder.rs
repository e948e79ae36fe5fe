use super::super::EncodeError;
use super::builder_types::{BuilderTypes, StateField};
use crate::module::{Hierarchy, Module};
use crate::plan::PlannedHeap;
use crate::plan::heap::{Placeholder, StreamKind};
use crate::snapshot::Reference;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Encode, HeapType, Instruction, ValType};
use wasmparser::{AbstractHeapType, RefType, StorageType};

/// What all functions of the builder are written with.
#[derive(Clone, Copy)]
pub(in crate::encode) struct BuilderContext<'c> {
    pub module: &'c Module<'c>,
    pub heap: &'c PlannedHeap,
    pub types: BuilderTypes,
}

/// One function, whose first parameter is the state. What it uses of that is held in locals and written back at the end.
pub(in crate::encode) struct BodyBuilder<'c> {
    pub context: BuilderContext<'c>,
    params: u32,
    locals: Vec<ValType>,
    cached: Vec<(StateField, u32)>,
    pub code: Vec<u8>,
}

impl<'c> BodyBuilder<'c> {
    pub fn new(context: BuilderContext<'c>, params: u32) -> Self {
        BodyBuilder { context, params, locals: Vec::new(), cached: Vec::new(), code: Vec::new() }
    }

    pub fn push(&mut self, instruction: Instruction<'_>) {
        instruction.encode(&mut self.code);
    }

    pub fn local(&mut self, ty: ValType) -> u32 {
        self.locals.push(ty);
        self.params + self.locals.len() as u32 - 1
    }

    /// The local that holds a part of the state.
    pub fn state(&mut self, field: StateField) -> u32 {
        match self.cached.iter().find(|(known, _)| *known == field) {
            Some((_, local)) => *local,
            None => {
                let local = self.local(self.context.types.field_type(field));
                self.cached.push((field, local));
                local
            }
        }
    }

    pub fn get(&mut self, field: StateField) {
        let local = self.state(field);
        self.push(Instruction::LocalGet(local));
    }

    /// `local += by`
    pub fn advance(&mut self, local: u32, by: u32) {
        if by > 0 {
            self.push(Instruction::LocalGet(local));
            self.push(Instruction::I32Const(by as i32));
            self.push(Instruction::I32Add);
            self.push(Instruction::LocalSet(local));
        }
    }

    /// The function's entry in the code section, without its size.
    pub fn finish(self) -> Vec<u8> {
        let state = self.context.types.state();
        let mut out = Vec::with_capacity(self.code.len() + 64);
        (self.locals.len() as u32).encode(&mut out);
        for ty in &self.locals {
            1u32.encode(&mut out);
            ty.encode(&mut out);
        }
        for &(field, local) in &self.cached {
            Instruction::LocalGet(0).encode(&mut out);
            Instruction::StructGet { struct_type_index: state, field_index: field.index() }.encode(&mut out);
            Instruction::LocalSet(local).encode(&mut out);
        }
        out.extend_from_slice(&self.code);
        for &(field, local) in &self.cached {
            if let StateField::Cursor(_) | StateField::Arrays = field {
                Instruction::LocalGet(0).encode(&mut out);
                Instruction::LocalGet(local).encode(&mut out);
                Instruction::StructSet { struct_type_index: state, field_index: field.index() }
                    .encode(&mut out);
            }
        }
        Instruction::End.encode(&mut out);
        out
    }

    /// Pushes the value of a stream that is `ahead` of its cursor.
    pub fn read(&mut self, kind: StreamKind, ahead: u32) {
        let array = self.context.types.stream(kind);
        self.get(StateField::Stream(kind));
        self.get(StateField::Cursor(kind));
        if ahead > 0 {
            self.push(Instruction::I32Const(ahead as i32));
            self.push(Instruction::I32Add);
        }
        self.element(kind, array);
    }

    /// Reads an array of the type of a stream.
    pub fn element(&mut self, kind: StreamKind, array: u32) {
        let is_packed = match kind {
            StreamKind::References => self.context.heap.plan.data.reference_width < 4,
            StreamKind::Bytes | StreamKind::Shorts => true,
            StreamKind::Words | StreamKind::Doubles => false,
        };
        self.push(match is_packed {
            true => Instruction::ArrayGetU(array),
            false => Instruction::ArrayGet(array),
        });
    }

    /// Pushes the next scalar of type `ty`.
    pub fn scalar(&mut self, ty: StorageType, ahead: u32) -> Result<(), EncodeError> {
        let (kind, _) = StreamKind::of(ty);
        self.read(kind, ahead);
        match ty {
            StorageType::Val(wasmparser::ValType::F32) => self.push(Instruction::F32ReinterpretI32),
            StorageType::Val(wasmparser::ValType::F64) => self.push(Instruction::F64ReinterpretI64),
            StorageType::Val(wasmparser::ValType::V128) => {
                self.push(Instruction::I64x2Splat);
                self.read(kind, ahead + 1);
                self.push(Instruction::I64x2ReplaceLane(1));
            }
            _ => {}
        }
        Ok(())
    }

    /// Pushes the registry entry that `index` pushes the number of, as a value of type `place`. If it is null or of
    /// exactly a type, by index, that is `exact`.
    pub fn entry(
        &mut self,
        place: RefType,
        exact: Option<u32>,
        index: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if is_bottom(place) {
            return self.null(place);
        }
        let types = self.context.types;
        match self.context.module.hierarchy(place.heap_type()) {
            Hierarchy::Any => {
                self.get(StateField::Registry);
                index(self)?;
                self.push(Instruction::ArrayGet(types.registry()));
                match (exact.map(HeapType::Concrete), place.is_nullable()) {
                    (Some(ty), true) => self.push(Instruction::RefCastNullable(ty)),
                    (Some(ty), false) => self.push(Instruction::RefCastNonNull(ty)),
                    (None, _) => self.cast(place)?,
                }
                Ok(())
            }
            Hierarchy::Extern => {
                self.get(StateField::Registry);
                index(self)?;
                self.push(Instruction::ArrayGet(types.registry()));
                self.non_null(place);
                self.push(Instruction::ExternConvertAny);
                Ok(())
            }
            Hierarchy::Func => {
                self.get(StateField::Functions);
                index(self)?;
                self.push(Instruction::ArrayGet(types.functions()));
                self.cast(place)
            }
            Hierarchy::Exn => {
                self.get(StateField::Exceptions);
                index(self)?;
                self.push(Instruction::ArrayGet(
                    types.exceptions().ok_or(EncodeError::Unknown("reference"))?,
                ));
                self.non_null(place);
                Ok(())
            }
            Hierarchy::Cont => self.null(place),
        }
    }

    /// Pushes a reference that is known now.
    pub fn constant(&mut self, place: RefType, reference: Reference) -> Result<(), EncodeError> {
        let module = self.context.module;
        match reference {
            Reference::Null => self.null(place)?,
            Reference::I31(value) | Reference::ExternI31(value) => self.i31(place, value),
            Reference::Func(index) => self.function(place, index)?,
            Reference::Import(global) => self.global(place, global)?,
            Reference::Object(id) | Reference::ExternObject(id) => match self.context.heap.plan.global(id) {
                Some(global) if module.globals.get(global as usize).is_some() => {
                    self.global(place, global)?
                }
                _ => {
                    let entry = self.context.heap.plan.entry(id);
                    self.entry(place, None, |body| {
                        body.push(Instruction::I32Const(entry as i32));
                        Ok(())
                    })?;
                }
            },
            Reference::Unwritable(_) => return Err(EncodeError::Unknown("reference")),
        }
        Ok(())
    }

    pub fn placeholder(&mut self, place: RefType, placeholder: Placeholder) -> Result<(), EncodeError> {
        match placeholder {
            Placeholder::Null => self.null(place),
            Placeholder::I31 => {
                self.i31(place, 0);
                Ok(())
            }
            Placeholder::Func(index) => self.function(place, index),
            Placeholder::Instance(ty) => {
                let entry = self.context.heap.plan.instance(ty);
                self.entry(place, None, |body| {
                    body.push(Instruction::I32Const(entry as i32));
                    Ok(())
                })
            }
        }
    }

    fn i31(&mut self, place: RefType, value: u32) {
        // Bit 31 is not part of the value; extending the sign keeps the LEB of small negative numbers short.
        self.push(Instruction::I32Const((value << 1) as i32 >> 1));
        self.push(Instruction::RefI31);
        if self.context.module.hierarchy(place.heap_type()) == Hierarchy::Extern {
            self.push(Instruction::ExternConvertAny);
        }
    }

    fn function(&mut self, place: RefType, index: u32) -> Result<(), EncodeError> {
        self.push(Instruction::RefFunc(index));
        // An imported function may be more than its import says.
        match index < self.context.module.imported.functions && is_concrete(place) {
            true => self.cast(place),
            false => Ok(()),
        }
    }

    /// Pushes what an immutable global holds.
    fn global(&mut self, place: RefType, global: u32) -> Result<(), EncodeError> {
        let module = self.context.module;
        let content = module.globals.get(global as usize).map(|global| global.ty.content_type);
        let Some(wasmparser::ValType::Ref(ty)) = content else {
            return Err(EncodeError::Unknown("reference"));
        };
        self.push(Instruction::GlobalGet(global));
        match (module.hierarchy(ty.heap_type()), module.hierarchy(place.heap_type())) {
            (Hierarchy::Extern, Hierarchy::Any) => {
                self.push(Instruction::AnyConvertExtern);
                self.cast(place)
            }
            (Hierarchy::Any, Hierarchy::Extern) => {
                if ty.is_nullable() {
                    self.non_null(place);
                }
                self.push(Instruction::ExternConvertAny);
                Ok(())
            }
            _ if ty == place => Ok(()),
            (_, Hierarchy::Exn | Hierarchy::Extern) => {
                self.non_null(place);
                Ok(())
            }
            _ => self.cast(place),
        }
    }

    pub fn null(&mut self, place: RefType) -> Result<(), EncodeError> {
        let ty = heap_type(place)?;
        self.push(Instruction::RefNull(ty));
        Ok(())
    }

    fn non_null(&mut self, place: RefType) {
        if !place.is_nullable() {
            self.push(Instruction::RefAsNonNull);
        }
    }

    /// Casts what is on the stack, which is in the hierarchy of `place`.
    pub fn cast(&mut self, place: RefType) -> Result<(), EncodeError> {
        let ty = heap_type(place)?;
        let is_top = matches!(
            place.heap_type(),
            wasmparser::HeapType::Abstract { ty: AbstractHeapType::Any | AbstractHeapType::Func, .. }
        );
        match (is_top, place.is_nullable()) {
            (true, true) => {}
            (true, false) => self.push(Instruction::RefAsNonNull),
            (false, true) => self.push(Instruction::RefCastNullable(ty)),
            (false, false) => self.push(Instruction::RefCastNonNull(ty)),
        }
        Ok(())
    }
}

fn heap_type(ty: RefType) -> Result<HeapType, EncodeError> {
    RoundtripReencoder.heap_type(ty.heap_type()).map_err(|_| EncodeError::Unknown("type"))
}

fn is_concrete(ty: RefType) -> bool {
    matches!(ty.heap_type(), wasmparser::HeapType::Concrete(_))
}

/// Whether null is the only value.
fn is_bottom(ty: RefType) -> bool {
    use AbstractHeapType as A;
    matches!(
        ty.heap_type(),
        wasmparser::HeapType::Abstract { ty: A::None | A::NoExtern | A::NoFunc | A::NoExn | A::NoCont, .. }
    )
}
