use super::PlannedHeap;
use crate::module::InitFlag;
use crate::snapshot::{Reference, Value};
use wasmparser::{RefType, ValType};

/// What has to happen at instantiation because it has no declarative form: growth of imported memories and tables, and
/// values of imported mutable globals. It becomes the output's start function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartSteps {
    /// In order.
    pub steps: Vec<StartStep>,
    /// What lets only the first of the instances on a shared memory do them.
    pub flag: Option<InitFlag>,
}

/// One thing that the start function does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartStep {
    /// Grow a memory, trapping if it is not as large as it was when init was handed it, or if it cannot grow.
    GrowMemory {
        /// Memory index.
        memory: u32,
        /// Whether sizes are `i64`.
        memory64: bool,
        /// Pages that it must have.
        from: u64,
        /// Pages that are added.
        by: u64,
    },
    /// Copy a passive data segment to a memory and drop it.
    InitMemory {
        /// Memory index.
        memory: u32,
        /// Whether addresses are `i64`.
        memory64: bool,
        /// Data segment index.
        data: u32,
        /// Address.
        offset: u64,
        /// Bytes.
        len: u32,
    },
    /// Drop a passive data segment.
    DropData {
        /// Data segment index.
        data: u32,
    },
    /// Copy the records of a passive data segment to a memory, in a loop, and drop it.
    CopyRecords {
        /// Memory index.
        memory: u32,
        /// Whether addresses are `i64`.
        memory64: bool,
        /// Data segment index.
        data: u32,
        /// Bytes of the segment.
        len: u32,
        /// Bytes that a gap takes.
        gap_width: u32,
        /// Bytes that a length takes.
        len_width: u32,
    },
    /// Grow a table with nulls, trapping if it is not as large as it was, or if it cannot grow.
    GrowTable {
        /// Table index.
        table: u32,
        /// Whether sizes are `i64`.
        table64: bool,
        /// Elements that it must have.
        from: u64,
        /// Elements that are added.
        by: u64,
        /// What the new elements hold until they are written.
        fill: Value,
        /// Type of the elements.
        ty: RefType,
    },
    /// Copy items of a passive element segment to a table.
    InitTable {
        /// Table index.
        table: u32,
        /// Whether indices are `i64`.
        table64: bool,
        /// Element segment index.
        element: u32,
        /// First slot.
        offset: u64,
        /// First item of the segment.
        from: u32,
        /// Number of slots.
        len: u32,
        /// Whether the segment is dropped: nothing more is copied out of it.
        is_last: bool,
    },
    /// Set an imported global.
    SetGlobal {
        /// Global index.
        global: u32,
        /// Its value.
        value: Value,
        /// Its type.
        ty: ValType,
    },
}

impl StartSteps {
    /// How many steps one function takes; function bodies have a limit.
    pub const PER_FUNCTION: usize = 10_000;

    /// How many steps are in each of several functions: compilers take longer for one large function.
    const PER_PART: usize = 500;

    /// The steps of each function that the start function calls; none if it does them all itself.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = &[StartStep]> {
        let parted = if self.steps.len() > Self::PER_FUNCTION { &self.steps[..] } else { &[] };
        parted.chunks(Self::PER_PART)
    }

    /// The start function, and what it calls.
    pub(super) fn functions_added(&self, heap: Option<&PlannedHeap>) -> u32 {
        let parts = self.parts().len() as u32;
        1 + heap.map_or(parts, |heap| heap.plan.functions_added(self.steps.len()))
    }

    /// The data segments that the steps write, which no instance has once it is started.
    pub fn written_data(&self) -> impl Iterator<Item = u32> {
        self.steps.iter().filter_map(|step| match step {
            StartStep::InitMemory { data, .. } | StartStep::CopyRecords { data, .. } => Some(*data),
            _ => None,
        })
    }
}

impl StartStep {
    /// The reference that this step writes, if it writes one.
    pub fn reference(&self) -> Option<Reference> {
        match self {
            StartStep::SetGlobal { value: Value::Ref(reference), .. }
            | StartStep::GrowTable { fill: Value::Ref(reference), .. } => Some(*reference),
            _ => None,
        }
    }
}
