//! Names of imports and exports in options. One that is not there is misspelt most of the time.

use std::collections::BTreeSet;

use preinit::Rename;
use preinit::host::Preload;
use preinit::stages::component::{check_depth, is_component};
use preinit::stages::nearest;
use preinit::stages::plan::Warning;
use preinit::stages::printable::Printable;
use wasmparser::component_types::{ComponentEntityType, ComponentItem};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use super::args::{HostArgs, usage_error};

/// What was typed.
pub struct ImportNames {
    /// `MODULE.NAME`
    stubs: Vec<String>,
    /// The module names of preloads.
    preloads: Vec<String>,
}

impl ImportNames {
    /// The names in these arguments.
    pub fn of(args: &HostArgs) -> ImportNames {
        let preloads = args.preloads.iter().map(|preload| preload.name.clone());
        ImportNames { stubs: args.stubs.clone(), preloads: preloads.collect() }
    }

    /// Checks that `wasm`, or one of the modules that provide its imports, imports what is named.
    pub fn check(&self, wasm: &[u8], preloads: &[Preload]) -> anyhow::Result<()> {
        if self.stubs.is_empty() && self.preloads.is_empty() {
            return Ok(());
        }
        if is_component(wasm) {
            return self.check_functions(wasm);
        }
        let mut imports = imports(wasm);
        imports.extend(preloads.iter().flat_map(|preload| self::imports(&preload.wasm)));
        let dotted: Vec<String> = imports.iter().map(|(module, name)| format!("{module}.{name}")).collect();
        if let Some(stub) = self.stubs.iter().find(|stub| !dotted.contains(stub)) {
            return Err(unknown(("--stub", "module"), stub, "import", &dotted));
        }
        let modules: Vec<String> = imports.into_iter().map(|(module, _)| module).collect();
        if let Some(name) = self.preloads.iter().find(|name| !modules.contains(name)) {
            return Err(unknown(("--preload", "module"), name, "import from", &modules));
        }
        Ok(())
    }

    /// Checks that the component imports the functions, as `INTERFACE#NAME` or by themselves.
    fn check_functions(&self, wasm: &[u8]) -> anyhow::Result<()> {
        // What is wrong with a component is reported elsewhere.
        let Some(known) = component_functions(wasm) else { return Ok(()) };
        let typed = self.stubs.iter().map(|stub| stub.strip_prefix('#').unwrap_or(stub));
        for stub in typed {
            if known.iter().any(|known| known == stub) {
                continue;
            }
            let interface = |name: &str| name.rsplit_once('#').map(|(interface, _)| interface.to_owned());
            let interfaces: Vec<String> = known.iter().filter_map(|name| interface(name)).collect();
            return Err(match interface(stub).filter(|interface| !interfaces.contains(interface)) {
                Some(interface) => unknown(("--stub", "component"), &interface, "import", &interfaces),
                None => unknown(("--stub", "component"), stub, "imported function", &known),
            });
        }
        Ok(())
    }
}

fn unknown((option, of): (&str, &str), typed: &str, what: &str, known: &[String]) -> anyhow::Error {
    let hint = match nearest(typed, known.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean `{}`?", Printable(near)),
        None if known.is_empty() => "; it has no imports".to_owned(),
        None => String::new(),
    };
    usage_error(&format!("{option}: the {of} has no {what} `{}`{hint}", Printable(typed)))
}

/// A warning for each rename of an export that the module or component does not have.
pub fn vain_renames(wasm: &[u8], renames: &[Rename]) -> Vec<String> {
    if renames.is_empty() {
        return Vec::new();
    }
    let known = exports(wasm);
    let vain = renames.iter().filter(|rename| !known.contains(&rename.src));
    vain.map(|Rename { src, dst }| {
        let near = nearest(src, known.iter().map(String::as_str)).map(Into::into);
        Warning::NoSuchExport { src: src.as_str().into(), dst: dst.as_str().into(), near }.to_string()
    })
    .collect()
}

/// The names of the exports, of a component the outermost ones.
fn exports(wasm: &[u8]) -> BTreeSet<String> {
    let (mut found, mut depth) = (BTreeSet::new(), 0);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::Version { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth -= 1,
            Ok(Payload::ExportSection(exports)) if depth == 1 => {
                found.extend(exports.into_iter().flatten().map(|export| export.name.to_owned()));
            }
            Ok(Payload::ComponentExportSection(exports)) if depth == 1 => {
                found.extend(exports.into_iter().flatten().map(|export| export.name.name.to_owned()));
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    found
}

/// Module and name of every import. What cannot be read is nothing to compare with, and reported elsewhere.
fn imports(wasm: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::ImportSection(imports)) => {
                let imports = imports.into_imports().filter_map(Result::ok);
                found.extend(imports.map(|import| (import.module.to_owned(), import.name.to_owned())));
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    found
}

/// The functions that a component imports: `INTERFACE#NAME`, or `NAME` for one that is in no interface.
fn component_functions(wasm: &[u8]) -> Option<Vec<String>> {
    check_depth(wasm).ok()?;
    let types = Validator::new_with_features(WasmFeatures::all()).validate_all(wasm).ok()?;
    let mut found = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.ok()? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(imports) if depth == 1 => {
                for import in imports {
                    let name = import.ok()?.name.name;
                    match types.component_item_for_import(name)?.ty {
                        ComponentEntityType::Func(_) => found.push(name.to_owned()),
                        ComponentEntityType::Instance(id) => {
                            let exports = &types[id].exports;
                            let is_function =
                                |item: &ComponentItem| matches!(item.ty, ComponentEntityType::Func(_));
                            let functions = exports.iter().filter(|(_, item)| is_function(item));
                            found.extend(functions.map(|(function, _)| format!("{name}#{function}")));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some(found)
}
