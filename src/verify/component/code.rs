//! What of a snapshot can be compared without running it.

use super::super::VerifyError;
use super::super::added_code::AddedCode;
use super::super::module_comparison::{self, read_bodies};
use super::super::verdict::Difference;
use super::super::verdict_builder::{VerdictBuilder, internalized};
use super::side::Side;
use crate::component::{ComponentRunError, Remade, Run, remade};
use crate::host::Ledger;
use crate::options::Options;
use preinit_core::component::{Component, is_clock_module};
use preinit_core::module::Module;
use std::collections::BTreeSet;

/// What the snapshot must be.
pub struct Code {
    /// The snapshot in each layout; empty if it is one of them byte for byte.
    layouts: Vec<Remade>,
}

/// What stands for every core module when only what is around them is compared.
const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

const CUSTOM_SECTIONS: &str =
    "custom sections of the component (names, producers), which do not affect what it does";

impl Code {
    /// Runs init, and makes the snapshot once more. The host calls of init are in `recorded`; the run is handed over.
    pub fn of<R>(
        options: &Options,
        (original, snapshot): (&[u8], &[u8]),
        recorded: &mut Ledger,
        hand_over: impl FnOnce(Run<'_, '_>) -> R,
    ) -> Result<(Code, R), VerifyError> {
        let mut layouts = Vec::new();
        let mut is_exact = false;
        let is_enough = |made: Remade| {
            is_exact = made.wasm.iter().any(|wasm| wasm == snapshot);
            layouts.push(made);
            is_exact
        };
        let handed_over = remade(options, original, recorded, is_enough, hand_over)?;
        if is_exact {
            layouts.clear();
        }
        Ok((Code { layouts }, handed_over))
    }

    /// Compares code and structure.
    pub fn compare(
        &self,
        (original, snapshot): (&Side<'_>, &Side<'_>),
        verdict: &mut VerdictBuilder<'_>,
    ) -> Result<(), VerifyError> {
        let modules = snapshot.parts.iter().flatten().map(|part| &part.module);
        verdict.coverage.function_bodies = modules.map(|module| read_bodies(module).len() as u64).sum();
        let Some(first) = self.layouts.first() else {
            let added = added(original, snapshot);
            (verdict.coverage.functions_added, verdict.coverage.functions_accounted) = (added, added);
            return Ok(());
        };
        // Copies of modules, and what is taken away, are the same in all layouts.
        let frame = frame(snapshot.component.bytes)?;
        let is_frame = |wasm: &Vec<u8>| self::frame(wasm).is_ok_and(|expected| expected == frame);
        if !first.wasm.iter().any(is_frame) {
            verdict.add(Difference::new(
                "component",
                "the original's outside of core modules",
                "others, or other core instances",
            ));
            return Ok(());
        }
        verdict.not_compared([CUSTOM_SECTIONS.to_string()]);
        for (instance, counterpart) in (0..).zip(original.counterparts(snapshot)) {
            match counterpart {
                Some(counterpart) => {
                    self.module((original, instance), (snapshot, counterpart), verdict);
                }
                None => verdict.add(Difference::new(original.key(instance), "a core instance", "none")),
            }
        }
        Ok(())
    }

    /// Compares the module of one core instance.
    fn module(
        &self,
        (original, instance): (&Side<'_>, usize),
        (snapshot, counterpart): (&Side<'_>, usize),
        verdict: &mut VerdictBuilder<'_>,
    ) {
        let (Some(left), Some(right)) = (original.part(instance), snapshot.part(counterpart)) else { return };
        let (left, right) = (&left.module, &right.module);
        let made = || self.layouts.iter().filter_map(|made| made.modules.get(instance));
        if made().any(|made| made == right.bytes) {
            return;
        }
        let key = original.key(instance);
        let compared = module_comparison::compare(left, right, &[], &[]);
        verdict.not_compared(compared.not_compared.into_iter().map(|what| format!("{key}: {what}")));
        compared.undecided.iter().for_each(|why| verdict.undecided(format!("{key}: {why}")));
        // `made` would be the same if preinit had done it.
        if let Some(named) = internalized(&compared.internalized) {
            verdict
                .undecided(format!("{key}: the snapshot defines {named} itself, which the original imports"));
        }
        // What is added so that a call goes on has state of its own; its contents are compared below.
        let adds_state = made()
            .filter_map(|made| Module::read_valid(made).ok())
            .any(|made| (made.globals.len(), made.tables.len()) == (right.globals.len(), right.tables.len()));
        let is_expected = |difference: &Difference| {
            adds_state && ["globals.count", "tables.count"].contains(&difference.key.as_str())
        };
        for difference in compared.differences.into_iter().filter(|difference| !is_expected(difference)) {
            verdict.add(Difference { key: format!("{key}.{}", difference.key), ..difference });
        }
        if let Some(added) = AddedCode::of(left, right) {
            verdict.coverage.functions_added += added.functions();
            let is_accounted =
                made().any(|made| Module::read_valid(made).is_ok_and(|made| added.is_same_as_in(&made)));
            match is_accounted {
                true => verdict.coverage.functions_accounted += added.functions(),
                false => verdict.undecided(format!("{key}: {}", added.unexplained())),
            }
        }
    }
}

/// Functions that the core modules of the snapshot have and the original's have not.
fn added(original: &Side<'_>, snapshot: &Side<'_>) -> u64 {
    let count =
        |side: &Side<'_>, instance: usize| side.part(instance).map_or(0, |part| part.module.functions.len());
    let pairs = (0..).zip(original.counterparts(snapshot));
    let added = pairs.map(|(instance, counterpart)| {
        let after = counterpart.map_or(0, |counterpart| count(snapshot, counterpart));
        after.saturating_sub(count(original, instance)) as u64
    });
    added.sum()
}

/// What is around the core modules that have instances, but for custom sections. Others are compared with it, because nothing else
/// looks at them, and so are those that shift the clock.
fn frame(wasm: &[u8]) -> Result<Vec<u8>, VerifyError> {
    let component = Component::parse(wasm).map_err(ComponentRunError::from)?;
    let instances = component.elaborate().map_err(ComponentRunError::from)?;
    let mut with_instance: BTreeSet<usize> = instances.iter().map(|instance| instance.module).collect();
    with_instance.retain(|module| !is_clock(component.modules()[*module].bytes));
    let empty = |module: usize| with_instance.contains(&module).then_some(EMPTY);
    let empty: Vec<Option<&[u8]>> = (0..component.modules().len()).map(empty).collect();
    Ok(component.without_custom_sections(&empty))
}

/// Whether a core module only shifts the clock, and has no counterpart in the original.
fn is_clock(module: &[u8]) -> bool {
    /// Such modules are small.
    const MOST: usize = 1024;
    module.len() <= MOST && Module::read_valid(module).is_ok_and(|module| is_clock_module(&module))
}
