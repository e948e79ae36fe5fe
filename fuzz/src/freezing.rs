//! The property of programs that are frozen in the middle.
#![allow(dead_code, unused_imports, reason = "the modules hold tests too")]

use crate::harness;

#[path = "../../tests/freezing/bytes.rs"]
pub mod bytes;
#[path = "../../tests/freezing/checkpoint.rs"]
mod checkpoint;
#[path = "../../tests/freezing/generator.rs"]
mod generator;
#[path = "../../tests/freezing/graph.rs"]
mod graph;
#[path = "../../tests/freezing/machine.rs"]
mod machine;
#[path = "../../tests/property/operations.rs"]
mod operations;
#[path = "../../tests/freezing/property.rs"]
mod property;
#[path = "../../tests/freezing/smith.rs"]
mod smith;
