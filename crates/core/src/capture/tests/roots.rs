//! Globals, tables, memories, segments, and what imports held.

use super::captured;
use super::fake::{Fake, FakeTable, Missing};
use crate::capture::{CaptureError, Identity, Observed, ObservedRef, Segment};
use crate::module::Space;
use crate::snapshot::{Alias, ImportedTable, Reference, Unwritable, Value};

fn function(identity: u64) -> ObservedRef {
    ObservedRef::Function(Identity(identity))
}

fn table(slots: &[ObservedRef]) -> FakeTable {
    FakeTable { slots: slots.iter().copied().map(Some).collect(), maximum: Some(90_000) }
}

#[test]
fn globals_are_read_bit_for_bit() {
    let text = r#"(module
        (global i32 (i32.const 0)) (global (mut i64) (i64.const 0)) (global (mut f32) (f32.const 0))
        (global (mut f64) (f64.const 0)) (global (mut v128) (v128.const i64x2 0 0))
        (global (mut funcref) (ref.null func)) (global (mut i31ref) (ref.null i31)))"#;
    let values = [
        Observed::I32(-1),
        Observed::I64(i64::MIN),
        Observed::F32(0x7fa0_0001),
        Observed::F64(0xfff4_0000_0000_0001),
        Observed::V128(u128::MAX - 5),
        Observed::Ref(ObservedRef::Null),
        Observed::Ref(ObservedRef::I31(0x7fff_ffff)),
    ];
    let mut fake = Fake { globals: values.map(Some).into(), ..Fake::default() };
    let globals = captured(text, &mut fake, |state| state.globals).unwrap();
    let expected = [
        Value::I32(-1),
        Value::I64(i64::MIN),
        Value::F32(0x7fa0_0001),
        Value::F64(0xfff4_0000_0000_0001),
        Value::V128(u128::MAX - 5),
        Value::Ref(Reference::Null),
        Value::Ref(Reference::I31(0x7fff_ffff)),
    ];
    assert_eq!(globals.iter().map(|global| global.value).collect::<Vec<_>>(), expected);
    assert!(globals.iter().all(|global| !global.import_changed));
}

#[test]
fn a_value_of_another_type_is_no_state_of_the_module() {
    for (ty, value) in [
        ("i32", Observed::I64(0)),
        ("f64", Observed::F32(0)),
        ("v128", Observed::I32(0)),
        ("funcref", Observed::I32(0)),
        ("i64", Observed::Ref(ObservedRef::Null)),
    ] {
        let text = format!(r#"(module (import "" "" (global {ty})))"#);
        let mut fake = Fake { globals: vec![Some(value)], ..Fake::default() };
        let error = captured(&text, &mut fake, |_| ()).unwrap_err();
        let message = "the state that was read does not fit the module: a global that is not of its type";
        assert_eq!(error.to_string(), message, "{ty}");
    }
}

#[test]
fn errors_of_the_instance_are_passed_on() {
    let error = captured("(module (memory 1))", &mut Fake::default(), |_| ()).unwrap_err();
    assert!(matches!(error, CaptureError::Instance(Missing(what)) if what == "memory"));
}

#[test]
fn functions_have_the_index_of_the_module_or_are_foreign() {
    let text = r#"(module
        (import "m" "f" (func)) (import "m" "g" (func)) (import "m" "same" (func))
        (func (export "own")) (func)
        (elem declare func 1)
        (table 5 funcref) (table 0 funcref))"#;
    let slots = [function(20), function(31), function(10), function(11), ObservedRef::Null, function(99)];
    let mut fake = Fake {
        // Of the imports, the module can make references of the second only.
        functions: [(1, 11), (3, 20)].into(),
        imported_functions: vec![10, 31, 10],
        tables: vec![table(&slots), table(&[])],
        ..Fake::default()
    };
    let tables = captured(text, &mut fake, |state| state.tables).unwrap();
    let foreign = Reference::Unwritable(Unwritable::ForeignFunction);
    let [own, zero, one] = [3, 0, 1].map(Reference::Func);
    assert_eq!(tables[0].elements, [own, one, zero, one, Reference::Null, foreign]);
    assert_eq!((tables[0].maximum, &tables[0].import), (Some(90_000), &None));
    assert!(tables[1].elements.is_empty());
}

