//! Putting core modules back: everything outside of the changed ones stays byte for byte, but for the sizes of what holds them.

use super::copies::Copies;
use super::definition::{Definition, Nested};
use super::section::{HEADER, id};
use super::{Component, ComponentError, LastModule};
use wasm_encoder::Encode;

impl Component<'_> {
    /// The component with other core modules: one for each of [`Component::modules`], or `None` for one that stays.
    pub fn with_modules(&self, modules: &[Option<&[u8]>]) -> Vec<u8> {
        rewritten(&self.root, modules).unwrap_or_else(|| self.bytes.to_vec())
    }

    /// The same without the custom sections of the component, and of components in it. The lengths of sections are written in their
    /// shortest form.
    pub fn without_custom_sections(&self, modules: &[Option<&[u8]>]) -> Vec<u8> {
        bare(&self.root, modules)
    }

    /// The component in which every core instance begins as `encoded` says, in the order of [`Component::elaborate`]; a core
    /// module without instances stays. A module whose instances differ stands in it once for each of their states.
    ///
    /// # Errors
    /// [`ComponentError::InstancesDiffer`], if such a module, or a component around it, is handed over as an argument or an
    /// export: then it cannot be told which one is meant. [`ComponentError::Exported`].
    pub fn with_instances(&self, encoded: &[Vec<u8>]) -> Result<Vec<u8>, ComponentError> {
        self.with_last_modules(encoded, &[])
    }

    /// The same, with core modules that come last in component instances.
    ///
    /// # Errors
    /// As [`Component::with_instances`].
    pub fn with_last_modules(
        &self,
        encoded: &[Vec<u8>],
        last: &[LastModule],
    ) -> Result<Vec<u8>, ComponentError> {
        let elaborated = self.elaborated()?;
        let mut modules: Vec<Option<&[u8]>> = vec![None; self.modules.len()];
        let mut differ = false;
        for (instance, bytes) in elaborated.instances.iter().zip(encoded) {
            if let Some(module) = modules.get_mut(instance.module) {
                differ |= *module.get_or_insert(bytes) != bytes.as_slice();
            }
        }
        for &module in &elaborated.exported {
            let changed = modules.get(module).copied().flatten();
            if changed.is_some_and(|changed| changed != self.modules[module].bytes) {
                return Err(ComponentError::Exported { module: self.module_name(module) });
            }
        }
        match differ || !last.is_empty() {
            true => {
                let wasm = Copies::new(self, &elaborated, (encoded, last)).write()?;
                Component::parse(&wasm)?;
                Ok(wasm)
            }
            false => Ok(self.with_modules(&modules)),
        }
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

fn bare(definition: &Definition<'_>, modules: &[Option<&[u8]>]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    for part in definition.sections.iter().filter(|part| part.section.id != id::CUSTOM) {
        let component = match part.nested {
            Nested::Component(component) => definition.components.get(component),
            Nested::Module(_) | Nested::Nothing => None,
        };
        let component = component.map(|nested| bare(nested, modules));
        let module = match part.nested {
            Nested::Module(module) => modules.get(module).copied().flatten(),
            Nested::Component(_) | Nested::Nothing => None,
        };
        out.push(part.section.id);
        component.as_deref().or(module).unwrap_or(part.section.contents).encode(&mut out);
    }
    out
}
