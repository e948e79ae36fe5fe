use crate::module::Module;
use wasm_encoder::{Encode, ProducersField, ProducersSection};
use wasmparser::{BinaryReader, ProducersSectionReader};

const PROCESSED_BY: &str = "processed-by";

/// The payload of the producers section with `processed-by preinit` (tool conventions, `ProducersSection.md`); `None`
/// leaves a malformed section alone. A snapshot of a snapshot is marked once.
pub(super) fn add_preinit(module: &Module<'_>) -> Option<Vec<u8>> {
    let payload = module.custom_section("producers");
    let mut section = ProducersSection::new();
    let mut marked = false;
    if let Some(payload) = payload {
        for field in ProducersSectionReader::new(BinaryReader::new(payload, 0)).ok()? {
            let field = field.ok()?;
            let mut values = ProducersField::new();
            for value in field.values {
                let value = value.ok()?;
                if field.name != PROCESSED_BY || value.name != "preinit" {
                    values.value(value.name, value.version);
                }
            }
            if field.name == PROCESSED_BY {
                mark(&mut values);
                marked = true;
            }
            section.field(field.name, &values);
        }
    }
    if !marked {
        let mut values = ProducersField::new();
        mark(&mut values);
        section.field(PROCESSED_BY, &values);
    }
    let mut sized = Vec::new();
    section.encode(&mut sized);
    payload_of(&sized)
}

fn mark(values: &mut ProducersField) {
    values.value("preinit", env!("CARGO_PKG_VERSION"));
}

/// The encoder writes a custom section whole: size, name, payload.
fn payload_of(section: &[u8]) -> Option<Vec<u8>> {
    let mut reader = BinaryReader::new(section, 0);
    reader.read_var_u32().ok()?;
    reader.read_string().ok()?;
    Some(section[reader.original_position()..].to_vec())
}