#[test]
fn long_tables_are_read_in_pieces() {
    let text = r#"(module (import "m" "t" (table 50000 i31ref)))"#;
    let slots: Vec<_> = (0..50_000).map(ObservedRef::I31).collect();
    let mut fake = Fake { tables: vec![table(&slots)], ..Fake::default() };
    let mut before = slots.clone();
    before[16_384] = ObservedRef::Null;
    before.truncate(40_000);
    fake.imported.tables.insert(0, before);
    let tables = captured(text, &mut fake, |state| state.tables).unwrap();
    assert!(tables[0].elements.iter().copied().eq((0..50_000).map(Reference::I31)));
    let import = tables[0].import.clone().unwrap();
    assert_eq!((import.size, import.changed.len()), (40_000, 40_000));
    let changed: Vec<usize> = (0..40_000).filter(|slot| import.changed[*slot]).collect();
    assert_eq!(changed, [16_384]);
}

#[test]
fn segments_are_dropped_from_the_start_or_as_the_probes_say() {
    let text = r#"(module (memory 1) (table 9 funcref)
        (data (i32.const 0) "active") (data "live") (data "gone") (data "")
        (elem (i32.const 0) func) (elem func 0) (elem func 0) (elem declare func 0) (elem funcref)
        (func (data.drop 1) (data.drop 2) (data.drop 3) (elem.drop 1) (elem.drop 2)))"#;
    let mut fake = Fake {
        functions: [(0, 1)].into(),
        tables: vec![table(&[])],
        memories: vec![Vec::new()],
        dropped: vec![Segment::Data(2), Segment::Element(1)],
        ..Fake::default()
    };
    let (data, elements) =
        captured(text, &mut fake, |state| (state.dropped_data, state.dropped_elements)).unwrap();
    assert_eq!(data, [true, false, true, true]);
    assert_eq!(elements, [true, true, false, true, true]);
}

#[test]
fn items_of_segments_with_objects_are_read_while_they_are_live() {
    let text = r#"(module (table 9 i31ref)
        (elem i31ref (ref.i31 (i32.const 1)) (ref.i31 (i32.const 2))) (elem i31ref (ref.i31 (i32.const 3)))
        (func (elem.drop 0) (elem.drop 1)))"#;
    let items = vec![ObservedRef::I31(1), ObservedRef::Null];
    let mut fake = Fake {
        tables: vec![table(&[])],
        dropped: vec![Segment::Element(1)],
        items: [(0, items)].into(),
        ..Fake::default()
    };
    let items = captured(text, &mut fake, |state| state.element_items).unwrap();
    assert_eq!(items, [vec![Reference::I31(1), Reference::Null], Vec::new()]);
}

#[test]
fn memories_are_read_with_what_was_handed_over() {
    let text = r#"(module (import "m" "m" (memory 1)) (import "m" "n" (memory 1)) (memory 1))"#;
    let mut fake = Fake { memories: vec![vec![1; 65536], vec![0; 65536], vec![2; 10]], ..Fake::default() };
    fake.imported.memories.insert(0, vec![3; 5]);
    // What is said of a memory that is no import is not asked for.
    fake.imported.memories.insert(2, vec![4; 5]);
    captured(text, &mut fake, |state| {
        let sizes: Vec<_> = state.memories.iter().map(|memory| (memory.size, memory.maximum)).collect();
        assert_eq!(sizes, [(65536, Some(7)), (65536, Some(7)), (10, Some(7))]);
        assert_eq!(state.memories[0].import.as_ref().map(|import| import.size), Some(5));
        assert!(state.memories[1].import.is_none() && state.memories[2].import.is_none());
        assert_eq!(state.memories[2].image.chunks()[0].bytes[..], [2; 10]);
    })
    .unwrap();
}

