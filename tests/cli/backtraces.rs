//! Where a guest was stopped is told with the names and lines of its source.

use crate::{Place, code, stderr};
use preinit::stages::module::{Module, SectionId};
use preinit_testing::dwarf::{
    Dwarf, END, HEADER, declared, function, in_component, inlined, lines, root, unit,
};

/// The last three functions of a module are `leaf`, into which `inner` was inlined, `middle` and `outer`.
fn with_dwarf(wat: &str) -> Vec<u8> {
    let wasm = wat::parse_str(wat).unwrap();
    let module = Module::parse(&wasm).unwrap();
    let start = module.section(SectionId::CODE).unwrap().range.start;
    let bodies = module.bodies();
    let at = |back: usize| {
        let body = bodies[bodies.len() - back].range();
        ((body.start - start) as u32, body.len() as u32)
    };
    let all = (at(3).0, at(1).0 + at(1).1 - at(3).0);
    let inner = HEADER + root((0, 0), "main.c", "/src", 0).len() as u32;
    let entries = [
        &root(all, "main.c", "/src", 0)[..],
        &declared("_ZN5Shape5innerEi"),
        &function(at(3), "leaf"),
        &inlined(at(3), inner, (1, 7)),
        END,
        END,
        &function(at(2), "middle"),
        END,
        &function(at(1), "outer"),
        END,
        END,
    ];
    let rows = [(at(3).0, 2, 30), (at(2).0, 1, 20), (at(1).0, 1, 10)];
    let lines = lines(&["include"], &[("main.c", 0), ("inner.h", 1)], &rows, all.0 + all.1);
    Dwarf { lines, ..Dwarf::of(&[unit(0, &entries.concat())]) }.in_module(&wasm)
}

const FUNCTIONS: &str =
    r#"(func $leaf unreachable) (func $middle (call $leaf)) (func (export "preinit") (call $middle))"#;

const EXPECTED: &str = "
    0: Shape::inner(int) at /src/include/inner.h:30
    1: leaf at /src/main.c:7
    2: middle at /src/main.c:20
    3: outer at /src/main.c:10";

/// What is run must say this.
fn says(place: &Place, line: &str, expected: &str) {
    let output = place.line(line);
    assert_eq!(code(&output), 1, "{line}: {}", stderr(&output));
    assert!(stderr(&output).contains(expected), "{line}: {}", stderr(&output));
}

#[test]
fn a_trap_is_told_with_lines_of_the_source() {
    let place = Place::new();
    place.write("in.wasm", with_dwarf(&format!("(module {FUNCTIONS})")));
    for options in ["", "--opt", "--no-opt", "--ledger ledger.json", "--fuel 1000", "--no-cache"] {
        says(&place, &format!("in.wasm -o out.wasm {options}"), EXPECTED);
    }
    // From the cache too, and where the program does not come to its place.
    says(&place, "in.wasm -o out.wasm --cache-dir cache", EXPECTED);
    says(&place, "in.wasm -o out.wasm --cache-dir cache", EXPECTED);
    // Code was added to the function that is listened to.
    says(&place, "in.wasm -o out.wasm -f preinit --at export:preinit#2", EXPECTED);
    says(&place, "audit in.wasm", EXPECTED);
}

#[test]
fn lines_are_told_where_the_form_that_runs_has_other_functions() {
    let place = Place::new();
    // The count of functions is longer by a byte there, and one has more instructions in it.
    let functions = "(func) ".repeat(127 - 3);
    let segment = r#"(memory 1) (data $d "x") (func (data.drop $d))"#;
    place.write("in.wasm", with_dwarf(&format!("(module {segment} {} {FUNCTIONS})", &functions[7..])));
    says(&place, "in.wasm -o out.wasm", EXPECTED);
    let continuations = "(type $f (func)) (type $c (cont $f)) (elem declare func $n) (func $n)
        (func $more (drop (cont.new $c (ref.func $n))))";
    place.write("in.wasm", with_dwarf(&format!("(module {continuations} {FUNCTIONS})")));
    says(&place, "in.wasm -o out.wasm", EXPECTED);
}

#[test]
fn a_trap_in_a_component_is_told_with_lines_of_the_source() {
    let place = Place::new();
    let core = with_dwarf(&format!("(module {FUNCTIONS})"));
    place.write("in.wasm", in_component(&core));
    for options in ["", "--opt"] {
        says(&place, &format!("in.wasm -o out.wasm -f init {options}"), EXPECTED);
    }
    says(&place, "in.wasm -o out.wasm -f init --at call:middle#2", EXPECTED);
    says(&place, "audit in.wasm -f init", EXPECTED);
}

#[test]
fn a_trap_in_a_preloaded_module_is_told_with_lines_of_its_source() {
    let place = Place::new();
    let provides = FUNCTIONS.replace("preinit", "f");
    place.write("other.wasm", with_dwarf(&format!("(module {provides})")));
    place.write("in.wat", r#"(module (import "other" "f" (func $f)) (func (export "preinit") (call $f)))"#);
    let expected = format!("{EXPECTED}\n    4: preinit");
    says(&place, "in.wat -o out.wasm --preload other=other.wasm", &expected);
    let provides = FUNCTIONS.replace("preinit", "_initialize");
    place.write("other.wasm", with_dwarf(&format!("(module {provides})")));
    says(&place, "in.wat -o out.wasm --preload other=other.wasm", EXPECTED);
}

/// Names come from the name section, and from exports, where there is no debugging information.
#[test]
fn a_trap_is_told_with_names() {
    let place = Place::new();
    let wat =
        r#"(module (func $_ZN5Shape4drawEid unreachable) (func call 0) (func (export "preinit") call 1))"#;
    place.write("in.wat", wat);
    let expected = "\n    0: Shape::draw(int, double)\n    1: function 1\n    2: preinit";
    for options in ["", "--opt", "-f preinit --at export:preinit#2"] {
        says(&place, &format!("in.wat -o out.wasm {options}"), expected);
    }
    let core = wat.replacen("(module", "(core module $m", 1);
    place.write(
        "component.wat",
        format!(
            r#"(component {core} (core instance $i (instantiate $m))
                (func (export "init") (canon lift (core func $i "preinit"))))"#
        ),
    );
    says(&place, "component.wat -o out.wasm -f init", expected);
}
