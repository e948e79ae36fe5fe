use crate::engine_limits::ACTIVE_DATA_END;
use crate::module::{ImportName, Space};
use crate::printable::Name;
use crate::snapshot::Value;
use std::fmt;

/// Something about the output that is right but may surprise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The state was computed with the value of an immutable import.
    DependsOnImport {
        /// `module.name`
        import: ImportName,
        /// Its value at the snapshot.
        value: Value,
        /// Whether it was made the module's own because it follows a mutable global that was.
        internalized: bool,
    },
    /// Two imports of different names were one memory or table, or one global that init has changed, or one tag of which an exception
    /// is in the state.
    SameImport {
        /// The kind.
        space: Space,
        /// `module.name` of the first.
        first: ImportName,
        /// `module.name` of the second.
        import: ImportName,
    },
    /// Two immutable imports of different names held one object, to which the state refers.
    SameObject {
        /// `module.name` of the first.
        first: ImportName,
        /// `module.name` of the second.
        import: ImportName,
    },
    /// A rename of an export that does not exist has no effect.
    NoSuchExport {
        /// New name.
        dst: Name,
        /// Old name.
        src: Name,
        /// The export that is most likely meant.
        near: Option<Name>,
    },
    /// The debug information is left out, because an added start function moves the code that it describes.
    DwarfDropped,
    /// Active data at or above 2 GiB in a 32-bit memory.
    HighData {
        /// Memory index.
        memory: u32,
    },
    /// The mappable layout was asked for, and one memory rules it out for all.
    NotMappable {
        /// Memory index.
        memory: u32,
        /// What is wrong with it.
        obstacle: MappingObstacle,
    },
}

/// What keeps Wasmtime from mapping a memory, whatever the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MappingObstacle {
    /// It is imported, and init has written to it.
    ImportedAndWritten,
    /// It is imported and shared, and init has written to it.
    Shared,
    /// Its pages are smaller than those of the machine.
    SmallPages,
}

impl fmt::Display for MappingObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MappingObstacle::ImportedAndWritten => "is imported and written to",
            MappingObstacle::Shared => "is shared with other instances",
            MappingObstacle::SmallPages => "has pages that are smaller than the machine's",
        })
    }
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
            Warning::SameObject { first, import } => write!(
                f,
                "the imports `{first}` and `{import}` held one object; the snapshot is valid only where they do"
            ),
            Warning::NoSuchExport { dst, src, near } => {
                write!(f, "export `{src}` is not renamed to `{dst}`: there is no export `{src}`")?;
                match near {
                    Some(near) => write!(f, "; did you mean `{near}`?"),
                    None => Ok(()),
                }
            }
            Warning::DwarfDropped => f.write_str(
                "the debug information (DWARF) is left out: the added start function moves the code by one byte",
            ),
            Warning::HighData { memory } => write!(
                f,
                "memory {memory} has data at or above 2 GiB, which {} refuse as out of bounds",
                ACTIVE_DATA_END.engine_names()
            ),
            Warning::NotMappable { memory, obstacle } => write!(
                f,
                "Wasmtime cannot map the memories in any layout, because memory {memory} {obstacle}; \
                 the layout is compact"
            ),
        }
    }
}
