//! The call stack of a stopped program as code: for each function in progress, one that sets its locals and operands to
//! what they were, calls the same for the function that it called, and continues with the rest of its body.
//!
//! What the engine shows of the stack comes in as a [`Stack`]; [`extend`] gives a module that resumes.

mod body;
mod error;
mod extend;
mod family;
mod refusal;
mod relabel;
mod resume;
mod roots;
mod stack;
mod types;

pub use body::{Bodies, Body, CallPoint, Construct, Level};
pub use error::ResumeError;
pub use extend::{Resumption, StoppedProgram, extend};
pub use family::Family;
pub use refusal::can_be_written;
pub use resume::MAX_BODY;
pub use roots::Roots;
pub use stack::{Frame, Site, Stack, describe};
pub use types::Types;
