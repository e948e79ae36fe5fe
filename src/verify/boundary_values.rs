use super::instance_state::InstanceState;
use preinit_core::module::Module;
use preinit_core::snapshot::Value;
use std::collections::BTreeSet;

/// Values at which guests tend to behave differently, found in the state of an instance.
#[derive(Debug, Default)]
pub(super) struct BoundaryValues {
    /// Addresses around data and around the ends of memories.
    pub addresses: Vec<u64>,
    /// Indices around the ends of tables.
    pub slots: Vec<u64>,
    /// Functions of which both sides can make references.
    pub functions: BTreeSet<u32>,
}

/// The maximum number of globals whose values are tried as addresses.
const MAX_GLOBALS: usize = 256;

impl BoundaryValues {
    /// Those that need no instance.
    pub fn of_modules(original: &Module<'_>, snapshot: &Module<'_>) -> BoundaryValues {
        let (original, snapshot) = (original.referenceable_functions(), snapshot.referenceable_functions());
        let functions = original.intersection(&snapshot).copied().collect();
        BoundaryValues { functions, ..BoundaryValues::default() }
    }

    /// Adds those of a state.
    pub fn add(&mut self, state: &InstanceState<'_>) {
        for table in &state.outline.tables {
            let size = table.elements.len() as u64;
            self.slots.extend([size.wrapping_sub(1), size, size + 1, size / 2]);
        }
        let numbers = state.outline.globals.iter().filter_map(|global| match global.value {
            Value::I32(value) => Some(u64::from(value.cast_unsigned())),
            Value::I64(value) => Some(value.cast_unsigned()),
            _ => None,
        });
        self.addresses.extend(numbers.take(MAX_GLOBALS));
        for memory in &state.memories {
            self.addresses.extend(addresses(&memory.bytes));
        }
    }
}

/// Addresses around the end of a memory, and some of those at which data begins or ends.
fn addresses(bytes: &[u8]) -> Vec<u64> {
    const BLOCK: usize = 1024;
    const MAX_DATA_ENDS: usize = 64;
    let size = bytes.len() as u64;
    let mut addresses =
        vec![size.saturating_sub(8), size.saturating_sub(4), size.saturating_sub(1), size, size + 1];
    let holds_data: Vec<bool> =
        bytes.chunks(BLOCK).map(|block| block.iter().any(|&byte| byte != 0)).collect();
    let changes = |block: &usize| holds_data[*block] != holds_data[block - 1];
    let ends: Vec<usize> = (1..holds_data.len()).filter(changes).collect();
    let some = ends.iter().step_by(ends.len().div_ceil(MAX_DATA_ENDS).max(1));
    addresses.extend(some.map(|block| (block * BLOCK) as u64));
    addresses
}
