use super::SectionEntries;
use wasm_encoder::{Encode, ExportKind};
use wasmparser::ExternalKind;

/// The contents of an export section.
pub fn export_section<'e>(exports: impl IntoIterator<Item = (&'e str, ExternalKind, u32)>) -> Vec<u8> {
    let mut entries = SectionEntries::default();
    for (name, kind, index) in exports {
        entries.add(|out| {
            name.encode(out);
            export_kind(kind).encode(out);
            index.encode(out);
        });
    }
    entries.contents()
}

/// Exports have no exact types; only imports do (custom descriptors proposal).
fn export_kind(kind: ExternalKind) -> ExportKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        ExternalKind::Tag => ExportKind::Tag,
    }
}

/// Whether an export is a function.
pub fn is_function(kind: ExternalKind) -> bool {
    matches!(kind, ExternalKind::Func | ExternalKind::FuncExact)
}

#[cfg(test)]
mod tests {
    use super::export_section;
    use wasmparser::{BinaryReader, ExportSectionReader, ExternalKind};

    #[test]
    fn every_kind_is_read_back_as_it_was_written() {
        use ExternalKind::{Func, Global, Memory, Table, Tag};
        let exports: Vec<_> =
            (0u32..).zip([Func, Table, Memory, Global, Tag]).map(|(at, kind)| ("x", kind, at)).collect();
        let contents = export_section(exports.iter().copied());
        let reader = ExportSectionReader::new(BinaryReader::new(&contents, 0)).unwrap();
        let read = reader.into_iter().map(|export| export.unwrap());
        assert_eq!(read.map(|export| (export.name, export.kind, export.index)).collect::<Vec<_>>(), exports);
    }
}
