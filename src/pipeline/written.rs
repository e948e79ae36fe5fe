//! The output, and what is to be said of it.

use crate::error::Error;
use crate::warning::Warning;
use preinit_core::encode::encode;
use preinit_core::module::Module;
use preinit_core::plan::Plan;
use preinit_core::snapshot::Snapshot;
use preinit_core::strip::{StripReport, strip};
use wasmparser::{Parser, Payload};

/// The new module.
pub(super) struct Written {
    pub wasm: Vec<u8>,
    /// What was stripped, if that was asked for.
    pub stripped: Option<StripReport>,
}

impl Written {
    pub fn of(
        target: &Module<'_>,
        snapshot: &Snapshot<'_>,
        plan: &Plan<'_>,
        strips: bool,
    ) -> Result<Written, Error> {
        let wasm = encode(target, snapshot, plan)?;
        if !strips {
            return Ok(Written { wasm, stripped: None });
        }
        let stripped = strip(wasm)?;
        Ok(Written { wasm: stripped.wasm, stripped: Some(stripped.report) })
    }

    /// What changed besides the state.
    pub fn warnings(&self, original: &Module<'_>, plan: &Plan<'_>) -> Vec<Warning> {
        let mut warnings: Vec<Warning> = plan.warnings.iter().cloned().map(Warning::Output).collect();
        match &self.stripped {
            Some(report) if !report.dropped_sections.is_empty() => {
                warnings.push(Warning::SectionsStripped(
                    report.dropped_sections.iter().map(|name| name.as_str().into()).collect(),
                ));
            }
            Some(_) => {}
            None => warnings.extend(source_map_moved(original, &self.wasm).map(Warning::SourceMapMoved)),
        }
        warnings
    }
}

/// Source maps count bytes from the start of the file (source map specification, "WebAssembly").
fn source_map_moved(module: &Module<'_>, output: &[u8]) -> Option<i64> {
    let is_url = |name: &str| name == "sourceMappingURL";
    module.sections.iter().find(|section| section.custom.is_some_and(|(name, _)| is_url(name)))?;
    let code = |wasm: &[u8]| {
        Parser::new(0).parse_all(wasm).find_map(|payload| match payload {
            Ok(Payload::CodeSectionEntry(body)) => Some(body.range().start as i64),
            _ => None,
        })
    };
    let moved = code(output)? - code(module.bytes)?;
    (moved != 0).then_some(moved)
}
