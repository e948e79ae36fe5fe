use super::field_layout::FieldLayouts;
use crate::snapshot::Heap;
use std::collections::{BTreeSet, HashSet};

/// The order in which objects are made: after everything that their immutable references point to. Those edges have
/// no cycles, because the referent existed first. Objects of one kind are made one after the other as far as that goes,
/// and kinds that are pointed to come first, so that most mutable references can be written at once too.
pub(super) fn build_order(
    heap: &Heap,
    layouts: &FieldLayouts,
    kinds: &[u32],
    num_kinds: usize,
    is_prebuilt: impl Fn(u32) -> bool,
) -> Vec<u32> {
    let mut waiting = Waiting::of(heap, layouts, &is_prebuilt);
    let rank = ranks(heap, kinds, num_kinds);
    let mut missing = std::mem::take(&mut waiting.missing);
    let mut ready: Vec<Vec<u32>> = vec![Vec::new(); num_kinds];
    let mut active: BTreeSet<(u32, u32)> = BTreeSet::new();
    for id in (0..heap.len() as u32).filter(|&id| !is_prebuilt(id) && missing[id as usize] == 0) {
        let kind = kinds[id as usize];
        ready[kind as usize].push(id);
        active.insert((rank[kind as usize], kind));
    }
    let mut order = Vec::with_capacity(heap.len());
    while let Some((_, kind)) = active.pop_first() {
        // The last found is the deepest: lists are made from their ends.
        while let Some(id) = ready[kind as usize].pop() {
            order.push(id);
            for &holder in waiting.holders_of(id) {
                missing[holder as usize] -= 1;
                if missing[holder as usize] == 0 {
                    let holder_kind = kinds[holder as usize];
                    ready[holder_kind as usize].push(holder);
                    if holder_kind != kind {
                        active.insert((rank[holder_kind as usize], holder_kind));
                    }
                }
            }
        }
    }
    order
}

/// Who waits for whom.
struct Waiting {
    /// For each object how many immutable references of it point to objects that have to be made.
    missing: Vec<u32>,
    holders: Vec<u32>,
    /// Where the holders of an object begin.
    starts: Vec<usize>,
}

impl Waiting {
    fn of(heap: &Heap, layouts: &FieldLayouts, is_prebuilt: &impl Fn(u32) -> bool) -> Waiting {
        let mut missing = vec![0; heap.len()];
        let mut starts = vec![0; heap.len() + 1];
        let edges = |visit: &mut dyn FnMut(u32, u32)| {
            for (id, object) in heap.objects().filter(|(id, _)| !is_prebuilt(*id)) {
                for (_, target) in layouts.prerequisites(id, object).filter(|(_, to)| !is_prebuilt(*to)) {
                    visit(id, target);
                }
            }
        };
        edges(&mut |id, target| {
            missing[id as usize] += 1;
            starts[target as usize + 1] += 1;
        });
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut holders = vec![0; starts[heap.len()]];
        let mut next = starts.clone();
        edges(&mut |id, target| {
            holders[next[target as usize]] = id;
            next[target as usize] += 1;
        });
        Waiting { missing, holders, starts }
    }

    fn holders_of(&self, id: u32) -> &[u32] {
        &self.holders[self.starts[id as usize]..self.starts[id as usize + 1]]
    }
}

/// For each kind its place when kinds that are pointed to come before those that point to them, cycles cut anywhere.
fn ranks(heap: &Heap, kinds: &[u32], num_kinds: usize) -> Vec<u32> {
    let mut edges: HashSet<(u32, u32)> = HashSet::new();
    for (id, object) in heap.objects() {
        let from = kinds[id as usize];
        let mut last = None;
        for target in object.references.iter().filter_map(|reference| reference.object()) {
            let to = kinds[target as usize];
            if last != Some(to) && to != from {
                edges.insert((from, to));
            }
            last = Some(to);
        }
    }
    let mut targets: Vec<Vec<u32>> = vec![Vec::new(); num_kinds];
    for (from, to) in edges {
        targets[from as usize].push(to);
    }
    // The set has no order of its own.
    targets.iter_mut().for_each(|targets| targets.sort_unstable());

    let mut rank = vec![u32::MAX; num_kinds];
    let mut seen = vec![false; num_kinds];
    let mut next = 0;
    for root in 0..num_kinds as u32 {
        let mut path = vec![(root, 0)];
        if std::mem::replace(&mut seen[root as usize], true) {
            continue;
        }
        while let Some((kind, at)) = path.last_mut() {
            match targets[*kind as usize].get(*at) {
                Some(&target) => {
                    *at += 1;
                    if !std::mem::replace(&mut seen[target as usize], true) {
                        path.push((target, 0));
                    }
                }
                None => {
                    rank[*kind as usize] = next;
                    next += 1;
                    path.pop();
                }
            }
        }
    }
    rank
}
