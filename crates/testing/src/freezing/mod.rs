//! Programs that are frozen at their host calls: generators of them, and the property.

pub mod bytes;
pub mod checkpoint;
pub mod generator;
mod graph;
pub mod machine;
pub mod property;
pub mod smith;
