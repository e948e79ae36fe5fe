//! Files in components: in the core module whose functions of WASI preview 1 an adapter answers.

use super::{EmbedError, Embedded, Tree, Writing, deals_with_files, embed_before};
use crate::component::Component;
use crate::module::Module;
use crate::wasi_version::WasiVersion;

/// Puts a tree of files into the core module of a component that asks for files by WASI preview 1. The adapter, which answers
/// it in terms of a later WASI, is asked for what is not embedded.
///
/// # Errors
/// [`EmbedError`], if there is no such module or several of them, or several instances of one that can change its
/// files, or as of [`embed_for`](super::embed_for).
///
/// No example: `preinit::embed::embed_for` has the one of a module, and takes components too.
pub fn embed_in_component(wasm: &[u8], tree: &Tree, writing: Writing) -> Result<Embedded, EmbedError> {
    let component = Component::parse(wasm)?;
    let mut asking = Vec::new();
    for (index, module) in component.modules().iter().enumerate() {
        let module = Module::parse_part(module.bytes)?;
        if deals_with_files(&module, WasiVersion::Preview1) {
            asking.push((index, module));
        }
    }
    let (index, module) = match asking.as_slice() {
        [] => return Err(EmbedError::NoFilesInComponent),
        [only] => only,
        several => return Err(EmbedError::SeveralModules(several.len())),
    };
    if writing == Writing::InMemory {
        let instances = component.elaborate()?.iter().filter(|instance| instance.module == *index).count();
        if instances > 1 {
            return Err(EmbedError::SeveralInstances(instances));
        }
    }
    let made = embed_before(true, module, tree, writing)?;
    let mut modules = vec![None; component.modules().len()];
    modules[*index] = Some(made.wasm.as_slice());
    let wasm = component.with_modules(&modules);
    // As encoding does with its output: what cannot be run is not handed out.
    Component::parse(&wasm)?;
    Ok(Embedded { wasm, drops_dwarf: made.drops_dwarf })
}
