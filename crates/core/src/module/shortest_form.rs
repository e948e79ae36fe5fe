//! A form in which modules that mean the same byte for byte, but for how long their numbers are written, are equal.

use std::convert::Infallible;
use wasm_encoder::reencode::{self, Reencode};
use wasmparser::{CustomSectionReader, Parser};

/// A valid module without its custom sections, and with every number in its shortest form (spec, 5.2.2: there are longer ones). No
/// example: internal to the product.
pub fn shortest_form(wasm: &[u8]) -> Vec<u8> {
    let mut module = wasm_encoder::Module::new();
    match WithoutCustomSections.parse_core_module(&mut module, Parser::new(0), wasm) {
        Ok(()) => module.finish(),
        // Of a proposal that cannot be written.
        Err(_) => wasm.to_vec(),
    }
}

struct WithoutCustomSections;

impl Reencode for WithoutCustomSections {
    type Error = Infallible;

    fn parse_custom_section(
        &mut self,
        _: &mut wasm_encoder::Module,
        _: CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::shortest_form;

    #[test]
    fn numbers_may_be_longer() {
        // `(func i32.const 5 drop)`: lengths, indices and the constant.
        let short = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x07\x01\x05\0\x41\x05\x1a\x0b";
        let long = b"\0asm\x01\0\0\0\0\x02\x01a\x01\x84\0\x01\x60\0\0\x03\x83\0\x01\x80\0\
            \x0a\x8a\0\x01\x87\0\x80\0\x41\x85\0\x1a\x0b";
        for wasm in [&short[..], long] {
            wasmparser::validate(wasm).unwrap();
            assert_eq!(shortest_form(wasm), short);
        }
    }
}
