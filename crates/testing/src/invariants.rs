//! What holds of every output, whatever the module.

use super::features;
use wasmparser::{BinaryReader, KnownCustom, Parser, Payload};

/// Panics unless `output` kept what preinit never changes in `input`.
/// `is_stripped`: bodies may be stubs, and custom sections about code are the case's concern.
pub fn check(input: &[u8], output: &[u8], has_start: bool, is_stripped: bool) {
    let (mut input, output) = (Parts::of(input), Parts::of(output));
    let bodies = &output.bodies[..input.bodies.len().min(output.bodies.len())];
    let is_kept =
        |(before, after): (&&[u8], &&[u8])| before == after || is_stripped && **after == [0, 0, 0x0b];
    assert!(input.bodies.len() == bodies.len(), "functions are missing");
    assert!(input.bodies.iter().zip(bodies).all(is_kept), "function bodies differ");
    let added = output.bodies.len() - input.bodies.len();
    assert_eq!(added > 0, has_start, "added functions: a start function, and what it calls");
    assert_eq!(output.start, has_start, "a start section");
    // The count of functions is a LEB: where it gets a byte longer, the addresses in DWARF are wrong.
    let widths = [input.bodies.len(), output.bodies.len()]
        .map(|count| (usize::BITS - count.leading_zeros()).div_ceil(7));
    if widths[0].max(1) != widths[1].max(1) {
        input.customs.retain(|(name, _)| !name.starts_with(".debug_"));
    }
    if !is_stripped {
        assert_eq!(input.customs, output.customs, "custom sections");
    }
}

/// Proposals that the output needs and the input did not.
pub fn new_features(input: &[u8], output: &[u8]) -> Vec<&'static str> {
    let before = features::needed(input);
    features::needed(output).into_iter().filter(|feature| !before.contains(feature)).collect()
}

#[derive(Default)]
struct Parts<'a> {
    bodies: Vec<&'a [u8]>,
    /// Except for those that preinit rewrites.
    customs: Vec<(&'a str, &'a [u8])>,
    start: bool,
}

impl<'a> Parts<'a> {
    fn of(wasm: &'a [u8]) -> Parts<'a> {
        let mut parts = Parts::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.unwrap() {
                Payload::CodeSectionEntry(body) => parts.bodies.push(body.as_bytes()),
                Payload::StartSection { .. } => parts.start = true,
                Payload::CustomSection(section) if !matches!(section.name(), "name" | "producers") => {
                    parts.customs.push((section.name(), section.data()));
                }
                _ => {}
            }
        }
        parts
    }
}

/// The names of functions, globals and so on, and the producers, as `kind index name` lines, to be read by people.
pub fn names(wasm: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let Payload::CustomSection(section) = payload.unwrap() else { continue };
        match section.as_known() {
            KnownCustom::Producers(fields) => {
                for field in fields {
                    let field = field.unwrap();
                    for value in field.values {
                        let value = value.unwrap();
                        let own = value.name == "preinit";
                        let version = if own { "VERSION" } else { value.version };
                        lines.push(format!("producers: {} {} {version}", field.name, value.name));
                    }
                }
            }
            KnownCustom::Unknown => {
                let reader = BinaryReader::new(section.data(), 0);
                lines.push(format!("custom section: {}, {} bytes", section.name(), reader.bytes_remaining()));
            }
            _ => lines.push(format!("custom section: {}", section.name())),
        }
    }
    lines
}
