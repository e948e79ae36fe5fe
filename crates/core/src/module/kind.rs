use std::fmt;

/// Kinds of binary that are recognized so that they can be turned away with advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A component (component model binary).
    Component,
    /// An object file for the linker: it has a `linking` or `reloc.*` section.
    Relocatable,
    /// A dynamic library: it has a `dylink.0` section.
    DynamicLibrary,
    /// Code with `try` and `catch` as they were before they became `try_table`.
    LegacyExceptions,
}

impl Kind {
    /// The kind that a custom section's presence gives away.
    pub(super) fn of_custom_section(name: &str) -> Option<Kind> {
        match name {
            "dylink" | "dylink.0" => Some(Kind::DynamicLibrary),
            "linking" => Some(Kind::Relocatable),
            name if name.starts_with("reloc.") => Some(Kind::Relocatable),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Component => {
                "the input is a component, not a core module: \
                 pre-initialize its core module before it is wrapped (`wasm-tools component new`)"
            }
            Kind::Relocatable => {
                "the input is a relocatable object (it has a `linking` or `reloc.*` section): \
                 link it first (`wasm-ld`) and pre-initialize the linked module"
            }
            Kind::DynamicLibrary => {
                "the input is a dynamic library (it has a `dylink.0` section), whose memory belongs to its loader: \
                 link it statically, or link it with its host module and pre-initialize the result"
            }
            Kind::LegacyExceptions => {
                "the module uses the withdrawn form of exception handling (`try`, `catch`): \
                 translate it first (`wasm-opt --translate-to-exnref`) and pre-initialize the result"
            }
        })
    }
}
