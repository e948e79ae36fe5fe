//! References of which both sides show nothing but what kind of thing they point to. Two of them look the same whether they are or
//! not, so that they are there on both sides says nothing, but where neither has touched what it was given.

use super::call_result::CallResult;
use super::differences::Sink;
use super::instance_state::InstanceState;
use super::state_comparison::Elsewhere;
use preinit_core::module::Module;
use preinit_core::snapshot::{GlobalState, Heap, Reference, Snapshot, TableState, Unwritable, Value};

/// Places of which it is not known whether both sides hold the same.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    first: Option<(String, Unwritable)>,
    more: u64,
}

impl Unknown {
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub fn add(&mut self, key: String, what: Unwritable) {
        match self.first {
            None => self.first = Some((key, what)),
            Some(_) => self.more += 1,
        }
    }

    /// Adds a place after the first.
    pub fn add_one(&mut self) {
        self.more += 1;
    }

    /// Adds the places of another comparison, of which those of this one may be some.
    pub fn extend(&mut self, other: Unknown) {
        if self.is_empty() {
            *self = other;
        }
    }

    /// In words, if there are any.
    pub fn describe(&self) -> Option<String> {
        let (key, what) = self.first.as_ref()?;
        let more = match self.more {
            0 => String::new(),
            more => format!(" (nor in {more} more places)"),
        };
        Some(format!("whether both sides hold the same in `{key}` cannot be told{more}: {what}"))
    }
}

/// Finds such places in states that are otherwise the same. Segments keep their items, which are compared as they are written.
pub(super) fn find(
    (original, left): (&InstanceState<'_>, &Snapshot<'_>),
    right: &Snapshot<'_>,
    elsewhere: Elsewhere,
    found: &mut Sink<'_>,
) {
    let module = original.module;
    let of_both = |left: Value, right: Value| {
        of_both(left, right).filter(|what| !(elsewhere.functions && what.is_function()))
    };
    let globals = left.globals.iter().zip(&right.globals).enumerate();
    for (index, (left, right)) in globals.skip(elsewhere.globals) {
        if let Some(what) = of_both(left.value, right.value)
            && !is_as_given(module, index, [left, right])
        {
            found.add_unknown(|| format!("global.{index}"), what);
        }
    }
    let tables = left.tables.iter().zip(&right.tables).enumerate();
    for (index, (left, right)) in tables.skip(elsewhere.tables) {
        for (slot, pair) in left.elements.iter().zip(&right.elements).enumerate() {
            if let Some(what) = of_both(Value::Ref(*pair.0), Value::Ref(*pair.1))
                && ![left, right].into_iter().all(|table| is_slot_as_given(table, slot))
            {
                found.add_unknown(|| format!("table.{index}.{slot}"), what);
            }
        }
    }
    heap(&left.heap, found);
}

/// The same for what a call gave.
pub(super) fn find_in_result(result: &CallResult, found: &mut Sink<'_>) {
    let (CallResult::Returned(values, objects) | CallResult::Threw(values, objects)) = result else { return };
    for (index, value) in values.iter().enumerate() {
        if let Some(what) = of_both(*value, *value) {
            found.add_unknown(|| format!("result.{index}"), what);
        }
    }
    heap(objects, found);
}

fn heap(heap: &Heap, found: &mut Sink<'_>) {
    for (id, object) in heap.objects() {
        for (at, reference) in object.references.iter().enumerate() {
            if let Some(what) = of_both(Value::Ref(*reference), Value::Ref(*reference)) {
                found.add_unknown(|| format!("object.{id}.reference.{at}"), what);
            }
        }
    }
}

/// What both point to, if that is not told from others.
fn of_both(left: Value, right: Value) -> Option<Unwritable> {
    match (left, right) {
        (Value::Ref(Reference::Unwritable(left)), Value::Ref(Reference::Unwritable(right))) => {
            (left == right && !matches!(left, Unwritable::NumberedFunction(_))).then_some(left)
        }
        _ => None,
    }
}

/// Whether a global of both sides is an import that holds what it did when it was handed over. Of continuations nobody knows.
fn is_as_given(module: &Module<'_>, index: usize, both: [&GlobalState; 2]) -> bool {
    let ty = module.globals[index].ty;
    let is_unchanged = || both.iter().all(|global| !global.import_changed);
    index < module.imported.globals as usize
        && (!ty.mutable || !module.is_continuation(ty.content_type) && is_unchanged())
}

fn is_slot_as_given(table: &TableState, slot: usize) -> bool {
    let changed = table.import.as_ref().and_then(|import| import.changed.get(slot));
    changed.is_some_and(|changed| !changed)
}
