use std::fmt;

/// Kinds of binary that are recognized so that they can be turned away with advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsupportedKind {
    /// A component (component model binary).
    Component,
    /// An object file for the linker: it has a `linking` or `reloc.*` section.
    Relocatable,
    /// A dynamic library: it has a `dylink.0` section.
    DynamicLibrary,
    /// A dynamic library that lives in another module's memory, where another engine runs it.
    SideModule,
    /// A module with machine code that its host runs instead of its functions.
    MachineCode,
    /// Code with `try` and `catch` as they were before they became `try_table`.
    LegacyExceptions,
}

impl UnsupportedKind {
    /// The kind that a custom section's presence gives away.
    pub(super) fn of_custom_section(name: &str) -> Option<UnsupportedKind> {
        match name {
            "dylink" | "dylink.0" => Some(UnsupportedKind::DynamicLibrary),
            "linking" => Some(UnsupportedKind::Relocatable),
            // WasmEdge, "Universal Wasm"; Envoy's proxy-wasm hosts, one section for each engine.
            "wasmedge" | "wamr-aot" => Some(UnsupportedKind::MachineCode),
            name if name.starts_with("precompiled_") => Some(UnsupportedKind::MachineCode),
            name if name.starts_with("reloc.") => Some(UnsupportedKind::Relocatable),
            _ => None,
        }
    }
}

impl fmt::Display for UnsupportedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnsupportedKind::Component => {
                "the input is a component, and this works on core modules only"
            }
            UnsupportedKind::Relocatable => {
                "the input is a relocatable object (it has a `linking` or `reloc.*` section): \
                 link it first (`wasm-ld`) and pre-initialize the linked module"
            }
            UnsupportedKind::DynamicLibrary => {
                "the input is a dynamic library (it has a `dylink.0` section), whose memory belongs to its loader: \
                 link it statically, or link it with its host module and pre-initialize the result"
            }
            UnsupportedKind::SideModule => {
                "the input is a side module (it has a `dylink.0` section and no memory of its own): its state is part of its \
                 main module's"
            }
            UnsupportedKind::MachineCode => {
                "the module carries machine code that its host runs instead of its functions (in a `wasmedge`, `wamr-aot` or \
                 `precompiled_*` section), and that a snapshot cannot change: pre-initialize the module before it is compiled"
            }
            UnsupportedKind::LegacyExceptions => {
                "the module uses the withdrawn form of exception handling (`try`, `catch`): \
                 translate it first (`wasm-opt --translate-to-exnref`) and pre-initialize the result"
            }
        })
    }
}
