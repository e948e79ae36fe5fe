//! Functions that core modules export and nobody can call, because the component does not use what they were for. An export of
//! a component that is taken away leaves such functions behind: they and what made them stay where they are.

use super::definition::{Definition, Nested, Step};
use super::section::{RawSection, id};
use super::{Component, ComponentError};
use std::collections::{BTreeSet, HashMap};
use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentAliasSectionReader,
    ComponentCanonicalSectionReader, ComponentExportSectionReader, ComponentExternalKind,
    ComponentImportSectionReader, ComponentInstance, ComponentInstanceSectionReader, ComponentOuterAliasKind,
    ComponentStartFunction, ComponentType, ComponentTypeSectionReader, ExternalKind, FromReader, Instance,
    InstanceSectionReader, InstantiationArgKind,
};

impl<'a> Component<'a> {
    /// For each of [`Component::modules`] the exported functions that nobody can call. It is known of the modules that stand in
    /// the outermost component and are instantiated only there; of others, all are taken to be called.
    ///
    /// # Errors
    /// [`ComponentError::Malformed`], which parsing rules out.
    pub fn unused_exports(&self) -> Result<Vec<BTreeSet<&'a str>>, ComponentError> {
        let mut unused = vec![BTreeSet::new(); self.modules.len()];
        let handed_over = self.root.components.iter().any(takes_modules)
            || self.root.steps.iter().any(|step| hands_over_modules(step));
        if handed_over {
            return Ok(unused);
        }
        let uses = Uses::of(&self.root)?;
        for (number, module) in self.modules.iter().enumerate() {
            let Some(instances) = uses.instances.get(&number) else { continue };
            let exports = function_exports(module.bytes)?;
            let is_unused = |export: &&str| instances.iter().all(|instance| !uses.names(*instance, export));
            unused[number] = exports.into_iter().filter(is_unused).collect();
        }
        Ok(unused)
    }
}

fn takes_modules(definition: &Definition<'_>) -> bool {
    let is_alias =
        |step: &Step<'_>| matches!(step, Step::Outer { kind: ComponentOuterAliasKind::CoreModule, .. });
    definition.steps.iter().any(is_alias) || definition.components.iter().any(takes_modules)
}

fn hands_over_modules(step: &Step<'_>) -> bool {
    let is_module = |kind: ComponentExternalKind| kind == ComponentExternalKind::Module;
    match step {
        Step::Instance { arguments, .. } | Step::Bundle(arguments) => {
            arguments.iter().any(|argument| is_module(argument.kind))
        }
        Step::Export { kind, .. } => is_module(*kind),
        _ => false,
    }
}

fn function_exports(module: &[u8]) -> Result<Vec<&str>, ComponentError> {
    let mut exports = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        if let wasmparser::Payload::ExportSection(section) = payload? {
            for export in section {
                let export = export?;
                if matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact) {
                    exports.push(export.name);
                }
            }
        }
    }
    Ok(exports)
}

