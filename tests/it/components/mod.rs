//! Components.

mod audit;
mod cleaning;
mod freezing;
mod generated;
pub mod golden;
mod graph;
mod host;
#[cfg(feature = "component-calls")]
mod real;
pub mod running;
mod scripts;
mod tree;
mod verify;
