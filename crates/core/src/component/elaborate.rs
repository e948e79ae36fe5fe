//! Which core instances a component has: its definitions are followed as the runtime follows them.

use super::definition::{Argument, Definition, Step};
use super::unfolded::Unfolded;
use super::{Component, ComponentError};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use wasmparser::{ComponentExternalKind, ComponentOuterAliasKind};

/// Instances of components and modules together.
const MOST_INSTANCES: usize = 10_000;

/// Items of all component instances together. The engine, and what follows, has each of them.
const MOST_ITEMS: u64 = 1_000_000;

/// How deep instances may be nested.
const MOST_NESTED: usize = 100;

/// An instance of a core module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreInstance {
    /// The core module, by its place in [`Component::modules`].
    pub module: usize,
    /// The component instance that it belongs to, as a path: `/` is the outermost, `/1/0` the first one in its second one.
    pub component: String,
    /// Its index among the core instances of that component instance.
    pub index: u32,
}

impl Component<'_> {
    /// All core instances, in the order in which the component's instantiation makes them.
    ///
    /// # Errors
    /// [`ComponentError`], if there are very many, or if a definition is known only when the component is instantiated.
    pub fn elaborate(&self) -> Result<Vec<CoreInstance>, ComponentError> {
        Ok(self.elaborated()?.instances)
    }

    /// The same with the component instances that they are in; the outermost is the first.
    pub(super) fn elaborated(&self) -> Result<Elaborated<'_, '_>, ComponentError> {
        let mut elaborated = Elaborated {
            frames: Vec::new(),
            instances: Vec::new(),
            exported: BTreeSet::new(),
            exports: HashMap::new(),
            unfolded: Unfolded::default(),
            items: 0,
        };
        let root = Closure { definition: &self.root, stands_in: None };
        let exports = elaborated.instantiate(root, String::new(), (HashMap::new(), 0))?;
        let mut handed_over = HandedOver::default();
        elaborated.modules_of(&exports, &mut handed_over);
        elaborated.exported = handed_over.modules;
        elaborated.exports = exports;
        Ok(elaborated)
    }
}

/// A definition with the component instance in which it stands: what its outer aliases mean depends on that.
#[derive(Clone, Copy)]
struct Closure<'d, 'a> {
    definition: &'d Definition<'a>,
    /// The component instance, and the number of the definition there; `None` for the outermost component.
    stands_in: Option<(usize, usize)>,
}

#[derive(Clone)]
enum Item<'d, 'a> {
    Module(usize),
    Component(Closure<'d, 'a>),
    Instance(Rc<Exports<'d, 'a>>),
    /// A function made of a core function: the component instance, and the number among those of its definition.
    Function(usize, usize),
    /// Of another kind, or imported by the outermost component.
    Unknown,
}

type Exports<'d, 'a> = HashMap<&'a str, Item<'d, 'a>>;

/// A component instance as far as it has come.
pub(super) struct Frame<'d, 'a> {
    pub definition: &'d Definition<'a>,
    /// As in [`CoreInstance::component`].
    pub path: String,
    /// The component instance in which the definition stands.
    pub parent: Option<usize>,
    /// The same, and the number of the definition there.
    pub stands_in: Option<(usize, usize)>,
    /// Its core instances of modules, each with the index of the module and its number in the whole.
    pub core: Vec<(u32, usize)>,
    /// Its instances of components, each with the index of the component and its own number.
    pub children: Vec<(u32, usize)>,
    modules: Vec<Item<'d, 'a>>,
    components: Vec<Item<'d, 'a>>,
    instances: Vec<Item<'d, 'a>>,
    functions: Vec<Item<'d, 'a>>,
    lifts: usize,
    pub core_instances: u32,
    exports: Exports<'d, 'a>,
}

/// All instances of a component.
pub(super) struct Elaborated<'d, 'a> {
    pub frames: Vec<Frame<'d, 'a>>,
    pub instances: Vec<CoreInstance>,
    /// The modules that others get from the component as they are, and can instantiate.
    pub exported: BTreeSet<usize>,
    /// What the outermost component exports.
    exports: Exports<'d, 'a>,
    unfolded: Unfolded,
    /// Items of all component instances so far.
    items: u64,
}

/// Modules that others can get, and what was looked into for them already: a name can stand for another one, any number of times.
#[derive(Default)]
struct HandedOver {
    modules: BTreeSet<usize>,
    components: HashSet<(usize, usize)>,
    instances: HashSet<*const ()>,
}

