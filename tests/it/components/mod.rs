//! Components.

mod generated;
pub mod golden;
mod graph;
mod real;
mod running;
mod tree;
