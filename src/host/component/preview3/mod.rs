//! What WASI 0.3 has and 0.2 has not: streams and futures of the component model, and functions that wait. What passes through a
//! stream stands in the ledger as calls named after those by which the guest reads and writes it: `[stream-read]read-via-stream`.

mod functions;
#[cfg(feature = "component-calls")]
mod link;
#[cfg(feature = "component-calls")]
mod passing;
#[cfg(feature = "component-calls")]
mod streams;
#[cfg(feature = "component-calls")]
mod timers;
#[cfg(feature = "component-calls")]
mod transfer;
#[cfg(feature = "component-calls")]
mod types;
mod words;

pub(super) use functions::{
    append_via_stream, read_directory, read_via_stream, stderr, stdin, stdout, wait_for, wait_until,
    write_via_stream,
};
#[cfg(feature = "component-calls")]
pub(super) use link::define;
#[cfg(feature = "component-calls")]
pub use timers::Timers;
#[cfg(feature = "component-calls")]
pub(super) use transfer::EndedStreams;
pub(super) use words::in_its_words;
