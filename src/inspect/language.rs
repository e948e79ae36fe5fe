//! Who made a module.

use memchr::memmem;
use preinit_core::module::{Module, Space};
use wasmparser::{BinaryReader, ProducersSectionReader};

/// What the section `producers` says.
pub(super) fn producers(module: &Module<'_>) -> Vec<String> {
    let Some(payload) = module.custom_section("producers") else { return Vec::new() };
    let Ok(fields) = ProducersSectionReader::new(BinaryReader::new(payload, 0)) else { return Vec::new() };
    let values = fields.into_iter().flatten().flat_map(|field| field.values.into_iter().flatten());
    let said = values.map(|value| format!("{} {}", value.name, value.version).trim_end().to_string());
    said.collect()
}

/// Whether preinit or Wizer has made it.
pub(crate) fn is_snapshot(module: &Module<'_>) -> bool {
    producers(module).iter().any(|producer| producer.starts_with("preinit"))
}

/// Runtimes and languages, by what is in their data or among their names.
const SIGNS: [(&str, &[u8]); 9] = [
    ("CPython", b"PYTHONHOME"),
    ("MicroPython", b"MicroPython v"),
    ("Ruby", b"RUBYLIB"),
    ("Perl", b"PERL5LIB"),
    ("PHP", b"PHP_INI_SCAN_DIR"),
    ("Go", b"go:buildid"),
    ("QuickJS", b"QuickJS"),
    ("Lua", b"LUA_PATH"),
    ("SQLite", b"SQLite format 3"),
];

/// What made it, as far as it shows.
pub(super) fn of(module: &Module<'_>) -> Option<&'static str> {
    let is_in_data = |sign: &[u8]| module.data.iter().any(|data| memmem::find(data.bytes, sign).is_some());
    if let Some((name, _)) = SIGNS.iter().find(|(_, sign)| is_in_data(sign)) {
        return Some(name);
    }
    let modules = |name: &str| module.imports.iter().any(|import| import.module == name);
    let names = module.names();
    let has_name = |wanted: &str| {
        (0..module.functions.len() as u32)
            .any(|function| names.get(Space::Function, function).is_some_and(|name| name.contains(wanted)))
    };
    let said = producers(module).join(" ");
    if modules("gojs") || has_name("runtime.mallocgc") {
        Some("Go")
    } else if said.contains("rustc") {
        Some("Rust")
    } else if said.contains("AssemblyScript") || has_name("~lib/rt/") {
        Some("AssemblyScript")
    } else if said.contains("Swift") || has_name("$s") && has_name("swift_") {
        Some("Swift")
    } else if has_name("kotlin.") {
        Some("Kotlin")
    } else if said.contains("clang") {
        Some("C or C++")
    } else {
        None
    }
}
