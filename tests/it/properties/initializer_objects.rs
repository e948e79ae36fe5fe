//! Objects that initializers make, and that init has led something else to: whatever they are, wherever they come from and
//! whatever refers to them, they stay the same object.

use preinit::Preinit;
use preinit_testing::case::Call;
use preinit_testing::cranelift::Cranelift;
use preinit_testing::machine::{Machine, Setup};

/// What refers to the object after init.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Global,
    Slot,
    Segment,
    Local,
}

/// What has made the object.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Source {
    ImmutableGlobal,
    LiveSegment,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Struct,
    Array,
    I31,
    Externalized,
    EmptyStruct,
}

const PLACES: [Place; 4] = [Place::Global, Place::Slot, Place::Segment, Place::Local];
const SOURCES: [Source; 2] = [Source::ImmutableGlobal, Source::LiveSegment];
const KINDS: [Kind; 5] = [Kind::Struct, Kind::Array, Kind::I31, Kind::Externalized, Kind::EmptyStruct];

impl Kind {
    /// The type, the expression that makes the object, and how its value is read of an `eqref` on the stack.
    fn text(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Kind::Struct | Kind::Externalized => (
                "(struct (field i32))",
                "(struct.new $s (i32.const 5))",
                "(struct.get $s 0 (ref.cast (ref $s)))",
            ),
            Kind::Array => (
                "(array i32)",
                "(array.new_fixed $s 2 (i32.const 4) (i32.const 5))",
                "(ref.cast (ref $s)) (array.get $s (i32.const 1))",
            ),
            Kind::I31 => ("(struct)", "(ref.i31 (i32.const 5))", "(i31.get_s (ref.cast i31ref))"),
            Kind::EmptyStruct => {
                ("(struct)", "(struct.new $s)", "(ref.test (ref $s)) (i32.const 4) (i32.add)")
            }
        }
    }
}

/// A module that answers, after init, whether place and source are the same object, what its value is, and whether
/// another object was made besides.
fn module(place: Place, source: Source, kind: Kind, builds: bool) -> String {
    let (ty, object, value) = kind.text();
    let is_external = kind == Kind::Externalized;
    let (held, convert, back) = match is_external {
        true => ("externref", "(extern.convert_any)", "(any.convert_extern) (ref.cast eqref)"),
        false => ("eqref", "", ""),
    };
    let null = if is_external { "(ref.null extern)" } else { "(ref.null none)" };
    let (made, get_source) = match source {
        Source::ImmutableGlobal => (format!("(global $i (ref eq) {object})"), "(global.get $i)".to_string()),
        Source::LiveSegment => (
            format!("(elem $e (ref null eq) (item {object}))"),
            "(table.init $scratch $e (i32.const 0) (i32.const 0) (i32.const 1)) (table.get $scratch (i32.const 0))
             (table.set $scratch (i32.const 0) (ref.null none))"
                .to_string(),
        ),
    };
    let taken = format!("(call $source) {convert}");
    let (declared, set, get) = match (place, source) {
        (Place::Global, _) => (
            format!("(global $p (mut {held}) {null})"),
            format!("{taken} (global.set $p)"),
            "(global.get $p)".to_string(),
        ),
        (Place::Slot, _) => (
            format!("(table $t 4 {held})"),
            format!("(table.set $t (i32.const 2) (block (result {held}) {taken}))"),
            "(table.get $t (i32.const 2))".to_string(),
        ),
        (Place::Segment, Source::ImmutableGlobal) => (
            format!("(elem $q {held} (item (global.get $i) {convert})) (table $t 1 {held})"),
            String::new(),
            "(table.init $t $q (i32.const 0) (i32.const 0) (i32.const 1)) (table.get $t (i32.const 0))"
                .to_string(),
        ),
        (Place::Segment, Source::LiveSegment) => (String::new(), String::new(), taken.clone()),
        (Place::Local, _) => {
            (format!("(global $p (mut {held}) {null})"), String::new(), "(global.get $p)".to_string())
        }
    };
    let build = if builds { "(global.set $new (struct.new $n (i32.const 8)))" } else { "" };
    let init = match place {
        Place::Local => format!(
            r#"(func (export "_start") (local $l {held}) {build} (local.set $l (block (result {held}) {taken}))
                 (call $x) (global.set $p (local.get $l)))"#
        ),
        _ => format!(r#"(func (export "init") {build} {set})"#),
    };
    format!(
        r#"(module (import "env" "x" (func $x))
          (type $s {ty}) (type $n (struct (field (mut i32))))
          (table $scratch 1 (ref null eq)) (global $new (mut (ref null $n)) (ref.null $n))
          {made} {declared}
          (func $source (result eqref) {get_source})
          (func $held (result eqref) {get} {back})
          {init}
          (func (export "same") (result i32) (ref.eq (call $source) (call $held)))
          (func (export "value") (result i32) (call $held) {value})
          (func (export "new") (result i32)
            (if (result i32) (ref.is_null (global.get $new)) (then (i32.const -1))
              (else (struct.get $n 0 (global.get $new))))))"#
    )
}

fn call(machine: &mut Cranelift, export: &str) -> String {
    let outcome = machine.call(&Call { provider: None, export: export.to_string(), args: Vec::new() });
    outcome.to_string()
}

fn answers(wasm: &[u8], first: &[&str]) -> Vec<String> {
    let mut machine = Cranelift::start(wasm, Setup { stubs: true, ..Setup::default() }).unwrap();
    first.iter().for_each(|export| {
        call(&mut machine, export);
    });
    ["same", "value", "new", "same"].map(|export| call(&mut machine, export)).to_vec()
}

#[test]
fn objects_of_initializers_stay_the_same() {
    let mut tried = 0;
    for place in PLACES {
        for source in SOURCES {
            for (kind, builds) in KINDS.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
                let case = format!("{kind:?} of {source:?} in {place:?}, builder: {builds}");
                let wasm = wat::parse_str(module(place, source, kind, builds))
                    .unwrap_or_else(|error| panic!("{case}: {error}"));
                let (preinit, init, resume): (_, _, &[&str]) = match place {
                    Place::Local => (Preinit::new().at("env.x".parse().unwrap()), "_start", &["_start"]),
                    _ => (Preinit::new().init_function("init"), "init", &[]),
                };
                let output =
                    preinit.stub_all(true).run(&wasm).unwrap_or_else(|error| panic!("{case}: {error}"));
                let new = if builds { "8" } else { "-1" };
                let expected = ["i32 1", "i32 5", new, "i32 1"].map(|answer| answer.replace("i32 ", ""));
                let original = answers(&wasm, &[init]).into_iter().map(|answer| answer.replace("i32 ", ""));
                assert_eq!(original.collect::<Vec<_>>(), expected, "{case}, original");
                let snapshot =
                    answers(&output.wasm, resume).into_iter().map(|answer| answer.replace("i32 ", ""));
                assert_eq!(snapshot.collect::<Vec<_>>(), expected, "{case}, snapshot");
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 80);
}
