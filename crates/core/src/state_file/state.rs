use super::decimal;
use crate::capture::{Identity, Observed, ObservedRef};
use crate::module::Space;
use serde::{Deserialize, Serialize};

/// The state of an instance, as a host has read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The version of this form.
    pub version: u32,
    /// The digest of the module, as in [`StateSchema`](super::StateSchema).
    pub module: String,
    /// The identities of the functions that [`StateSchema`](super::StateSchema) lists.
    pub functions: Vec<FunctionIdentity>,
    /// The value of every global, by global index.
    pub globals: Vec<StateValue>,
    /// Every memory, by memory index.
    pub memories: Vec<StateMemory>,
    /// Every table, by table index.
    pub tables: Vec<StateTable>,
    /// The data segments that were dropped.
    pub dropped_data: Vec<u32>,
    /// The element segments that were dropped.
    pub dropped_elements: Vec<u32>,
    /// The items of element segments that were not dropped and have a table of items.
    pub items: Vec<SegmentItems>,
    /// The objects and strings that references lead to; `None` if the host cannot read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap: Option<StateHeap>,
    /// What imports held when they were handed over.
    #[serde(default, skip_serializing_if = "ImportedState::is_empty")]
    pub imported: ImportedState,
    /// Imports that are the same as an earlier one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<StateAlias>,
}

/// Objects of the garbage-collected heap, and strings of JavaScript. What is in no list is a value of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateHeap {
    /// The file with the numbers of all objects in the order of the list, each as wide as it is stored; then the code units of all
    /// strings.
    pub file: String,
    /// The objects.
    pub objects: Vec<StateObject>,
    /// The strings.
    pub strings: Vec<StateString>,
    /// Calls to imported functions that are to be made again, in order, for what they return.
    #[serde(default)]
    pub calls: Vec<StateCall>,
    /// Identities of values of the host that are no objects, so that an equal one may come from anywhere.
    #[serde(default)]
    pub values: Vec<u64>,
    /// The modules whose imported globals are string constants, wherever the module is instantiated; if it is not said, those that look
    /// like it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constants: Option<Vec<String>>,
}

/// A struct or an array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateObject {
    /// What references to it say.
    pub identity: u64,
    /// The index of its type.
    #[serde(rename = "type")]
    pub ty: u32,
    /// The number of elements of an array.
    #[serde(default)]
    pub length: u32,
    /// Fields or elements that are references, in order.
    #[serde(default)]
    pub references: Vec<StateReference>,
}

/// A string of JavaScript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateString {
    /// What references to it say.
    pub identity: u64,
    /// The number of code units.
    pub length: u32,
}

/// A call to an imported function, which returned a value of the host or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateCall {
    /// What references to the value say; any other number if it returned nothing.
    pub identity: u64,
    /// The function index.
    pub function: u32,
    /// The arguments.
    pub arguments: Vec<StateValue>,
}

/// What imports held when they were handed over, before the module's segments and its start function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedState {
    /// Imported memories.
    #[serde(default)]
    pub memories: Vec<StateImportedMemory>,
    /// Imported tables.
    #[serde(default)]
    pub tables: Vec<StateImportedTable>,
    /// Imported mutable globals.
    #[serde(default)]
    pub globals: Vec<StateImportedGlobal>,
    /// Imported functions, if references can point to them.
    #[serde(default)]
    pub functions: Vec<FunctionIdentity>,
}

impl ImportedState {
    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        *self == ImportedState::default()
    }
}

/// An imported memory, as it was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateImportedMemory {
    /// The memory index.
    pub index: u32,
    /// Its size in bytes.
    pub size: u64,
    /// The file that holds its contents; `None` if they were zeros.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// An imported table, as it was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateImportedTable {
    /// The table index.
    pub index: u32,
    /// What every slot held.
    pub slots: Vec<StateReference>,
}

/// An imported mutable global, as it was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateImportedGlobal {
    /// The global index.
    pub index: u32,
    /// Its value.
    pub value: StateValue,
}

/// An import that is the same as one of a lower index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateAlias {
    /// What it is.
    pub kind: ImportKind,
    /// Its index.
    pub index: u32,
    /// The lowest index of the same.
    pub first: u32,
}

/// The kinds of imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImportKind {
    /// A memory.
    Memory,
    /// A table.
    Table,
    /// A mutable global.
    Global,
    /// A function.
    Function,
}

impl From<ImportKind> for Space {
    fn from(kind: ImportKind) -> Space {
        match kind {
            ImportKind::Memory => Space::Memory,
            ImportKind::Table => Space::Table,
            ImportKind::Global => Space::Global,
            ImportKind::Function => Space::Function,
        }
    }
}

/// The identity of a function: any number, but the same exactly for the same function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionIdentity {
    /// The function index.
    pub index: u32,
    /// The number.
    pub identity: u64,
}

/// A memory. Its contents are given apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateMemory {
    /// The file that holds the contents.
    pub file: String,
    /// The number of pages that it may grow to, if that is not what the module declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<u64>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateTable {
    /// What every slot holds.
    pub slots: Vec<StateReference>,
    /// The number of slots that it may grow to, if that is not what the module declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<u64>,
}

/// The items of an element segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentItems {
    /// The index of the segment.
    pub segment: u32,
    /// The items.
    pub items: Vec<StateReference>,
}

/// A value. Floats are bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateValue {
    /// `i32`
    I32(i32),
    /// `i64`
    #[serde(with = "decimal")]
    I64(i64),
    /// The bits of an `f32`.
    F32(u32),
    /// The bits of an `f64`.
    #[serde(with = "decimal")]
    F64(u64),
    /// The bits of a `v128`, its first lane lowest.
    #[serde(with = "decimal")]
    V128(u128),
    /// Any reference type.
    Ref(StateReference),
}

/// A reference. Identities are any numbers, the same exactly for the same function, or the same object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateReference {
    /// The null of any type.
    Null,
    /// A function, by identity.
    Function(u64),
    /// An unboxed 31-bit integer, zero-extended.
    I31(u32),
    /// An unboxed 31-bit integer, zero-extended, as an `externref`.
    ExternI31(u32),
    /// An object, by identity.
    Object(u64),
    /// The same as an `externref`.
    ExternObject(u64),
    /// Null or not: the host has no way to read it.
    Hidden,
}

impl From<StateReference> for ObservedRef {
    fn from(reference: StateReference) -> ObservedRef {
        match reference {
            StateReference::Null => ObservedRef::Null,
            StateReference::Function(identity) => ObservedRef::Function(Identity(identity)),
            StateReference::I31(value) => ObservedRef::I31(value),
            StateReference::ExternI31(value) => ObservedRef::ExternI31(value),
            StateReference::Object(identity) => ObservedRef::Object(Identity(identity)),
            StateReference::ExternObject(identity) => ObservedRef::ExternObject(Identity(identity)),
            StateReference::Hidden => ObservedRef::Hidden,
        }
    }
}

impl From<StateValue> for Observed {
    fn from(value: StateValue) -> Observed {
        match value {
            StateValue::I32(value) => Observed::I32(value),
            StateValue::I64(value) => Observed::I64(value),
            StateValue::F32(bits) => Observed::F32(bits),
            StateValue::F64(bits) => Observed::F64(bits),
            StateValue::V128(value) => Observed::V128(value),
            StateValue::Ref(reference) => Observed::Ref(reference.into()),
        }
    }
}
