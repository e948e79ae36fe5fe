//! Cutting an import: the instance that the outermost component imports becomes one of its own, whose functions trap.

use super::definition::{Definition, Step};
use super::names;
use super::section::{HEADER, NAMES, RawSection, id};
use super::shift::{contents, malformed};
use super::trapping::trapping_component;
use super::{Component, ComponentError};
use std::collections::BTreeSet;
use std::convert::Infallible;
use wasm_encoder::reencode::{Reencode, ReencodeComponent, RoundtripReencoder};
use wasm_encoder::{ComponentExportKind, Encode};
use wasmparser::{
    ComponentAlias, ComponentAliasSectionReader, ComponentExportSectionReader, ComponentExternalKind,
    ComponentImport, ComponentImportSectionReader, ComponentInstanceSectionReader, ComponentOuterAliasKind,
    ComponentType, ComponentTypeRef, ComponentTypeSectionReader, CustomSectionReader,
    InstanceTypeDeclaration, Validator, WasmFeatures,
};

/// What the validator says if an import has a resource of the component's own.
const LOCAL_RESOURCE: &str = "local resource type found in imports";

/// What an imported instance is said to export.
type InstanceType<'a> = Box<[InstanceTypeDeclaration<'a>]>;

/// The component `bytes` without imports of instances. In the place of each is an instance of a component that is added, which
/// has the same exports. Its functions trap. Other sections stay byte for byte, unless the number of a component is in them.
///
/// # Errors
/// [`ComponentError::Cut`] if there is no such import, or if it cannot be replaced.
pub fn without_imports(bytes: &[u8], names: &[String]) -> Result<Vec<u8>, ComponentError> {
    if names.is_empty() {
        return Ok(bytes.to_vec());
    }
    let component = Component::parse(bytes)?;
    let imports: Vec<&str> = component.imports().collect();
    let mut places = Vec::new();
    for name in names {
        let place = imports.iter().position(|import| import == name);
        places.push((place.ok_or_else(|| cut(name, "the component does not import it"))?, name));
    }
    // Later ones can have types of earlier ones, which an import cannot have once those are the component's own.
    places.sort_unstable();
    places.dedup();
    let mut wasm = bytes.to_vec();
    for (_, name) in places.into_iter().rev() {
        wasm = without_import(&wasm, name)?;
    }
    Ok(wasm)
}

impl Component<'_> {
    /// Which component instances of the outermost component stand where these imports were in [`without_imports`] of it. No example:
    /// that one has one.
    pub fn cut_places(&self, names: &[String]) -> BTreeSet<usize> {
        let mut places = BTreeSet::new();
        let mut instances = 0;
        for step in &self.root.steps {
            match step {
                Step::Import { name, .. } if names.iter().any(|cut| cut == name) => {
                    places.insert(instances);
                    instances += 1;
                }
                Step::Instance { .. } => instances += 1,
                _ => {}
            }
        }
        places
    }
}

fn without_import(bytes: &[u8], name: &str) -> Result<Vec<u8>, ComponentError> {
    let component = Component::parse(bytes)?;
    let types = Validator::new_with_features(WasmFeatures::all()).validate_all(bytes)?;
    let found = find(&component.root, name)?;
    if names_later_component(&component.root, 0, found.components) {
        return Err(cut(name, "a component in it names another one of it by its number"));
    }
    let trapping = trapping_component(types.as_ref(), name, &found.ty)?;
    let mut out = HEADER.to_vec();
    for (number, part) in component.root.sections.iter().enumerate() {
        let section = &part.section;
        if number == found.section {
            let replacement = Replacement { bytes: &trapping.bytes, arguments: &trapping.arguments };
            replacement.write(section, &found, &mut out)?;
        } else if number > found.section || section.id == id::CUSTOM {
            let moved = moved(section, found.components)?;
            section.write(moved.as_deref(), &mut out);
        } else {
            out.extend_from_slice(section.raw);
        }
    }
    match Component::parse(&out) {
        Ok(_) => Ok(out),
        Err(ComponentError::Malformed { message, .. }) if message.contains(LOCAL_RESOURCE) => {
            Err(cut(name, "another import has resources of it; cut that too"))
        }
        Err(ComponentError::Malformed { message, .. }) => Err(cut(name, &message)),
        Err(error) => Err(error),
    }
}

pub(super) fn cut(name: &str, why: &str) -> ComponentError {
    ComponentError::Cut { import: name.to_string(), why: why.to_string() }
}

/// Where an import stands.
struct Found<'a> {
    /// The number of its section.
    section: usize,
    /// Its place there.
    place: usize,
    /// Components that are defined before it.
    components: u32,
    ty: InstanceType<'a>,
}