/// How core functions come to be used in a component.
#[derive(Default)]
struct Uses<'a> {
    /// By module the indices of its instances.
    instances: HashMap<usize, Vec<u32>>,
    /// Core instances that others are given as they are.
    given: BTreeSet<u32>,
    /// For each core function the export that it is.
    core_functions: Vec<Option<(u32, &'a str)>>,
    /// For each function the core functions that it is made of, if it is lifted.
    functions: Vec<Vec<u32>>,
    used_core: BTreeSet<u32>,
    used: BTreeSet<u32>,
    called: BTreeSet<(u32, &'a str)>,
}

impl<'a> Uses<'a> {
    fn of(definition: &Definition<'a>) -> Result<Uses<'a>, ComponentError> {
        let mut uses = Uses::default();
        let mut modules = Vec::new();
        let mut core_instances = 0;
        for part in &definition.sections {
            match part.nested {
                Nested::Module(number) => modules.push(Some(number)),
                Nested::Component(_) => {}
                Nested::Nothing => uses.section(&part.section, &mut modules, &mut core_instances)?,
            }
        }
        let lifted = uses.used.iter().filter_map(|function| uses.functions.get(*function as usize));
        let lifted: Vec<u32> = lifted.flatten().copied().collect();
        uses.used_core.extend(lifted);
        let called = uses.used_core.iter();
        let called = called.filter_map(|function| *uses.core_functions.get(*function as usize)?);
        uses.called = called.collect();
        Ok(uses)
    }

    /// Whether anybody has a way to the export of a core instance.
    fn names(&self, instance: u32, export: &str) -> bool {
        self.given.contains(&instance)
            || self.called.iter().any(|(of, name)| *of == instance && *name == export)
    }

    fn section(
        &mut self,
        section: &RawSection<'a>,
        modules: &mut Vec<Option<usize>>,
        core_instances: &mut u32,
    ) -> Result<(), ComponentError> {
        let reader = section.reader();
        match section.id {
            id::CORE_INSTANCE => {
                for instance in InstanceSectionReader::new(reader)? {
                    self.core_instance(instance?, modules, *core_instances);
                    *core_instances += 1;
                }
            }
            id::INSTANCE => {
                for instance in ComponentInstanceSectionReader::new(reader)? {
                    let items: Vec<_> = match instance? {
                        ComponentInstance::Instantiate { args, .. } => {
                            args.iter().map(|item| (item.kind, item.index)).collect()
                        }
                        ComponentInstance::FromExports(exports) => {
                            exports.iter().map(|item| (item.kind, item.index)).collect()
                        }
                    };
                    items.into_iter().for_each(|(kind, index)| self.item(kind, index));
                }
            }
            id::ALIAS => {
                for alias in ComponentAliasSectionReader::new(reader)? {
                    self.alias(alias?, modules);
                }
            }
            id::TYPE => {
                for ty in ComponentTypeSectionReader::new(reader)? {
                    if let ComponentType::Resource { dtor, .. } = ty? {
                        self.used_core.extend(dtor);
                    }
                }
            }
            id::CANONICAL => {
                for function in ComponentCanonicalSectionReader::new(reader)? {
                    self.canonical(function?);
                }
            }
            id::START => {
                let start = ComponentStartFunction::from_reader(&mut section.reader())?;
                self.used.insert(start.func_index);
            }
            id::IMPORT => {
                for import in ComponentImportSectionReader::new(reader)? {
                    match import?.ty.kind() {
                        ComponentExternalKind::Func => self.functions.push(Vec::new()),
                        ComponentExternalKind::Module => modules.push(None),
                        _ => {}
                    }
                }
            }
            id::EXPORT => {
                for export in ComponentExportSectionReader::new(reader)? {
                    let export = export?;
                    self.item(export.kind, export.index);
                    match export.kind {
                        // Whoever means the export means that.
                        ComponentExternalKind::Func => self.functions.push(Vec::new()),
                        ComponentExternalKind::Module => modules.push(None),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn item(&mut self, kind: ComponentExternalKind, index: u32) {
        if kind == ComponentExternalKind::Func {
            self.used.insert(index);
        }
    }

    fn core_instance(&mut self, instance: Instance<'a>, modules: &[Option<usize>], index: u32) {
        match instance {
            Instance::Instantiate { module_index, args } => {
                if let Some(module) = modules.get(module_index as usize).copied().flatten() {
                    self.instances.entry(module).or_default().push(index);
                }
                for argument in &args {
                    let InstantiationArgKind::Instance = argument.kind;
                    self.given.insert(argument.index);
                }
            }
            Instance::FromExports(exports) => {
                let functions = exports
                    .iter()
                    .filter(|item| matches!(item.kind, ExternalKind::Func | ExternalKind::FuncExact));
                self.used_core.extend(functions.map(|item| item.index));
            }
        }
    }

    fn alias(&mut self, alias: ComponentAlias<'a>, modules: &mut Vec<Option<usize>>) {
        match alias {
            ComponentAlias::CoreInstanceExport { kind, instance_index, name } => {
                if matches!(kind, ExternalKind::Func | ExternalKind::FuncExact) {
                    self.core_functions.push(Some((instance_index, name)));
                }
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Func, .. } => {
                self.functions.push(Vec::new());
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. }
            | ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. } => modules.push(None),
            _ => {}
        }
    }

    fn canonical(&mut self, function: CanonicalFunction) {
        let of_options = |options: &[CanonicalOption]| -> Vec<u32> {
            let function = |option: &CanonicalOption| match option {
                CanonicalOption::Realloc(function)
                | CanonicalOption::PostReturn(function)
                | CanonicalOption::Callback(function) => Some(*function),
                _ => None,
            };
            options.iter().filter_map(function).collect()
        };
        match function {
            CanonicalFunction::Lift { core_func_index, options, .. } => {
                let mut made_of = of_options(&options);
                made_of.push(core_func_index);
                self.functions.push(made_of);
                return;
            }
            CanonicalFunction::Lower { func_index, options } => {
                self.used.insert(func_index);
                self.used_core.extend(of_options(&options));
            }
            CanonicalFunction::TaskReturn { options, .. }
            | CanonicalFunction::StreamRead { options, .. }
            | CanonicalFunction::StreamWrite { options, .. }
            | CanonicalFunction::FutureRead { options, .. }
            | CanonicalFunction::FutureWrite { options, .. }
            | CanonicalFunction::ErrorContextNew { options }
            | CanonicalFunction::ErrorContextDebugMessage { options } => {
                self.used_core.extend(of_options(&options));
            }
            _ => {}
        }
        self.core_functions.push(None);
    }
}
