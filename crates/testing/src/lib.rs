//! What the tests and the fuzz targets share: a harness, cases written as `.wat` files, two engines that know nothing of
//! preinit, what must hold of every output, generators, and properties as functions of bytes.

pub mod added_functions;
pub mod case;
pub mod command_component;
pub mod cranelift;
pub mod dwarf;
pub mod features;
pub mod freezing;
pub mod guest;
pub mod harness;
pub mod interpreter;
pub mod invariants;
pub mod machine;
mod need;
pub mod oracle;
pub mod property;
pub mod random;

pub use harness::{Test, note};
pub use inventory;
pub use libtest_mimic::Trial;
pub use need::{Need, chromium, go_program, input, inputs, python_library};
pub use preinit_testing_macros::test;

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn repository() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap_or(root)
}

/// A module of `test-programs`, in binary form.
pub fn test_program(file: &str) -> Vec<u8> {
    let path = repository().join("test-programs").join(file);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    preinit::wat_to_wasm(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into_owned()
}

/// The numbers that the variable `PREINIT_SEEDS` names, as in `100..200`, or else these.
pub fn seeds(usual: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let Ok(range) = std::env::var("PREINIT_SEEDS") else { return usual };
    let parsed = range.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    parsed.unwrap_or_else(|| panic!("PREINIT_SEEDS={range} is no FROM..TO"))
}