#[test]
fn imported_globals_are_compared_with_what_they_held() {
    let text = r#"(module
        (import "m" "a" (global (mut f32))) (import "m" "b" (global (mut f32))) (import "m" "c" (global (mut f32)))
        (import "m" "d" (global i32)) (global (mut i32) (i32.const 0)))"#;
    let nan = Observed::F32(0x7fc0_0000);
    let values = [nan, nan, nan, Observed::I32(1), Observed::I32(1)];
    let mut fake = Fake { globals: values.map(Some).into(), ..Fake::default() };
    // The third is not known; an immutable one cannot change, and the last is no import.
    fake.imported.globals =
        [(0, nan), (1, Observed::F32(0x7fc0_0001)), (3, Observed::I32(2)), (4, Observed::I32(2))].into();
    let globals = captured(text, &mut fake, |state| state.globals).unwrap();
    let changed: Vec<bool> = globals.iter().map(|global| global.import_changed).collect();
    assert_eq!(changed, [false, true, false, false, false]);
}

#[test]
fn imported_tables_are_compared_slot_by_slot() {
    let text =
        r#"(module (import "m" "t" (table 1 funcref)) (import "m" "u" (table 1 funcref)) (table 4 funcref))"#;
    let now = [function(1), function(2), ObservedRef::Null, function(4)];
    let mut fake = Fake { tables: vec![table(&now), table(&now), table(&now)], ..Fake::default() };
    fake.imported.tables.insert(0, vec![function(1), function(1), function(3)]);
    // What is said of a table that is no import is not asked for.
    fake.imported.tables.insert(2, vec![function(1)]);
    let tables = captured(text, &mut fake, |state| state.tables).unwrap();
    assert_eq!(tables[0].import, Some(ImportedTable { size: 3, changed: vec![false, true, true] }));
    assert!(tables[1].import.is_none() && tables[2].import.is_none());
}

#[test]
fn continuations_are_never_asked_for() {
    let text = r#"(module
        (type $f (func)) (type $c (cont $f))
        (import "m" "t" (table 1 (ref null $c)))
        (global (mut (ref null $c)) (ref.null $c)) (global (mut i32) (i32.const 0)))"#;
    let mut fake = Fake {
        globals: vec![None, Some(Observed::I32(0))],
        tables: vec![FakeTable { slots: vec![None, None, None], maximum: None }],
        ..Fake::default()
    };
    fake.imported.tables.insert(0, vec![ObservedRef::Null; 2]);
    let (globals, tables) = captured(text, &mut fake, |state| (state.globals, state.tables)).unwrap();
    let continuation = Reference::Unwritable(Unwritable::Continuation);
    assert_eq!(globals[0].value, Value::Ref(continuation));
    assert_eq!(tables[0].elements, [continuation; 3]);
    assert_eq!(tables[0].import, Some(ImportedTable { size: 2, changed: vec![true; 2] }));
}

#[test]
fn immutable_globals_may_be_handed_over_twice() {
    let text = r#"(module
        (import "m" "a" (global i32)) (import "m" "b" (global i32))
        (import "m" "c" (global (mut i32))) (import "m" "d" (global (mut i32)))
        (import "m" "t" (table 0 funcref)) (import "m" "u" (table 0 funcref)))"#;
    let alias = |space, index, first| Alias { space, index, first };
    let mut fake = Fake {
        globals: vec![Some(Observed::I32(0)); 4],
        tables: vec![table(&[]), table(&[])],
        aliases: vec![
            alias(Space::Global, 1, 0),
            alias(Space::Global, 3, 2),
            // Of the same index as an immutable global.
            alias(Space::Table, 1, 0),
        ],
        ..Fake::default()
    };
    let aliases = captured(text, &mut fake, |state| state.aliases).unwrap();
    assert_eq!(aliases, [alias(Space::Global, 3, 2), alias(Space::Table, 1, 0)]);
}
