//! What of a snapshot can be compared without running it.

use super::super::VerifyError;
use super::super::added_code::AddedCode;
use super::super::custom_sections;
use super::super::differences::Sink;
use super::super::module_comparison::{self, read_bodies};
use super::super::verdict::Difference;
use super::super::verdict_builder::{VerdictBuilder, internalized};
use super::side::Side;
use crate::component::{ComponentRunError, Remade, Run, remade};
use crate::host::Ledger;
use crate::options::Options;
use preinit_core::component::{Component, CoreModule};
use preinit_core::module::{Module, shortest_form};
use std::collections::BTreeSet;

/// What the snapshot must be.
pub struct Code {
    /// The snapshot in each layout; empty if it is one of them byte for byte.
    layouts: Vec<Remade>,
}

/// What stands for every core module when only what is around them is compared.
const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

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
        let counterparts = original.counterparts(snapshot);
        let with_counterpart: BTreeSet<usize> =
            counterparts.iter().flatten().map(|instance| snapshot.instances[*instance].module).collect();
        let frame = frame(snapshot.component.bytes, &with_counterpart)?;
        let is_frame =
            |wasm: &Vec<u8>| self::frame(wasm, &with_counterpart).is_ok_and(|expected| expected == frame);
        let Some(expected) = first.wasm.iter().find(|wasm| is_frame(wasm)) else {
            verdict.add(Difference::new(
                "component",
                "the original's outside of core modules",
                "others, or other core instances",
            ));
            return Ok(());
        };
        let expected = Component::parse(expected).map_err(ComponentRunError::from)?;
        let options = verdict.options();
        let custom =
            custom_sections::compare_components(&expected, &snapshot.component, &with_counterpart, &|key| {
                options.ignores(key)
            });
        verdict.not_compared([custom.not_compared]);
        custom.undecided.into_iter().for_each(|why| verdict.undecided(why));
        for (instance, counterpart) in (0..).zip(counterparts) {
            match counterpart {
                Some(counterpart) => {
                    self.module((original, instance), (snapshot, counterpart), verdict);
                }
                None => verdict.add(Difference::new(original.key(instance), "a core instance", "none")),
            }
        }
        Ok(())
    }

    /// Whether the module of this number is that of a snapshot, also a stripped one; numbers in it may be longer.
    fn has_but_for_custom_sections(&self, number: usize, module: &[u8]) -> bool {
        let short = shortest_form(module);
        let is_same = |wasm: &Vec<u8>| {
            let made = Component::parse(wasm).ok();
            made.is_some_and(|made| {
                made.modules().get(number).is_some_and(|made| shortest_form(made.bytes) == short)
            })
        };
        self.layouts.iter().flat_map(|made| &made.wasm).any(is_same)
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
        if self.has_but_for_custom_sections(snapshot.instances[counterpart].module, right.bytes) {
            let options = verdict.options();
            let ignored = |section: &str| options.ignores(&format!("{key}.{section}"));
            let custom = custom_sections::compare(left, right, &ignored);
            verdict.not_compared([format!("{key}: {}", custom.not_compared)]);
            custom.undecided.into_iter().for_each(|why| verdict.undecided(format!("{key}: {why}")));
            return;
        }
        let parsed: Vec<Module<'_>> = made().filter_map(|made| Module::read_valid(made).ok()).collect();
        // What is added so that a call goes on has state of its own; its contents are compared below. What a core module that comes
        // last writes is exported.
        let adds_state = parsed
            .iter()
            .any(|made| (made.globals.len(), made.tables.len()) == (right.globals.len(), right.tables.len()));
        let place =
            |module: &Module<'_>, name: &str| module.export(name).map(|export| (export.kind, export.index));
        let is_export = |name: &str| {
            place(right, name).is_some_and(|found| parsed.iter().any(|made| place(made, name) == Some(found)))
        };
        let mut sink = Sink::new(verdict.options()).without(|key| match key.strip_prefix("export.") {
            Some(name) => is_export(name),
            None => adds_state && ["globals.count", "tables.count"].contains(&key),
        });
        sink.below(&format!("{key}."));
        let compared = module_comparison::compare(left, right, (&[], &[]), sink);
        verdict.not_compared(compared.not_compared.into_iter().map(|what| format!("{key}: {what}")));
        compared.undecided.iter().for_each(|why| verdict.undecided(format!("{key}: {why}")));
        // `made` would be the same if preinit had done it.
        if let Some(named) = internalized(&compared.internalized) {
            verdict
                .undecided(format!("{key}: the snapshot defines {named} itself, which the original imports"));
        }
        verdict.add_all(compared.differences);
        let added = AddedCode::any(left, right);
        let is_accounted = |made: &Module<'_>| match AddedCode::of(left, right) {
            Some(added) => added.is_same_as_in(made),
            None => AddedCode::of(left, made).is_none(),
        };
        verdict.coverage.functions_added += added.functions();
        match parsed.iter().any(is_accounted) {
            true => verdict.coverage.functions_accounted += added.functions(),
            false => verdict.undecided(format!("{key}: {}", added.unexplained())),
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

/// What is around those core modules, but for custom sections. Others are compared with it, because nothing else looks at them; however
/// long their numbers are written, they mean the same.
fn frame(wasm: &[u8], left_out: &BTreeSet<usize>) -> Result<Vec<u8>, VerifyError> {
    let component = Component::parse(wasm).map_err(ComponentRunError::from)?;
    let bare = |(module, part): (usize, &CoreModule<'_>)| match left_out.contains(&module) {
        true => EMPTY.to_vec(),
        false => shortest_form(part.bytes),
    };
    let bare: Vec<Vec<u8>> = component.modules().iter().enumerate().map(bare).collect();
    let bare: Vec<Option<&[u8]>> = bare.iter().map(|module| Some(module.as_slice())).collect();
    Ok(component.without_custom_sections(&bare))
}
