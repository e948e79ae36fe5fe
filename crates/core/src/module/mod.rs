//! What a binary says: its sections as raw bytes and its index spaces. No opinions, nothing changed.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

mod body_calls;
mod body_validation;
mod export;
mod hierarchy;
mod import_name;
mod imported_values;
mod init_flag;
mod name_section;
mod names;
mod parse;
mod patch;
mod replacements;
mod section;
mod shortest_form;
mod unsupported;

pub use body_calls::BodyCalls;
pub use export::{export_section, is_function};
pub use hierarchy::Hierarchy;
pub use import_name::ImportName;
pub use imported_values::ImportedValues;
pub use init_flag::InitFlag;
pub(crate) use name_section::NameSubsection;
use names::NameTable;
pub use names::{Names, Space};
pub use parse::features;
pub use patch::{Patch, body_ranges};
pub use replacements::Replacements;
pub use section::{Section, SectionEntries, SectionId, section_of};
pub use shortest_form::shortest_form;
pub use unsupported::UnsupportedKind;

use crate::component::ComponentError;
use crate::printable::{Message, printable_lines};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use wasmparser::{
    BinaryReader, CodeSectionReader, ConstExpr, DataKind, ElementItems, ElementKind, FunctionBody,
    GlobalType, MemoryType, RefType, TableType, TypeRef,
};

/// Why the input is not a module that can be worked on.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// The bytes are not a valid WebAssembly module.
    #[error("not a valid WebAssembly module: {} (at offset {offset:#x})", Message(message))]
    Malformed {
        /// What the validator said.
        message: String,
        /// Byte offset in the input.
        offset: usize,
    },
    /// The bytes say that they are a component, and cannot be read as one.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// A valid binary of a kind that cannot be pre-initialized.
    #[error("{0}")]
    Unsupported(UnsupportedKind),
    /// A valid module of proposals that are not allowed.
    #[error(
        "the module uses a proposal that is off by default: {} (at offset {offset:#x})",
        Message(message)
    )]
    Proposal {
        /// What the validator said.
        message: String,
        /// Byte offset in the input.
        offset: usize,
    },
    /// There are no bytes.
    #[error("the input is empty")]
    Empty,
    /// Neither a binary nor text.
    #[error("the input is neither a WebAssembly binary (those begin with the bytes 00 61 73 6d) nor text")]
    Unrecognized,
    /// Text that is not valid WAT.
    #[error("not valid WebAssembly text: {}", printable_lines(.0, 1000))]
    Text(String),
}

impl From<wasmparser::BinaryReaderError> for ModuleError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        ModuleError::Malformed { message: error.message().to_string(), offset: error.offset() }
    }
}

/// A parsed and validated core module. Everything borrows from its bytes.
pub struct Module<'a> {
    /// The whole binary.
    pub bytes: &'a [u8],
    /// Every section in file order.
    pub sections: Vec<Section<'a>>,
    /// Every type of the type section, recursion groups flattened.
    pub types: Vec<wasmparser::SubType>,
    /// Every import in order.
    pub imports: Vec<wasmparser::Import<'a>>,
    /// Type index of every function, imported ones first.
    pub functions: Vec<u32>,
    /// Every table, imported ones first.
    pub tables: Vec<Table<'a>>,
    /// Every memory, imported ones first.
    pub memories: Vec<MemoryType>,
    /// Every global, imported ones first.
    pub globals: Vec<Global<'a>>,
    /// Type index of every tag, imported ones first.
    pub tags: Vec<u32>,
    /// How many of each index space are imported.
    pub imported: ImportCounts,
    /// Every export in order.
    pub exports: Vec<wasmparser::Export<'a>>,
    /// The start function.
    pub start: Option<u32>,
    /// Element segments.
    pub elements: Vec<Element<'a>>,
    /// Data segments.
    pub data: Vec<Data<'a>>,
    /// Whether there is a data count section (MVP modules have none).
    pub has_data_count: bool,
    /// What the function bodies refer to.
    pub code: CodeUses,
    /// What the function bodies call; `None` for a module that was made from a valid one and read without its code.
    pub body_calls: Option<Vec<BodyCalls>>,
    digest: OnceLock<[u8; 32]>,
    names: OnceLock<Arc<NameTable>>,
}

