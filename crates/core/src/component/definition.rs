use super::section::RawSection;
use wasmparser::{ComponentExternalKind, ComponentOuterAliasKind};

/// A component as it is written down.
pub struct Definition<'a> {
    /// Its sections in file order.
    pub sections: Vec<Part<'a>>,
    /// Everything that adds to an index space, in order.
    pub steps: Vec<Step<'a>>,
    /// The components that stand in it.
    pub components: Vec<Definition<'a>>,
    /// How many items each instance of it has, those of core modules and of instances in it not counted.
    pub items: u64,
}

/// A section, and what it is apart from bytes.
pub struct Part<'a> {
    pub section: RawSection<'a>,
    pub nested: Nested,
}

/// What stands in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nested {
    /// A core module, by its number in the whole component.
    Module(usize),
    /// A component, by its number in its parent.
    Component(usize),
    /// Neither.
    Nothing,
}

/// What adds to an index space, as far as modules, components, instances and functions are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// A core module that stands here.
    Module(usize),
    /// A component that stands here.
    Component(usize),
    /// A core instance of a module.
    CoreInstance { module: u32 },
    /// A core instance that only bundles items.
    CoreBundle,
    /// An instance of a component.
    Instance { component: u32, arguments: Vec<Argument<'a>> },
    /// An instance that only bundles items.
    Bundle(Vec<Argument<'a>>),
    /// An alias of an export of an instance.
    Alias { kind: ComponentExternalKind, instance: u32, name: &'a str },
    /// An alias of something of an enclosing component.
    Outer { kind: ComponentOuterAliasKind, count: u32, index: u32 },
    /// An import.
    Import { kind: ComponentExternalKind, name: &'a str },
    /// An export, which is an item of its own.
    Export { kind: ComponentExternalKind, name: &'a str, index: u32 },
    /// A function made of a core function.
    Lift,
}

/// An item under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument<'a> {
    pub name: &'a str,
    pub kind: ComponentExternalKind,
    pub index: u32,
}

impl Step<'_> {
    /// What is passed or bundled under names of its own.
    pub fn arguments(&self) -> usize {
        match self {
            Step::Instance { arguments, .. } | Step::Bundle(arguments) => arguments.len(),
            _ => 0,
        }
    }

    /// The component-level index space that this adds to.
    pub fn defines(&self) -> Option<ComponentExternalKind> {
        Some(match self {
            Step::Module(_) => ComponentExternalKind::Module,
            Step::Component(_) => ComponentExternalKind::Component,
            Step::CoreInstance { .. } | Step::CoreBundle => return None,
            Step::Instance { .. } | Step::Bundle(_) => ComponentExternalKind::Instance,
            Step::Alias { kind, .. } | Step::Import { kind, .. } | Step::Export { kind, .. } => *kind,
            Step::Outer { kind, .. } => match kind {
                ComponentOuterAliasKind::CoreModule => ComponentExternalKind::Module,
                ComponentOuterAliasKind::Component => ComponentExternalKind::Component,
                ComponentOuterAliasKind::Type => ComponentExternalKind::Type,
                ComponentOuterAliasKind::CoreType => return None,
            },
            Step::Lift => ComponentExternalKind::Func,
        })
    }
}
