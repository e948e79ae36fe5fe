use crate::module::{Names, Space};
use crate::snapshot::Unwritable;
use std::fmt;

/// Why the state cannot be written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Values without a constant expression.
    #[error("{}", list_places(.0))]
    Unwritable(Vec<UnwritableValue>),
    /// An imported shared memory: every thread would overwrite it.
    #[error(
        "memory {memory} (import `{import}`) is shared and imported: every thread instantiates the module and would \
         overwrite it; use --internalize to make it the module's own"
    )]
    SharedImport {
        /// Memory index.
        memory: u32,
        /// `module.name`
        import: String,
    },
    /// One thing imported under two indices: as the module's own it would be two.
    #[error(
        "{space} {index}, import `{import}`, is import `{first}` once more; --internalize would make two of it, \
         so keep it imported"
    )]
    ImportedTwice {
        /// The kind.
        space: Space,
        /// Index of the second.
        index: u32,
        /// `module.name` of the first.
        first: String,
        /// `module.name`
        import: String,
    },
    /// A table of non-nullable references needs an initializer of its own, which an import has not.
    #[error(
        "table {table}, import `{import}`, holds non-nullable references and has no initializer here; \
         --internalize cannot make it the module's own, so keep it imported"
    )]
    NoInitializer {
        /// Table index.
        table: u32,
        /// `module.name`
        import: String,
    },
    /// A rename whose source does not exist.
    #[error("cannot rename export `{src}` to `{dst}`: there is no export `{src}`")]
    NoSuchExport {
        /// New name.
        dst: String,
        /// Old name.
        src: String,
    },
    /// An immutable array that no instruction can make: it has too many different references.
    #[error(
        "{place} is an immutable array of {len} references, more than the {max} that engines take in `array.new_fixed`; \
         init must not leave it",
        max = 10_000
    )]
    LargeImmutableArray {
        /// The path from a root.
        place: String,
        /// Number of elements.
        len: u32,
    },
    /// A cycle through a field that cannot be null, and nothing that could stand there in the meantime.
    #[error(
        "{place} is part of a cycle through a field of type `{ty}`, and nothing of that type can be made to close it"
    )]
    NoPlaceholder {
        /// The path from a root.
        place: String,
        /// The field's type.
        ty: String,
    },
    /// Objects of more than 4 GiB.
    #[error("the objects of the heap take {0} bytes, more than a data segment can hold")]
    LargeHeap(u64),
    /// More data segments than engines take, even with all gaps closed.
    #[error("the output needs {0} data segments, more than the {max} that engines accept", max = crate::segments::MAX_DATA_SEGMENTS)]
    TooManySegments(usize),
}

/// Where a value sits that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnwritableValue {
    /// `global 12 ($cache)` or `table 2, element 17`.
    pub place: String,
    /// What sits there.
    pub value: Unwritable,
}

impl fmt::Display for UnwritableValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.value)
    }
}

impl UnwritableValue {
    pub(super) fn global(names: &Names<'_>, index: u32, value: Unwritable) -> UnwritableValue {
        UnwritableValue { place: names.describe(Space::Global, index), value }
    }

    pub(super) fn element(
        names: &Names<'_>,
        table: u32,
        element: usize,
        value: Unwritable,
    ) -> UnwritableValue {
        UnwritableValue { place: names.describe_slot(table, element as u64), value }
    }
}

fn list_places(places: &[UnwritableValue]) -> String {
    const SHOWN: usize = 1000;
    let mut text = String::from(
        "the state holds values that cannot be written into a module; init must not leave them:",
    );
    for place in places.iter().take(SHOWN) {
        text.push_str(&format!("\n  {place}"));
    }
    if places.len() > SHOWN {
        text.push_str(&format!("\n  and {} more", places.len() - SHOWN));
    }
    text
}
