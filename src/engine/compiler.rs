//! The compilers of the engine.

/// Which compiler ran the module. No example: reports have its name, [`Report::compiler`](crate::Report).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiler {
    /// Wasmtime's single-pass baseline compiler.
    Winch,
    /// Cranelift without optimization.
    Cranelift,
    /// Cranelift with optimization, for an init that runs long.
    OptimizingCranelift,
    /// Wasmtime's interpreter; only the verifier uses it.
    Pulley,
}

impl Compiler {
    pub(super) fn is_cranelift(self) -> bool {
        matches!(self, Compiler::Cranelift | Compiler::OptimizingCranelift)
    }

    /// For reports.
    pub fn name(self) -> &'static str {
        match self {
            Compiler::Winch => "winch",
            Compiler::Cranelift => "cranelift",
            Compiler::OptimizingCranelift => "cranelift, optimizing",
            Compiler::Pulley => "pulley",
        }
    }
}
