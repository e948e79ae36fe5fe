use super::targets::Targets;
use crate::module::Module;

/// For a global, a function and the like. An engine has 16 to 40 bytes of one; a snapshot is made of others.
const ENTRY: u64 = 64;

/// For an item of a passive element segment: an engine has a reference of it.
const ITEM: u64 = 16;

/// For a memory or a table, apart from what is in it.
const SPACE: u64 = 1024;

/// For an instance of the smallest module.
const INSTANCE: u64 = 1024;

/// About as many bytes as an engine has for each instance of a probed module, besides its memories and the slots of its tables.
pub(super) fn of(module: &Module<'_>, targets: &Targets) -> u64 {
    let entries = module.globals.len()
        + module.tags.len()
        + module.imported.functions as usize
        + targets.functions.len()
        + module.elements.len()
        + module.data.len();
    let passive = module.elements.iter().filter(|segment| segment.is_passive());
    let items: u64 = passive.map(|segment| u64::from(segment.len())).sum();
    let spaces = module.memories.len() + module.tables.len();
    INSTANCE + entries as u64 * ENTRY + items * ITEM + spaces as u64 * SPACE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{ProbeOptions, Probed};

    fn bytes(fields: &str) -> u64 {
        let wasm = wat::parse_str(format!("(module {fields})")).unwrap();
        let module = Module::parse(&wasm).unwrap();
        Probed::with(&module, &ProbeOptions::default()).unwrap().instance_bytes
    }

    #[test]
    fn whatever_each_instance_has_counts() {
        let empty = bytes("");
        let functions = "(func $f)".to_string() + &"(func)".repeat(99);
        for (fields, more) in [
            ("(global i64 (i64.const 1))".repeat(100), 100 * ENTRY),
            ("(import \"a\" \"g\" (global i32))".repeat(100), 100 * ENTRY),
            ("(import \"a\" \"f\" (func))".repeat(100), 100 * ENTRY),
            ("(tag)".repeat(100), 100 * ENTRY),
            ("(func (export \"f\"))".to_string(), ENTRY),
            // Nobody can have a reference to one of them.
            (functions.clone(), 0),
            (format!("{functions}(elem func {})", "$f ".repeat(1000)), 2 * ENTRY + 1000 * ITEM),
            (format!("{functions}(elem declare func {})", "$f ".repeat(1000)), 2 * ENTRY),
            ("(memory 0) (data \"\")".to_string() + &"(data \"\")".repeat(99), 100 * ENTRY + SPACE),
            ("(table 0 funcref)".repeat(9), 9 * SPACE),
        ] {
            assert_eq!(bytes(&fields), empty + more, "{}", &fields[..fields.len().min(60)]);
        }
    }
}
