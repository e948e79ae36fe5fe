//! Core modules whose instances begin in different states: the module stands in the output once for each state, and so does a
//! component around it whose instances would differ. Indices of modules and components move, aliases multiply.

use super::definition::{Definition, Nested, Step};
use super::elaborate::{Elaborated, Frame};
use super::parse::read_steps;
use super::reindex::{self, Position};
use super::section::{HEADER, RawSection, id};
use super::shift::contents;
use super::unused::unused;
use super::{Component, ComponentError, LastModule};
use wasm_encoder::{Encode, ModuleArg};
use wasmparser::{ComponentExternalKind, ComponentOuterAliasKind};

/// A module or component index of a component, as far as it can be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// It stands here: the number of the module, or of the component in its parent.
    Own(usize),
    Outer {
        count: u32,
        index: u32,
    },
    /// An export, which is another name for this index.
    Export(u32),
    /// It was handed over: imported, or exported by an instance.
    Handed,
}

/// Modules or components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    Module,
    Component,
}

fn origins(definition: &Definition<'_>, space: Space) -> Vec<Origin> {
    let kind = match space {
        Space::Module => ComponentExternalKind::Module,
        Space::Component => ComponentExternalKind::Component,
    };
    let steps = definition.steps.iter().filter(|step| step.defines() == Some(kind));
    steps
        .map(|step| match step {
            Step::Module(number) | Step::Component(number) => Origin::Own(*number),
            Step::Outer { count, index, .. } => Origin::Outer { count: *count, index: *index },
            Step::Export { index, .. } => Origin::Export(*index),
            _ => Origin::Handed,
        })
        .collect()
}

/// For each index of a component instance the contents that it stands for, of which each has a copy.
type Groups = Vec<Vec<Vec<u8>>>;

/// The component instances of a component, and what becomes of them.
pub struct Copies<'c, 'a> {
    component: &'c Component<'a>,
    tree: &'c Elaborated<'c, 'a>,
    encoded: &'c [Vec<u8>],
    last: &'c [LastModule],
    /// For each module, what all its instances begin as; `None` if they differ, or if there are none.
    uniform: Vec<Option<&'c [u8]>>,
    differs: Vec<bool>,
    origins: Vec<[Vec<Origin>; 2]>,
    /// By component instance and space.
    groups: Vec<[Groups; 2]>,
    /// What component instances are made of, once that is known.
    emitted: Vec<Option<Vec<u8>>>,
}

impl<'c, 'a> Copies<'c, 'a> {
    /// `encoded` has what each core instance begins as, `last` the modules that are added.
    pub fn new(
        component: &'c Component<'a>,
        tree: &'c Elaborated<'c, 'a>,
        (encoded, last): (&'c [Vec<u8>], &'c [LastModule]),
    ) -> Copies<'c, 'a> {
        let mut uniform: Vec<Option<&[u8]>> = vec![None; component.modules.len()];
        let mut differs = vec![false; component.modules.len()];
        for (instance, bytes) in tree.instances.iter().zip(encoded) {
            let number = instance.module;
            let same = uniform[number].get_or_insert(bytes);
            differs[number] |= *same != bytes.as_slice();
        }
        for (same, differs) in uniform.iter_mut().zip(&differs) {
            *same = same.filter(|_| !differs);
        }
        let of_frame = |frame: &Frame<'_, '_>| {
            [origins(frame.definition, Space::Module), origins(frame.definition, Space::Component)]
        };
        let origins: Vec<[Vec<Origin>; 2]> = tree.frames.iter().map(of_frame).collect();
        let no_groups = |[modules, components]: &[Vec<Origin>; 2]| {
            [vec![Vec::new(); modules.len()], vec![Vec::new(); components.len()]]
        };
        let groups = origins.iter().map(no_groups).collect();
        let emitted = vec![None; tree.frames.len()];
        Copies { component, tree, encoded, last, uniform, differs, origins, groups, emitted }
    }

