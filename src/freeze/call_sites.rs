//! The calls in progress at the end of a run, from the backtrace.

use super::FreezeError;
use super::program_run::Binary;
use crate::demangling::demangled;
use crate::engine::{Compiled, MAX_FROZEN_FRAMES};
use crate::host::ImportName;
use preinit_core::freeze::{CallSite, CodeMap, FunctionCodes};
use preinit_core::module::Module;
use preinit_core::printable::Printable;
use std::collections::BTreeSet;
use wasmparser::Operator;
use wasmtime::WasmBacktrace;

/// Where each call is, the innermost first.
pub(super) fn call_sites(
    error: &wasmtime::Error,
    module: &Module<'_>,
    compiled: &Compiled,
    binary: &Binary<'_>,
) -> Result<Vec<CallSite>, FreezeError> {
    let trace = error.downcast_ref::<WasmBacktrace>();
    let frames = trace.map_or(&[][..], WasmBacktrace::frames);
    let limit = MAX_FROZEN_FRAMES.get();
    if frames.len() > limit {
        return Err(FreezeError::Refused(format!(
            "more than {limit} calls are in progress at that place; freeze it before the recursion"
        )));
    }
    let map = CodeMap::new(module, binary.probed, &binary.wasm, binary.hook.as_ref())?;
    let mut sites = Vec::with_capacity(frames.len());
    for frame in frames {
        if !wasmtime::Module::same(frame.module(), &compiled.module) {
            let name = demangled(frame.func_name().unwrap_or("without a name"));
            let name = Printable(&name);
            return Err(FreezeError::Refused(format!(
                "a function of another module ({}, {name}) is on the stack at that place, and the snapshot would \
                 have to hold its state too",
                Printable(frame.module().name().unwrap_or("a preloaded one")),
            )));
        }
        let offset = frame.module_offset().ok_or(FreezeError::Unexplained("a frame without a position"))?;
        sites.push(map.site(frame.func_index(), offset)?);
    }
    Ok(sites)
}

/// The index of the import that is about to be called at `site`.
pub(super) fn imported_callee(
    module: &Module<'_>,
    import: &ImportName,
    site: Option<&CallSite>,
) -> Result<u32, FreezeError> {
    let imports = module.imported_functions();
    let of_that_name: Vec<u32> = imports.filter(|(_, name)| name == import).map(|(index, _)| index).collect();
    if let (Some(site), true) = (site, of_that_name.len() > 1) {
        let codes = FunctionCodes::read(module, &BTreeSet::from([site.function]))?;
        let operators = &codes.get(site.function)?.operators;
        let at = operators.iter().find(|(_, offset)| *offset == site.offset as usize);
        if let Some((Operator::Call { function_index }, _)) = at
            && of_that_name.contains(function_index)
        {
            return Ok(*function_index);
        }
    }
    of_that_name.first().copied().ok_or_else(|| {
        FreezeError::Refused(format!(
            "the call of `{import}` is made by a module that provides imports, and not by this one"
        ))
    })
}
