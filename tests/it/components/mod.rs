//! Components.

mod audit;
mod cleaning;
mod freezing;
mod generated;
pub mod golden;
mod graph;
mod host;
#[cfg(feature = "component-calls")]
mod official;
mod real;
pub mod running;
mod tree;
mod verify;
