//! Components: what their outermost imports and exports show.

use super::{Advice, Inspection, Kind, Part, Reason, Step};
use crate::embedded_files::embedded_files;
use crate::execute::DEFAULT_INIT_FUNCTIONS;
use preinit_core::component::{ComponentError, check_depth};
use preinit_core::module::{Module, ModuleError};
use std::collections::BTreeMap;
use wasmparser::{ComponentExternalKind, Parser, Payload, Validator, WasmFeatures};

pub(super) fn inspect(wasm: &[u8]) -> Result<Inspection, ModuleError> {
    check_depth(wasm).map_err(|error| match error {
        ComponentError::Malformed { message, offset } => ModuleError::Malformed { message, offset },
        deep => ModuleError::Malformed { message: deep.to_string(), offset: 0 },
    })?;
    Validator::new_with_features(WasmFeatures::all()).validate_all(wasm)?;
    let mut embedded = Vec::new();
    let mut depth = 0;
    let (mut imports, mut exports, mut modules) = (BTreeMap::new(), Vec::new(), 0u64);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ModuleSection { unchecked_range, .. } => {
                modules += unchecked_range.len() as u64;
                depth += 1;
                if let Some(module) = wasm.get(unchecked_range) {
                    embedded.extend(embedded_files(&Module::parse_part(module)?));
                }
            }
            Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    *imports.entry(import?.name.name.to_string()).or_insert(0) += 1;
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Func {
                        exports.push(export.name.name.to_string());
                    }
                }
            }
            _ => {}
        }
    }
    let init: Vec<String> = DEFAULT_INIT_FUNCTIONS
        .iter()
        .map(|name| (*name).to_string())
        .filter(|name| exports.contains(name))
        .collect();
    let steps = match (init.is_empty(), imports.keys().any(|name| name.starts_with("wasi:"))) {
        (true, _) => Vec::new(),
        (false, true) => vec![Step::Snapshot, Step::AllowWasi],
        (false, false) => vec![Step::Snapshot],
    };
    let reason = init.first().map_or(Reason::Component, |name| Reason::HasInit(name.clone()));
    let parts = [("core modules", modules), ("other", wasm.len() as u64 - modules)];
    Ok(Inspection {
        kind: Kind::Component,
        producers: Vec::new(),
        language: None,
        imports,
        init,
        features: Vec::new(),
        parts: parts
            .map(|(name, bytes)| Part { name, bytes })
            .into_iter()
            .filter(|part| part.bytes > 0)
            .collect(),
        embedded,
        advice: Advice { steps, reasons: vec![reason] },
    })
}
