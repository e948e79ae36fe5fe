use super::Builder;
use super::registry::RegistryIndices;
use super::streams::StreamContents;
use crate::snapshot::Reference;
use std::collections::HashMap;

/// Slots of a table that hold objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct ObjectSlots {
    pub table: u32,
    /// In order.
    pub slots: Vec<(u32, Reference)>,
}

/// The builder functions, in the order in which runs need them first.
#[derive(Default)]
pub(super) struct Builders {
    pub list: Vec<Builder>,
    numbers: HashMap<(u8, u32), u32>,
}

impl Builders {
    pub fn number(&mut self, builder: Builder) -> u32 {
        let key = match builder {
            Builder::Build(kind) => (0, kind),
            Builder::Fill(kind) => (1, kind),
            Builder::Integers => (2, 0),
            Builder::SetSlots(table) => (3, table),
            Builder::FillSlots(table) => (4, table),
        };
        *self.numbers.entry(key).or_insert_with(|| {
            self.list.push(builder);
            self.list.len() as u32 - 1
        })
    }
}

/// Objects of one kind whose registry indices follow each other: kind, first entry, count.
#[derive(Default)]
pub(super) struct ObjectRuns(Vec<(u32, u32, u32)>);

impl ObjectRuns {
    /// Adds an object, which continues the last run if it can.
    pub fn add(&mut self, kind: u32, entry: u32) {
        match self.0.last_mut() {
            Some((last, first, count)) if *last == kind && *first + *count == entry => *count += 1,
            _ => self.0.push((kind, entry, 1)),
        }
    }

    /// Writes the runs, each with the builder of its kind.
    pub fn write(self, builder: fn(u32) -> Builder, builders: &mut Builders, streams: &mut StreamContents) {
        for (kind, first, count) in self.0 {
            streams.runs.extend([builders.number(builder(kind)), first, count]);
        }
    }
}

/// Stretches of a table that hold the same object are filled, others are written slot by slot.
pub(super) fn write_slots(
    slots: &[ObjectSlots],
    index: &RegistryIndices,
    builders: &mut Builders,
    streams: &mut StreamContents,
) {
    const WORTH_FILLING: usize = 8;
    for ObjectSlots { table, slots } in slots {
        let mut run: Option<(u32, u32)> = None;
        let mut at = 0;
        while at < slots.len() {
            let (slot, reference) = slots[at];
            let same = slots[at..]
                .iter()
                .zip(slot..)
                .take_while(|((other, value), expected)| other == expected && *value == reference)
                .count();
            let continues = run.is_some_and(|(first, count)| first + count == slot);
            let ends = same >= WORTH_FILLING || !continues;
            if let Some((first, count)) = run.take_if(|_| ends) {
                streams.runs.extend([builders.number(Builder::SetSlots(*table)), first, count]);
            }
            if same >= WORTH_FILLING {
                streams.runs.extend([builders.number(Builder::FillSlots(*table)), slot, same as u32]);
                streams.references.push(index.index(reference));
                at += same;
                continue;
            }
            let (first, count) = run.unwrap_or((slot, 0));
            run = Some((first, count + 1));
            streams.references.push(index.index(reference));
            at += 1;
        }
        if let Some((first, count)) = run {
            streams.runs.extend([builders.number(Builder::SetSlots(*table)), first, count]);
        }
    }
}
