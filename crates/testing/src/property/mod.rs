//! Properties, as functions of bytes that panic where one does not hold.

pub mod components;
pub mod generated;
pub mod hostile;
pub mod interposition;
pub mod operations;
pub mod segments;
