//! Components.

pub mod golden;
mod real;
mod running;
mod tree;