    /// The component in which every core instance begins as it should.
    pub fn write(mut self) -> Result<Vec<u8>, ComponentError> {
        for (number, frame) in self.tree.frames.iter().enumerate() {
            for &(index, instance) in &frame.core {
                let module = self.tree.instances[instance].module;
                if self.differs[module]
                    && !self.register((number, index), Space::Module, &self.encoded[instance])
                {
                    return Err(self.differ(module));
                }
            }
        }
        self.emit(0)
    }

    fn differ(&self, module: usize) -> ComponentError {
        ComponentError::InstancesDiffer { module: self.component.module_name(module) }
    }

    /// Where an index leads to without its other names.
    fn plain(&self, frame: usize, space: Space, mut index: u32) -> u32 {
        while let Some(Origin::Export(other)) = self.origins[frame][space as usize].get(index as usize) {
            index = *other;
        }
        index
    }

    /// The component instance so many levels out.
    pub fn up(&self, mut frame: usize, count: u32) -> usize {
        for _ in 0..count {
            frame = self.tree.frames[frame].parent.unwrap_or(0);
        }
        frame
    }

    /// Lets an index stand for these contents too, wherever it leads through. `false` if it was handed over.
    fn register(&mut self, (mut frame, mut index): (usize, u32), space: Space, bytes: &[u8]) -> bool {
        loop {
            index = self.plain(frame, space, index);
            let Some(origin) = self.origins[frame][space as usize].get(index as usize).copied() else {
                return false;
            };
            let group = &mut self.groups[frame][space as usize][index as usize];
            if !group.iter().any(|known| known == bytes) {
                group.push(bytes.to_vec());
            }
            match origin {
                Origin::Own(_) => return true,
                Origin::Outer { count, index: outer } => (frame, index) = (self.up(frame, count), outer),
                Origin::Export(_) | Origin::Handed => return false,
            }
        }
    }

    /// Where an index is now; of several copies the first.
    pub fn base(&self, frame: usize, space: Space, index: u32) -> u32 {
        let groups = &self.groups[frame][space as usize];
        groups.iter().take(index as usize).map(|group| group.len().max(1) as u32).sum()
    }

    /// Where the copy with these contents is now.
    fn copy(&self, frame: usize, space: Space, index: u32, bytes: &[u8]) -> u32 {
        let plain = self.plain(frame, space, index);
        let group = &self.groups[frame][space as usize][plain as usize];
        match group.iter().position(|known| known == bytes) {
            Some(position) if group.len() > 1 => self.base(frame, space, plain) + position as u32,
            _ => self.base(frame, space, index),
        }
    }

    /// The module that the k-th core instance of modules of a component instance is made of.
    pub fn module_of(&self, frame: usize, k: usize, index: u32) -> u32 {
        match self.tree.frames[frame].core.get(k) {
            Some((_, instance)) => self.copy(frame, Space::Module, index, &self.encoded[*instance]),
            None => index,
        }
    }

    /// The same for its k-th instance of a component.
    pub fn component_of(&self, frame: usize, k: usize, index: u32) -> u32 {
        let child = self.tree.frames[frame].children.get(k);
        match child.and_then(|(_, child)| self.emitted[*child].as_deref()) {
            Some(bytes) => self.copy(frame, Space::Component, index, bytes),
            None => self.base(frame, Space::Component, index),
        }
    }

    /// What an outer alias at this index becomes: one for each of its copies.
    pub fn aliases(&self, frame: usize, space: Space, at: u32, (count, index): (u32, u32)) -> Vec<u32> {
        let up = self.up(frame, count);
        let group = &self.groups[frame][space as usize][at as usize];
        match group.len() {
            0 => vec![self.base(up, space, index)],
            _ => group.iter().map(|bytes| self.copy(up, space, index, bytes)).collect(),
        }
    }

