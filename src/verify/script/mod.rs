//! Scripts: calls in text form, one per line.
//!
//! ```text
//! # a comment
//! add(1, -2) => -1
//! scale(1.5, nan:0x200000, -inf)     # floats; a NaN with its payload
//! query("text")                      # written into memory; passed as an address, or as an address and a length
//! fill(null, func(3), i31(5))        # references
//! "odd name"(0xffffffff) => trap     # or `exit 3`, `()`, `(1, 2)`
//! ```

mod display;
mod parse;

use crate::literal::Literal;
use parse::Parser;

/// Calls, in order, on one instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script {
    /// The calls.
    pub steps: Vec<Step>,
}

/// A call of an export.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The export, as the snapshot names it.
    pub export: String,
    /// The arguments.
    pub arguments: Vec<Literal>,
    /// The outcome that both sides must have.
    pub expected: Option<Expected>,
}

/// An outcome that a script expects.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// These results.
    Results(Vec<Literal>),
    /// A trap of any kind.
    Trap,
    /// `proc_exit` with this code.
    Exit(u32),
}

/// A script that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}: `{text}`")]
pub struct ScriptError {
    /// The line number, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// The text of the line.
    pub text: String,
}

impl Script {
    /// Parses the text form.
    ///
    /// # Errors
    /// [`ScriptError`] at the first line that is not a call.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        let mut steps = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let failed = |message: &str| ScriptError {
                line: index + 1,
                message: message.to_string(),
                text: line.trim().to_string(),
            };
            steps.extend(Parser::new(line).line().map_err(failed)?);
        }
        Ok(Script { steps })
    }
}
