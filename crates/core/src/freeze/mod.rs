//! The call stack of a stopped program as code: for each function in progress, one that sets its locals and operands to
//! what they were, calls the same for the function that it called, and continues with the rest of its body.
//!
//! What the engine shows of the stack comes in as a [`CallStack`]; [`extend`] gives a module that resumes.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

mod call_stack;
mod call_stop;
mod calls_in_progress;
mod code_map;
mod entry_hook;
mod error;
mod extend;
mod frame_record;
mod function_code;
mod function_types;
mod instrument;
mod relabel;
mod resume;
mod roots;
mod unwritable_values;

pub use call_stack::{CallSite, CallStack, Frame, describe};
pub use call_stop::{CallStop, Condition, StopHook, StoppingModule};
pub use calls_in_progress::CallsInProgress;
pub use code_map::CodeMap;
pub use entry_hook::{EntryHook, HookedModule};
pub use error::ResumeError;
pub use extend::{Resumption, StoppedProgram, extend};
pub use frame_record::{RecordLayout, RecordSpace};
pub use function_code::{CallPoint, Construct, FunctionCode, FunctionCodes, OpenConstruct};
pub use instrument::Instrumented;
pub use unwritable_values::can_be_written;