    /// The binary of a component instance's definition, as this instance needs it.
    fn emit(&mut self, frame: usize) -> Result<Vec<u8>, ComponentError> {
        let definition = self.tree.frames[frame].definition;
        let mut out = HEADER.to_vec();
        let mut position = Position::default();
        for part in &definition.sections {
            let mut steps = Vec::new();
            match part.nested {
                Nested::Module(number) => self.emit_module(frame, number, &part.section, &mut out),
                Nested::Component(child) => self.emit_component((frame, child), &part.section, &mut out)?,
                Nested::Nothing => {
                    let moved = reindex::moved(self, frame, position, &part.section)?;
                    part.section.write(moved.as_deref(), &mut out);
                    read_steps(&part.section, &mut steps)?;
                }
            }
            steps.extend(match part.nested {
                Nested::Module(number) => Some(Step::Module(number)),
                Nested::Component(child) => Some(Step::Component(child)),
                Nested::Nothing => None,
            });
            position.pass(&steps);
        }
        self.emit_last(frame, &mut out);
        Ok(out)
    }

    /// Adds the last module of a component instance, and its instance. Nothing comes after them, so that no index moves.
    fn emit_last(&self, frame: usize, out: &mut Vec<u8>) {
        let in_frame = |last: &&LastModule| last.component == self.tree.frames[frame].path;
        let Some(last) = self.last.iter().find(in_frame) else { return };
        out.push(id::CORE_MODULE);
        last.bytes.as_slice().encode(out);
        let module =
            self.base(frame, Space::Module, self.origins[frame][Space::Module as usize].len() as u32);
        let mut instances = wasm_encoder::InstanceSection::new();
        let arguments = last.arguments.iter();
        instances
            .instantiate(module, arguments.map(|(name, index)| (name.as_str(), ModuleArg::Instance(*index))));
        out.push(id::CORE_INSTANCE);
        contents(&instances).unwrap_or_default().as_slice().encode(out);
    }

    fn emit_module(&self, frame: usize, number: usize, section: &RawSection<'_>, out: &mut Vec<u8>) {
        let index = self.own_index(frame, Space::Module, number);
        let group = &self.groups[frame][Space::Module as usize][index];
        if group.is_empty() {
            section.write(self.uniform[number], out);
        }
        group.iter().for_each(|bytes| section.write(Some(bytes), out));
    }

    fn emit_component(
        &mut self,
        (frame, child): (usize, usize),
        section: &RawSection<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ComponentError> {
        let stands_here = |number: &usize| self.tree.frames[*number].stands_in == Some((frame, child));
        let instances: Vec<usize> = (0..self.tree.frames.len()).filter(stands_here).collect();
        let mut contents: Vec<Vec<u8>> = Vec::new();
        for &instance in &instances {
            let bytes = self.emit(instance)?;
            self.emitted[instance] = Some(bytes.clone());
            if !contents.contains(&bytes) {
                contents.push(bytes);
            }
        }
        if let [] | [_] = contents.as_slice() {
            let definition = &self.tree.frames[frame].definition.components[child];
            let bytes = match contents.into_iter().next() {
                Some(bytes) => bytes,
                None => unused(self, definition, (frame, 1))?,
            };
            section.write(Some(&bytes), out);
            return Ok(());
        }
        for (user, parent) in self.tree.frames.iter().enumerate() {
            for &(index, instance) in parent.children.iter().filter(|(_, child)| instances.contains(child)) {
                let bytes = self.emitted[instance].clone().unwrap_or_default();
                if !self.register((user, index), Space::Component, &bytes) {
                    return Err(self.some_that_differ());
                }
            }
        }
        let index = self.own_index(frame, Space::Component, child);
        for bytes in &self.groups[frame][Space::Component as usize][index] {
            section.write(Some(bytes), out);
        }
        Ok(())
    }

    fn some_that_differ(&self) -> ComponentError {
        self.differ(self.differs.iter().position(|differs| *differs).unwrap_or(0))
    }

    fn own_index(&self, frame: usize, space: Space, number: usize) -> usize {
        let own = &self.origins[frame][space as usize];
        own.iter().position(|origin| *origin == Origin::Own(number)).unwrap_or(0)
    }
}

/// The kinds of aliases that multiply.
pub fn space_of(kind: ComponentOuterAliasKind) -> Option<Space> {
    match kind {
        ComponentOuterAliasKind::CoreModule => Some(Space::Module),
        ComponentOuterAliasKind::Component => Some(Space::Component),
        ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => None,
    }
}
