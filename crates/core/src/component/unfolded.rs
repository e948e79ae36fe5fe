use super::ComponentError;
use super::definition::{Definition, Step};
use std::collections::HashMap;
use std::rc::Rc;
use wasmparser::ComponentOuterAliasKind;

/// Things that names may stand for. The engine has a copy of each, with all that it stands for itself.
const MOST_UNFOLDED: u64 = 200_000;

/// An alias of something outside of a definition, by how many components it goes out and the number there.
type Capture = (ComponentOuterAliasKind, u32, u32);

/// How many things names stand for if everything is written out.
#[derive(Default)]
pub(super) struct Unfolded {
    total: u64,
    components: HashMap<(usize, usize), u64>,
    instances: HashMap<*const (), u64>,
    captures: HashMap<*const (), Rc<Vec<Capture>>>,
}

impl Unfolded {
    /// What a component stands for, which is defined at this place.
    pub fn of_component(&self, place: Option<(usize, usize)>) -> u64 {
        place.and_then(|place| self.components.get(&place)).copied().unwrap_or(1)
    }

    /// What an instance stands for.
    pub fn of_instance<T>(&self, instance: &Rc<T>) -> u64 {
        self.instances.get(&Rc::as_ptr(instance).cast()).copied().unwrap_or(1)
    }

    pub fn define_component(&mut self, place: (usize, usize), captured: u64) -> Result<(), ComponentError> {
        let count = self.add(captured)?;
        self.components.insert(place, count);
        Ok(())
    }

    pub fn define_instance<T>(&mut self, instance: &Rc<T>, items: u64) -> Result<(), ComponentError> {
        let count = self.add(items)?;
        self.instances.insert(Rc::as_ptr(instance).cast(), count);
        Ok(())
    }

    /// Counts a thing that stands for others.
    fn add(&mut self, others: u64) -> Result<u64, ComponentError> {
        let count = others.saturating_add(1);
        self.total = self.total.saturating_add(count);
        match self.total > MOST_UNFOLDED {
            true => Err(ComponentError::Unfolds { most: MOST_UNFOLDED }),
            false => Ok(count),
        }
    }

    /// What a definition and those in it name of what is outside.
    pub fn captures(&mut self, definition: &Definition<'_>) -> Rc<Vec<Capture>> {
        let key = std::ptr::from_ref(definition).cast();
        let found = self.captures.entry(key).or_insert_with(|| {
            let mut found = Vec::new();
            collect(definition, 1, &mut found);
            Rc::new(found)
        });
        Rc::clone(found)
    }
}

fn collect(definition: &Definition<'_>, depth: u32, found: &mut Vec<Capture>) {
    for step in &definition.steps {
        if let Step::Outer { kind, count, index } = step
            && *count >= depth
        {
            found.push((*kind, count - depth, *index));
        }
    }
    definition.components.iter().for_each(|component| collect(component, depth + 1, found));
}
