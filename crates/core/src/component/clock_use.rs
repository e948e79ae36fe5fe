//! How a component uses the monotonic clock that it imports.

use super::clock_module::{CLOCK_ARGUMENT, NOW, SHIFTED, WAIT};
use super::definition::Definition;
use super::section::{RawSection, id};
use super::{Component, ComponentError};
use std::collections::BTreeMap;
use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentAliasSectionReader,
    ComponentCanonicalSectionReader, ComponentExportSectionReader, ComponentExternalKind,
    ComponentImportSectionReader, ComponentInstance, ComponentInstanceSectionReader, ComponentOuterAliasKind,
    ExternalKind, InstanceSectionReader,
};

/// Functions that tell or take no time of this clock, nor let time go by before it is read.
const UNSHIFTED: [&str; 2] = ["resolution", "get-resolution"];

/// Sizes of index spaces of the outermost component.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spaces {
    pub modules: u32,
    pub functions: u32,
    pub instances: u32,
    pub core_functions: u32,
    pub core_instances: u32,
}

/// Where and how the clock is used.
pub struct ClockUse<'a> {
    /// The imported instance.
    pub instance: u32,
    /// Its functions, by function index.
    pub functions: BTreeMap<u32, &'a str>,
    /// The number of the section with the first core function that is made of one to be shifted, and its place there.
    pub first: (usize, usize),
    /// What is defined before that.
    pub spaces: Spaces,
}

impl ClockUse<'_> {
    /// The functions of the clock that the module takes, in its order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        SHIFTED.into_iter().filter(|name| self.has(name))
    }

    /// Whether somebody may have this function.
    pub fn has(&self, name: &str) -> bool {
        self.functions.values().any(|function| *function == name)
    }
}

pub fn refused(why: impl Into<String>) -> ComponentError {
    ComponentError::Clock(why.into())
}

/// The name of a function that is to be shifted.
pub fn shifted<'a>(functions: &BTreeMap<u32, &'a str>, function: &CanonicalFunction) -> Option<&'a str> {
    let CanonicalFunction::Lower { func_index, .. } = function else { return None };
    functions.get(func_index).copied().filter(|name| SHIFTED.contains(name))
}

impl<'a> Component<'a> {
    /// How the outermost component uses its clock; `None` if no core module can read it, and nobody else gets it.
    ///
    /// # Errors
    /// [`ComponentError::Clock`], if others could read it in another way.
    pub(super) fn clock_use(&self) -> Result<Option<ClockUse<'a>>, ComponentError> {
        let mut survey = Survey::default();
        for (number, part) in self.root.sections.iter().enumerate() {
            survey.section(number, &part.section)?;
        }
        let Survey { clock, functions, first, is_read, hands_over_waits, .. } = survey;
        let instance =
            clock.ok_or_else(|| refused("the component does not import `wasi:clocks/monotonic-clock`"))?;
        let Some((first, spaces)) = first.filter(|_| is_read) else { return Ok(None) };
        if hands_over_waits {
            return Err(handed_over());
        }
        if !functions.values().any(|name| *name == NOW) {
            return Err(refused("the component does not read it"));
        }
        if names_later_module(&self.root, 0, spaces.modules) {
            return Err(refused("a component in it names a core module of it by its number"));
        }
        Ok(Some(ClockUse { instance, functions, first, spaces }))
    }
}

/// Whether an outer alias in a component means a core module of the outermost one whose number moves.
fn names_later_module(definition: &Definition<'_>, depth: u32, from: u32) -> bool {
    let is_moved = |step: &super::definition::Step<'_>| match step {
        super::definition::Step::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
            depth > 0 && *count == depth && *index >= from
        }
        _ => false,
    };
    definition.steps.iter().any(is_moved)
        || definition.components.iter().any(|component| names_later_module(component, depth + 1, from))
}

#[derive(Default)]
struct Survey<'a> {
    clock: Option<u32>,
    functions: BTreeMap<u32, &'a str>,
    first: Option<((usize, usize), Spaces)>,
    /// Whether a core module has a function that tells or takes a time.
    is_read: bool,
    /// Whether another component can let time go by, which only matters if somebody reads the clock.
    hands_over_waits: bool,
    spaces: Spaces,
}

