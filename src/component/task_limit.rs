//! How many tasks a component may have beside each other: each can have a call stack of its own.

use crate::engine::SWITCHED_STACK;
use crate::host::{ComponentHost, TaskLimit};
use wasmtime::Store;
use wasmtime::component::ResourceTableError;

/// What a task or thread has at least in the engine's table: itself, and the set of what it waits for.
#[cfg(feature = "component-calls")]
const ENTRIES: u64 = 2;

/// So many call stacks there may be under every limit. Together they are as large as that of a module.
const LEAST_STACKS: u64 = 8;

/// As many call stacks as fit into so many bytes.
fn stacks(max_memory: u64) -> u64 {
    (max_memory / SWITCHED_STACK as u64).max(LEAST_STACKS)
}

/// Bounds the tasks of a component by their call stacks. The engine asks nobody before it makes one, but does not make more than it
/// has room for in its table; which also has ends of streams and futures, and tasks that need no stack while they wait.
#[cfg_attr(not(feature = "component-calls"), allow(unused_variables, reason = "there are no tasks"))]
pub fn bound(store: &mut Store<ComponentHost>, max_memory: u64) {
    #[cfg(feature = "component-calls")]
    if let Some(table) = store.concurrent_resource_table() {
        table.set_max_capacity(usize::try_from(stacks(max_memory) * ENTRIES).unwrap_or(usize::MAX));
    }
}

/// What to say if this is why a component was stopped.
pub fn reached(error: &wasmtime::Error, max_memory: u64) -> Option<TaskLimit> {
    match error.downcast_ref() {
        Some(ResourceTableError::Full) => Some(TaskLimit { stacks: stacks(max_memory), limit: max_memory }),
        _ => None,
    }
}
