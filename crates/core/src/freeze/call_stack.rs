//! A call stack as plain data: what the capture of frames makes and the resume code is made from.

use crate::module::{Module, Space};
use crate::snapshot::Value;

/// A program that was stopped just before a call, frames from the innermost outwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallStack<V = Value> {
    /// The function that is about to be called, by function index.
    pub callee: u32,
    /// What it is called with.
    pub arguments: Vec<V>,
    /// The calls in progress.
    pub frames: Vec<Frame<V>>,
}

/// A call site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallSite {
    /// Function index.
    pub function: u32,
    /// Where the call instruction is, in bytes from the start of the function's body (its declaration of locals).
    pub offset: u32,
}

/// One activation of a function that is in the middle of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<V = Value> {
    /// The call.
    pub site: CallSite,
    /// The locals, parameters first; `None` for one that cannot be read because it was never set.
    pub locals: Vec<Option<V>>,
    /// The operands below those that the call takes, from the bottom.
    pub operands: Vec<V>,
}

impl<V> CallStack<V> {
    /// The same with other values.
    pub fn map<W, E>(self, mut map: impl FnMut(V) -> Result<W, E>) -> Result<CallStack<W>, E> {
        let arguments = self.arguments.into_iter().map(&mut map).collect::<Result<_, E>>()?;
        let mut frames = Vec::with_capacity(self.frames.len());
        for frame in self.frames {
            let locals = frame.locals.into_iter().map(|local| local.map(&mut map).transpose());
            let locals = locals.collect::<Result<_, E>>()?;
            let operands = frame.operands.into_iter().map(&mut map).collect::<Result<_, E>>()?;
            frames.push(Frame { site: frame.site, locals, operands });
        }
        Ok(CallStack { callee: self.callee, arguments, frames })
    }
}

impl CallStack {
    /// `argument 0 of function 3 ($f)`
    pub fn argument(&self, module: &Module<'_>, index: usize) -> String {
        format!("argument {index} of {}", describe(module, self.callee))
    }

    /// `frame 1, function 3 ($f), local 2`
    pub fn local(&self, module: &Module<'_>, depth: usize, index: usize) -> String {
        format!("frame {depth}, {}, local {index}", describe(module, self.frames[depth].site.function))
    }

    /// `frame 1, function 3 ($f), operand 0`, counted from the bottom.
    pub fn operand(&self, module: &Module<'_>, depth: usize, index: usize) -> String {
        format!("frame {depth}, {}, operand {index}", describe(module, self.frames[depth].site.function))
    }
}

/// A function, for messages.
pub fn describe(module: &Module<'_>, function: u32) -> String {
    module.names().describe(Space::Function, function)
}
