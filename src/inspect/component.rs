//! Components: what their outermost imports and exports show.

use super::{Advice, Inspection, Kind, Part, Reason, Step, is_named_like_init};
use crate::component::{COMPONENT_INIT, OF_INSTANCE, is_run};
use crate::embedded_files::embedded_files;
use crate::execute::DEFAULT_INIT_FUNCTIONS;
use preinit_core::component::{ComponentError, check_depth};
use preinit_core::module::{Module, ModuleError};
use std::collections::BTreeMap;
use wasmparser::component_types::{ComponentEntityType, ComponentFuncTypeId};
use wasmparser::types::Types;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

pub(super) fn inspect(wasm: &[u8]) -> Result<Inspection, ModuleError> {
    check_depth(wasm).map_err(|error| match error {
        ComponentError::Malformed { message, offset } => ModuleError::Malformed { message, offset },
        deep => ModuleError::Malformed { message: deep.to_string(), offset: 0 },
    })?;
    let types = Validator::new_with_features(WasmFeatures::all()).validate_all(wasm)?;
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
                    exports.extend(functions(&types, export?.name.name));
                }
            }
            _ => {}
        }
    }
    let init: Vec<String> = init(&exports).into_iter().map(|function| function.name.clone()).collect();
    let advice = advice(&exports, imports.keys());
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
        advice,
    })
}

/// A function that is exported, by itself or in an instance.
struct Exported {
    /// As a command line names it.
    name: String,
    takes_nothing: bool,
}

impl Exported {
    fn is_command(&self) -> bool {
        self.name.split_once(OF_INSTANCE).is_some_and(|(instance, name)| name == "run" && is_run(instance))
    }
}

/// The functions that an export is or has.
fn functions(types: &Types, export: &str) -> Vec<Exported> {
    let function =
        |name: String, id: ComponentFuncTypeId| Exported { name, takes_nothing: types[id].params.is_empty() };
    match types.component_item_for_export(export).map(|item| item.ty) {
        Some(ComponentEntityType::Func(id)) => vec![function(export.to_string(), id)],
        Some(ComponentEntityType::Instance(id)) => {
            let of_instance = types[id].exports.iter().filter_map(|(name, item)| match item.ty {
                ComponentEntityType::Func(id) => Some(function(format!("{export}{OF_INSTANCE}{name}"), id)),
                _ => None,
            });
            of_instance.collect()
        }
        _ => Vec::new(),
    }
}

fn is_default(name: &str) -> bool {
    DEFAULT_INIT_FUNCTIONS.contains(&name) || name == COMPONENT_INIT
}

/// The default init functions that are there; else what is named like one, those that take nothing first.
fn init(exports: &[Exported]) -> Vec<&Exported> {
    let defaults: Vec<&Exported> = exports.iter().filter(|function| is_default(&function.name)).collect();
    if !defaults.is_empty() {
        return defaults;
    }
    let own_name =
        |function: &Exported| function.name.rsplit(OF_INSTANCE).next().is_some_and(is_named_like_init);
    let mut named: Vec<&Exported> = exports.iter().filter(|function| own_name(function)).collect();
    named.sort_by_key(|function| (!function.takes_nothing, function.name.len()));
    named
}

fn advice<'i>(exports: &[Exported], mut imports: impl Iterator<Item = &'i String> + Clone) -> Advice {
    let mut steps = vec![Step::Snapshot];
    if imports.clone().any(|name| name.starts_with("wasi:")) {
        steps.push(Step::AllowWasi);
    }
    let nothing = |reason| Advice { steps: Vec::new(), reasons: vec![reason] };
    let (step, reason) = match init(exports).first() {
        Some(init) if is_default(&init.name) && init.takes_nothing => {
            (None, Reason::HasInit(init.name.clone()))
        }
        _ if exports.iter().any(Exported::is_command) => {
            if !imports.any(|name| name.starts_with("wasi:cli/stdin@")) {
                return nothing(Reason::ProgramThatAsksForNothing);
            }
            (Some(Step::FreezeAtInput), Reason::ProgramThatReadsInput)
        }
        Some(init) if init.takes_nothing => {
            (Some(Step::Init(init.name.clone())), Reason::NamedLikeInit(init.name.clone()))
        }
        Some(init) => return nothing(Reason::InitTakesArguments(init.name.clone())),
        None => return nothing(Reason::Component),
    };
    steps.extend(step);
    Advice { steps, reasons: vec![reason] }
}
