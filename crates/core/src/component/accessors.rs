//! Functions that show the state of core instances to whoever can only call a component's exports. Each component gets one more
//! core module, which reads what the probed ones export, and exports an instance of its functions; a component around it exports
//! that again. Everything is added at the end, so that no index moves.

use super::accessor_module::{BUFFER, accessor_module, globals_export, memory_export};
use super::definition::{Definition, Nested, Step};
use super::parse::read_steps;
use super::section::{HEADER, RawSection, id};
use super::shift::contents;
use super::{Component, ComponentError};
use std::collections::{BTreeSet, HashMap};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, ComponentAliasSection, ComponentExportKind,
    ComponentExportSection, ComponentInstanceSection, ComponentTypeSection, ComponentValType, Encode,
    ExportKind, InstanceSection, ModuleArg, PrimitiveValType,
};
use wasmparser::{
    ComponentExternalKind, ComponentOuterAliasKind, Encoding, GlobalType, MemoryType, Parser, Payload,
    ValidPayload, Validator, WasmFeatures,
};

/// What the accessors of a core module's instances show of them, by the names of its exports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Globals that hold numbers.
    pub globals: Vec<(String, GlobalType)>,
    /// Memories, which must not be shared.
    pub memories: Vec<(String, MemoryType)>,
}

impl Shown {
    fn is_empty(&self) -> bool {
        self.globals.is_empty() && self.memories.is_empty()
    }
}

/// Where the state of a core instance is shown: functions without parameters that return a `list<u8>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accessors {
    /// The exported instance that has them.
    pub instance: String,
    /// The function that returns the globals, 16 bytes each, the value first, in the order of [`Shown::globals`].
    pub globals: String,
    /// For each memory the function that returns its next piece with each call, and nothing at the end.
    pub memories: Vec<String>,
}

impl Component<'_> {
    /// The component with these core modules instead of its own, and with accessors of what they show; both are by the place in
    /// [`Component::modules`]. Besides, the accessors of each core instance, in the order of [`Component::elaborate`]. They are
    /// in an instance that the outermost component exports as `name`, and in others whose names begin so.
    ///
    /// # Errors
    /// [`ComponentError::Hidden`], if a core instance cannot be reached from exports, [`ComponentError::ExportTaken`], and those
    /// of [`Component::elaborate`].
    pub fn with_accessors(
        &self,
        modules: &[Option<&[u8]>],
        shown: &[Shown],
        name: &str,
    ) -> Result<(Vec<u8>, Vec<Accessors>), ComponentError> {
        if let Some(taken) = taken(&self.root, name) {
            return Err(ComponentError::ExportTaken(taken.to_string()));
        }
        let elaborated = self.elaborate()?;
        let counts = counts(self.bytes)?.into_iter();
        let mut writer = Writer { modules, shown, name, counts, scopes: Vec::new() };
        let Written { bytes, access } = writer.definition(&self.root)?;
        let access: HashMap<String, BTreeSet<u32>> = access.into_iter().collect();
        let mut accessors = Vec::new();
        for instance in elaborated {
            let nothing = Shown::default();
            let shown = shown.get(instance.module).unwrap_or(&nothing);
            let suffix: String =
                instance.component.split('/').filter(|k| !k.is_empty()).map(|k| format!("-i{k}")).collect();
            let is_reached = access.get(&suffix).is_some_and(|indices| indices.contains(&instance.index));
            if !is_reached && !shown.is_empty() {
                return Err(ComponentError::Hidden { module: self.module_name(instance.module) });
            }
            accessors.push(Accessors {
                instance: format!("{name}{suffix}"),
                globals: globals_export(instance.index),
                memories: (0..shown.memories.len()).map(|k| memory_export(instance.index, k)).collect(),
            });
        }
        Ok((bytes, accessors))
    }
}

/// An export of the component, or of one in it, whose name begins like this.
fn taken<'a>(definition: &Definition<'a>, name: &str) -> Option<&'a str> {
    let own = definition.steps.iter().find_map(|step| match step {
        Step::Export { name: export, .. } if export.starts_with(name) => Some(*export),
        _ => None,
    });
    own.or_else(|| definition.components.iter().find_map(|component| taken(component, name)))
}

/// The sizes of a component's index spaces.
#[derive(Debug, Clone, Copy)]
struct Counts {
    types: u32,
    functions: u32,
    instances: u32,
    core_modules: u32,
    core_instances: u32,
    core_functions: u32,
    core_memories: u32,
}

