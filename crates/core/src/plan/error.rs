use super::{StateOfOneThread, ThreadSign};
use crate::engine_limits::{DATA_SEGMENTS, FIXED_ARRAY_ELEMENTS};
use crate::module::{ImportName, Names, Space};
use crate::snapshot::Unwritable;
use std::fmt;

/// Why the state cannot be written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Values without a constant expression.
    #[error("{0}")]
    Unwritable(UnwritableValues),
    /// Objects that point to each other through what never changes: the first of them cannot have been made.
    #[error(
        "objects point to each other in a circle through fields that never change, which no program can make: the state is not one of this module"
    )]
    ImmutableCycle,
    /// An imported shared memory, and no start function that lets only the first instance write it.
    #[error(
        "memory {memory} (import `{import}`) is shared and imported: every thread instantiates the module and would \
         overwrite it, and there is no start function as linkers make it, with a flag that lets only the first do so"
    )]
    SharedImport {
        /// Memory index.
        memory: u32,
        /// `module.name`
        import: ImportName,
        /// What shows that there are threads; `None` if nothing does.
        sign: Option<ThreadSign>,
    },
    /// A memory that threads share is to be made the module's own.
    #[error(
        "memory {memory} (import `{import}`) is shared by threads ({sign}); made the module's own, each thread would \
         have one for itself"
    )]
    PrivateToThreads {
        /// Memory index.
        memory: u32,
        /// `module.name`
        import: ImportName,
        /// What shows that there are threads.
        sign: ThreadSign,
    },
    /// The flag of a shared memory does not have the value that an initialized memory has.
    #[error(
        "memory {memory} is shared, and its flag at {address:#x} does not say that this instance has initialized it; \
         the memory must be new, and init must leave the flag as it is"
    )]
    FlagNotSet {
        /// Memory index.
        memory: u32,
        /// Where the flag is.
        address: u64,
    },
    /// Each thread is an instance, and init changed what instances do not share.
    #[error(
        "each thread is an instance of the module, and what init changed would be missing in all but the first: {0}"
    )]
    StateOfOneThread(StateOfOneThread),
    /// One object imported under two indices: as the module's own it would be two.
    #[error(
        "{space} {index}, import `{import}`, is the same object as import `{first}`; \
         made the module's own, they would be two"
    )]
    ImportedTwice {
        /// The kind.
        space: Space,
        /// Index of the second.
        index: u32,
        /// `module.name` of the first.
        first: ImportName,
        /// `module.name`
        import: ImportName,
    },
    /// A table of non-nullable references needs an initializer of its own, which an import does not have.
    #[error(
        "table {table}, import `{import}`, holds non-nullable references and has no initializer here, \
         so that it cannot be made the module's own"
    )]
    NoInitializer {
        /// Table index.
        table: u32,
        /// `module.name`
        import: ImportName,
    },
    /// A memory that was said to hold nothing but zeros held something.
    #[error(
        "import `{import}` was not fresh: it was not known to hold nothing but zeros when it was handed over"
    )]
    NotFresh {
        /// `module.name`
        import: ImportName,
    },
    /// An immutable array that no instruction can make: it has too many different references.
    #[error(
        "{path} is an immutable array of {len} references, more than the {max} that engines take in `array.new_fixed`; \
         init must not leave it",
        max = FIXED_ARRAY_ELEMENTS.most
    )]
    LargeImmutableArray {
        /// The path from a root.
        path: String,
        /// Number of elements.
        len: u32,
    },
    /// A cycle through a field that cannot be null, and nothing that could stand there in the meantime.
    #[error(
        "{path} is part of a cycle through a field of type `{ty}`, and nothing of that type can be made to close it"
    )]
    NoPlaceholder {
        /// The path from a root.
        path: String,
        /// The field's type.
        ty: String,
    },
    /// Objects of more than 4 GiB.
    #[error("the objects of the heap take {0} bytes, more than a data segment can hold")]
    LargeHeap(u64),
    /// The machine has no memory left for what objects are made of.
    #[error("this machine has no memory left for objects with {0} bytes")]
    NoMemory(usize),
    /// More data segments than engines take, even with all gaps closed.
    #[error("the output needs {0} data segments, more than the {max} that engines accept", max = DATA_SEGMENTS.most)]
    TooManySegments(usize),
}

/// A value that cannot be written, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnwritableValue {
    /// `global 12 ($cache)` or `table 2, element 17`.
    pub path: String,
    /// The value.
    pub value: Unwritable,
}

impl fmt::Display for UnwritableValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.value)
    }
}

impl UnwritableValue {
    pub(super) fn global(names: &Names<'_>, index: u32, value: Unwritable) -> UnwritableValue {
        UnwritableValue { path: names.describe(Space::Global, index), value }
    }

    pub(super) fn element(
        names: &Names<'_>,
        table: u32,
        element: usize,
        value: Unwritable,
    ) -> UnwritableValue {
        UnwritableValue { path: names.describe_slot(table, element as u64), value }
    }
}

/// Values that cannot be written, of which a state can be full: the first of them, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnwritableValues {
    first: Vec<UnwritableValue>,
    count: u64,
}

impl UnwritableValues {
    /// The first one.
    pub fn first(&self) -> Option<&UnwritableValue> {
        self.first.first()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn add(&mut self, value: impl FnOnce() -> UnwritableValue) {
        const LISTED: usize = 100;
        self.count += 1;
        if self.first.len() < LISTED {
            self.first.push(value());
        }
    }
}

impl fmt::Display for UnwritableValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the state holds values that cannot be written into a module; init must not leave them:",
        )?;
        for value in &self.first {
            write!(f, "\n  {value}")?;
        }
        match self.count - self.first.len() as u64 {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
