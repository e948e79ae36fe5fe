//! A component with the exports of an instance type, whose functions trap.

use super::ComponentError;
use super::cut::cut;
use super::shift::malformed;
use std::convert::Infallible;
use wasm_encoder::reencode::{Reencode, ReencodeComponent};
use wasm_encoder::{
    Alias, CanonicalOption, CodeSection, ComponentBuilder, ComponentExportKind, ComponentOuterAliasKind,
    ComponentTypeRef, ExportKind, ExportSection, Function, FunctionSection, MemorySection, MemoryType,
    Module, TypeBounds, TypeSection, ValType,
};
use wasmparser::component_types::{
    ComponentDefinedType, ComponentEntityType, ComponentFuncTypeId, ComponentValType,
};
use wasmparser::types::TypesRef;
use wasmparser::{ComponentAlias, ComponentType, InstanceTypeDeclaration, PrimitiveValType};

/// Parameters that a function takes one by one (canonical ABI, `MAX_FLAT_PARAMS`).
const FLAT_PARAMS: usize = 16;

/// The component, and what it is given: names, and types of the component around it, by index.
pub struct Trapping {
    pub bytes: Vec<u8>,
    pub arguments: Vec<(String, u32)>,
}

/// Makes the component for the import `name`, whose instance type has these declarations. It stands beside the type.
pub fn trapping_component(
    types: TypesRef<'_>,
    name: &str,
    declarations: &[InstanceTypeDeclaration<'_>],
) -> Result<Trapping, ComponentError> {
    let Some(ComponentEntityType::Instance(instance)) =
        types.component_item_for_import(name).map(|item| item.ty)
    else {
        return Err(cut(name, "it is not an instance"));
    };
    let mut functions = Vec::new();
    for (export, item) in &types[instance].exports {
        if let ComponentEntityType::Func(function) = item.ty {
            functions.push((export.as_str(), function));
        }
    }
    let mut builder = ComponentBuilder::default();
    let module = builder.core_module(None, &core_module(types, &functions));
    let core = builder.core_instantiate(None, module, []);
    let memory = builder.core_alias_export(None, core, MEMORY, ExportKind::Memory);
    let realloc = builder.core_alias_export(None, core, REALLOC, ExportKind::Func);
    let mut scope = Scope { name, builder, types: Indices { now: Vec::new() }, arguments: Vec::new() };
    for declaration in declarations {
        match declaration {
            InstanceTypeDeclaration::Type(ty) => scope.declare(ty.clone())?,
            InstanceTypeDeclaration::Alias(alias) => scope.alias(alias, types)?,
            InstanceTypeDeclaration::Export { name: export, ty } => {
                let kind = match ty {
                    wasmparser::ComponentTypeRef::Type(bounds) => {
                        scope.export_type(export.name, *bounds);
                        continue;
                    }
                    wasmparser::ComponentTypeRef::Func(ty) => scope.types.component_type_index(*ty),
                    _ => return Err(cut(name, "it exports more than types and functions")),
                };
                let Some(number) = functions.iter().position(|(known, _)| *known == export.name) else {
                    return Err(cut(name, "its functions cannot be listed"));
                };
                let builder = &mut scope.builder;
                let function = builder.core_alias_export(None, core, &number.to_string(), ExportKind::Func);
                let options = [CanonicalOption::Memory(memory), CanonicalOption::Realloc(realloc)];
                let lifted = builder.lift_func(None, function, kind, options);
                builder.export(export.name, ComponentExportKind::Func, lifted, None);
            }
            InstanceTypeDeclaration::CoreType(_) => return Err(cut(name, "its type has core types")),
        }
    }
    Ok(Trapping { bytes: scope.builder.finish(), arguments: scope.arguments })
}

/// The types of the instance type, and where they are in the component.
struct Indices {
    now: Vec<u32>,
}

impl Reencode for Indices {
    type Error = Infallible;
}

impl ReencodeComponent for Indices {
    fn component_type_index(&mut self, ty: u32) -> u32 {
        self.now.get(ty as usize).copied().unwrap_or(ty)
    }
}

struct Scope<'s> {
    name: &'s str,
    builder: ComponentBuilder,
    types: Indices,
    arguments: Vec<(String, u32)>,
}

impl Scope<'_> {
    fn declare(&mut self, ty: ComponentType<'_>) -> Result<(), ComponentError> {
        if let ComponentType::Component(_) | ComponentType::Instance(_) = ty {
            return Err(cut(self.name, "its type has types of instances or components"));
        }
        let (index, encoder) = self.builder.ty(None);
        self.types.parse_component_type(encoder, ty).map_err(malformed)?;
        self.types.now.push(index);
        Ok(())
    }

    /// A type of the component around it. Resources cannot be reached from inside, and are handed over.
    fn alias(&mut self, alias: &ComponentAlias<'_>, types: TypesRef<'_>) -> Result<(), ComponentError> {
        let ComponentAlias::Outer { kind: wasmparser::ComponentOuterAliasKind::Type, count, index } = *alias
        else {
            return Err(cut(self.name, "its type has an alias that is not of a type"));
        };
        let now = match count {
            0 => self.types.component_type_index(index),
            _ if is_resource(types, index) => {
                let argument = format!("resource{}", self.arguments.len());
                let ty = ComponentTypeRef::Type(TypeBounds::SubResource);
                let now = self.builder.import(argument.as_str(), ty);
                self.arguments.push((argument, index));
                now
            }
            _ => self.builder.alias(None, Alias::Outer { kind: ComponentOuterAliasKind::Type, count, index }),
        };
        self.types.now.push(now);
        Ok(())
    }

    fn export_type(&mut self, export: &str, bounds: wasmparser::TypeBounds) {
        let ty = match bounds {
            wasmparser::TypeBounds::Eq(ty) => self.types.component_type_index(ty),
            wasmparser::TypeBounds::SubResource => self.builder.type_resource(None, ValType::I32, None),
        };
        let now = self.builder.export(export, ComponentExportKind::Type, ty, None);
        self.types.now.push(now);
    }
}