/// Those of all components, each after those in it.
fn counts(bytes: &[u8]) -> Result<Vec<Counts>, ComponentError> {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let (mut open, mut counts) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if let Payload::Version { encoding, .. } = &payload {
            open.push(*encoding);
        }
        let ValidPayload::End(types) = validator.payload(&payload)? else { continue };
        if open.pop() == Some(Encoding::Component) {
            let types = types.as_ref();
            counts.push(Counts {
                types: types.component_type_count(),
                functions: types.component_function_count(),
                instances: types.component_instance_count(),
                core_modules: types.module_count(),
                core_instances: types.core_instance_count(),
                core_functions: types.function_count(),
                core_memories: types.memory_count(),
            });
        }
    }
    Ok(counts)
}

/// The core instances that a component's exports show: for each suffix of the name their indices.
type Access = Vec<(String, BTreeSet<u32>)>;

struct Written {
    bytes: Vec<u8>,
    access: Access,
}

/// A component as far as it has been read: what its indices are, if that is known from where they stand.
#[derive(Default)]
struct Scope {
    modules: Vec<Option<usize>>,
    components: Vec<Option<Access>>,
    instances: u32,
    core_instances: u32,
    /// Instances of components so far.
    children: usize,
    /// Core instances that are shown: index and module.
    shown: Vec<(u32, usize)>,
    /// Instances of components that export accessors: the index, which one of them it is, and what they show.
    nested: Vec<(u32, usize, Access)>,
}

struct Writer<'w> {
    modules: &'w [Option<&'w [u8]>],
    shown: &'w [Shown],
    name: &'w str,
    counts: std::vec::IntoIter<Counts>,
    scopes: Vec<Scope>,
}

