//! Lets the monotonic clock of a component go on: a core module that shifts its readings comes between the import and all core
//! modules, so that they all have one offset.

use super::clock_module::{CLOCK_ARGUMENT, clock_module};
use super::clock_use::{ClockUse, Spaces, shifted};
use super::names::{Named, reindexed};
use super::reencoded_section::reencoded;
use super::section::{HEADER, NAMES, RawSection, id};
use super::shift::malformed;
use super::{Component, ComponentError};
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, ComponentAliasSection, ComponentExportKind, ComponentSection, Encode,
    ExportKind, InstanceSection, ModuleArg,
};
use wasmparser::{ComponentCanonicalSectionReader, ComponentName, CustomSectionReader};

/// The component `bytes` whose monotonic clock goes on from `frozen`, in nanoseconds: the first reading of an instance decides by
/// how much readings are shifted, and times that are passed to the host are shifted back. Other sections stay byte for byte,
/// unless the number of something that comes later is in them. `None` if no core module can read it.
///
/// # Errors
/// [`ComponentError::Clock`], if somebody could read the clock in another way.
pub fn with_shifted_clock(bytes: &[u8], frozen: u64) -> Result<Option<Vec<u8>>, ComponentError> {
    let component = Component::parse(bytes)?;
    let Some(clock) = component.clock_use()? else { return Ok(None) };
    let mut out = HEADER.to_vec();
    for (number, part) in component.root.sections.iter().enumerate() {
        let section = &part.section;
        if section.id == id::CANONICAL && number >= clock.first.0 {
            let first = (number == clock.first.0).then_some((clock.first.1, frozen));
            write_canonical(&clock, section, first, &mut out)?;
        } else if number > clock.first.0 || section.id == id::CUSTOM {
            let moved = moved(section, Later::than(&clock))?;
            let unmoved = moved_nothing(section)?;
            section.write(moved.as_deref().filter(|_| moved != unmoved), &mut out);
        } else {
            out.extend_from_slice(section.raw);
        }
    }
    Component::parse(&out)?;
    Ok(Some(out))
}

/// How many functions of the clock the module takes.
fn taken(clock: &ClockUse<'_>) -> u32 {
    clock.names().count() as u32
}

/// Core functions that are made of the clock's become those of the module.
fn write_canonical(
    clock: &ClockUse<'_>,
    section: &RawSection<'_>,
    first: Option<(usize, u64)>,
    out: &mut Vec<u8>,
) -> Result<(), ComponentError> {
    let reader = || ComponentCanonicalSectionReader::new(section.reader());
    let mut later = Later::than(clock);
    let mut is_clocks = false;
    for function in reader()? {
        is_clocks |= shifted(&clock.functions, &function?).is_some();
    }
    if !is_clocks {
        let moved = moved(section, later)?;
        let unmoved = moved_nothing(section)?;
        section.write(moved.as_deref().filter(|_| moved != unmoved), out);
        return Ok(());
    }
    let mut functions = CanonicalFunctionSection::new();
    for (place, function) in reader()?.into_iter().enumerate() {
        let function = function?;
        if let Some((_, frozen)) = first.filter(|(at, _)| *at == place) {
            append(&mut functions, out);
            write_module(clock, frozen, out);
        }
        match shifted(&clock.functions, &function) {
            Some(name) => {
                append(&mut functions, out);
                let mut aliases = ComponentAliasSection::new();
                let instance = clock.spaces.core_instances + 1;
                aliases.alias(Alias::CoreInstanceExport { instance, kind: ExportKind::Func, name });
                aliases.append_to_component(out);
            }
            None => later.parse_component_canonical(&mut functions, function).map_err(malformed)?,
        }
    }
    append(&mut functions, out);
    Ok(())
}

/// Writes the section, if something is in it, and begins a new one.
fn append(functions: &mut CanonicalFunctionSection, out: &mut Vec<u8>) {
    if !functions.is_empty() {
        std::mem::take(functions).append_to_component(out);
    }
}