impl<'d, 'a> Frame<'d, 'a> {
    fn new(closure: Closure<'d, 'a>, path: &str) -> Frame<'d, 'a> {
        Frame {
            definition: closure.definition,
            path: shown(path),
            parent: closure.stands_in.map(|(parent, _)| parent),
            stands_in: closure.stands_in,
            core: Vec::new(),
            children: Vec::new(),
            modules: Vec::new(),
            components: Vec::new(),
            instances: Vec::new(),
            functions: Vec::new(),
            lifts: 0,
            core_instances: 0,
            exports: HashMap::new(),
        }
    }

    fn item(&self, kind: ComponentExternalKind, index: u32) -> Item<'d, 'a> {
        let space = match kind {
            ComponentExternalKind::Module => &self.modules,
            ComponentExternalKind::Component => &self.components,
            ComponentExternalKind::Instance => &self.instances,
            ComponentExternalKind::Func => &self.functions,
            _ => return Item::Unknown,
        };
        space.get(index as usize).cloned().unwrap_or(Item::Unknown)
    }

    fn define(&mut self, kind: Option<ComponentExternalKind>, item: Item<'d, 'a>) {
        match kind {
            Some(ComponentExternalKind::Module) => self.modules.push(item),
            Some(ComponentExternalKind::Component) => self.components.push(item),
            Some(ComponentExternalKind::Instance) => self.instances.push(item),
            Some(ComponentExternalKind::Func) => self.functions.push(item),
            _ => {}
        }
    }

    fn named(&self, arguments: &[Argument<'a>]) -> Exports<'d, 'a> {
        arguments.iter().map(|argument| (argument.name, self.item(argument.kind, argument.index))).collect()
    }
}

impl<'d, 'a> Elaborated<'d, 'a> {
    fn instantiate(
        &mut self,
        closure: Closure<'d, 'a>,
        path: String,
        (arguments, depth): (Exports<'d, 'a>, usize),
    ) -> Result<Exports<'d, 'a>, ComponentError> {
        if depth > MOST_NESTED {
            return Err(ComponentError::Deep { most: MOST_NESTED });
        }
        let this = self.frames.len();
        let definition = closure.definition;
        self.frames.push(Frame::new(closure, &path));
        self.check_count()?;
        self.items = self.items.saturating_add(definition.items);
        if self.items > MOST_ITEMS {
            return Err(ComponentError::ManyItems { most: MOST_ITEMS });
        }
        let mut children = 0;
        for step in &definition.steps {
            let item = match step {
                Step::Module(module) => Item::Module(*module),
                Step::Component(index) => match definition.components.get(*index) {
                    Some(definition) => {
                        let captures = self.unfolded.captures(definition);
                        let items =
                            captures.iter().map(|&(kind, out, index)| self.outer(this, kind, out, index));
                        let captured = self.weight_of(items);
                        self.unfolded.define_component((this, *index), captured)?;
                        Item::Component(Closure { definition, stands_in: Some((this, *index)) })
                    }
                    None => Item::Unknown,
                },
                Step::CoreInstance { module } => {
                    self.core_instance(this, *module, &path)?;
                    continue;
                }
                Step::CoreBundle => {
                    self.frames[this].core_instances += 1;
                    continue;
                }
                Step::Instance { component, arguments } => {
                    let frame = &self.frames[this];
                    let arguments = frame.named(arguments);
                    let Item::Component(closure) = frame.item(ComponentExternalKind::Component, *component)
                    else {
                        return Err(imported(&path, "component"));
                    };
                    let path = format!("{path}/{children}");
                    children += 1;
                    let child = self.frames.len();
                    self.frames[this].children.push((*component, child));
                    let exports = self.instantiate(closure, path, (arguments, depth + 1))?;
                    self.instance(exports)?
                }
                Step::Bundle(items) => self.instance(self.frames[this].named(items))?,
                Step::Alias { instance, name, .. } => self.exported(this, *instance, name),
                Step::Outer { kind, count, index } => self.outer(this, *kind, *count, *index),
                Step::Import { name, .. } => arguments.get(name).cloned().unwrap_or(Item::Unknown),
                Step::Export { kind, name, index } => {
                    let item = self.frames[this].item(*kind, *index);
                    self.frames[this].exports.insert(name, item.clone());
                    item
                }
                Step::Lift => {
                    let frame = &mut self.frames[this];
                    frame.lifts += 1;
                    Item::Function(this, frame.lifts - 1)
                }
            };
            self.frames[this].define(step.defines(), item);
        }
        Ok(std::mem::take(&mut self.frames[this].exports))
    }

    /// An instance of these exports.
    fn instance(&mut self, exports: Exports<'d, 'a>) -> Result<Item<'d, 'a>, ComponentError> {
        let items = self.weight_of(exports.values().cloned());
        let exports = Rc::new(exports);
        self.unfolded.define_instance(&exports, items)?;
        Ok(Item::Instance(exports))
    }

