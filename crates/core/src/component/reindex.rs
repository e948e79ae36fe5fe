//! The sections of a component in which indices of modules and components move because some of those have copies.

use super::ComponentError;
use super::copies::{Copies, Space, space_of};
use super::definition::Step;
use super::names::{Named, reindexed};
use super::section::{NAMES, RawSection, id};
use super::shift::{contents, malformed};
use std::convert::Infallible;
use wasm_encoder::reencode::{Reencode, ReencodeComponent, RoundtripReencoder, component_utils};
use wasm_encoder::{Alias, Encode, ModuleArg};
use wasmparser::{
    ComponentAlias, ComponentAliasSectionReader, ComponentExportSectionReader, ComponentExternalKind,
    ComponentInstance, ComponentInstanceSectionReader, ComponentName, CustomSectionReader, Instance,
    InstanceSectionReader,
};

/// How far one component instance has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Position {
    core_instances: usize,
    children: usize,
    modules: u32,
    components: u32,
}

impl Position {
    /// Goes past what a section defines.
    pub fn pass(&mut self, steps: &[Step<'_>]) {
        for step in steps {
            match step.defines() {
                Some(ComponentExternalKind::Module) => self.modules += 1,
                Some(ComponentExternalKind::Component) => self.components += 1,
                _ => {}
            }
            match step {
                Step::CoreInstance { .. } => self.core_instances += 1,
                Step::Instance { .. } => self.children += 1,
                _ => {}
            }
        }
    }
}

/// The contents of a section of a component instance's definition with moved indices; `None` if none moves.
pub fn moved(
    copies: &Copies<'_, '_>,
    frame: usize,
    at: Position,
    section: &RawSection<'_>,
) -> Result<Option<Vec<u8>>, ComponentError> {
    let mut plain = RoundtripReencoder;
    let mut bases = Bases { copies, frame };
    let (new, old) = match section.id {
        id::CORE_INSTANCE => {
            let mut old = wasm_encoder::InstanceSection::new();
            let reader = InstanceSectionReader::new(section.reader())?;
            plain.parse_instance_section(&mut old, reader).map_err(malformed)?;
            (core_instances(copies, frame, at, section)?, contents(&old))
        }
        id::INSTANCE => {
            let mut old = wasm_encoder::ComponentInstanceSection::new();
            let reader = ComponentInstanceSectionReader::new(section.reader())?;
            plain.parse_component_instance_section(&mut old, reader).map_err(malformed)?;
            (instances(&mut bases, at, section)?, contents(&old))
        }
        id::ALIAS => {
            let mut old = wasm_encoder::ComponentAliasSection::new();
            let reader = ComponentAliasSectionReader::new(section.reader())?;
            plain.parse_component_alias_section(&mut old, reader).map_err(malformed)?;
            (aliases(&mut bases, at, section)?, contents(&old))
        }
        id::EXPORT => {
            let mut old = wasm_encoder::ComponentExportSection::new();
            let reader = ComponentExportSectionReader::new(section.reader())?;
            plain.parse_component_export_section(&mut old, reader.clone()).map_err(malformed)?;
            let mut new = wasm_encoder::ComponentExportSection::new();
            bases.parse_component_export_section(&mut new, reader).map_err(malformed)?;
            (contents(&new), contents(&old))
        }
        id::CUSTOM => return names(&bases, section),
        _ => return Ok(None),
    };
    Ok(new.filter(|new| Some(new) != old.as_ref()))
}

fn core_instances(
    copies: &Copies<'_, '_>,
    frame: usize,
    mut at: Position,
    section: &RawSection<'_>,
) -> Result<Option<Vec<u8>>, ComponentError> {
    let mut new = wasm_encoder::InstanceSection::new();
    for instance in InstanceSectionReader::new(section.reader())? {
        match instance? {
            Instance::Instantiate { module_index, args } => {
                let module = copies.module_of(frame, at.core_instances, module_index);
                new.instantiate(module, args.iter().map(|arg| (arg.name, ModuleArg::Instance(arg.index))));
                at.core_instances += 1;
            }
            bundle => component_utils::parse_instance(&mut RoundtripReencoder, &mut new, bundle)
                .map_err(malformed)?,
        }
    }
    Ok(contents(&new))
}

fn instances(
    bases: &mut Bases<'_, '_, '_>,
    mut at: Position,
    section: &RawSection<'_>,
) -> Result<Option<Vec<u8>>, ComponentError> {
    let mut new = wasm_encoder::ComponentInstanceSection::new();
    for instance in ComponentInstanceSectionReader::new(section.reader())? {
        match instance? {
            ComponentInstance::Instantiate { component_index, args } => {
                let component = bases.copies.component_of(bases.frame, at.children, component_index);
                let args = args.iter().map(|arg| {
                    (arg.name, arg.kind.into(), bases.component_external_index(arg.kind, arg.index))
                });
                let args: Vec<_> = args.collect();
                new.instantiate::<_, &str>(component, args);
                at.children += 1;
            }
            bundle => {
                component_utils::parse_component_instance(bases, &mut new, bundle).map_err(malformed)?;
            }
        }
    }
    Ok(contents(&new))
}

fn aliases(
    bases: &mut Bases<'_, '_, '_>,
    mut at: Position,
    section: &RawSection<'_>,
) -> Result<Option<Vec<u8>>, ComponentError> {
    let mut new = wasm_encoder::ComponentAliasSection::new();
    for alias in ComponentAliasSectionReader::new(section.reader())? {
        let alias = alias?;
        match alias {
            ComponentAlias::Outer { kind, count, index } if space_of(kind).is_some() => {
                let (space, own) = match space_of(kind) {
                    Some(Space::Module) | None => (Space::Module, &mut at.modules),
                    Some(Space::Component) => (Space::Component, &mut at.components),
                };
                for index in bases.copies.aliases(bases.frame, space, *own, (count, index)) {
                    new.alias(Alias::Outer { kind: kind.into(), count, index });
                }
                *own += 1;
                continue;
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => at.modules += 1,
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                at.components += 1;
            }
            _ => {}
        }
        new.alias(bases.component_alias(alias).map_err(malformed)?);
    }
    Ok(contents(&new))
}

/// The section of names; of several copies the first has the name.
fn names(bases: &Bases<'_, '_, '_>, section: &RawSection<'_>) -> Result<Option<Vec<u8>>, ComponentError> {
    let custom = CustomSectionReader::new(section.reader())?;
    if custom.name() != NAMES {
        return Ok(None);
    }
    let renamed = renamed(bases, custom.data()).filter(|names| names != custom.data());
    Ok(renamed.map(|names| {
        let mut contents = Vec::new();
        custom.name().encode(&mut contents);
        contents.extend(names);
        contents
    }))
}

/// `None` if the section is malformed, which is left alone.
fn renamed(bases: &Bases<'_, '_, '_>, payload: &[u8]) -> Option<Vec<u8>> {
    const MODULES: &[u8] = &[0x00, 0x11];
    const COMPONENTS: &[u8] = &[0x04];
    let chosen = |name| match name {
        ComponentName::CoreModules(names) => Some(Named { names, sort: MODULES }),
        ComponentName::Components(names) => Some(Named { names, sort: COMPONENTS }),
        _ => None,
    };
    reindexed(payload, chosen, |sort, index| {
        let space = if sort == MODULES { Space::Module } else { Space::Component };
        Some(bases.copies.base(bases.frame, space, index))
    })
}

/// Where modules and components are now; of several copies the first.
struct Bases<'b, 'c, 'a> {
    copies: &'b Copies<'c, 'a>,
    frame: usize,
}

impl Reencode for Bases<'_, '_, '_> {
    type Error = Infallible;
}

impl ReencodeComponent for Bases<'_, '_, '_> {
    fn module_index(&mut self, index: u32) -> u32 {
        self.copies.base(self.frame, Space::Module, index)
    }

    fn component_index(&mut self, index: u32) -> u32 {
        self.copies.base(self.frame, Space::Component, index)
    }
}
