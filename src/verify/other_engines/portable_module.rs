use crate::verify::probed_module::ProbedModule;
use preinit_core::capture::{FunctionIndices, StateReader};
use preinit_core::module::{Module, is_function};
use preinit_core::probe::{ProbeOptions, Probed};
use std::collections::HashMap;
use std::sync::Arc;
use wasmparser::{FuncType, TypeRef, Validator, WasmFeatures};

/// A module in a probed form that runs on any engine.
pub(super) struct PortableModule<'m> {
    program: Arc<ProbedModule<'m>>,
    pub probed: Probed,
    /// The exported functions.
    pub exports: HashMap<String, FuncType>,
    /// The imported functions.
    pub imports: Vec<ImportedFunction>,
}

pub(super) struct ImportedFunction {
    pub module: String,
    pub name: String,
    pub ty: FuncType,
}

impl<'m> PortableModule<'m> {
    /// # Errors
    /// Why the module cannot be run, or not be compared.
    pub fn new(program: &Arc<ProbedModule<'m>>) -> Result<Self, String> {
        let module = &program.module;
        let options = ProbeOptions { ends_waits: true, shows_objects: false, ..ProbeOptions::for_any_host() };
        let probed = Probed::with(module, &options).map_err(|error| error.to_string())?;
        if has_relaxed_simd(&probed.wasm) {
            return Err("the module uses relaxed SIMD, whose results depend on the engine".to_string());
        }
        let exported = |export: &wasmparser::Export<'_>| {
            let ty = is_function(export.kind).then(|| module.signature(export.index)).flatten()?;
            Some((export.name.to_string(), ty.clone()))
        };
        let mut imports = Vec::new();
        for import in &module.imports {
            let ty = matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_))
                .then(|| module.signature(imports.len() as u32));
            let Some(Some(ty)) = ty else {
                let (module, name) = (import.module, import.name);
                return Err(format!("the import `{module}.{name}` cannot be provided there"));
            };
            let (module, name) = (import.module.to_string(), import.name.to_string());
            imports.push(ImportedFunction { module, name, ty: ty.clone() });
        }
        let exports = module.exports.iter().filter_map(exported).collect();
        Ok(PortableModule { program: Arc::clone(program), probed, exports, imports })
    }

    /// The module, before it was probed.
    pub fn module(&self) -> &Module<'m> {
        &self.program.module
    }

    pub fn state_reader<'s>(&'s self, functions: &'s FunctionIndices) -> StateReader<'s> {
        StateReader { module: self.module(), probed: &self.probed, functions, compares: true }
    }
}

/// Whether a valid module is invalid without relaxed SIMD.
fn has_relaxed_simd(wasm: &[u8]) -> bool {
    let without = WasmFeatures::all() - WasmFeatures::RELAXED_SIMD;
    Validator::new_with_features(without).validate_all(wasm).is_err()
}
