use super::definition::{Argument, Definition, Nested, Part, Step};
use super::depth::check_depth;
use super::section::{HEADER, NAMES, RawSection, id};
use super::{Component, ComponentError, CoreModule};
use wasmparser::{
    BinaryReader, CanonicalFunction, ComponentAlias, ComponentAliasSectionReader,
    ComponentCanonicalSectionReader, ComponentExportSectionReader, ComponentExternalKind,
    ComponentImportSectionReader, ComponentInstance, ComponentInstanceSectionReader, ComponentName,
    ComponentNameSectionReader, CustomSectionReader, Instance, InstanceSectionReader, KnownCustom, Name,
    Parser, Payload, Validator, WasmFeatures,
};

/// Whether a binary says of itself that it is a component.
pub fn is_component(bytes: &[u8]) -> bool {
    bytes.starts_with(&HEADER[..4]) && bytes.get(6..8) == Some(&HEADER[6..])
}

impl<'a> Component<'a> {
    /// Parses and validates a binary, the code of the core modules in it included.
    ///
    /// # Errors
    /// [`ComponentError::Malformed`] with the offset of the first mistake, [`ComponentError::Deep`].
    pub fn parse(bytes: &'a [u8]) -> Result<Component<'a>, ComponentError> {
        if !is_component(bytes) {
            let message = "the header is not that of a component".to_string();
            return Err(ComponentError::Malformed { message, offset: 0 });
        }
        check_depth(bytes)?;
        Validator::new_with_features(WasmFeatures::all()).validate_all(bytes)?;
        let mut modules = Vec::new();
        let root = definition(bytes, 0, &mut modules)?;
        Ok(Component { bytes, root, modules })
    }
}

fn definition<'a>(
    bytes: &'a [u8],
    offset: usize,
    modules: &mut Vec<CoreModule<'a>>,
) -> Result<Definition<'a>, ComponentError> {
    let mut definition =
        Definition { sections: Vec::new(), steps: Vec::new(), components: Vec::new(), items: 0 };
    for section in RawSection::read_all(bytes, offset)? {
        let nested = match section.id {
            id::CORE_MODULE => {
                modules.push(CoreModule { bytes: section.contents, name: module_name(section.contents) });
                definition.steps.push(Step::Module(modules.len() - 1));
                Nested::Module(modules.len() - 1)
            }
            id::COMPONENT => {
                definition.components.push(self::definition(section.contents, section.offset, modules)?);
                definition.steps.push(Step::Component(definition.components.len() - 1));
                Nested::Component(definition.components.len() - 1)
            }
            _ => {
                read_steps(&section, &mut definition.steps)?;
                definition.items += u64::from(section.items()?);
                Nested::Nothing
            }
        };
        definition.sections.push(Part { section, nested });
    }
    name_modules(&definition, modules);
    let named: usize = definition.steps.iter().map(Step::arguments).sum();
    let nested = definition.sections.iter().filter(|part| part.nested != Nested::Nothing).count();
    definition.items += (named + nested) as u64;
    Ok(definition)
}

/// Gives names of the component's own section to those of its core modules that have none.
fn name_modules<'a>(definition: &Definition<'a>, modules: &mut [CoreModule<'a>]) {
    let mut own = Vec::new();
    for step in &definition.steps {
        match step {
            Step::Module(module) => own.push(Some(*module)),
            step if step.defines() == Some(ComponentExternalKind::Module) => own.push(None),
            _ => {}
        }
    }
    for part in definition.sections.iter().filter(|part| part.section.id == id::CUSTOM) {
        let Ok(custom) = CustomSectionReader::new(part.section.reader()) else { continue };
        if custom.name() != NAMES {
            continue;
        }
        let reader = BinaryReader::new(custom.data(), custom.data_offset());
        for name in ComponentNameSectionReader::new(reader).map_while(Result::ok) {
            let ComponentName::CoreModules(names) = name else { continue };
            for naming in names.into_iter().map_while(Result::ok) {
                let module = own.get(naming.index as usize).copied().flatten();
                if let Some(module) = module.and_then(|module| modules.get_mut(module)) {
                    module.name.get_or_insert(naming.name);
                }
            }
        }
    }
}

pub(super) fn read_steps<'a>(
    section: &RawSection<'a>,
    steps: &mut Vec<Step<'a>>,
) -> Result<(), ComponentError> {
    match section.id {
        id::CORE_INSTANCE => {
            for instance in InstanceSectionReader::new(section.reader())? {
                steps.push(match instance? {
                    Instance::Instantiate { module_index, .. } => Step::CoreInstance { module: module_index },
                    Instance::FromExports(_) => Step::CoreBundle,
                });
            }
        }
        id::INSTANCE => {
            for instance in ComponentInstanceSectionReader::new(section.reader())? {
                steps.push(instance_step(instance?));
            }
        }
        id::ALIAS => {
            for alias in ComponentAliasSectionReader::new(section.reader())? {
                steps.extend(match alias? {
                    ComponentAlias::InstanceExport { kind, instance_index, name } => {
                        Some(Step::Alias { kind, instance: instance_index, name })
                    }
                    ComponentAlias::Outer { kind, count, index } => Some(Step::Outer { kind, count, index }),
                    ComponentAlias::CoreInstanceExport { .. } => None,
                });
            }
        }
        id::CANONICAL => {
            for function in ComponentCanonicalSectionReader::new(section.reader())? {
                if let CanonicalFunction::Lift { .. } = function? {
                    steps.push(Step::Lift);
                }
            }
        }
        id::IMPORT => {
            for import in ComponentImportSectionReader::new(section.reader())? {
                let import = import?;
                steps.push(Step::Import { kind: import.ty.kind(), name: import.name.name });
            }
        }
        id::EXPORT => {
            for export in ComponentExportSectionReader::new(section.reader())? {
                let export = export?;
                let name = export.name.name;
                steps.push(Step::Export { kind: export.kind, name, index: export.index });
            }
        }
        _ => {}
    }
    Ok(())
}

fn instance_step<'a>(instance: ComponentInstance<'a>) -> Step<'a> {
    match instance {
        ComponentInstance::Instantiate { component_index, args } => {
            let arguments = args.iter().map(|argument| Argument {
                name: argument.name,
                kind: argument.kind,
                index: argument.index,
            });
            Step::Instance { component: component_index, arguments: arguments.collect() }
        }
        ComponentInstance::FromExports(exports) => {
            let items = exports.iter().map(|export| Argument {
                name: export.name.name,
                kind: export.kind,
                index: export.index,
            });
            Step::Bundle(items.collect())
        }
    }
}

/// The name that a core module has in its own name section.
fn module_name(module: &[u8]) -> Option<&str> {
    let mut payloads = Parser::new(0).parse_all(module);
    payloads.find_map(|payload| {
        let Ok(Payload::CustomSection(section)) = payload else { return None };
        let KnownCustom::Name(mut names) = section.as_known() else { return None };
        names.find_map(|name| match name {
            Ok(Name::Module { name, .. }) => Some(name),
            _ => None,
        })
    })
}
