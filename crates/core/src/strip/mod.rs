//! Takes out the code that only init could reach: a function that an output can never call becomes a stub that traps.
//!
//! It works on finished outputs, whoever made them: what an output exports, starts, keeps in its tables, globals and
//! segments is all that can bring a function to life. Indices, types and function names stay.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

mod custom_sections;
mod reach;

pub use reach::reachable;

use crate::encode::EncodeError;
use crate::module::{Module, ModuleError, Replacements, SectionId, section_of};
use serde::Serialize;
use std::collections::BTreeSet;
use wasm_encoder::Encode;

/// What a stub's body is, as an entry of the code section without its size: no locals, `unreachable`, `end`.
pub const STUB: [u8; 3] = [0x00, 0x00, 0x0b];

/// A module without the code that nothing can reach.
#[derive(Debug, Clone)]
pub struct Stripped {
    /// The new binary.
    pub wasm: Vec<u8>,
    /// What was taken out.
    pub report: StripReport,
}

/// What was taken out of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StripReport {
    /// Functions that became stubs.
    pub functions: usize,
    /// All functions that the module defines.
    pub functions_before: usize,
    /// Bytes of code that are gone.
    pub code_bytes: u64,
    /// Custom sections that described the code's old places and are gone too.
    pub dropped_sections: Vec<String>,
}

/// Replaces the bodies of all functions of `wasm` that can never run. A module where there is nothing to take out comes
/// back as it is.
///
/// # Errors
/// [`EncodeError::Invalid`] if the result does not validate, which would be a mistake of this crate.
pub fn strip(wasm: Vec<u8>) -> Result<Stripped, EncodeError> {
    let module = Module::parse(&wasm).map_err(EncodeError::Invalid)?;
    strip_unreachable(&module, &reachable(&module), |stripped| Module::parse(stripped).map(drop))
}

/// The same for a core module of a component, in which nobody calls the functions that are exported as `unused`. The exports
/// stay.
///
/// # Errors
/// Same as [`strip`].
pub fn strip_part(wasm: &[u8], unused: &BTreeSet<&str>) -> Result<Stripped, EncodeError> {
    let module = Module::parse_part(wasm).map_err(EncodeError::Invalid)?;
    let reachable = reach::reachable_without(&module, unused);
    strip_unreachable(&module, &reachable, |stripped| Module::parse_part(stripped).map(drop))
}

fn strip_unreachable(
    module: &Module<'_>,
    reachable: &[bool],
    check: fn(&[u8]) -> Result<(), ModuleError>,
) -> Result<Stripped, EncodeError> {
    let bodies = module.bodies();
    let mut stubs = BTreeSet::new();
    let mut entries =
        Vec::with_capacity(module.section(SectionId::CODE).map_or(0, |code| code.contents.len()));
    let mut code_bytes = 0;
    for (function, body) in (module.imported.functions..).zip(&bodies) {
        let bytes = body.as_bytes();
        if reachable[function as usize] || bytes.len() <= STUB.len() {
            bytes.encode(&mut entries);
        } else {
            stubs.insert(function);
            code_bytes += (bytes.len() - STUB.len()) as u64;
            STUB.as_slice().encode(&mut entries);
        }
    }
    let mut report = StripReport {
        functions: stubs.len(),
        functions_before: bodies.len(),
        code_bytes,
        ..StripReport::default()
    };
    if stubs.is_empty() {
        return Ok(Stripped { wasm: module.bytes.to_vec(), report });
    }
    let mut sections = Replacements::default();
    sections.set(SectionId::CODE, section_of(bodies.len() as u32, &entries));
    report.dropped_sections = custom_sections::adjust(module, &stubs, &mut sections);
    let stripped = sections.apply(&module.sections);
    check(&stripped).map_err(EncodeError::Invalid)?;
    Ok(Stripped { wasm: stripped, report })
}
