//! What is fuzzed: functions of bytes that are part of the test suite, where they run on a few inputs each.

pub mod freezing;
#[path = "../../tests/harness/mod.rs"]
pub mod harness;
pub mod inputs;
pub mod property;
