//! Names of imports in options. One that nothing imports is misspelt most of the time.

use preinit::host::Preload;
use preinit::stages::component::is_component;
use preinit::stages::nearest;
use preinit::stages::printable::Printable;
use wasmparser::{Parser, Payload};

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
            return self.check_interfaces(wasm);
        }
        let mut imports = imports(wasm);
        imports.extend(preloads.iter().flat_map(|preload| self::imports(&preload.wasm)));
        let dotted: Vec<String> = imports.iter().map(|(module, name)| format!("{module}.{name}")).collect();
        if let Some(stub) = self.stubs.iter().find(|stub| !dotted.contains(stub)) {
            return Err(unknown("--stub", stub, "import", &dotted));
        }
        let modules: Vec<String> = imports.into_iter().map(|(module, _)| module).collect();
        if let Some(name) = self.preloads.iter().find(|name| !modules.contains(name)) {
            return Err(unknown("--preload", name, "import from", &modules));
        }
        Ok(())
    }

    /// Checks that the component imports the interfaces of `INTERFACE#NAME`, or a function of that name itself.
    fn check_interfaces(&self, wasm: &[u8]) -> anyhow::Result<()> {
        let known = component_imports(wasm);
        let of =
            |stub: &String| stub.rsplit_once('#').map_or(stub.clone(), |(interface, _)| interface.to_owned());
        match self.stubs.iter().map(of).find(|interface| !known.contains(interface)) {
            Some(interface) => Err(unknown("--stub", &interface, "import", &known)),
            None => Ok(()),
        }
    }
}

fn unknown(option: &str, typed: &str, what: &str, known: &[String]) -> anyhow::Error {
    let hint = match nearest(typed, known.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean `{}`?", Printable(near)),
        None if known.is_empty() => "; it has no imports".to_owned(),
        None => String::new(),
    };
    usage_error(&format!("{option}: the module has no {what} `{}`{hint}", Printable(typed)))
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

/// The names of what a component imports, those of components inside among them.
fn component_imports(wasm: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::ComponentImportSection(imports)) => {
                found.extend(
                    imports.into_iter().filter_map(Result::ok).map(|import| import.name.name.to_owned()),
                );
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    found
}
