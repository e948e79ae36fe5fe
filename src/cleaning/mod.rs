//! What may be taken out of the state before it is written: stale stack contents, free memory, and what libc has cached of the host.

mod before_capture;
mod libc_reset;
mod libc_variables;
mod not_scrubbed;
mod scrub;
mod scrub_guest;
mod scrub_rounds;
mod stack;

pub(crate) use before_capture::BeforeCapture;
pub(crate) use libc_reset::ResetHooks;
pub(crate) use libc_variables::PutBack;
pub use not_scrubbed::NotScrubbed;
pub use scrub::ScrubReport;
pub(crate) use scrub::{check_others, scrub};
pub use stack::StackKept;
pub(crate) use stack::{zero_stack, zero_stacks};
