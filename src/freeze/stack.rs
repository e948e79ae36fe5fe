//! A call stack as plain data: what the capture of frames makes and the resume code is made from.

use crate::snapshot::Value;

/// A program that was stopped just before a call, frames from the innermost outwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The function that is about to be called, by function index.
    pub callee: u32,
    /// What it is called with.
    pub arguments: Vec<Value>,
    /// The calls in progress.
    pub frames: Vec<Frame>,
}

/// A call site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    /// Function index.
    pub function: u32,
    /// Where the call instruction is, in bytes from the start of the function's body (its declaration of locals).
    pub offset: u32,
}

/// One activation of a function that is in the middle of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The call.
    pub site: Site,
    /// The locals, parameters first; `None` for one that cannot be read because it was never set.
    pub locals: Vec<Option<Value>>,
    /// The operands below those that the call takes, from the bottom.
    pub operands: Vec<Value>,
}