/// Sizes of the imported part of each index space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Imported functions.
    pub functions: u32,
    /// Imported tables.
    pub tables: u32,
    /// Imported memories.
    pub memories: u32,
    /// Imported globals.
    pub globals: u32,
}

/// A table; `init` is the explicit initializer of its slots, which only a defined table can have.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    /// Element type and limits.
    pub ty: TableType,
    /// `None` means null.
    pub init: Option<ConstExpr<'a>>,
}

/// A global; an imported one has no initializer.
#[derive(Debug, Clone)]
pub struct Global<'a> {
    /// Content type and mutability.
    pub ty: GlobalType,
    /// The initializer of a defined global.
    pub init: Option<ConstExpr<'a>>,
}

/// An element segment.
#[derive(Clone)]
pub struct Element<'a> {
    /// Passive, active or declared.
    pub kind: ElementKind<'a>,
    /// The items.
    pub items: ElementItems<'a>,
    /// The segment's own bytes, from its flags on.
    pub range: Range<usize>,
}

impl Element<'_> {
    /// The type of the items.
    pub fn ty(&self) -> RefType {
        match &self.items {
            ElementItems::Functions(_) => RefType::FUNC,
            ElementItems::Expressions(ty, _) => *ty,
        }
    }

    /// Number of items.
    pub fn len(&self) -> u32 {
        match &self.items {
            ElementItems::Functions(items) => items.count(),
            ElementItems::Expressions(_, items) => items.count(),
        }
    }

    /// Whether the segment has no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an instance starts with it live.
    pub fn is_passive(&self) -> bool {
        matches!(self.kind, ElementKind::Passive)
    }
}

/// A data segment.
#[derive(Clone)]
pub struct Data<'a> {
    /// Passive or active.
    pub kind: DataKind<'a>,
    /// The contents.
    pub bytes: &'a [u8],
    /// Where the contents lie in the binary.
    pub range: Range<usize>,
}

impl Data<'_> {
    /// Whether an instance starts with it live.
    pub fn is_passive(&self) -> bool {
        matches!(self.kind, DataKind::Passive)
    }
}

/// What the function bodies refer to, gathered while they are validated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeUses {
    /// The highest data segment index that an instruction names.
    pub highest_data: Option<u32>,
    /// The highest element segment index that an instruction names.
    pub highest_element: Option<u32>,
    /// Data segments that a `data.drop` names.
    pub dropped_data: BTreeSet<u32>,
    /// Element segments that an `elem.drop` names.
    pub dropped_elements: BTreeSet<u32>,
    /// Functions that a `ref.func` names; each must stay declared outside the code (spec, 3.4.10 `C.refs`).
    pub ref_funcs: BTreeSet<u32>,
    /// Whether an instruction waits for another thread.
    pub waits: bool,
    /// Memories that a `memory.grow` names.
    pub grown_memories: BTreeSet<u32>,
    /// Whether an instruction makes a continuation.
    pub makes_continuations: bool,
    /// Whether there is exception handling of the withdrawn form.
    pub legacy_exceptions: bool,
}

impl<'a> Module<'a> {
    /// The SHA-256 digest of the binary. It depends on nothing else, so seeds made from it are the same everywhere.
    pub fn digest(&self) -> [u8; 32] {
        *self.digest.get_or_init(|| Sha256::digest(self.bytes).into())
    }

