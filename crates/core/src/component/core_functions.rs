//! Which functions of core instances stand behind what a component exports, and which ones the runtime calls by itself.

use super::definition::Definition;
use super::elaborate::{Elaborated, Frame};
use super::section::id;
use super::{Component, ComponentError};
use crate::module::is_function;
use std::collections::{BTreeSet, HashSet};
use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentAliasSectionReader,
    ComponentCanonicalSectionReader, ComponentType, ComponentTypeSectionReader, Instance,
    InstanceSectionReader,
};

/// A function that a core instance exports. No example: internal to the product; the crate's example shows the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreFunction {
    /// The core instance, by its number in [`Component::elaborate`].
    pub instance: usize,
    /// The export.
    pub name: String,
}

impl Component<'_> {
    /// The core function of an exported function, or of a function of an exported instance; `None` if it has none.
    ///
    /// # Errors
    /// As [`Component::elaborate`].
    pub fn lifted(
        &self,
        (instance, function): (Option<&str>, &str),
    ) -> Result<Option<CoreFunction>, ComponentError> {
        let elaborated = self.elaborated()?;
        let Some((frame, lift)) = elaborated.exported_lift(instance, function) else { return Ok(None) };
        let frame = &elaborated.frames[frame];
        let space = CoreSpace::of(frame.definition)?;
        let function = space.lifted.get(lift).copied();
        Ok(function.and_then(|function| space.function((&elaborated, frame), function)))
    }

    /// The function of another core instance that one of the core instances is given as an import.
    ///
    /// # Errors
    /// As [`Component::elaborate`].
    pub fn provided(
        &self,
        instance: usize,
        (module, name): (&str, &str),
    ) -> Result<Option<CoreFunction>, ComponentError> {
        let elaborated = self.elaborated()?;
        let Some(frame) = elaborated.frame_of(instance) else { return Ok(None) };
        let space = CoreSpace::of(frame.definition)?;
        let index = elaborated.instances.get(instance).map_or(0, |instance| instance.index as usize);
        let Some(CoreInstanceItem::Module(arguments)) = space.instances.get(index) else { return Ok(None) };
        let argument = arguments.iter().find(|(argument, _)| *argument == module);
        Ok(argument.and_then(|(_, provider)| space.export((&elaborated, frame), (*provider, name))))
    }

    /// Whether a component in it lifts a core function that no core instance has, such as one that is lowered.
    ///
    /// # Errors
    /// As [`Component::elaborate`].
    pub fn lifts_lowered(&self) -> Result<bool, ComponentError> {
        let elaborated = self.elaborated()?;
        let mut seen = HashSet::new();
        for frame in &elaborated.frames {
            // What it depends on is the same in all instances.
            if seen.insert(std::ptr::from_ref(frame.definition)) {
                let space = CoreSpace::of(frame.definition)?;
                if space.lifted.iter().any(|lifted| space.function((&elaborated, frame), *lifted).is_none()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The exports of a core instance that the runtime calls while others of the component are in progress, or after them:
    /// what allocates, cleans up, or drops.
    ///
    /// # Errors
    /// As [`Component::elaborate`].
    pub fn called_by_runtime(&self, instance: usize) -> Result<BTreeSet<String>, ComponentError> {
        let elaborated = self.elaborated()?;
        let Some(frame) = elaborated.frame_of(instance) else { return Ok(BTreeSet::new()) };
        let space = CoreSpace::of(frame.definition)?;
        let functions =
            space.by_runtime.iter().filter_map(|function| space.function((&elaborated, frame), *function));
        Ok(functions.filter(|function| function.instance == instance).map(|function| function.name).collect())
    }
}

/// A core instance as a component writes it down.
enum CoreInstanceItem<'a> {
    /// Of a module, with names and the core instances that they mean.
    Module(Vec<(&'a str, u32)>),
    /// Names, and the core functions that they mean.
    Bundle(Vec<(&'a str, u32)>),
}

/// The core functions and core instances of a component.
#[derive(Default)]
struct CoreSpace<'a> {
    /// The core instance and the export of those that are one.
    functions: Vec<Option<(u32, &'a str)>>,
    instances: Vec<CoreInstanceItem<'a>>,
    /// The core functions that are lifted, in order.
    lifted: Vec<u32>,
    by_runtime: Vec<u32>,
}

impl<'a> CoreSpace<'a> {
    fn of(definition: &Definition<'a>) -> Result<CoreSpace<'a>, ComponentError> {
        let mut space = CoreSpace::default();
        for part in &definition.sections {
            let section = &part.section;
            match section.id {
                id::CORE_INSTANCE => {
                    for instance in InstanceSectionReader::new(section.reader())? {
                        space.instances.push(item(instance?));
                    }
                }
                id::ALIAS => {
                    for alias in ComponentAliasSectionReader::new(section.reader())? {
                        if let ComponentAlias::CoreInstanceExport { kind, instance_index, name } = alias?
                            && is_function(kind)
                        {
                            space.functions.push(Some((instance_index, name)));
                        }
                    }
                }
                id::CANONICAL => {
                    for function in ComponentCanonicalSectionReader::new(section.reader())? {
                        space.canonical(&function?);
                    }
                }
                id::TYPE => {
                    for ty in ComponentTypeSectionReader::new(section.reader())? {
                        if let ComponentType::Resource { dtor: Some(dtor), .. } = ty? {
                            space.by_runtime.push(dtor);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(space)
    }

    fn canonical(&mut self, function: &CanonicalFunction) {
        let options = match function {
            CanonicalFunction::Lift { core_func_index, options, .. } => {
                self.lifted.push(*core_func_index);
                &options[..]
            }
            CanonicalFunction::Lower { options, .. } => {
                self.functions.push(None);
                &options[..]
            }
            // All others are core functions, too.
            _ => {
                self.functions.push(None);
                &[]
            }
        };
        for option in options {
            if let CanonicalOption::Realloc(function)
            | CanonicalOption::PostReturn(function)
            | CanonicalOption::Callback(function) = option
            {
                self.by_runtime.push(*function);
            }
        }
    }

    fn function(&self, within: (&Elaborated<'_, '_>, &Frame<'_, '_>), index: u32) -> Option<CoreFunction> {
        self.export(within, (*self.functions.get(index as usize)?)?)
    }

    /// What a core instance exports. Bundles name what was there before them, so this ends.
    fn export(
        &self,
        (elaborated, frame): (&Elaborated<'_, '_>, &Frame<'_, '_>),
        (mut instance, mut name): (u32, &str),
    ) -> Option<CoreFunction> {
        loop {
            match self.instances.get(instance as usize)? {
                CoreInstanceItem::Module(_) => {
                    let mut numbers = frame.core.iter().map(|(_, number)| *number);
                    let number = numbers.find(|number| elaborated.instances[*number].index == instance)?;
                    return Some(CoreFunction { instance: number, name: name.to_string() });
                }
                CoreInstanceItem::Bundle(items) => {
                    let (_, function) = items.iter().find(|(item, _)| *item == name)?;
                    (instance, name) = (*self.functions.get(*function as usize)?)?;
                }
            }
        }
    }
}

fn item(instance: Instance<'_>) -> CoreInstanceItem<'_> {
    match instance {
        Instance::Instantiate { args, .. } => {
            CoreInstanceItem::Module(args.iter().map(|argument| (argument.name, argument.index)).collect())
        }
        Instance::FromExports(exports) => {
            let functions = exports.iter().filter(|export| is_function(export.kind));
            CoreInstanceItem::Bundle(functions.map(|export| (export.name, export.index)).collect())
        }
    }
}
