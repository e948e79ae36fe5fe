//! Where handles are held that are alive after init. Init runs again, answered from the record of the first run, in a form of the
//! component in which all handles have higher numbers: what differs then holds a number, or depends on one.

use super::adapter::AdapterMemory;
use super::execution::{Executed, execute};
use super::freezing::Resumed;
use super::part::{self, path};
use super::states::States;
use super::{ComponentRunError, Prepared};
use crate::cleaning::zero_stacks;
use crate::component::cleaning::reset_libc;
use crate::evidence::{Contents, Difference, Evidence, Symbols, differences};
use crate::finding::Location;
use crate::guest::{AddressMap, CallGraph};
use crate::host::{HostOptions, Ledger};
use crate::options::Options;
use preinit_core::freeze::CallStack;
use preinit_core::module::Space;
use preinit_core::snapshot::{Heap, Snapshot, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// By how much the numbers of handles are higher: a prime, since what else moves does so by multiples of small powers of two.
pub const TAKEN: u32 = 101;

/// Places of a core instance that are told one by one.
const MOST_PLACES: usize = 1000;

/// What holds handles.
#[derive(Default)]
pub(super) struct Held {
    /// Where an instance of the snapshot would find one, the plainest first.
    pub places: Vec<Location>,
    /// Those that adapters hold, which take them anew: the core instance with the adapter's memory, and the number. A number can be
    /// one that was a handle.
    pub of_adapters: BTreeSet<(usize, u32)>,
}

/// Looks for what holds handles. `snapshots` are the states of the core instances, in which adapters have forgotten what they hold, and
/// `adapters` is where that was. What calls in progress hold is looked at where they are given.
pub(super) fn held_handles(
    states: &States<'_, '_>,
    executed: &Executed,
    (snapshots, adapters): (&[Snapshot<'_>], &[AdapterMemory]),
    resumed: Option<&Resumed>,
) -> Result<Held, ComponentRunError> {
    let prepared = states.prepared;
    let (mut second, moved_calls) = match resumed {
        None => (moved(states, executed)?, None),
        Some(resumed) => {
            let moved = resumed.with_taken_handles((prepared, states.options), executed, TAKEN)?;
            (moved.snapshots, Some((resumed, moved.stack, moved.heap)))
        }
    };
    let mut first = snapshots.to_vec();
    clear_free_stacks(states, &mut first, &mut second);
    let mut held = Held::default();
    let mut less_plain = Vec::new();
    for (number, (first, second)) in first.iter().zip(&second).enumerate() {
        let adapter = adapters.iter().find(|adapter| adapter.owner == number);
        let found = Found::between(first, second, adapter);
        held.of_adapters.extend(found.of_adapter.iter().map(|handle| (number, *handle)));
        let (plain, others): (Vec<Place>, Vec<Place>) =
            found.places.into_iter().partition(|place| place.handle.is_some());
        held.places.extend(described((prepared, number), executed, (first, plain)));
        less_plain.extend(described((prepared, number), executed, (first, others)));
    }
    held.places.extend(less_plain);
    if let Some((resumed, stack, heap)) = moved_calls {
        held.places.extend(in_calls(prepared, resumed, (&stack, &heap))?);
    }
    Ok(held)
}

/// The states of all core instances after another run in which handles have higher numbers.
fn moved(states: &States<'_, '_>, executed: &Executed) -> Result<Vec<Snapshot<'static>>, ComponentRunError> {
    let prepared = states.prepared;
    let host = &states.options.host;
    let ledger = Arc::new(executed.ledger.clone());
    let options = Options {
        host: HostOptions { replay: Some(ledger), ..host.clone() },
        limits: states.options.limits.of_second_run(),
        on_init: None,
        ..states.options.clone()
    };
    let compiled = prepared.compile_with_taken_handles(&options, None, TAKEN)?;
    let mut again = execute(&options, (prepared, &compiled), &mut Ledger::default())?;
    let places = part::places(&prepared.parts, &prepared.instances, &again.instances, &mut again.store)?;
    if options.reset_libc {
        reset_libc(&options, (prepared, &places), &mut again)?;
    }
    let moved = States { options: &options, prepared, places: &places };
    Ok(moved.snapshots(&mut again.store)?.snapshots)
}

/// The places of calls in progress that hold a handle, or depend on the number of one.
fn in_calls(
    prepared: &Prepared<'_>,
    resumed: &Resumed,
    (moved, heap): (&CallStack, &Heap),
) -> Result<Vec<Location>, ComponentRunError> {
    let (instance, part) = resumed.place(prepared)?;
    let (module, stack) = (&part.module, &resumed.report.stack);
    let path = path(&prepared.component, instance);
    let mut places = Vec::new();
    let mut look = |at: &dyn Fn() -> String, first: &Value, second: &Value| {
        if first != second {
            let handle = number(first).zip(number(second)).and_then(|(old, new)| handle(old, new));
            places.push(located(&path, at(), handle));
        }
    };
    for (index, (first, second)) in stack.arguments.iter().zip(&moved.arguments).enumerate() {
        look(&|| stack.argument(module, index), first, second);
    }
    for (depth, (first, second)) in stack.frames.iter().zip(&moved.frames).enumerate() {
        for (index, locals) in first.locals.iter().zip(&second.locals).enumerate() {
            if let (Some(first), Some(second)) = locals {
                look(&|| stack.local(module, depth, index), first, second);
            }
        }
        for (index, (first, second)) in first.operands.iter().zip(&second.operands).enumerate() {
            look(&|| stack.operand(module, depth, index), first, second);
        }
    }
    // An object with a number in it can be one that only they hold.
    if places.is_empty() && resumed.heap != *heap {
        places.push(located(&path, "an object of the collector".to_string(), None));
    }
    places.truncate(MOST_PLACES);
    Ok(places)
}

fn located(path: &str, at: String, handle: Option<u32>) -> Location {
    let mut location = Location::elsewhere(at, String::new(), String::new());
    location.at = format!("{path} · {}", location.at);
    location.what = what(handle);
    location
}

fn what(handle: Option<u32>) -> String {
    match handle {
        Some(handle) => format!("handle {handle}"),
        None => "depends on the number of a handle".to_string(),
    }
}

/// Clears the free stack on both sides, where it is certain what of a memory that is: it holds what functions have left.
fn clear_free_stacks(states: &States<'_, '_>, first: &mut [Snapshot<'_>], second: &mut [Snapshot<'_>]) {
    if states.stopped().is_some() {
        return;
    }
    let is_shared =
        |place: &part::Place<'_>| !place.part.is_adapter() && place.part.module.imported.memories > 0;
    if states.places.iter().any(is_shared) {
        return;
    }
    for ((place, first), second) in states.places.iter().zip(first).zip(second) {
        let module = &place.part.module;
        if !module.memories.is_empty() && !place.part.is_adapter() {
            zero_stacks(module, first, second);
        }
    }
}

/// A place whose contents depend on the numbers of handles.
struct Place {
    at: At,
    /// The number, if that is what it holds.
    handle: Option<u32>,
}

enum At {
    Memory(u32, u64),
    Other(Difference),
}

#[derive(Default)]
struct Found {
    places: Vec<Place>,
    of_adapter: BTreeSet<u32>,
}

impl Found {
    fn between(first: &Snapshot<'_>, second: &Snapshot<'_>, adapter: Option<&AdapterMemory>) -> Found {
        let mut found = Found::default();
        for difference in differences(first, second) {
            match difference {
                Difference::Memory { memory, range, .. } => {
                    let (Some(left), Some(right)) =
                        (first.memories.get(memory as usize), second.memories.get(memory as usize))
                    else {
                        continue;
                    };
                    let (left, right) = (Contents::of(&left.image), Contents::of(&right.image));
                    for address in (range.start & !3..range.end).step_by(4) {
                        let (old, new) = (left.word(address), right.word(address));
                        if old == new {
                            continue;
                        }
                        let handle = handle(old, new);
                        match adapter.filter(|adapter| adapter.memory == memory) {
                            Some(adapter) if adapter.state.contains(&address) => {
                                found.of_adapter.extend(handle);
                            }
                            Some(adapter) if adapter.free_stack.contains(&address) => {}
                            _ => found.push(At::Memory(memory, address), handle),
                        }
                    }
                }
                Difference::Global(global) => {
                    let value = |snapshot: &Snapshot<'_>| {
                        snapshot.globals.get(global as usize).and_then(|global| number(&global.value))
                    };
                    let handle = value(first).zip(value(second)).and_then(|(old, new)| handle(old, new));
                    found.push(At::Other(difference), handle);
                }
                other => found.push(At::Other(other), None),
            }
        }
        found
    }

    fn push(&mut self, at: At, handle: Option<u32>) {
        if self.places.len() < MOST_PLACES {
            self.places.push(Place { at, handle });
        }
    }
}

/// The number of the handle that a word holds, whole or among other bits.
fn handle(old: u32, new: u32) -> Option<u32> {
    let by = new.wrapping_sub(old);
    let shift = (0..=24).find(|shift| by == TAKEN << shift)?;
    Some(if shift % 8 == 0 { old >> shift & 0xff_ffff } else { old >> shift })
}

fn number(value: &Value) -> Option<u32> {
    match value {
        Value::I32(value) => Some(value.cast_unsigned()),
        Value::I64(value) => Some(*value as u32),
        _ => None,
    }
}

/// The places of a core instance, with the names of what they belong to.
fn described(
    (prepared, number): (&Prepared<'_>, usize),
    executed: &Executed,
    (snapshot, places): (&Snapshot<'_>, Vec<Place>),
) -> Vec<Location> {
    let instance = &prepared.instances[number];
    let Some(part) = prepared.parts.get(instance.module).and_then(Option::as_ref) else { return Vec::new() };
    if places.is_empty() {
        return Vec::new();
    }
    let module = &part.module;
    let symbols = Symbols::of(module);
    let addresses = AddressMap::of(module, &CallGraph::of(module), snapshot, symbols.end_of_variables());
    let evidence = Evidence::new(module, snapshot, &executed.ledger, &symbols, &addresses);
    let names = module.names();
    let path = path(&prepared.component, instance);
    let described = places.into_iter().map(|Place { at, handle }| {
        let mut location = match at {
            At::Memory(memory, address) => evidence.location(memory, address, 4),
            At::Other(difference) => {
                let at = match difference {
                    Difference::Global(global) => names.describe(Space::Global, global),
                    Difference::Table { table, first, .. } => {
                        format!("{}, element {first}", names.describe(Space::Table, table))
                    }
                    Difference::MemorySize(memory) => {
                        format!("the size of {}", names.describe(Space::Memory, memory))
                    }
                    Difference::Objects { .. } => "an object of the collector".to_string(),
                    Difference::Segments | Difference::Memory { .. } => "passive segments".to_string(),
                };
                Location::elsewhere(at, String::new(), String::new())
            }
        };
        location.at = format!("{path} · {}", location.at);
        location.what = what(handle);
        location
    });
    described.collect()
}