    /// The export called `name`.
    pub fn export(&self, name: &str) -> Option<&wasmparser::Export<'a>> {
        self.exports.iter().find(|export| export.name == name)
    }

    /// The signature of a function, by function index.
    pub fn signature(&self, function: u32) -> Option<&wasmparser::FuncType> {
        let ty = *self.functions.get(function as usize)?;
        match &self.types.get(ty as usize)?.composite_type.inner {
            wasmparser::CompositeInnerType::Func(signature) => Some(signature),
            _ => None,
        }
    }

    /// Whether the function takes and returns nothing.
    pub fn is_nullary(&self, function: u32) -> bool {
        self.signature(function).is_some_and(|ty| ty.params().is_empty() && ty.results().is_empty())
    }

    /// The imports of one kind, each with its position in the import list.
    pub fn imports_of(&self, space: Space) -> impl Iterator<Item = (usize, &wasmparser::Import<'a>)> {
        self.imports.iter().enumerate().filter(move |(_, import)| Space::of(&import.ty) == space)
    }

    /// The names that the name section gives, which is read when they are asked for.
    pub fn names(&self) -> Names<'a> {
        let table = self.names.get_or_init(|| Arc::new(NameTable::of(self)));
        Names::new(self.bytes, Arc::clone(table))
    }

    /// The raw contents of a section.
    pub fn section(&self, id: SectionId) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.id == id)
    }

    /// The payload of the first custom section called `name`.
    pub fn custom_section(&self, name: &str) -> Option<&'a [u8]> {
        self.sections
            .iter()
            .filter_map(|section| section.custom)
            .find(|(known, _)| *known == name)
            .map(|custom| custom.1)
    }

    /// The bodies of the functions that the module defines, where they are in the binary. They were validated, so reading
    /// ends with the last one.
    pub fn bodies(&self) -> Vec<FunctionBody<'a>> {
        let Some(code) = self.section(SectionId::CODE) else { return Vec::new() };
        let reader = CodeSectionReader::new(BinaryReader::new(code.contents, code.range.start));
        reader.into_iter().flatten().flatten().collect()
    }

    /// Whether there is debug information whose addresses count from the start of the code section.
    pub fn has_dwarf(&self) -> bool {
        self.sections.iter().any(Section::is_dwarf)
    }

    /// Whether this many more functions move the code of all others, so that debug information no longer fits: the
    /// section's count takes more bytes then.
    pub fn code_moves_with(&self, more: u32) -> bool {
        self.section(SectionId::CODE).is_some_and(|code| code.moves_with_more(more))
    }

    /// Every function that a reference can be made of: exported, or named outside the function bodies. Validation
    /// forces what `ref.func` names to be among them.
    pub fn referenceable_functions(&self) -> BTreeSet<u32> {
        let mut functions = self.code.ref_funcs.clone();
        functions.extend(self.exports.iter().filter(|e| is_function(e.kind)).map(|e| e.index));
        for global in &self.globals {
            functions.extend(global.init.iter().flat_map(ref_funcs));
        }
        for table in &self.tables {
            functions.extend(table.init.iter().flat_map(ref_funcs));
        }
        for element in &self.elements {
            functions.extend(element_functions(element));
        }
        functions
    }
}

/// The functions that a constant expression names.
pub fn ref_funcs(expr: &ConstExpr<'_>) -> Vec<u32> {
    let operators = expr.get_operators_reader().into_iter().flatten();
    operators
        .filter_map(|operator| match operator {
            wasmparser::Operator::RefFunc { function_index } => Some(function_index),
            _ => None,
        })
        .collect()
}

/// The functions that an element segment names.
pub fn element_functions(element: &Element<'_>) -> Vec<u32> {
    match &element.items {
        ElementItems::Functions(items) => items.clone().into_iter().flatten().collect(),
        ElementItems::Expressions(_, items) => {
            items.clone().into_iter().flatten().flat_map(|expr| ref_funcs(&expr)).collect()
        }
    }
}

impl Space {
    /// The index space that an import goes into.
    pub fn of(ty: &TypeRef) -> Space {
        match ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => Space::Function,
            TypeRef::Table(_) => Space::Table,
            TypeRef::Memory(_) => Space::Memory,
            TypeRef::Global(_) => Space::Global,
            TypeRef::Tag(_) => Space::Tag,
        }
    }
}
