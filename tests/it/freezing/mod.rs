//! Programs frozen in the middle: at every host call, the rest goes on as if nothing had happened.

mod cases;
mod errors;
mod generated;
mod objects;
pub mod start_descriptors;
mod suite;
mod texts;
mod verify;
