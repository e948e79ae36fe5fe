//! The properties, as functions of bytes that panic where one does not hold.
#![allow(dead_code, unused_imports, reason = "the modules hold tests too")]

#[path = "../../tests/property/generated.rs"]
pub mod generated;
#[path = "../../tests/property/hostile.rs"]
pub mod hostile;
#[path = "../../tests/property/operations.rs"]
mod operations;
#[path = "../../tests/property/segments.rs"]
pub mod segments;
