//! The core modules of a finished component without the code that nothing can reach.

use super::ComponentRunError;
use crate::warning::Warning;
use preinit_core::component::Component;
use preinit_core::strip::{StripReport, strip_part};

/// A component without unreachable code, and what was taken out of all its core modules.
pub struct StrippedComponent {
    pub wasm: Vec<u8>,
    pub report: StripReport,
}

impl StrippedComponent {
    pub fn of(wasm: &[u8]) -> Result<StrippedComponent, ComponentRunError> {
        let component = Component::parse(wasm)?;
        let unused = component.unused_exports()?;
        let mut report = StripReport::default();
        let mut modules = Vec::new();
        for (number, (module, unused)) in component.modules().iter().zip(&unused).enumerate() {
            let in_module = |error| ComponentRunError::InModule {
                module: component.module_name(number),
                error: Box::new(crate::error::Error::Encode(error)),
            };
            let stripped = strip_part(module.bytes, unused).map_err(in_module)?;
            report.functions += stripped.report.functions;
            report.functions_before += stripped.report.functions_before;
            report.code_bytes += stripped.report.code_bytes;
            report.dropped_sections.extend(stripped.report.dropped_sections);
            modules.push(stripped.wasm);
        }
        report.dropped_sections.sort();
        report.dropped_sections.dedup();
        let modules: Vec<_> = modules.iter().map(|module| Some(module.as_slice())).collect();
        Ok(StrippedComponent { wasm: component.with_modules(&modules), report })
    }

    /// That sections about code are gone, if they are.
    pub fn warning(&self) -> Option<Warning> {
        let names = self.report.dropped_sections.iter().map(|name| name.as_str().into()).collect::<Vec<_>>();
        (!names.is_empty()).then_some(Warning::SectionsStripped(names))
    }
}
