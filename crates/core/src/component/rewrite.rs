//! Putting core modules back: everything outside of the changed ones stays byte for byte, but for the sizes of what holds them.

use super::definition::{Definition, Nested};
use super::section::HEADER;
use super::{Component, ComponentError, CoreInstance};

impl Component<'_> {
    /// The component with other core modules: one for each of [`Component::modules`], or `None` for one that stays.
    pub fn with_modules(&self, modules: &[Option<&[u8]>]) -> Vec<u8> {
        rewritten(&self.root, modules).unwrap_or_else(|| self.bytes.to_vec())
    }

    /// The component in which every core instance begins as `encoded` says, in the order of `instances`; a core module
    /// without instances stays.
    ///
    /// # Errors
    /// [`ComponentError::InstancesDiffer`], if instances of one module would need different ones.
    pub fn with_instances(
        &self,
        instances: &[CoreInstance],
        encoded: &[Vec<u8>],
    ) -> Result<Vec<u8>, ComponentError> {
        let mut modules: Vec<Option<&[u8]>> = vec![None; self.modules.len()];
        for (instance, bytes) in instances.iter().zip(encoded) {
            match modules.get_mut(instance.module) {
                Some(module @ None) => *module = Some(bytes),
                Some(Some(module)) if *module == bytes.as_slice() => {}
                _ => {
                    let module = self.module_name(instance.module);
                    return Err(ComponentError::InstancesDiffer { module });
                }
            }
        }
        Ok(self.with_modules(&modules))
    }
}

/// A component with other core modules; `None` if nothing in it changes.
fn rewritten(definition: &Definition<'_>, modules: &[Option<&[u8]>]) -> Option<Vec<u8>> {
    let nested: Vec<_> =
        definition.components.iter().map(|component| rewritten(component, modules)).collect();
    let changed = |part: &super::definition::Part<'_>| match part.nested {
        Nested::Module(module) => {
            let new = modules.get(module).copied().flatten();
            new.filter(|new| *new != part.section.contents)
        }
        Nested::Component(_) | Nested::Nothing => None,
    };
    if nested.iter().all(Option::is_none) && !definition.sections.iter().any(|part| changed(part).is_some()) {
        return None;
    }
    let mut out = HEADER.to_vec();
    for part in &definition.sections {
        let contents = match part.nested {
            Nested::Component(component) => nested.get(component).and_then(Option::as_deref),
            _ => changed(part),
        };
        part.section.write(contents, &mut out);
    }
    Some(out)
}
