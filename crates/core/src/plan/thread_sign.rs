use crate::module::{ImportName, InitFlag, Module, is_function};
use crate::printable::Name;
use std::fmt;
use wasmparser::TypeRef;

/// What shows that a module is instantiated once for each thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ThreadSign {
    /// It imports the function that starts a thread.
    Spawns(ImportName),
    /// It exports what a thread calls.
    Entry(Name),
    /// Its start function lets only the first instance write the memory.
    InitFlag,
}

/// Imports that start threads: of WASI, and of Emscripten, whose names go where it minifies.
const SPAWNS: &[(&str, &str)] = &[("wasi", "thread-spawn"), ("env", "__pthread_create_js")];

/// What threads call: of WASI, Emscripten, emnapi and wasm-bindgen.
const ENTRIES: &[&str] = &[
    "wasi_thread_start",
    "_emscripten_thread_init",
    "__emscripten_thread_init",
    "_emscripten_tls_init",
    "emscripten_tls_init",
    "emnapi_async_worker_init",
    "__wbindgen_thread_destroy",
];

impl ThreadSign {
    /// The first sign; `None` if there is none.
    pub fn of(module: &Module<'_>) -> Option<ThreadSign> {
        let spawns = module.imports.iter().find(|import| {
            matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_))
                && SPAWNS.contains(&(import.module, import.name))
        });
        if let Some(import) = spawns {
            return Some(ThreadSign::Spawns(ImportName::new(import.module, import.name)));
        }
        let mut exports = module.exports.iter();
        if let Some(entry) = exports.find(|export| is_function(export.kind) && ENTRIES.contains(&export.name))
        {
            return Some(ThreadSign::Entry(entry.name.into()));
        }
        InitFlag::of(module).map(|_| ThreadSign::InitFlag)
    }
}

impl fmt::Display for ThreadSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ThreadSign::Spawns(import) => write!(f, "the module starts threads by `{import}`"),
            ThreadSign::Entry(export) => write!(f, "threads call its export `{export}`"),
            ThreadSign::InitFlag => f.write_str("its start function lets only the first instance write it"),
        }
    }
}
