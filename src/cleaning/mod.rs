//! What may be taken out of the state before it is written: stale stack contents, and what libc has cached of the host.

mod libc_reset;
mod libc_variables;
mod stack;

pub(crate) use libc_reset::ResetHooks;
pub(crate) use libc_variables::PutBack;
pub use stack::StackKept;
pub(crate) use stack::zero_stack;
