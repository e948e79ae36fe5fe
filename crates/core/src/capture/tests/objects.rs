//! The garbage-collected heap.

use super::captured;
use super::fake::{Fake, FakeObject, FakeTable};
use crate::capture::{FunctionIndices, Identity, Observed, ObservedObject, ObservedRef, StateReader};
use crate::module::Module;
use crate::probe::Probed;
use crate::snapshot::{Heap, Object, Reference, Shape, Unwritable, Value};

const NODE: ObservedObject = ObservedObject::Known(Shape::Struct(0));
const ARRAY: ObservedObject = ObservedObject::Known(Shape::Array(0));

fn object(identity: u64) -> Observed {
    Observed::Ref(ObservedRef::Object(Identity(identity)))
}

fn external(identity: u64) -> Observed {
    Observed::Ref(ObservedRef::ExternObject(Identity(identity)))
}

const NULL: Observed = Observed::Ref(ObservedRef::Null);

/// A fake whose globals hold these.
fn holding(globals: &[Observed]) -> Fake {
    Fake { globals: globals.iter().copied().map(Some).collect(), ..Fake::default() }
}

fn references(heap: &Heap) -> Vec<Vec<Reference>> {
    heap.objects().map(|(_, object)| object.references.to_vec()).collect()
}

/// Nodes of a graph, and two globals that hold some.
const NODES: &str = r#"(module
    (rec (type $node (struct (field i8) (field (mut (ref null $node))) (field f64) (field (mut (ref null $node))))))
    (global (mut (ref null $node)) (ref.null $node)) (global (mut (ref null $node)) (ref.null $node)))"#;

fn node(fake: &mut Fake, identity: u64, left: Observed, right: Observed) {
    let number = Observed::I32(identity as i32 - 256);
    fake.object(identity, NODE, &[number, left, Observed::F64(identity), right]);
}

#[test]
fn objects_are_numbered_in_breadth_and_shared_ones_once() {
    let mut fake = holding(&[object(7), object(9)]);
    node(&mut fake, 7, object(3), object(9));
    node(&mut fake, 9, NULL, object(7));
    node(&mut fake, 3, object(3), object(4));
    node(&mut fake, 4, NULL, NULL);
    node(&mut fake, 5, NULL, object(7));
    let (globals, heap) = captured(NODES, &mut fake, |state| (state.globals, state.heap)).unwrap();
    let [first, second] = [0, 1].map(|id| Value::Ref(Reference::Object(id)));
    assert_eq!((globals[0].value, globals[1].value), (first, second));
    let [a, b, c, d] = [0, 1, 2, 3].map(Reference::Object);
    let null = Reference::Null;
    assert_eq!(references(&heap), [[c, b], [null, a], [c, d], [null, null]]);
    let scalars = [&[7u8][..], &7u64.to_le_bytes()].concat();
    let expected = Object { shape: Shape::Struct(0), len: 4, scalars: &scalars, references: &[c, b] };
    assert_eq!(heap.object(0), expected);
}

#[test]
fn a_list_may_be_deeper_than_any_stack() {
    const LENGTH: u64 = 300_000;
    let mut fake = holding(&[object(0), NULL]);
    for identity in 0..LENGTH {
        let next = if identity + 1 < LENGTH { object(identity + 1) } else { NULL };
        node(&mut fake, identity, NULL, next);
    }
    let heap = captured(NODES, &mut fake, |state| state.heap).unwrap();
    assert_eq!(heap.len() as u64, LENGTH);
    assert_eq!(heap.object(99_999).references, [Reference::Null, Reference::Object(100_000)]);
}