    /// How many things these stand for.
    fn weight_of(&self, items: impl Iterator<Item = Item<'d, 'a>>) -> u64 {
        let weight = |item: Item<'d, 'a>| match item {
            Item::Component(Closure { stands_in, .. }) => self.unfolded.of_component(stands_in),
            Item::Instance(exports) => self.unfolded.of_instance(&exports),
            Item::Module(_) | Item::Function(..) | Item::Unknown => 1,
        };
        items.map(weight).fold(0, u64::saturating_add)
    }

    fn core_instance(&mut self, this: usize, module: u32, path: &str) -> Result<(), ComponentError> {
        let frame = &mut self.frames[this];
        let named = module;
        let Item::Module(module) = frame.item(ComponentExternalKind::Module, module) else {
            return Err(imported(path, "core module"));
        };
        let index = frame.core_instances;
        frame.core_instances += 1;
        frame.core.push((named, self.instances.len()));
        self.instances.push(CoreInstance { module, component: shown(path), index });
        self.check_count()
    }

    fn check_count(&self) -> Result<(), ComponentError> {
        match self.frames.len() + self.instances.len() > MOST_INSTANCES {
            true => Err(ComponentError::ManyInstances { most: MOST_INSTANCES }),
            false => Ok(()),
        }
    }

    /// The component instance that makes an exported function of a core function, and which of those in its definition it is.
    pub fn exported_lift(&self, instance: Option<&str>, function: &str) -> Option<(usize, usize)> {
        let exports = match instance.map(|instance| self.exports.get(instance)) {
            None => &self.exports,
            Some(Some(Item::Instance(exports))) => exports,
            Some(_) => return None,
        };
        match exports.get(function)? {
            Item::Function(frame, lift) => Some((*frame, *lift)),
            _ => None,
        }
    }

    /// The component instance that a core instance is in.
    pub fn frame_of(&self, instance: usize) -> Option<&Frame<'d, 'a>> {
        self.frames.iter().find(|frame| frame.core.iter().any(|(_, number)| *number == instance))
    }

    fn exported(&self, this: usize, instance: u32, name: &str) -> Item<'d, 'a> {
        match self.frames[this].item(ComponentExternalKind::Instance, instance) {
            Item::Instance(exports) => exports.get(name).cloned().unwrap_or(Item::Unknown),
            _ => Item::Unknown,
        }
    }

    fn outer(&self, this: usize, kind: ComponentOuterAliasKind, count: u32, index: u32) -> Item<'d, 'a> {
        let kind = match kind {
            ComponentOuterAliasKind::CoreModule => ComponentExternalKind::Module,
            ComponentOuterAliasKind::Component => ComponentExternalKind::Component,
            ComponentOuterAliasKind::Type | ComponentOuterAliasKind::CoreType => return Item::Unknown,
        };
        let mut frame = Some(this);
        for _ in 0..count {
            frame = frame.and_then(|frame| self.frames[frame].parent);
        }
        frame.map_or(Item::Unknown, |frame| self.frames[frame].item(kind, index))
    }

    /// The modules that are exported, by themselves, in an instance or in a component.
    fn modules_of(&self, exports: &Exports<'_, '_>, found: &mut HandedOver) {
        for item in exports.values() {
            self.modules_of_item(item, found);
        }
    }

    fn modules_of_item(&self, item: &Item<'_, '_>, found: &mut HandedOver) {
        match item {
            Item::Module(module) => {
                found.modules.insert(*module);
            }
            Item::Component(Closure { definition, stands_in }) => {
                if stands_in.is_none_or(|place| found.components.insert(place)) {
                    self.modules_in(definition, (stands_in.map(|(frame, _)| frame), 1), found);
                }
            }
            Item::Instance(exports) => {
                if found.instances.insert(Rc::as_ptr(exports).cast()) {
                    self.modules_of(exports, found);
                }
            }
            Item::Function(..) | Item::Unknown => {}
        }
    }

    /// The modules that a definition has or can reach. It stands `depth` deep in a component instance.
    fn modules_in(
        &self,
        definition: &Definition<'_>,
        (stands_in, depth): (Option<usize>, u32),
        found: &mut HandedOver,
    ) {
        for step in &definition.steps {
            match step {
                Step::Module(module) => {
                    found.modules.insert(*module);
                }
                Step::Outer { kind, count, index } if *count >= depth => {
                    if let Some(frame) = stands_in {
                        self.modules_of_item(&self.outer(frame, *kind, count - depth, *index), found);
                    }
                }
                _ => {}
            }
        }
        for component in &definition.components {
            self.modules_in(component, (stands_in, depth + 1), found);
        }
    }
}

fn shown(path: &str) -> String {
    if path.is_empty() { "/".to_string() } else { path.to_string() }
}

fn imported(path: &str, what: &'static str) -> ComponentError {
    ComponentError::Imported { path: shown(path), what }
}
