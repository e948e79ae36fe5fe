use super::Private;
use crate::finding::{Finding, Level};
use crate::wording::{Bytes, counted};
use preinit_core::printable::Name;
use preinit_core::segments::each_difference;
use preinit_core::snapshot::{Heap, Image, Reference, Snapshot, Value};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

/// What init has changed inside a preloaded module, out of reach of the module's imports: no instance of the snapshot has it.
///
/// ```
/// use preinit::{Preinit, Warning};
///
/// let counter = preinit::wat_to_wasm(br#"(module (global $calls (mut i32) (i32.const 0))
///     (func (export "f") (global.set $calls (i32.add (global.get $calls) (i32.const 1)))))"#)?;
/// let wasm = preinit::wat_to_wasm(br#"(module (import "lib" "f" (func $f)) (func (export "preinit") (call $f)))"#)?;
/// let report = Preinit::new().preload("lib", &*counter).run(&wasm)?.report;
/// assert!(matches!(&report.warnings[..], [Warning::PreloadedChange(change)] if change.globals == 1));
/// # Ok::<(), preinit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreloadedChange {
    /// The name under which its exports are imported.
    pub module: Name,
    /// Bytes of its memories.
    pub memory_bytes: u64,
    /// Its globals.
    pub globals: u64,
    /// Slots of its tables.
    pub table_slots: u64,
    /// Memories and tables that have grown.
    pub grown: u64,
    /// Passive segments that were dropped.
    pub segments: u64,
    /// Whether objects of the heap have changed.
    pub objects: bool,
    /// Whether there is more that may have changed, which cannot be read.
    pub is_partly_hidden: bool,
}

impl PreloadedChange {
    pub(super) fn none(name: &str) -> Self {
        PreloadedChange {
            module: name.into(),
            memory_bytes: 0,
            globals: 0,
            table_slots: 0,
            grown: 0,
            segments: 0,
            objects: false,
            is_partly_hidden: false,
        }
    }

    pub(super) fn is_any(&self) -> bool {
        self.is_partly_hidden || !self.parts().is_empty()
    }

    /// The same for an audit.
    pub(crate) fn finding(&self) -> Finding {
        let finding = Finding::new(Level::Warning, "preload.state", self.to_string());
        finding.advise("link the modules into one, or let the module import that state".into())
    }

    fn parts(&self) -> Vec<String> {
        let PreloadedChange { memory_bytes, globals, table_slots, grown, segments, objects, .. } = self;
        let mut parts = Vec::new();
        let mut add = |count: u64, part: String| parts.extend((count > 0).then_some(part));
        add(*memory_bytes, format!("{} of memory", Bytes(*memory_bytes)));
        add(*grown, format!("{} of memories and tables", counted(*grown, "size")));
        add(*globals, counted(*globals, "global"));
        add(*table_slots, counted(*table_slots, "table slot"));
        add(*segments, counted(*segments, "passive segment"));
        add(u64::from(*objects), "objects of the heap".to_string());
        parts
    }
}

impl fmt::Display for PreloadedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.parts();
        let module = &self.module;
        if parts.is_empty() {
            return write!(
                f,
                "the preloaded module `{module}` has state that cannot be read: what init has changed there, an instance does \
                 not have"
            );
        }
        if self.is_partly_hidden {
            parts.push("perhaps more that cannot be read".to_string());
        }
        let last = parts.pop().unwrap_or_default();
        let first = parts.join(", ");
        let and = if first.is_empty() { "" } else { " and " };
        write!(
            f,
            "init has changed {first}{and}{last} of the preloaded module `{module}`, which an instance does not have"
        )
    }
}

/// Compares a preloaded module with what it was.
pub(super) struct Comparison<'p> {
    pub private: &'p Private,
    pub change: PreloadedChange,
}

impl Comparison<'_> {
    pub fn memories(&mut self, before: (u64, &Image<'_>), after: (u64, &Image<'_>)) {
        self.change.grown += u64::from(before.0 != after.0);
        let bytes = &mut self.change.memory_bytes;
        each_difference(before.1, after.1, before.0.max(after.0), |range| *bytes += range.end - range.start);
    }

    /// Compares everything else.
    pub fn outlines(&mut self, before: &Snapshot<'_>, after: &Snapshot<'_>) {
        let mut objects = Vec::new();
        let globals = before.globals.iter().zip(&after.globals).zip(&self.private.globals);
        for ((before, after), _) in globals.filter(|(_, is_private)| **is_private) {
            let is_same = match (before.value, after.value) {
                (Value::Ref(before), Value::Ref(after)) => self.is_same((before, after), &mut objects),
                (before, after) => before == after,
            };
            self.change.globals += u64::from(!is_same);
        }
        let tables = before.tables.iter().zip(&after.tables).zip(&self.private.tables);
        for ((before, after), _) in tables.filter(|(_, is_private)| **is_private) {
            self.change.grown += u64::from(before.elements.len() != after.elements.len());
            for (before, after) in before.elements.iter().zip(&after.elements) {
                let is_same = self.is_same((*before, *after), &mut objects);
                self.change.table_slots += u64::from(!is_same);
            }
        }
        let dropped = |state: &Snapshot<'_>| {
            state.dropped_data.iter().chain(&state.dropped_elements).filter(|dropped| **dropped).count()
        };
        // None comes back.
        self.change.segments += dropped(after).saturating_sub(dropped(before)) as u64;
        for (before, after) in before.element_items.iter().zip(&after.element_items) {
            for (before, after) in before.iter().zip(after) {
                self.change.objects |= !self.is_same((*before, *after), &mut objects);
            }
        }
        self.objects(objects, &before.heap, &after.heap);
    }

    /// Whether both lead to the same, if objects do, which are left for later.
    fn is_same(&mut self, pair: (Reference, Reference), objects: &mut Vec<(u32, u32)>) -> bool {
        match pair {
            (Reference::Object(before), Reference::Object(after))
            | (Reference::ExternObject(before), Reference::ExternObject(after)) => {
                objects.push((before, after));
                true
            }
            (before, after) => {
                // What cannot be written down is not told from others of its kind.
                self.change.is_partly_hidden |= before == after && matches!(before, Reference::Unwritable(_));
                before == after
            }
        }
    }

    /// Compares these objects, and all that they lead to. Each has one that it is in the other heap, if there is no change.
    fn objects(&mut self, mut pairs: Vec<(u32, u32)>, before: &Heap, after: &Heap) {
        let (mut there, mut back) = (HashMap::new(), HashMap::new());
        while let Some((left, right)) = pairs.pop() {
            match (there.entry(left), back.entry(right)) {
                (Entry::Vacant(there), Entry::Vacant(back)) => {
                    there.insert(right);
                    back.insert(left);
                }
                (Entry::Occupied(there), Entry::Occupied(back))
                    if *there.get() == right && *back.get() == left =>
                {
                    continue;
                }
                _ => {
                    self.change.objects = true;
                    return;
                }
            }
            let (left, right) = (before.object(left), after.object(right));
            let mut is_same = (left.shape, left.len, left.scalars) == (right.shape, right.len, right.scalars);
            for pair in left.references.iter().zip(right.references) {
                is_same &= self.is_same((*pair.0, *pair.1), &mut pairs);
            }
            if !is_same {
                self.change.objects = true;
                return;
            }
        }
    }
}
