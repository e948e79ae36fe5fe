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

/// Functions named like init that are listed. Each has the name of its instance, and a small component can have very many.
const LISTED: usize = 100;

pub(super) fn inspect(wasm: &[u8]) -> Result<Inspection, ModuleError> {
    let Outermost { types, imports, exports, modules } = read(wasm)?;
    let mut embedded = Vec::new();
    for module in &modules {
        embedded.extend(embedded_files(&Module::parse_part(module)?));
    }
    let exports: Vec<Exported<'_>> =
        exports.into_iter().flat_map(|export| functions(&types, export)).collect();
    let init: Vec<String> = init(&exports).into_iter().map(Exported::name).collect();
    let advice = advice(&exports, imports.keys());
    let in_modules: usize = modules.iter().map(|module| module.len()).sum();
    let parts = [("core modules", in_modules), ("other", wasm.len() - in_modules)];
    Ok(Inspection {
        kind: Kind::Component,
        producers: Vec::new(),
        language: None,
        imports,
        init,
        features: Vec::new(),
        parts: parts
            .map(|(name, bytes)| Part { name, bytes: bytes as u64 })
            .into_iter()
            .filter(|part| part.bytes > 0)
            .collect(),
        embedded,
        advice,
    })
}

/// What the outermost component shows, and the core modules wherever they are in it.
struct Outermost<'a> {
    types: Types,
    /// How many there are of each name.
    imports: BTreeMap<String, usize>,
    exports: Vec<&'a str>,
    modules: Vec<&'a [u8]>,
}

fn read(wasm: &[u8]) -> Result<Outermost<'_>, ComponentError> {
    check_depth(wasm)?;
    let types = Validator::new_with_features(WasmFeatures::all()).validate_all(wasm)?;
    let (mut imports, mut exports, mut modules) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ModuleSection { unchecked_range, .. } => {
                depth += 1;
                modules.extend(wasm.get(unchecked_range));
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
                    exports.push(export?.name.name);
                }
            }
            _ => {}
        }
    }
    Ok(Outermost { types, imports, exports, modules })
}

/// A function that is exported. There can be many more of them than names.
struct Exported<'a> {
    /// The instance that it is exported in.
    instance: Option<&'a str>,
    function: &'a str,
    takes_nothing: bool,
}

impl Exported<'_> {
    /// As a command line names it.
    fn name(&self) -> String {
        match self.instance {
            Some(instance) => format!("{instance}{OF_INSTANCE}{}", self.function),
            None => self.function.to_string(),
        }
    }

    fn is_command(&self) -> bool {
        self.function == "run" && self.instance.is_some_and(is_run)
    }

    fn is_default(&self) -> bool {
        let is_name = DEFAULT_INIT_FUNCTIONS.contains(&self.function) || self.function == COMPONENT_INIT;
        is_name && self.instance.is_none()
    }
}

/// The functions that an export is or has.
fn functions<'a>(types: &'a Types, export: &'a str) -> Vec<Exported<'a>> {
    let function = |instance: Option<&'a str>, function: &'a str, id: ComponentFuncTypeId| Exported {
        instance,
        function,
        takes_nothing: types[id].params.is_empty(),
    };
    match types.component_item_for_export(export).map(|item| item.ty) {
        Some(ComponentEntityType::Func(id)) => vec![function(None, export, id)],
        Some(ComponentEntityType::Instance(id)) => {
            let of_instance = types[id].exports.iter().filter_map(|(name, item)| match item.ty {
                ComponentEntityType::Func(id) => Some(function(Some(export), name, id)),
                _ => None,
            });
            of_instance.collect()
        }
        _ => Vec::new(),
    }
}

/// The default init functions that are there; else what is named like one, those that take nothing first.
fn init<'e>(exports: &'e [Exported<'_>]) -> Vec<&'e Exported<'e>> {
    let defaults: Vec<&Exported<'_>> = exports.iter().filter(|function| function.is_default()).collect();
    if !defaults.is_empty() {
        return defaults;
    }
    let mut named: Vec<&Exported<'_>> =
        exports.iter().filter(|function| is_named_like_init(function.function)).collect();
    named.sort_by_key(|function| {
        let of_instance = function.instance.map_or(0, |instance| instance.len() + OF_INSTANCE.len_utf8());
        (!function.takes_nothing, of_instance + function.function.len())
    });
    named.truncate(LISTED);
    named
}

fn advice<'i>(exports: &[Exported<'_>], mut imports: impl Iterator<Item = &'i String> + Clone) -> Advice {
    let mut steps = vec![Step::Snapshot];
    if imports.clone().any(|name| name.starts_with("wasi:")) {
        steps.push(Step::AllowWasi);
    }
    let nothing = |reason| Advice { steps: Vec::new(), reasons: vec![reason] };
    let (step, reason) = match init(exports).first() {
        Some(init) if init.is_default() && init.takes_nothing => (None, Reason::HasInit(init.name())),
        _ if exports.iter().any(Exported::is_command) => {
            if !imports.any(|name| name.starts_with("wasi:cli/stdin@")) {
                return nothing(Reason::ProgramThatAsksForNothing);
            }
            (Some(Step::FreezeAtInput), Reason::ProgramThatReadsInput)
        }
        Some(init) if init.takes_nothing => {
            (Some(Step::Init(init.name())), Reason::NamedLikeInit(init.name()))
        }
        Some(init) => return nothing(Reason::InitTakesArguments(init.name())),
        None => return nothing(Reason::Component),
    };
    steps.extend(step);
    Advice { steps, reasons: vec![reason] }
}
