//! Replaces live instances by their own snapshots.

use crate::compile::Compiler;
use crate::shared;
use crate::spectest::Spectest;
use crate::world::{Component, Live};
use preinit::stages::capture::capture;
use preinit::stages::encode::encode;
use preinit::stages::module::Module;
use preinit::stages::plan::{PlanError, PlanOptions, plan};
use preinit::stages::snapshot::{Snapshot, Unwritable};
use wasmtime::Store;

/// Why there was no snapshot.
pub enum Stop {
    /// It was refused, for a reason that is known and counted.
    Excluded(String),
    /// It was wrong.
    Failed(String),
}

/// How imported state gets into the snapshots.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Providers are as they were when they were handed over; importers bring the difference.
    Rewind,
    /// Providers are smaller where they can be, and wrong here and there; importers bring the difference.
    Scramble,
    /// Providers hold everything.
    Hold,
    /// What only one instance imports from the host becomes its own.
    Internalize,
}

/// Replaces all instances of a component by snapshots of them, in a store of their own; whatever they share is written
/// by whoever can write it. If no instance will be added, imports may become an instance's own.
pub fn replace(component: &mut Component, compiler: &mut Compiler, grows_later: bool) -> Result<(), Stop> {
    component.fresh = false;
    let Component { store, spectest, instances, replaced, .. } = &mut *component;
    let modules = parse_all(instances)?;
    let before = capture_all(&modules, instances, store)?;
    let mut snapshots = before.clone();
    let sources: Vec<_> = instances.iter().map(|live| live.sources.as_slice()).collect();
    let handed: Vec<_> = instances.iter().map(|live| live.handed.as_slice()).collect();
    let way = match *replaced % 8 {
        0 | 4 => Way::Rewind,
        2 | 6 => Way::Scramble,
        5 if !grows_later => Way::Internalize,
        _ => Way::Hold,
    };
    let alone = shared::have_the_host_alone(&modules, &sources);
    let known = shared::Instances { modules: &modules, sources: &sources, handed: &handed };
    let handed_over = shared::distribute(&known, &mut snapshots, way, spectest, store)?;

    let mut replacement = Component::new(compiler.engine(), Spectest::new(handed_over));
    for (nth, live) in instances.iter().enumerate() {
        let (module, snapshot) = (&modules[nth], &snapshots[nth]);
        let internalize = way == Way::Internalize && alone[nth];
        let options = PlanOptions { internalize, ..PlanOptions::default() };
        let plan = plan(module, snapshot, &options).map_err(refusal)?;
        let wasm = encode(module, snapshot, &plan).map_err(|error| Stop::Failed(error.to_string()))?;
        let prepared =
            compiler.prepare(&wasm).map_err(|error| Stop::Failed(format!("does not compile: {error}")))?;
        let kept = live.sources.iter().zip(&plan.kept_imports).filter(|(_, kept)| **kept);
        let kept = kept.map(|(source, _)| source);
        replacement
            .add(prepared, kept.cloned().collect())
            .map_err(|error| Stop::Failed(format!("does not instantiate: {error:#}")))?;
    }
    let modules_after = parse_all(&replacement.instances)?;
    let after = capture_all(&modules_after, &replacement.instances, &mut replacement.store)?;
    for ((module, before), after) in modules.iter().zip(&before).zip(&after) {
        if let Some(difference) = difference(module, before, after) {
            return Err(Stop::Failed(format!("the state is not the same: {difference}")));
        }
    }
    drop(modules_after);
    drop(modules);
    replacement.replaced = component.replaced + 1;
    replacement.fresh = true;
    *component = replacement;
    Ok(())
}

fn parse_all(instances: &[Live]) -> Result<Vec<Module<'_>>, Stop> {
    let failed = |error: preinit::stages::module::ModuleError| Stop::Failed(error.to_string());
    instances.iter().map(|live| Module::parse(&live.prepared.wasm).map_err(failed)).collect()
}

fn capture_all(
    modules: &[Module<'_>],
    instances: &[Live],
    store: &mut Store<()>,
) -> Result<Vec<Snapshot<'static>>, Stop> {
    let mut snapshots = Vec::with_capacity(instances.len());
    for (module, live) in modules.iter().zip(instances) {
        let (Some(probed), Some(instance)) = (&live.prepared.probed, &live.probed) else {
            return Err(Stop::Failed("not probed".to_string()));
        };
        let mut instance = instance.with(&mut *store);
        let snapshot = capture(module, probed, &mut instance);
        snapshots.push(snapshot.map_err(|error| Stop::Failed(error.to_string()))?.into_owned());
    }
    Ok(snapshots)
}

fn refusal(error: PlanError) -> Stop {
    match error {
        PlanError::Unwritable(places) => match places.first() {
            Some(place) => excluded(place.value),
            None => Stop::Failed("refused for no reason".to_string()),
        },
        PlanError::SharedImport { .. } => Stop::Excluded("an imported shared memory".to_string()),
        error => Stop::Failed(error.to_string()),
    }
}

/// A reason to leave out a moment.
pub fn excluded(value: Unwritable) -> Stop {
    Stop::Excluded(format!("a live {value}"))
}

/// Where two states of an instance differ, apart from what tells how imports were handed over.
fn difference(module: &Module<'_>, before: &Snapshot<'_>, after: &Snapshot<'_>) -> Option<String> {
    for (index, (before, after)) in before.globals.iter().zip(&after.globals).enumerate() {
        if before.value != after.value {
            return Some(format!("global {index} was {} and is {}", before.value, after.value));
        }
    }
    for (index, (before, after)) in before.memories.iter().zip(&after.memories).enumerate() {
        if before.size != after.size || before.maximum != after.maximum || before.image != after.image {
            return Some(format!("memory {index}, of {} and {} bytes", before.size, after.size));
        }
    }
    for (index, (before, after)) in before.tables.iter().zip(&after.tables).enumerate() {
        if before.elements != after.elements || before.maximum != after.maximum {
            return Some(format!("table {index}"));
        }
    }
    if before.heap != after.heap {
        return Some("objects of the heap".to_string());
    }
    let held_data = module.code.highest_data.map_or(0, |highest| highest as usize + 1);
    let held_elements = module.code.highest_element.map_or(0, |highest| highest as usize + 1);
    if before.dropped_data[..held_data] != after.dropped_data[..held_data] {
        return Some("dropped data segments".to_string());
    }
    if before.element_items[..held_elements] != after.element_items[..held_elements] {
        return Some("items of element segments".to_string());
    }
    if before.dropped_elements[..held_elements] != after.dropped_elements[..held_elements] {
        return Some("dropped element segments".to_string());
    }
    None
}