fn is_resource(types: TypesRef<'_>, index: u32) -> bool {
    index < types.component_type_count()
        && matches!(
            types.component_any_type_at(index),
            wasmparser::component_types::ComponentAnyTypeId::Resource(_)
        )
}

const MEMORY: &str = "memory";
const REALLOC: &str = "realloc";

/// Functions that trap, under their numbers, and what their types need.
fn core_module(types: TypesRef<'_>, functions: &[(&str, ComponentFuncTypeId)]) -> Module {
    let mut section = TypeSection::new();
    let mut declared = FunctionSection::new();
    let mut exports = ExportSection::new();
    let mut code = CodeSection::new();
    section.ty().function([ValType::I32; 4], [ValType::I32]);
    declared.function(0);
    exports.export(MEMORY, ExportKind::Memory, 0).export(REALLOC, ExportKind::Func, 0);
    for (number, (_, function)) in (1u32..).zip(functions) {
        let function = &types[*function];
        let (mut params, mut results) = (Vec::new(), Vec::new());
        function.params.iter().for_each(|(_, ty)| flat(types, ty, &mut params));
        function.result.iter().for_each(|ty| flat(types, ty, &mut results));
        if params.len() > FLAT_PARAMS {
            params = vec![ValType::I32];
        }
        // More than one is returned in memory.
        if results.len() > 1 {
            results = vec![ValType::I32];
        }
        section.ty().function(params, results);
        declared.function(number);
        exports.export(&(number - 1).to_string(), ExportKind::Func, number);
    }
    for _ in 0..=functions.len() {
        let mut body = Function::new([]);
        body.instructions().unreachable().end();
        code.function(&body);
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 0,
        maximum: Some(0),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut module = Module::new();
    module.section(&section).section(&declared).section(&memories).section(&exports).section(&code);
    module
}

/// The core values that a value is passed as (canonical ABI, `flatten_type`).
fn flat(types: TypesRef<'_>, ty: &ComponentValType, out: &mut Vec<ValType>) {
    let id = match ty {
        ComponentValType::Primitive(ty) => return out.extend_from_slice(flat_primitive(*ty)),
        ComponentValType::Type(id) => *id,
    };
    match &types[id] {
        ComponentDefinedType::Primitive(ty) => out.extend_from_slice(flat_primitive(*ty)),
        ComponentDefinedType::Record(record) => record.fields.values().for_each(|ty| flat(types, ty, out)),
        ComponentDefinedType::Tuple(tuple) => tuple.types.iter().for_each(|ty| flat(types, ty, out)),
        ComponentDefinedType::Variant(variant) => {
            let payloads = variant.cases.values().map(|case| case.ty);
            flat_cases(types, payloads, out);
        }
        ComponentDefinedType::Option { ty, .. } => flat_cases(types, [None, Some(*ty)], out),
        ComponentDefinedType::Result { ok, err, .. } => flat_cases(types, [*ok, *err], out),
        ComponentDefinedType::List { .. } | ComponentDefinedType::Map { .. } => {
            out.extend([ValType::I32, ValType::I32]);
        }
        ComponentDefinedType::FixedLengthList { element, length, .. } => {
            for _ in 0..*length {
                // What is longer is passed in memory.
                if out.len() > FLAT_PARAMS {
                    break;
                }
                flat(types, element, out);
            }
        }
        ComponentDefinedType::Flags(_)
        | ComponentDefinedType::Enum(_)
        | ComponentDefinedType::Own(_)
        | ComponentDefinedType::Borrow(_)
        | ComponentDefinedType::Future { .. }
        | ComponentDefinedType::Stream { .. } => out.push(ValType::I32),
    }
}

fn flat_primitive(ty: PrimitiveValType) -> &'static [ValType] {
    match ty {
        PrimitiveValType::S64 | PrimitiveValType::U64 => &[ValType::I64],
        PrimitiveValType::F32 => &[ValType::F32],
        PrimitiveValType::F64 => &[ValType::F64],
        PrimitiveValType::String => &[ValType::I32, ValType::I32],
        _ => &[ValType::I32],
    }
}

/// A number that tells the cases apart, and values that are wide enough for each of them.
fn flat_cases(
    types: TypesRef<'_>,
    cases: impl IntoIterator<Item = Option<ComponentValType>>,
    out: &mut Vec<ValType>,
) {
    out.push(ValType::I32);
    let mut joined: Vec<ValType> = Vec::new();
    for case in cases.into_iter().flatten() {
        let mut payload = Vec::new();
        flat(types, &case, &mut payload);
        for (place, ty) in payload.into_iter().enumerate() {
            match joined.get_mut(place) {
                None => joined.push(ty),
                Some(known) if *known == ty => {}
                Some(known) => {
                    let is_narrow = |ty: ValType| matches!(ty, ValType::I32 | ValType::F32);
                    *known = if is_narrow(*known) && is_narrow(ty) { ValType::I32 } else { ValType::I64 };
                }
            }
        }
    }
    out.extend(joined);
}
