use crate::module::Space;
use crate::snapshot::Value;
use std::fmt;

/// Something about the output that is right but may surprise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// The state was computed with the value of an immutable import.
    DependsOnImport {
        /// `module.name`
        import: String,
        /// Its value at the snapshot.
        value: Value,
        /// Whether it was made the module's own because it follows a mutable global that was.
        internalized: bool,
    },
    /// Two imports of different names were one memory or table.
    SameImport {
        /// The kind.
        space: Space,
        /// `module.name` of the first.
        first: String,
        /// `module.name` of the second.
        import: String,
    },
    /// The debug information is left out, because an added start function moves the code that it describes.
    DwarfDropped,
    /// Active data at or above 2 GiB in a 32-bit memory.
    HighData {
        /// Memory index.
        memory: u32,
    },
    /// The mappable layout was asked for, and a memory stands in its way.
    NotMappable {
        /// Memory index.
        memory: u32,
        /// Why.
        why: &'static str,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::DependsOnImport { import, value, internalized: false } => {
                write!(f, "the snapshot is valid only where import `{import}` has the value {value}")
            }
            Warning::DependsOnImport { import, value, internalized: true } => write!(
                f,
                "the immutable import `{import}` was internalized with its value {value}, \
                 because it follows a mutable one"
            ),
            Warning::SameImport { space, first, import } => write!(
                f,
                "the imports `{first}` and `{import}` were one {space}; the snapshot is valid only where they are"
            ),
            Warning::DwarfDropped => f.write_str(
                "the debug information (DWARF) is left out: the added start function moves the code by one byte",
            ),
            Warning::HighData { memory } => write!(
                f,
                "memory {memory} has data at or above 2 GiB, which Wasmer and wazero refuse as out of bounds"
            ),
            Warning::NotMappable { memory, why } => {
                write!(f, "no layout lets Wasmtime map the memories: memory {memory} {why}; the layout is compact")
            }
        }
    }
}
