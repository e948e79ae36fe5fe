//! The custom sections of a component itself, and of components in it. Those of core modules are the modules' own.

use super::Component;
use super::definition::{Definition, Nested};
use super::section::id;
use wasmparser::CustomSectionReader;

/// A custom section of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomSection<'a> {
    /// The component that it stands in: `/` is the outermost, `/0/1` the second one in the first one in that.
    pub component: String,
    /// Its name.
    pub name: &'a str,
    /// What it holds.
    pub payload: &'a [u8],
}

impl<'a> Component<'a> {
    /// The custom sections that are not of core modules, in the order of the file.
    pub fn custom_sections(&self) -> Vec<CustomSection<'a>> {
        let mut found = Vec::new();
        collect(&self.root, "", &mut found);
        found
    }
}

fn collect<'a>(definition: &Definition<'a>, path: &str, found: &mut Vec<CustomSection<'a>>) {
    for part in &definition.sections {
        match part.nested {
            Nested::Component(number) => {
                if let Some(nested) = definition.components.get(number) {
                    collect(nested, &format!("{path}/{number}"), found);
                }
            }
            Nested::Nothing if part.section.id == id::CUSTOM => {
                let Ok(custom) = CustomSectionReader::new(part.section.reader()) else { continue };
                let component = if path.is_empty() { "/".to_string() } else { path.to_string() };
                found.push(CustomSection { component, name: custom.name(), payload: custom.data() });
            }
            _ => {}
        }
    }
}
