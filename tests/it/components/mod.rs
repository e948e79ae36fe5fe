//! Components.

mod audit;
pub mod golden;
mod host;
mod real;
mod running;
mod tree;
mod verify;