fn find<'a>(root: &Definition<'a>, name: &str) -> Result<Found<'a>, ComponentError> {
    // The types of the outermost component, as far as they are types of instances.
    let mut types: Vec<Option<InstanceType<'a>>> = Vec::new();
    let mut components = 0;
    for (number, part) in root.sections.iter().enumerate() {
        let reader = part.section.reader();
        match part.section.id {
            id::COMPONENT => components += 1,
            id::TYPE => {
                for ty in ComponentTypeSectionReader::new(reader)? {
                    types.push(match ty? {
                        ComponentType::Instance(declarations) => Some(declarations),
                        _ => None,
                    });
                }
            }
            id::ALIAS => {
                for alias in ComponentAliasSectionReader::new(reader)? {
                    match alias? {
                        ComponentAlias::InstanceExport { kind, .. } => {
                            count(kind, &mut types, &mut components);
                        }
                        ComponentAlias::Outer { kind: ComponentOuterAliasKind::Type, .. } => types.push(None),
                        ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, .. } => {
                            components += 1;
                        }
                        _ => {}
                    }
                }
            }
            id::EXPORT => {
                for export in ComponentExportSectionReader::new(reader)? {
                    count(export?.kind, &mut types, &mut components);
                }
            }
            id::IMPORT => {
                for (place, import) in ComponentImportSectionReader::new(reader)?.into_iter().enumerate() {
                    let ComponentImport { name: found, ty } = import?;
                    if found.name != name {
                        count(ty.kind(), &mut types, &mut components);
                        continue;
                    }
                    let ComponentTypeRef::Instance(index) = ty else {
                        return Err(cut(name, "it is not an instance"));
                    };
                    let ty = types.get_mut(index as usize).and_then(Option::take);
                    let ty = ty.ok_or_else(|| cut(name, "its type is not written out"))?;
                    return Ok(Found { section: number, place, components, ty });
                }
            }
            _ => {}
        }
    }
    Err(cut(name, "the component does not import it"))
}

fn count(kind: ComponentExternalKind, types: &mut Vec<Option<InstanceType<'_>>>, components: &mut u32) {
    match kind {
        ComponentExternalKind::Type => types.push(None),
        ComponentExternalKind::Component => *components += 1,
        _ => {}
    }
}

impl<'a> Component<'a> {
    /// The names of what the outermost component imports, in order.
    pub fn imports(&self) -> impl Iterator<Item = &'a str> {
        self.root.steps.iter().filter_map(|step| match step {
            Step::Import { name, .. } => Some(*name),
            _ => None,
        })
    }
}

/// Whether an outer alias in a component means one of the outermost one whose number moves.
fn names_later_component(definition: &Definition<'_>, depth: u32, from: u32) -> bool {
    let is_moved = |step: &Step<'_>| match step {
        Step::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
            *count == depth && *index >= from
        }
        _ => false,
    };
    definition.steps.iter().any(is_moved)
        || definition.components.iter().any(|component| names_later_component(component, depth + 1, from))
}

/// What stands in the place of an import.
struct Replacement<'r> {
    bytes: &'r [u8],
    arguments: &'r [(String, u32)],
}

impl Replacement<'_> {
    /// Writes the section of imports in up to two parts, with the component and its instance between them.
    fn write(
        &self,
        section: &RawSection<'_>,
        found: &Found<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ComponentError> {
        let mut before = wasm_encoder::ComponentImportSection::new();
        let mut after = wasm_encoder::ComponentImportSection::new();
        for (place, import) in ComponentImportSectionReader::new(section.reader())?.into_iter().enumerate() {
            let ComponentImport { name, ty } = import?;
            let part = match place.cmp(&found.place) {
                std::cmp::Ordering::Less => &mut before,
                std::cmp::Ordering::Equal => continue,
                std::cmp::Ordering::Greater => &mut after,
            };
            let ty = RoundtripReencoder.component_type_ref(ty).map_err(malformed)?;
            part.import(wasm_encoder::ComponentExternName::from(name), ty);
        }
        if !before.is_empty() {
            section.write(contents(&before).as_deref(), out);
        }
        out.push(id::COMPONENT);
        self.bytes.encode(out);
        let mut instances = wasm_encoder::ComponentInstanceSection::new();
        let arguments = self.arguments.iter();
        let arguments: Vec<_> =
            arguments.map(|(name, ty)| (name.as_str(), ComponentExportKind::Type, *ty)).collect();
        instances.instantiate(found.components, arguments);
        out.push(id::INSTANCE);
        contents(&instances).unwrap_or_default().as_slice().encode(out);
        if !after.is_empty() {
            section.write(contents(&after).as_deref(), out);
        }
        Ok(())
    }
}

/// The contents of a section with the numbers that components have when one more comes before them; `None` if none moves.
fn moved(section: &RawSection<'_>, from: u32) -> Result<Option<Vec<u8>>, ComponentError> {
    let both = |from| -> Result<Option<Vec<u8>>, ComponentError> {
        let mut later = Later { from };
        Ok(match section.id {
            id::INSTANCE => {
                let mut new = wasm_encoder::ComponentInstanceSection::new();
                let reader = ComponentInstanceSectionReader::new(section.reader())?;
                later.parse_component_instance_section(&mut new, reader).map_err(malformed)?;
                contents(&new)
            }
            id::EXPORT => {
                let mut new = wasm_encoder::ComponentExportSection::new();
                let reader = ComponentExportSectionReader::new(section.reader())?;
                later.parse_component_export_section(&mut new, reader).map_err(malformed)?;
                contents(&new)
            }
            id::CUSTOM => {
                let custom = CustomSectionReader::new(section.reader())?;
                let names = match custom.name() == NAMES {
                    true => names::with_component_before(custom.data(), from),
                    false => None,
                };
                names.map(|names| {
                    let mut contents = Vec::new();
                    custom.name().encode(&mut contents);
                    contents.extend(names);
                    contents
                })
            }
            _ => None,
        })
    };
    let (moved, unmoved) = (both(from)?, both(u32::MAX)?);
    Ok(if moved == unmoved { None } else { moved })
}

struct Later {
    from: u32,
}

impl Reencode for Later {
    type Error = Infallible;
}

impl ReencodeComponent for Later {
    fn component_index(&mut self, index: u32) -> u32 {
        if index >= self.from { index + 1 } else { index }
    }
}
