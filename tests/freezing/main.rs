//! Programs frozen in the middle (`--at`): at every host call, the rest goes on as if nothing had happened.

mod bytes;
mod cases;
mod checkpoint;
mod errors;
mod generator;
mod graph;
mod machine;
mod objects;
mod property;
mod smith;
mod suite;
mod verify;

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../property/operations.rs"]
#[allow(dead_code)]
mod operations;
