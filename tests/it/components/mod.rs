//! Components.

mod audit;
mod generated;
pub mod golden;
mod graph;
mod host;
mod real;
mod running;
mod tree;
mod verify;
