//! One of the two components.

use super::super::VerifyOptions;
use crate::component::part::{self, Part, Place, Probing, places};
use crate::component::{ComponentRunError, TAKEN};
use crate::engine::{self, CompiledComponent, Compiler, ComponentKind, EngineOptions};
use crate::host::ComponentHost;
use preinit_core::component::{Component, CoreInstance, is_clock_module};
use preinit_core::probe::ProbeOptions;
use std::collections::BTreeSet;
use wasmtime::{Instance, Store};

/// A component, taken apart and probed.
pub struct Side<'a> {
    pub component: Component<'a>,
    pub instances: Vec<CoreInstance>,
    pub parts: Vec<Option<Part<'a>>>,
    /// Component instances in the outermost component that stand where the original has imports.
    cut: BTreeSet<usize>,
}

impl<'a> Side<'a> {
    pub fn new(wasm: &'a [u8], options: &VerifyOptions) -> Result<Side<'a>, ComponentRunError> {
        let component = Component::parse(wasm)?;
        let instances = component.elaborate()?;
        if options.default_proposals {
            part::check_proposals(wasm)?;
        }
        let probe = ProbeOptions { leaves_nothing_to_host: true, ..engine::probe_options() };
        let probing = Probing {
            options: &probe,
            default_proposals: options.default_proposals,
            reset_libc: false,
            lowest_stack: false,
        };
        let parts = part::parts(&component, &instances, &probing)?;
        part::check_instances(&parts, &instances, &options.limits)?;
        Ok(Side { component, instances, parts, cut: BTreeSet::new() })
    }

    /// What should be its snapshot.
    pub fn snapshot<'s>(
        &self,
        wasm: &'s [u8],
        options: &VerifyOptions,
    ) -> Result<Side<'s>, ComponentRunError> {
        let cut = self.component.cut_places(&options.cut_imports);
        Ok(Side { cut, ..Side::new(wasm, options)? })
    }

    /// Its probed form, compiled.
    pub fn compile(&self, compiler: Compiler) -> wasmtime::Result<CompiledComponent> {
        self.compile_probed(compiler, &part::probed(&self.component, &self.parts, None))
    }

    /// The same, in which each component instance has some handles before it takes any.
    pub fn compile_with_taken_handles(&self, compiler: Compiler) -> wasmtime::Result<CompiledComponent> {
        let modules = part::probed_modules(&self.parts, None);
        self.compile_probed(compiler, &self.component.with_taken_handles(&modules, TAKEN)?)
    }

    fn compile_probed(&self, compiler: Compiler, probed: &[u8]) -> wasmtime::Result<CompiledComponent> {
        const OPTIONS: EngineOptions =
            EngineOptions { fuel: true, epochs: true, optimize: false, beyond_winch: false };
        let kind = ComponentKind { is_concurrent: self.component.is_concurrent()?, is_traced: false };
        engine::compile_component_with(compiler, probed, (OPTIONS, kind))
    }

    /// Its core instances, of those that the engine has.
    pub fn places(
        &self,
        found: &[Instance],
        store: &mut Store<ComponentHost>,
    ) -> Result<Vec<Place<'_>>, ComponentRunError> {
        places(&self.parts, &self.instances, found, store)
    }

    /// How many of its core instances shift the monotonic clock for the whole component.
    pub fn clocks(&self) -> usize {
        (0..self.instances.len()).filter(|instance| self.is_clock(*instance)).count()
    }

    /// Whether a core instance does nothing but that.
    fn is_clock(&self, instance: usize) -> bool {
        let is_outermost = self.instances.get(instance).is_some_and(|instance| instance.component == "/");
        is_outermost && self.part(instance).is_some_and(|part| is_clock_module(&part.module))
    }

    /// The core instances that shift the clock of a snapshot of `original`, and are not the original's: they come first.
    pub fn added_clocks(&self, original: &Side<'_>) -> Vec<usize> {
        let added = self.clocks().saturating_sub(original.clocks());
        (0..self.instances.len()).filter(|instance| self.is_clock(*instance)).take(added).collect()
    }

    /// The component instance that a core instance is in, by its path in the original.
    fn path(&self, instance: &CoreInstance) -> Option<String> {
        let path = instance.component.strip_prefix('/')?;
        let (child, rest) = path.split_once('/').map_or((path, None), |(child, rest)| (child, Some(rest)));
        let Ok(child) = child.parse::<usize>() else { return Some(instance.component.clone()) };
        let moved = child - self.cut.iter().filter(|cut| **cut < child).count();
        let path = rest.map_or_else(|| format!("/{moved}"), |rest| format!("/{moved}/{rest}"));
        (!self.cut.contains(&child)).then_some(path)
    }

    /// For each of its core instances the one of `other` that is at the same place. Those that only `other` has come last in their
    /// component, but for those that shift the clock.
    pub fn counterparts(&self, other: &Side<'_>) -> Vec<Option<usize>> {
        let clocks = other.added_clocks(self);
        let counterpart = |instance: &CoreInstance| {
            let same = |candidate: &&CoreInstance| candidate.component == instance.component;
            let number = self.instances.iter().filter(same).position(|found| found == instance)?;
            let others = (0..).zip(&other.instances).filter(|(at, candidate)| {
                !clocks.contains(at) && other.path(candidate).as_ref() == Some(&instance.component)
            });
            others.map(|(at, _)| at).nth(number)
        };
        self.instances.iter().map(counterpart).collect()
    }

    /// The module of a core instance.
    pub fn part(&self, instance: usize) -> Option<&Part<'a>> {
        self.parts.get(self.instances.get(instance)?.module)?.as_ref()
    }

    /// What keys of differences in a core instance begin with.
    pub fn key(&self, instance: usize) -> String {
        match self.instances.get(instance) {
            Some(CoreInstance { component, index, .. }) => {
                let path = component.trim_matches('/').replace('/', ".");
                let of = if path.is_empty() { String::new() } else { format!("component.{path}.") };
                format!("{of}core.{index}")
            }
            None => "core".to_string(),
        }
    }
}
