//! Numbered inputs for the properties of `preinit-testing`, which fuzzers give bytes of their own.

pub mod inputs;