impl Writer<'_> {
    fn definition(&mut self, definition: &Definition<'_>) -> Result<Written, ComponentError> {
        self.scopes.push(Scope::default());
        let mut bytes = HEADER.to_vec();
        for part in &definition.sections {
            let section = &part.section;
            match part.nested {
                Nested::Module(number) => {
                    section.write(self.modules.get(number).copied().flatten(), &mut bytes);
                    self.scope().modules.push(Some(number));
                }
                Nested::Component(number) => {
                    let nested = self.definition(&definition.components[number])?;
                    section.write(Some(&nested.bytes), &mut bytes);
                    self.scope().components.push(Some(nested.access));
                }
                Nested::Nothing => {
                    section.write(None, &mut bytes);
                    self.pass(section)?;
                }
            }
        }
        let missing =
            || ComponentError::Malformed { message: "a component has no end".to_string(), offset: 0 };
        let counts = self.counts.next().ok_or_else(missing)?;
        let scope = self.scopes.pop().unwrap_or_default();
        let access = self.append(&scope, counts, &mut bytes);
        Ok(Written { bytes, access })
    }

    fn scope(&mut self) -> &mut Scope {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    /// Takes what a section adds to the index spaces.
    fn pass(&mut self, section: &RawSection<'_>) -> Result<(), ComponentError> {
        let mut steps = Vec::new();
        read_steps(section, &mut steps)?;
        for step in steps {
            match step {
                Step::CoreInstance { module } => {
                    let shown = self.shown;
                    let scope = self.scope();
                    let module = scope.modules.get(module as usize).copied().flatten();
                    let module =
                        module.filter(|module| shown.get(*module).is_some_and(|shown| !shown.is_empty()));
                    scope.shown.extend(module.map(|module| (scope.core_instances, module)));
                    scope.core_instances += 1;
                }
                Step::CoreBundle => self.scope().core_instances += 1,
                Step::Instance { component, .. } => {
                    let scope = self.scope();
                    let access = scope.components.get(component as usize).cloned().flatten();
                    let access = access.filter(|access| !access.is_empty());
                    scope.nested.extend(access.map(|access| (scope.instances, scope.children, access)));
                    scope.children += 1;
                    scope.instances += 1;
                }
                Step::Outer { kind, count, index } => self.outer(kind, count, index),
                // Whoever hands over a module or a component says what its exports are, and does not say the probes.
                step => match step.defines() {
                    Some(ComponentExternalKind::Module) => self.scope().modules.push(None),
                    Some(ComponentExternalKind::Component) => self.scope().components.push(None),
                    Some(ComponentExternalKind::Instance) => self.scope().instances += 1,
                    _ => {}
                },
            }
        }
        Ok(())
    }

    fn outer(&mut self, kind: ComponentOuterAliasKind, count: u32, index: u32) {
        let from = self.scopes.len().checked_sub(1 + count as usize).and_then(|from| self.scopes.get(from));
        match kind {
            ComponentOuterAliasKind::CoreModule => {
                let module = from.and_then(|from| from.modules.get(index as usize).copied().flatten());
                self.scope().modules.push(module);
            }
            ComponentOuterAliasKind::Component => {
                let access = from.and_then(|from| from.components.get(index as usize).cloned().flatten());
                self.scope().components.push(access);
            }
            ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => {}
        }
    }

    /// Writes the accessors of a component, and exports those of its instances of components.
    fn append(&self, scope: &Scope, counts: Counts, out: &mut Vec<u8>) -> Access {
        let mut aliases = ComponentAliasSection::new();
        let mut exports = ComponentExportSection::new();
        let mut instances = counts.instances;
        let mut access = Access::new();
        for (instance, child, theirs) in &scope.nested {
            for (suffix, shown) in theirs {
                let name = format!("{}{suffix}", self.name);
                let kind = ComponentExportKind::Instance;
                aliases.alias(Alias::InstanceExport { instance: *instance, kind, name: &name });
                let suffix = format!("-i{child}{suffix}");
                exports.export(format!("{}{suffix}", self.name).as_str(), kind, instances, None);
                instances += 1;
                access.push((suffix, shown.clone()));
            }
        }
        if !aliases.is_empty() {
            section(id::ALIAS, contents(&aliases), out);
        }
        if !scope.shown.is_empty() {
            self.own(scope, counts, out);
            exports.export(self.name, ComponentExportKind::Instance, instances, None);
            access.push((String::new(), scope.shown.iter().map(|(index, _)| *index).collect()));
        }
        if !exports.is_empty() {
            section(id::EXPORT, contents(&exports), out);
        }
        access
    }

    /// The core module of accessors, and an instance of its functions.
    fn own(&self, scope: &Scope, counts: Counts, out: &mut Vec<u8>) {
        let shown: Vec<_> =
            scope.shown.iter().map(|(index, module)| (*index, &self.shown[*module])).collect();
        section(id::CORE_MODULE, accessor_module(&shown), out);

        let mut core = InstanceSection::new();
        let names: Vec<String> = shown.iter().map(|(index, _)| index.to_string()).collect();
        let arguments =
            names.iter().zip(&shown).map(|(name, (index, _))| (name.as_str(), ModuleArg::Instance(*index)));
        core.instantiate(counts.core_modules, arguments.collect::<Vec<_>>());
        section(id::CORE_INSTANCE, contents(&core), out);

        let (mut aliases, mut lifts, mut functions) =
            (ComponentAliasSection::new(), CanonicalFunctionSection::new(), Vec::new());
        let instance = counts.core_instances;
        aliases.alias(Alias::CoreInstanceExport { instance, kind: ExportKind::Memory, name: BUFFER });
        for (index, shown) in &shown {
            let memories = (0..shown.memories.len()).map(|k| memory_export(*index, k));
            for name in std::iter::once(globals_export(*index)).chain(memories) {
                let count = functions.len() as u32;
                aliases.alias(Alias::CoreInstanceExport { instance, kind: ExportKind::Func, name: &name });
                let options = [CanonicalOption::Memory(counts.core_memories)];
                lifts.lift(counts.core_functions + count, counts.types + 1, options);
                functions.push((name, ComponentExportKind::Func, counts.functions + count));
            }
        }
        section(id::ALIAS, contents(&aliases), out);

        let mut types = ComponentTypeSection::new();
        types.defined_type().list(ComponentValType::Primitive(PrimitiveValType::U8));
        types.function().params::<_, ComponentValType>([]).result(Some(ComponentValType::Type(counts.types)));
        section(id::TYPE, contents(&types), out);
        section(id::CANONICAL, contents(&lifts), out);

        let mut bundle = ComponentInstanceSection::new();
        bundle.export_items(functions.iter().map(|(name, kind, index)| (name.as_str(), *kind, *index)));
        section(id::INSTANCE, contents(&bundle), out);
    }
}

fn section(id: u8, contents: Option<Vec<u8>>, out: &mut Vec<u8>) {
    if let Some(contents) = contents {
        out.push(id);
        contents.as_slice().encode(out);
    }
}
