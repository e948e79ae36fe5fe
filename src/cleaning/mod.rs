//! What may be taken out of the state before it is written: stale stack contents, free memory, and what libc has cached of the host.

mod before_capture;
mod libc_reset;
mod libc_variables;
mod scrub;
mod scrub_guest;
mod stack;

pub(crate) use before_capture::BeforeCapture;
pub(crate) use libc_reset::ResetHooks;
pub(crate) use libc_variables::PutBack;
pub(crate) use scrub::scrub;
pub use scrub::{NotScrubbed, ScrubReport};
pub use stack::StackKept;
pub(crate) use stack::zero_stack;
