//! What an engine has for each instance counts, and so does what a component has for each of those in it: it may have thousands of
//! instances.

use super::memory::{MIB, OWN, measured};
use crate::{Place, code, done, failed, stderr};

const OVER: &str = "what its instances have besides memories and tables would take ";

/// A component with 2 to the power of `depth` instances of one that has `fields`.
fn instances(depth: u32, fields: &str) -> String {
    let mut component = format!("(component {fields})");
    for _ in 0..depth {
        component = format!("(component {component} (instance (instantiate 0)) (instance (instantiate 0)))");
    }
    format!(
        r#"(component {component} (instance (instantiate 0))
            (core module $m (func (export "f"))) (core instance $i (instantiate $m))
            (func (export "preinit") (canon lift (core func $i "f"))))"#
    )
}

/// One instance of a module.
fn of_module(fields: &str) -> String {
    format!("(core module (func $f) {fields}) (core instance (instantiate 0))")
}

#[test]
fn what_instances_have_besides_counts() {
    let place = Place::new();
    let elements = format!(
        r#"(table 0 funcref) (elem $e func {})
        (func (export "g") (table.init $e (i32.const 0) (i32.const 0) (i32.const 0)))"#,
        "$f ".repeat(20_000)
    );
    let functions: String = (0..5000).map(|k| format!(r#"(func (export "{k}"))"#)).collect();
    for (what, fields) in [
        ("globals", "(global (mut i64) (i64.const 1))".repeat(5000)),
        ("elements", elements),
        ("functions", functions),
        ("tags", "(tag)".repeat(5000)),
        ("segments", format!(r#"(memory 0) {}"#, r#"(data "")"#.repeat(5000))),
        ("tables", "(table 0 funcref)".repeat(90)),
        // A module whose instances differ is there once for each.
        ("code", format!("(func {})", "nop ".repeat(20_000))),
    ] {
        place.write("in.wat", instances(10, &of_module(&fields)));
        for command in ["in.wat -o out.wasm", "audit in.wat", "verify in.wat in.wat"] {
            let (output, most) = measured(&place, &format!("{command} --max-memory 16MiB --untrusted"));
            failed(&output, if command.starts_with("verify") { 2 } else { 1 }, OVER);
            assert!(most < OWN + 32 * MIB, "{what}, {command}: {} MiB", most / MIB);
        }
        // A few may be there under every limit.
        place.write("few.wat", instances(2, &of_module(&fields)));
        done(&place.line("few.wat -o out.wasm --max-memory 1MiB"));
    }
}

/// Compiling so much takes two gigabytes and more.
const COMPILING: &str = "--max-process-memory 8GiB";

/// The only instance of a core module counts as well.
#[test]
fn what_the_instance_of_a_module_has_besides_counts() {
    let place = Place::new();
    for (what, fields) in [
        ("globals", "(global (mut i64) (i64.const 1))".repeat(300_000)),
        ("elements", format!("(elem func {})", "$f ".repeat(1_100_000))),
    ] {
        place.write("in.wat", format!(r#"(module (func $f) {fields} (func (export "preinit")))"#));
        for command in ["in.wat -o out.wasm", "audit in.wat"] {
            let output = place.line(&format!("{command} --max-memory 16MiB {COMPILING}"));
            assert_eq!(code(&output), 1, "{what}, {command}: {}", stderr(&output));
            assert!(stderr(&output).contains(OVER), "{what}, {command}: {}", stderr(&output));
        }
        done(&place.line(&format!("in.wat -o out.wasm --max-memory 32MiB {COMPILING}")));
    }
}

#[test]
fn items_of_component_instances_are_bounded() {
    let place = Place::new();
    let aliases = format!(
        r#"(core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f"))) (instance $n (export "f" (func $f))) {}"#,
        r#"(alias export $n "f" (func))"#.repeat(5000)
    );
    for (what, fields) in [
        ("aliases", aliases),
        ("functions", "(core func (canon thread.yield))".repeat(5000)),
        ("types", "(type u8)".repeat(5000)),
    ] {
        place.write("in.wat", instances(10, &fields));
        for command in ["in.wat -o out.wasm", "audit in.wat", "verify in.wat in.wat"] {
            let (output, most) = measured(&place, &format!("{command} --untrusted"));
            failed(&output, 2, "the instances of the component have more than 1000000 items together");
            assert!(most < OWN + 128 * MIB, "{what}, {command}: {} MiB", most / MIB);
        }
    }
}
