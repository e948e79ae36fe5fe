use super::{Change, Scratch};
use crate::free_name::free_prefix;
use crate::module::Module;

/// What a probe export shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// A function by function index.
    Function(u32),
    /// A table of functions.
    Functions,
    /// A global by global index.
    Global(u32),
    /// A memory by memory index.
    Memory(u32),
    /// A table by table index.
    Table(u32),
    /// A function that traps exactly if this data segment was dropped.
    Data(u32),
    /// A function that traps exactly if this element segment was dropped.
    Element(u32),
    /// A table that holds the items of this element segment once its function has returned.
    Items(u32),
    /// A tag by tag index.
    Tag(u32),
    /// The memory in which entered functions leave marks.
    Entries,
    /// The memory in which [`CallMarks`](super::CallMarks) are.
    Calls,
    /// The start function, where the host has to call it.
    Start,
    /// A function that returns the lower half of a global of type `v128`, by global index.
    LowHalf(u32),
    /// The same for the upper half.
    HighHalf(u32),
    /// A function that returns the bits of a global of type `f32` or `f64`, by global index.
    Bits(u32),
    /// A function whose parameter types are those of a row of [`Probed::witnesses`](super::Probed::witnesses).
    Witness(u32),
    /// A function that returns the index of the type of an object.
    TypeOf,
    /// A function that returns the length of an array.
    ArrayLength,
    /// A function that reads objects of this type into the memory and tables for that.
    Object(u32),
    /// The memory that objects are read into.
    ScratchMemory,
    /// A table that objects are read into.
    ScratchTable(Scratch),
    /// A global that is 1 once the code has made this change, and 0 before.
    Change(Change),
    /// A function that does nothing, and by whose name the instances of a module are told from those of others.
    Definition(u32),
    /// A global with the lowest value that another one has had.
    Lowest,
}

/// The names of the exports that a probed module has besides the module's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeNames {
    prefix: String,
}

impl ProbeNames {
    /// Names that no export of `module` has.
    pub(super) fn free(module: &Module<'_>) -> ProbeNames {
        let names = module.exports.iter().map(|export| export.name);
        ProbeNames { prefix: free_prefix("preinit-probe ", names) }
    }

    /// The export that shows `probe`.
    pub fn export(&self, probe: Probe) -> String {
        let (kind, index) = match probe {
            Probe::Function(index) => ("function", index),
            Probe::Functions => ("functions", 0),
            Probe::Global(index) => ("global", index),
            Probe::Memory(index) => ("memory", index),
            Probe::Table(index) => ("table", index),
            Probe::Data(index) => ("data", index),
            Probe::Element(index) => ("element", index),
            Probe::Items(index) => ("items", index),
            Probe::Tag(index) => ("tag", index),
            Probe::Entries => ("entries", 0),
            Probe::Calls => ("calls", 0),
            Probe::Start => ("start", 0),
            Probe::LowHalf(index) => ("low half", index),
            Probe::HighHalf(index) => ("high half", index),
            Probe::Bits(index) => ("bits", index),
            Probe::Witness(index) => ("witness", index),
            Probe::TypeOf => ("type of", 0),
            Probe::ArrayLength => ("array length", 0),
            Probe::Object(index) => ("object", index),
            Probe::ScratchMemory => ("scratch memory", 0),
            Probe::ScratchTable(table) => ("scratch table", table as u32),
            Probe::Change(Change::Data(index)) => ("dropped data", index),
            Probe::Change(Change::Element(index)) => ("dropped element", index),
            Probe::Change(Change::Table(index)) => ("written table", index),
            Probe::Change(Change::Global(index)) => ("written global", index),
            Probe::Definition(number) => ("definition", number),
            Probe::Lowest => ("lowest", 0),
        };
        format!("{}{kind} {index}", self.prefix)
    }

    pub(super) fn private(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(super) fn has(&self, export: &str) -> bool {
        export.starts_with(&self.prefix)
    }
}
