use crate::printable::{Message, Printable};

/// Why the input is not a component that can be worked on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// The bytes are not a valid component.
    #[error("not a valid WebAssembly component: {} (at offset {offset:#x})", Message(message))]
    Malformed {
        /// What the validator said.
        message: String,
        /// Byte offset in the input.
        offset: usize,
    },
    /// Components in components in components, or types in types.
    #[error("components, or types of them, are nested more than {most} deep")]
    Deep {
        /// How deep they may be nested.
        most: usize,
    },
    /// A small component can have very many instances.
    #[error("the component has more than {most} instances")]
    ManyInstances {
        /// How many there may be.
        most: usize,
    },
    /// A small component can have very many instances of one that has very many items.
    #[error("the instances of the component have more than {most} items together")]
    ManyItems {
        /// How many there may be.
        most: u64,
    },
    /// A small component can have names that stand for very many things: the engine writes all of them out.
    #[error("what the component's names stand for are more than {most} things, each written out")]
    Unfolds {
        /// How many there may be.
        most: u64,
    },
    /// A module or component that is imported is known only to whoever instantiates the outermost component.
    #[error(
        "component {path} instantiates a {what} that the outermost component imports: compose the two first"
    )]
    Imported {
        /// Of the component instance.
        path: String,
        /// `core module` or `component`.
        what: &'static str,
    },
    /// The outermost component has no such export.
    #[error("the component has no exported function `{}`", Printable(.0))]
    NoSuchExport(String),
    /// An export cannot have another name.
    #[error("export `{}` cannot be renamed to `{}`: {}", Printable(src), Printable(dst), Message(why))]
    Rename {
        /// The name that it has.
        src: String,
        /// The one that it should have.
        dst: String,
        /// What is in the way.
        why: String,
    },
    /// An import cannot be replaced by an instance of the component's own.
    #[error("import `{}` cannot be cut: {}", Printable(import), Message(why))]
    Cut {
        /// The import.
        import: String,
        /// What is in the way.
        why: String,
    },
    /// Readings of the clock cannot be shifted.
    #[error("the monotonic clock cannot be shifted: {}", Message(.0))]
    Clock(String),
    /// Whoever gets the module would get the state of an instance with it.
    #[error(
        "{module} has a state after init, and the component exports it, so that others could instantiate it anew"
    )]
    Exported {
        /// The core module.
        module: String,
    },
    /// Exports do not lead to a core instance.
    #[error(
        "{module} has a state, and is handed over to where it is instantiated, so that exports cannot show what its instances hold"
    )]
    Hidden {
        /// The core module.
        module: String,
    },
    /// The name for what is added is taken.
    #[error("the component exports `{}` itself", Printable(.0))]
    ExportTaken(String),
    /// Two instances of one definition would need different ones.
    #[error(
        "instances of {module} are not equal after init, and it is handed over, so that it cannot be there twice"
    )]
    InstancesDiffer {
        /// The core module.
        module: String,
    },
}

impl From<wasmparser::BinaryReaderError> for ComponentError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        ComponentError::Malformed { message: error.message().to_string(), offset: error.offset() }
    }
}
