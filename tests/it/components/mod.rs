//! Components.

mod audit;
mod freezing;
mod generated;
pub mod golden;
mod graph;
mod host;
mod real;
pub mod running;
mod tree;
mod verify;
