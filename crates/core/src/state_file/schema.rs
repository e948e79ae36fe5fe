use super::heap::ObjectLayout;
use super::{ImportKind, VERSION};
use crate::hex;
use crate::module::{Hierarchy, Module};
use crate::probe::{Probe, Probed, Scratch};
use serde::{Deserialize, Serialize};
use wasmparser::{Export, ExternalKind, ValType};

/// What a host has to read, by the names of exports of the probed module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateSchema {
    /// The version of this form.
    pub version: u32,
    /// The SHA-256 digest of the module, before it was probed.
    pub module: String,
    /// Every function that references can point to.
    pub functions: Vec<IndexedExport>,
    /// Every global, by global index.
    pub globals: Vec<GlobalSchema>,
    /// The exports of all memories, by memory index.
    pub memories: Vec<String>,
    /// Every table, by table index.
    pub tables: Vec<TableSchema>,
    /// Data segments that may have been dropped.
    pub data: Vec<SegmentSchema>,
    /// Element segments that may have been dropped.
    pub elements: Vec<SegmentSchema>,
    /// How objects of the garbage-collected heap are read; `None` if the module has no types of such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap: Option<HeapSchema>,
    /// All imports but immutable globals and tags: what they hold, and which functions they are, has to be recorded before the
    /// module is instantiated.
    pub imports: Vec<ImportSchema>,
    /// The module's own exports. All others show its state, and are not for the program.
    pub exports: Vec<String>,
    /// What these are, but for tags. For one global, a host may have several objects, so they cannot be told by identity.
    pub exported: Vec<ExportSchema>,
}

/// An export of the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportSchema {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ImportKind,
    /// Its index in the index space of its kind.
    pub index: u32,
}

/// An imported memory, table, mutable global or function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportSchema {
    /// The name of the module that it is imported from.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// What it is.
    pub kind: ImportKind,
    /// Its index in the index space of its kind.
    pub index: u32,
    /// What a function takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<ValueKind>,
}

/// An export and the index of what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedExport {
    /// The index in the index space of its kind.
    pub index: u32,
    /// The name of the export.
    pub export: String,
}

/// A global.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlobalSchema {
    /// The export.
    pub export: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub ty: ValueKind,
    /// For a `v128`, exported functions that return its lower and upper half as `i64`: JavaScript cannot read such a global.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halves: Option<[String; 2]>,
    /// For an `f32` or `f64`, an exported function that returns its bits as an integer: JavaScript has one NaN only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<String>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// The export.
    pub export: String,
    /// What its slots hold.
    #[serde(rename = "type")]
    pub ty: ValueKind,
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentSchema {
    /// The index of the segment.
    pub index: u32,
    /// A function without parameters and results that traps exactly if the segment was dropped.
    pub export: String,
    /// A table that the function fills with the items of the segment, if they may be objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<TableSchema>,
}

/// How objects are read. Exported functions write what they hold to a memory and to tables, which are for nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapSchema {
    /// A function that returns the index of the type of a struct or array, as an `anyref`; -1 for anything else.
    pub type_of: String,
    /// A function that returns the length of an array, as an `anyref`.
    pub length: String,
    /// The memory: numbers are written from its beginning, each as wide as it is stored.
    pub memory: String,
    /// The tables: references are written from the first slot of the one for their kind.
    pub tables: ScratchTables,
    /// At most so many elements of an array are read at once.
    pub most: u32,
    /// All types of structs and arrays.
    pub types: Vec<ObjectSchema>,
}

/// The exports of tables for references.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScratchTables {
    /// For functions.
    pub func: String,
    /// For values of the host.
    #[serde(rename = "extern")]
    pub extern_: String,
    /// For objects.
    pub any: String,
}

/// How objects of a type are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectSchema {
    /// The index of the type.
    pub index: u32,
    /// The function that reads a struct, an `anyref`; for an array it takes a first element and a count besides.
    pub export: String,
    /// Whether it is an array. What follows is said of each element then.
    pub array: bool,
    /// Bytes of its numbers.
    pub scalars: u32,
    /// The kinds of its references, in order. Exceptions and continuations are not read.
    pub references: Vec<ValueKind>,
}

/// The kinds of types that hosts have to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueKind {
    /// `i32`
    I32,
    /// `i64`
    I64,
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `v128`
    V128,
    /// References to functions.
    Func,
    /// References to values of the host.
    Extern,
    /// References to objects of the guest.
    Any,
    /// References to exceptions. JavaScript cannot read them.
    Exn,
    /// References to continuations. They are not read.
    Cont,
}

impl ValueKind {
    /// The kind of a type of `module`.
    pub fn of(module: &Module<'_>, ty: ValType) -> ValueKind {
        match ty {
            ValType::I32 => ValueKind::I32,
            ValType::I64 => ValueKind::I64,
            ValType::F32 => ValueKind::F32,
            ValType::F64 => ValueKind::F64,
            ValType::V128 => ValueKind::V128,
            ValType::Ref(ty) => match module.hierarchy(ty.heap_type()) {
                Hierarchy::Func => ValueKind::Func,
                Hierarchy::Extern => ValueKind::Extern,
                Hierarchy::Any => ValueKind::Any,
                Hierarchy::Exn => ValueKind::Exn,
                Hierarchy::Cont => ValueKind::Cont,
            },
        }
    }
}