impl<'a> Survey<'a> {
    fn section(&mut self, number: usize, section: &RawSection<'a>) -> Result<(), ComponentError> {
        let reader = section.reader();
        match section.id {
            id::CORE_MODULE => self.spaces.modules += 1,
            id::CORE_INSTANCE => self.spaces.core_instances += InstanceSectionReader::new(reader)?.count(),
            id::IMPORT => {
                for import in ComponentImportSectionReader::new(reader)? {
                    let import = import?;
                    if is_clock(import.name.name) {
                        self.import(import.ty.kind())?;
                    }
                    self.defined(import.ty.kind());
                }
            }
            id::ALIAS => {
                for alias in ComponentAliasSectionReader::new(reader)? {
                    self.alias(alias?)?;
                }
            }
            id::INSTANCE => {
                for instance in ComponentInstanceSectionReader::new(reader)? {
                    let handed: Vec<(ComponentExternalKind, u32)> = match instance? {
                        ComponentInstance::Instantiate { args, .. } => {
                            args.iter().map(|argument| (argument.kind, argument.index)).collect()
                        }
                        ComponentInstance::FromExports(exports) => {
                            exports.iter().map(|export| (export.kind, export.index)).collect()
                        }
                    };
                    handed.into_iter().try_for_each(|item| self.handed_over(item))?;
                    self.spaces.instances += 1;
                }
            }
            id::EXPORT => {
                for export in ComponentExportSectionReader::new(reader)? {
                    let export = export?;
                    self.handed_over((export.kind, export.index))?;
                    self.defined(export.kind);
                }
            }
            id::CANONICAL => {
                for (place, function) in ComponentCanonicalSectionReader::new(reader)?.into_iter().enumerate()
                {
                    self.canonical((number, place), &function?)?;
                }
            }
            id::START => return Err(refused("the component has a start function")),
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, kind: ComponentExternalKind) -> Result<(), ComponentError> {
        if kind != ComponentExternalKind::Instance {
            return Err(refused("the component imports something else by its name"));
        }
        match self.clock.replace(self.spaces.instances) {
            Some(_) => Err(refused("the component imports two versions of it")),
            None => Ok(()),
        }
    }

    fn alias(&mut self, alias: ComponentAlias<'a>) -> Result<(), ComponentError> {
        match alias {
            ComponentAlias::InstanceExport { kind, instance_index, name } => {
                if kind == ComponentExternalKind::Func && Some(instance_index) == self.clock {
                    if !SHIFTED.contains(&name) && !UNSHIFTED.contains(&name) {
                        let name = crate::printable::Printable(name);
                        return Err(refused(format!("its function `{name}` is not one that can be shifted")));
                    }
                    self.functions.insert(self.spaces.functions, name);
                }
                self.defined(kind);
            }
            ComponentAlias::CoreInstanceExport { kind, .. } => {
                if matches!(kind, ExternalKind::Func | ExternalKind::FuncExact) {
                    self.spaces.core_functions += 1;
                }
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. } => {
                self.spaces.modules += 1;
            }
            ComponentAlias::Outer { .. } => {}
        }
        Ok(())
    }

    fn canonical(&mut self, at: (usize, usize), function: &CanonicalFunction) -> Result<(), ComponentError> {
        if let CanonicalFunction::Lower { options, .. } = function
            && let Some(name) = shifted(&self.functions, function)
        {
            self.is_read |= name != WAIT;
            if options.iter().any(|option| !is_plain(option)) {
                return Err(refused("a core module calls it asynchronously, or by another type"));
            }
            self.first.get_or_insert((at, self.spaces));
        }
        match function {
            CanonicalFunction::Lift { .. } => self.spaces.functions += 1,
            _ => self.spaces.core_functions += 1,
        }
        Ok(())
    }

    /// Another component that gets the clock reads it by itself.
    fn handed_over(&mut self, (kind, index): (ComponentExternalKind, u32)) -> Result<(), ComponentError> {
        let is_clock = match kind {
            ComponentExternalKind::Instance => Some(index) == self.clock,
            ComponentExternalKind::Func => {
                let function = self.functions.get(&index).copied();
                self.hands_over_waits |= function == Some(WAIT);
                function.is_some_and(|name| SHIFTED.contains(&name) && name != WAIT)
            }
            _ => false,
        };
        match is_clock {
            true => Err(handed_over()),
            false => Ok(()),
        }
    }

    fn defined(&mut self, kind: ComponentExternalKind) {
        match kind {
            ComponentExternalKind::Module => self.spaces.modules += 1,
            ComponentExternalKind::Func => self.spaces.functions += 1,
            ComponentExternalKind::Instance => self.spaces.instances += 1,
            _ => {}
        }
    }
}

fn handed_over() -> ComponentError {
    refused("it is handed over to another component, which would see the host's")
}

/// What neither the type of the core function nor the way it is called depends on.
fn is_plain(option: &CanonicalOption) -> bool {
    matches!(
        option,
        CanonicalOption::UTF8
            | CanonicalOption::UTF16
            | CanonicalOption::CompactUTF16
            | CanonicalOption::Memory(_)
            | CanonicalOption::Realloc(_)
    )
}

fn is_clock(import: &str) -> bool {
    let rest = import.strip_prefix(CLOCK_ARGUMENT);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
}