#[test]
fn elements_are_as_wide_as_they_are_stored() {
    let cases: [(&str, Observed, &[u8]); 7] = [
        ("i8", Observed::I32(0x1fe), &[0xfe]),
        ("i16", Observed::I32(-2), &[0xfe, 0xff]),
        ("i32", Observed::I32(-2), &[0xfe, 0xff, 0xff, 0xff]),
        ("i64", Observed::I64(1), &[1, 0, 0, 0, 0, 0, 0, 0]),
        ("f32", Observed::F32(0x7fa0_0001), &[1, 0, 0xa0, 0x7f]),
        ("f64", Observed::F64(2), &[2, 0, 0, 0, 0, 0, 0, 0]),
        ("v128", Observed::V128(3), &[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for (ty, value, bytes) in cases {
        let text = format!("(module (type (array {ty})) (global (mut anyref) (ref.null any)))");
        let mut fake = holding(&[object(1)]);
        fake.object(1, ARRAY, &[value, value, value]);
        let heap = captured(&text, &mut fake, |state| state.heap).unwrap();
        let object = heap.object(0);
        assert_eq!((object.len, object.scalars), (3, &bytes.repeat(3)[..]), "{ty}");
        assert!(object.references.is_empty());
    }
}

#[test]
fn arrays_of_references_may_be_longer_than_what_is_read_at_once() {
    let text = "(module (type (array i31ref)) (global (mut anyref) (ref.null any)))";
    let mut fake = holding(&[object(1)]);
    let elements: Vec<_> = (0..40_000).map(|value| Observed::Ref(ObservedRef::I31(value))).collect();
    fake.object(1, ARRAY, &elements);
    let heap = captured(text, &mut fake, |state| state.heap).unwrap();
    assert!(heap.object(0).references.iter().copied().eq((0..40_000).map(Reference::I31)));
}

#[test]
fn exceptions_hold_the_parameters_of_their_tag() {
    let text = r#"(module (tag) (tag (param i32 exnref i64)) (global (mut exnref) (ref.null exn)))"#;
    let mut fake = holding(&[object(1)]);
    let known = ObservedObject::Known(Shape::Exception(1));
    fake.object(1, known, &[Observed::I32(5), object(2), Observed::I64(6)]);
    fake.object(2, ObservedObject::ForeignException, &[]);
    let heap = captured(text, &mut fake, |state| state.heap).unwrap();
    let object = heap.object(0);
    assert_eq!((object.shape, object.len), (Shape::Exception(1), 3));
    assert_eq!(object.scalars, [5, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(object.references, [Reference::Unwritable(Unwritable::ForeignException)]);
}

#[test]
fn what_went_through_a_conversion_is_the_same_object() {
    let text = r#"(module (type (array i8))
        (global (mut externref) (ref.null extern)) (global (mut anyref) (ref.null any))
        (global (mut externref) (ref.null extern)) (global (mut anyref) (ref.null any)))"#;
    let mut fake = holding(&[external(1), object(1), Observed::Ref(ObservedRef::ExternI31(4)), object(2)]);
    fake.object(1, ARRAY, &[]);
    fake.object(2, ObservedObject::ForeignObject, &[]);
    let (globals, heap) = captured(text, &mut fake, |state| (state.globals, state.heap)).unwrap();
    let expected = [
        Reference::ExternObject(0),
        Reference::Object(0),
        Reference::ExternI31(4),
        Reference::Unwritable(Unwritable::ForeignObject),
    ];
    assert!(globals.iter().map(|global| global.value).eq(expected.map(Value::Ref)));
    assert_eq!(heap.len(), 1);
}

#[test]
fn values_of_the_host_are_those_of_immutable_imports_or_unwritable() {
    let text = r#"(module (type (array i8))
        (import "m" "a" (global externref)) (import "m" "b" (global (mut externref)))
        (import "m" "c" (global anyref)) (import "m" "d" (global externref)) (import "m" "e" (global externref))
        (global (mut anyref) (ref.null any)) (global (mut externref) (ref.null extern)))"#;
    let values = [external(1), external(2), object(1), external(4), external(5), object(4), external(3)];
    let mut fake = holding(&values);
    for identity in 1..=4 {
        fake.object(identity, ObservedObject::Host, &[]);
    }
    fake.object(5, ARRAY, &[]);
    let globals = captured(text, &mut fake, |state| state.globals).unwrap();
    let host = Reference::Unwritable(Unwritable::HostExtern);
    let (several, three) = (Reference::Unwritable(Unwritable::SeveralImports), Reference::Import(3));
    let expected = [several, host, several, three, Reference::ExternObject(0), three, host];
    assert!(globals.iter().map(|global| global.value).eq(expected.map(Value::Ref)));
}

#[test]
fn a_value_that_imports_of_several_names_hold_is_none_of_them() {
    let text = r#"(module
        (import "m" "a" (global externref)) (import "m" "b" (global externref)) (import "m" "a" (global externref))
        (import "m" "c" (global externref)) (import "m" "c" (global externref))
        (global (mut externref) (ref.null extern)) (global (mut externref) (ref.null extern)))"#;
    let mut fake = holding(&[1, 1, 1, 2, 2, 1, 2].map(external));
    for identity in [1, 2] {
        fake.object(identity, ObservedObject::Host, &[]);
    }
    let globals = captured(text, &mut fake, |state| state.globals).unwrap();
    let expected = [Reference::Unwritable(Unwritable::SeveralImports), Reference::Import(3)];
    assert!(globals[5..].iter().map(|global| global.value).eq(expected.map(Value::Ref)));
}

#[test]
fn string_constants_are_those_of_modules_of_nothing_else() {
    let expected = |imports: &str, reference: Reference| {
        let text = format!(r#"(module {imports} (global (mut externref) (ref.null extern)))"#);
        let count = imports.matches("global").count() as u64;
        let mut fake = holding(&(0..count).map(external).chain([external(0)]).collect::<Vec<_>>());
        for identity in 0..count {
            // All of them are `A`.
            let kind = ObservedObject::Known(Shape::String);
            fake.objects.insert(identity, FakeObject { kind, fields: vec![Some(Observed::I32(65))] });
        }
        let globals = captured(&text, &mut fake, |state| state.globals).unwrap();
        assert_eq!(globals.last().unwrap().value, Value::Ref(reference), "{imports}");
    };
    let string = Reference::Unwritable(Unwritable::String);
    expected(r#"(import "'" "A" (global (ref extern)))"#, Reference::Import(0));
    expected(r#"(import "env" "A" (global externref)) (import "env" "B" (global externref))"#, string);
    expected(r#"(import "env" "A" (global externref)) (import "env" "f" (func))"#, string);
    expected(
        r#"(import "env" "A" (global externref)) (import "'" "A" (global externref))"#,
        Reference::Import(0),
    );
}

#[test]
fn imports_that_hold_the_same_object_are_unchanged() {
    let text = r#"(module (type (array i8)) (import "m" "a" (global (mut anyref)))
        (import "m" "b" (global (mut anyref))) (import "m" "t" (table 2 anyref)))"#;
    let mut fake = holding(&[object(1), object(2)]);
    fake.object(1, ARRAY, &[]);
    fake.object(2, ARRAY, &[]);
    let slots = [object(1), object(2)].map(|value| match value {
        Observed::Ref(reference) => reference,
        _ => ObservedRef::Null,
    });
    fake.tables = vec![FakeTable { slots: slots.map(Some).into(), maximum: None }];
    fake.imported.globals = [(0, object(1)), (1, object(1))].into();
    fake.imported.tables.insert(0, vec![slots[1], slots[1]]);
    captured(text, &mut fake, |state| {
        let changed: Vec<bool> = state.globals.iter().map(|global| global.import_changed).collect();
        assert_eq!(changed, [false, true]);
        let import = state.tables[0].import.as_ref().unwrap();
        assert_eq!(import.changed, [true, false]);
    })
    .unwrap();
}

#[test]
fn continuations_in_objects_are_never_asked_for() {
    let text = r#"(module (type $f (func)) (type $c (cont $f))
        (type (struct (field i31ref) (field (ref null $c)) (field i32) (field i31ref)))
        (type (array (ref null $c)))
        (global (mut anyref) (ref.null any)) (global (mut anyref) (ref.null any)))"#;
    let mut fake = holding(&[object(1), object(2)]);
    let i31 = |value| Some(Observed::Ref(ObservedRef::I31(value)));
    let fields = vec![i31(1), None, Some(Observed::I32(2)), i31(3)];
    fake.objects.insert(1, FakeObject { kind: ObservedObject::Known(Shape::Struct(2)), fields });
    let fields = vec![None, None];
    fake.objects.insert(2, FakeObject { kind: ObservedObject::Known(Shape::Array(3)), fields });
    let heap = captured(text, &mut fake, |state| state.heap).unwrap();
    let continuation = Reference::Unwritable(Unwritable::Continuation);
    let expected =
        [vec![Reference::I31(1), continuation, Reference::I31(3)], vec![continuation, continuation]];
    assert_eq!(references(&heap), expected);
}

#[test]
fn objects_that_are_not_of_their_types_are_no_state_of_the_module() {
    let text = r#"(module
        (rec (type $node (struct (field i8) (field (ref null $node)) (field f64) (field (ref null $node)))))
        (type (func)) (type (array i16)) (type (array i31ref)) (type (struct (field i31ref) (field i64)))
        (global (mut anyref) (ref.null any)))"#;
    let mistyped =
        "the state that was read does not fit the module: an object whose fields are not of their types";
    let none = "the state that was read does not fit the module: an object of a type that is none";
    let array = |ty| ObservedObject::Known(Shape::Array(ty));
    let last_is_number = ObservedObject::Known(Shape::Struct(4));
    let number = Observed::I32(0);
    let cases: [(ObservedObject, &[Observed], &str); 12] = [
        (NODE, &[Observed::I32(0), NULL, Observed::F64(0)], mistyped),
        (NODE, &[Observed::I32(0), NULL], mistyped),
        (NODE, &[NULL, NULL, NULL, NULL], mistyped),
        (NODE, &[Observed::I64(0), NULL, Observed::F64(0), NULL], mistyped),
        (last_is_number, &[NULL], mistyped),
        (last_is_number, &[NULL, NULL], mistyped),
        (array(2), &[number, NULL, number], mistyped),
        (array(3), &[NULL, number, NULL], mistyped),
        (array(3), &[number], mistyped),
        (array(0), &[], none),
        (ObservedObject::Known(Shape::Struct(1)), &[], none),
        (ObservedObject::Known(Shape::Exception(0)), &[], none),
    ];
    for (kind, fields, message) in cases {
        let mut fake = holding(&[object(1)]);
        fake.object(1, kind, fields);
        let error = captured(text, &mut fake, |_| ()).unwrap_err();
        assert_eq!(error.to_string(), message, "{kind:?} {fields:?}");
    }
}

#[test]
fn what_else_is_resolved_comes_last() {
    let wasm = wat::parse_str(NODES).unwrap();
    let module = Module::parse(&wasm).unwrap();
    let probed = Probed::new(&module).unwrap();
    let mut fake = holding(&[NULL, object(2)]);
    node(&mut fake, 1, NULL, object(2));
    node(&mut fake, 2, object(3), NULL);
    node(&mut fake, 3, NULL, NULL);
    let functions = FunctionIndices::of(&module, &probed, &mut fake).unwrap();
    let reader = StateReader { module: &module, probed: &probed, functions: &functions, compares: false };
    let (state, more) = reader.state_with(&mut fake, |heap, fake| heap.value(fake, object(1))).unwrap();
    assert_eq!(more, Value::Ref(Reference::Object(2)));
    let [b, c] = [0, 1].map(Reference::Object);
    let null = Reference::Null;
    assert_eq!(references(&state.heap), [[c, null], [null, null], [null, b]]);

    // Values by themselves have a heap of their own.
    let (values, heap) = reader.values(&mut fake, &[object(3), object(1), object(3)]).unwrap();
    let ids = [0, 1, 0].map(|id| Value::Ref(Reference::Object(id)));
    assert_eq!((values.as_slice(), heap.len()), (&ids[..], 3));
}

#[test]
fn an_outline_has_only_the_first_tables_and_no_memory() {
    let text = "(module (memory 1) (table 1 funcref) (table 1 funcref))";
    let wasm = wat::parse_str(text).unwrap();
    let module = Module::parse(&wasm).unwrap();
    let probed = Probed::new(&module).unwrap();
    // Neither the memory nor the other table is there.
    let mut fake = Fake::default();
    fake.tables.push(FakeTable { slots: vec![Some(ObservedRef::Null)], maximum: None });
    let functions = FunctionIndices::of(&module, &probed, &mut fake).unwrap();
    let reader = StateReader { module: &module, probed: &probed, functions: &functions, compares: false };
    let outline = reader.outline(&mut fake, 1).unwrap();
    assert_eq!((outline.tables.len(), outline.memories.len()), (1, 0));
    assert!(reader.outline(&mut fake, 2).is_err());
}