impl StateSchema {
    /// What to read of an instance of `probed`, the form of `module` with
    /// [`ProbeOptions::for_any_host`](crate::probe::ProbeOptions::for_any_host).
    pub fn of(module: &Module<'_>, probed: &Probed) -> StateSchema {
        let functions = probed
            .functions
            .iter()
            .map(|&index| IndexedExport { index, export: probed.export_name(Probe::Function(index)) });
        let globals = (0u32..).zip(&module.globals).map(|(index, global)| GlobalSchema {
            export: probed.export_name(Probe::Global(index)),
            ty: ValueKind::of(module, global.ty.content_type),
            halves: probed.vector_globals.contains(&index).then(|| {
                [Probe::LowHalf(index), Probe::HighHalf(index)].map(|probe| probed.export_name(probe))
            }),
            bits: probed.float_globals.contains(&index).then(|| probed.export_name(Probe::Bits(index))),
        });
        let tables = (0u32..).zip(&module.tables).map(|(index, table)| TableSchema {
            export: probed.export_name(Probe::Table(index)),
            ty: ValueKind::of(module, ValType::Ref(table.ty.element_type)),
        });
        let data = probed.droppable_data.iter().map(|&index| SegmentSchema {
            index,
            export: probed.export_name(Probe::Data(index)),
            items: None,
        });
        let element = |&index: &u32, items: Option<TableSchema>| SegmentSchema {
            index,
            export: probed.export_name(Probe::Element(index)),
            items,
        };
        let items = |index: u32| TableSchema {
            export: probed.export_name(Probe::Items(index)),
            ty: ValueKind::of(module, ValType::Ref(module.elements[index as usize].ty())),
        };
        let droppable = probed.droppable_elements.iter().map(|index| element(index, None));
        let objects = probed.object_segments.iter().map(|index| element(index, Some(items(*index))));
        StateSchema {
            version: VERSION,
            module: hex(&module.digest()),
            functions: functions.collect(),
            globals: globals.collect(),
            memories: (0..probed.memories).map(|index| probed.export_name(Probe::Memory(index))).collect(),
            tables: tables.collect(),
            data: data.collect(),
            elements: droppable.chain(objects).collect(),
            heap: heap(module, probed),
            imports: imports(module),
            exports: module.exports.iter().map(|export| export.name.to_string()).collect(),
            exported: exported(module),
        }
    }
}

fn heap(module: &Module<'_>, probed: &Probed) -> Option<HeapSchema> {
    let name = |probe| probed.export_name(probe);
    let object = |&index: &u32| {
        let ObjectLayout { is_array, scalars, references, .. } = ObjectLayout::of(module, index).ok()?;
        let export = name(Probe::Object(index));
        let references = references.iter().map(|ty| ValueKind::of(module, ValType::Ref(*ty))).collect();
        Some(ObjectSchema { index, export, array: is_array, scalars: scalars as u32, references })
    };
    let types: Vec<ObjectSchema> = probed.objects.iter().filter_map(object).collect();
    (!types.is_empty()).then(|| HeapSchema {
        type_of: name(Probe::TypeOf),
        length: name(Probe::ArrayLength),
        memory: name(Probe::ScratchMemory),
        tables: ScratchTables {
            func: name(Probe::ScratchTable(Scratch::Func)),
            extern_: name(Probe::ScratchTable(Scratch::Extern)),
            any: name(Probe::ScratchTable(Scratch::Any)),
        },
        most: Scratch::ELEMENTS,
        types,
    })
}

fn imports(module: &Module<'_>) -> Vec<ImportSchema> {
    let params = |index| {
        let signature = module.signature(index).into_iter();
        signature.flat_map(|ty| ty.params()).map(|ty| ValueKind::of(module, *ty)).collect()
    };
    let of = |kind: ImportKind| {
        let imports = (0u32..).zip(module.imports_of(kind.into()));
        imports.map(move |(index, (_, import))| ImportSchema {
            module: import.module.to_string(),
            name: import.name.to_string(),
            kind,
            index,
            params: match kind {
                ImportKind::Function => params(index),
                _ => Vec::new(),
            },
        })
    };
    let is_mutable = |import: &ImportSchema| module.globals[import.index as usize].ty.mutable;
    let globals = of(ImportKind::Global).filter(is_mutable);
    let functions = of(ImportKind::Function);
    of(ImportKind::Memory).chain(of(ImportKind::Table)).chain(globals).chain(functions).collect()
}

fn exported(module: &Module<'_>) -> Vec<ExportSchema> {
    let kind = |kind| match kind {
        ExternalKind::Func | ExternalKind::FuncExact => Some(ImportKind::Function),
        ExternalKind::Table => Some(ImportKind::Table),
        ExternalKind::Memory => Some(ImportKind::Memory),
        ExternalKind::Global => Some(ImportKind::Global),
        ExternalKind::Tag => None,
    };
    let schema = |export: &Export<'_>| {
        Some(ExportSchema { name: export.name.to_string(), kind: kind(export.kind)?, index: export.index })
    };
    module.exports.iter().filter_map(schema).collect()
}