/// The module, and its instance.
fn write_module(clock: &ClockUse<'_>, frozen: u64, out: &mut Vec<u8>) {
    let Spaces { modules, functions, core_functions, core_instances, .. } = clock.spaces;
    let names: Vec<(&str, u32)> = clock.names().zip(0..).collect();
    out.push(id::CORE_MODULE);
    clock_module(frozen, |name| clock.has(name)).as_slice().encode(out);
    let mut aliases = ComponentAliasSection::new();
    let mut lowered = CanonicalFunctionSection::new();
    for (name, k) in names.iter().copied() {
        let kind = ComponentExportKind::Func;
        aliases.alias(Alias::InstanceExport { instance: clock.instance, kind, name });
        lowered.lower(functions + k, []);
    }
    let mut instances = InstanceSection::new();
    instances.export_items(names.into_iter().map(|(name, k)| (name, ExportKind::Func, core_functions + k)));
    instances.instantiate(modules, [(CLOCK_ARGUMENT, ModuleArg::Instance(core_instances))]);
    aliases.append_to_component(out);
    lowered.append_to_component(out);
    instances.append_to_component(out);
}

fn moved_nothing(section: &RawSection<'_>) -> Result<Option<Vec<u8>>, ComponentError> {
    let none = u32::MAX;
    let from = Spaces {
        modules: none,
        functions: none,
        instances: none,
        core_functions: none,
        core_instances: none,
    };
    moved(section, Later { from, functions: 0 })
}

/// The contents of a section with moved indices; `None` if there can be none in it.
fn moved(section: &RawSection<'_>, mut later: Later) -> Result<Option<Vec<u8>>, ComponentError> {
    if section.id != id::CUSTOM {
        return reencoded(section, &mut later);
    }
    let custom = CustomSectionReader::new(section.reader())?;
    if custom.name() != NAMES {
        return Ok(None);
    }
    Ok(later.names(custom.data()).map(|names| {
        let mut contents = Vec::new();
        custom.name().encode(&mut contents);
        contents.extend(names);
        contents
    }))
}

/// Moves what comes after the first use of the clock, in the outermost component only.
#[derive(Clone, Copy)]
struct Later {
    from: Spaces,
    /// How many functions come before.
    functions: u32,
}

impl Later {
    fn than(clock: &ClockUse<'_>) -> Later {
        Later { from: clock.spaces, functions: taken(clock) }
    }

    fn module(self, index: u32) -> u32 {
        if index >= self.from.modules { index + 1 } else { index }
    }

    fn function(self, index: u32) -> u32 {
        if index >= self.from.functions { index + self.functions } else { index }
    }

    fn core_function(self, index: u32) -> u32 {
        if index >= self.from.core_functions { index + self.functions } else { index }
    }

    fn core_instance(self, index: u32) -> u32 {
        if index >= self.from.core_instances { index + 2 } else { index }
    }

    /// `None` if the names are malformed, which are left alone.
    fn names(self, payload: &[u8]) -> Option<Vec<u8>> {
        const CORE_FUNCTIONS: &[u8] = &[0x00, 0x00];
        const MODULES: &[u8] = &[0x00, 0x11];
        const CORE_INSTANCES: &[u8] = &[0x00, 0x12];
        const FUNCTIONS: &[u8] = &[0x01];
        let chosen = |name| match name {
            ComponentName::CoreFuncs(names) => Some(Named { names, sort: CORE_FUNCTIONS }),
            ComponentName::CoreModules(names) => Some(Named { names, sort: MODULES }),
            ComponentName::CoreInstances(names) => Some(Named { names, sort: CORE_INSTANCES }),
            ComponentName::Funcs(names) => Some(Named { names, sort: FUNCTIONS }),
            _ => None,
        };
        reindexed(payload, chosen, |sort, index| {
            Some(match sort {
                CORE_FUNCTIONS => self.core_function(index),
                MODULES => self.module(index),
                CORE_INSTANCES => self.core_instance(index),
                _ => self.function(index),
            })
        })
    }
}

impl Reencode for Later {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error<Infallible>> {
        Ok(self.core_function(index))
    }
}

impl ReencodeComponent for Later {
    fn module_index(&mut self, index: u32) -> u32 {
        self.module(index)
    }

    fn outer_module_index(&mut self, count: u32, index: u32) -> u32 {
        if count == 0 { self.module(index) } else { index }
    }

    fn component_func_index(&mut self, index: u32) -> u32 {
        self.function(index)
    }

    fn instance_index(&mut self, index: u32) -> u32 {
        self.core_instance(index)
    }
}
