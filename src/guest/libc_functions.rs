//! The functions of wasi-libc that cache something of the host, and the constructors: found by name, or by their calls,
//! since most modules come without names.

use super::{CallGraph, function_named, wasi_import};
use crate::execute::REACTOR_INITIALIZE;
use preinit_core::module::Module;
use wasmparser::{BinaryReader, ProducersSectionReader, ValType};

/// The functions of one module, by index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LibcFunctions {
    /// Looks for preopened directories, once.
    pub populate_preopens: Option<u32>,
    /// Whether a constructor calls that.
    pub populates_eagerly: bool,
    /// `getenv`, which fetches the environment, once.
    pub getenv: Option<u32>,
    /// Runs all constructors.
    pub constructors: Option<u32>,
    /// Whether the module has the runtime of Go instead of libc, which reads environment and arguments when it starts and
    /// never again (`runtime/runtime.go`: `goenvs`, `args`).
    pub is_go: bool,
}

/// Runs all constructors, as linkers name it.
const CONSTRUCTORS: &str = "__wasm_call_ctors";

/// Calls between an import and the function of libc that uses it, at most.
const DEPTH: usize = 5;

impl LibcFunctions {
    pub fn of(module: &Module<'_>, calls: &CallGraph<'_>) -> LibcFunctions {
        if is_go(module) {
            // Its functions are all of one type, so callers do not identify any.
            return LibcFunctions { is_go: true, ..LibcFunctions::default() };
        }
        let nullary = |index: u32| index >= module.imported.functions && module.is_nullary(index);
        let populate_preopens = function_named(module, "__wasilibc_populate_preopens")
            .filter(|&index| nullary(index))
            .or_else(|| calls.nearest_caller(wasi_import(module, "fd_prestat_get")?, DEPTH, nullary));
        let getenv =
            function_named(module, "getenv").filter(|&index| is_getenv(module, index)).or_else(|| {
                let fetches = wasi_import(module, "environ_sizes_get")?;
                calls.nearest_caller(fetches, DEPTH, |index| is_getenv(module, index))
            });
        let first_nullary = |export: &str| {
            let index = function_named(module, export)?;
            calls.callees(index).iter().copied().find(|&callee| nullary(callee))
        };
        let constructors = function_named(module, CONSTRUCTORS)
            .or_else(|| first_nullary(REACTOR_INITIALIZE))
            .or_else(|| first_nullary("_start"))
            .filter(|&index| nullary(index) && !calls.is_empty(index));
        let populates_eagerly = match (populate_preopens, constructors) {
            (Some(populate), Some(constructors)) => calls.callees(constructors).contains(&populate),
            _ => false,
        };
        LibcFunctions { populate_preopens, populates_eagerly, getenv, constructors, is_go: false }
    }

    /// What the probed module must export so that it can be called.
    pub fn indices(&self) -> impl Iterator<Item = u32> {
        [self.populate_preopens, self.getenv, self.constructors].into_iter().flatten()
    }
}

/// Whether the linker of Go made the module, as its `producers` section says.
fn is_go(module: &Module<'_>) -> bool {
    let payload = module.custom_section("producers");
    let fields = payload.and_then(|payload| ProducersSectionReader::new(BinaryReader::new(payload, 0)).ok());
    let mut values =
        fields.into_iter().flatten().flatten().flat_map(|field| field.values.into_iter().flatten());
    values.any(|value| value.name == "Go cmd/compile")
}

fn is_getenv(module: &Module<'_>, index: u32) -> bool {
    index >= module.imported.functions
        && module
            .signature(index)
            .is_some_and(|ty| ty.params() == [ValType::I32] && ty.results() == [ValType::I32])
}
