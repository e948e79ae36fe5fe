//! Values of the component model in messages.

use preinit::host::ComponentValue;

#[test]
fn values_are_shown_as_they_are_written() {
    use ComponentValue::{Bytes, Enum, Flags, List, Record, Result, Text, Tuple, U32, Variant};
    let [a, b] = ["a", "b"].map(str::to_owned);
    for (value, text) in [
        (List(vec![]), "[]"),
        (Tuple(vec![U32(1), Enum(a.clone())]), "(1, a)"),
        (Record(vec![(a.clone(), U32(1)), (b.clone(), List(vec![U32(2)]))]), "{a: 1, b: [2]}"),
        (Flags(vec![a.clone(), b]), "{a, b}"),
        (Variant(a.clone(), None), "a"),
        (Variant(a, Some(Box::new(U32(1)))), "a(1)"),
        (ComponentValue::Option(Some(Box::new(Result(Ok(None))))), "some(ok)"),
        (Result(Err(Some(Box::new(Text("x\n".to_owned()))))), r#"err("x\n")"#),
        (Bytes(b"x\0".to_vec()), r#""x\x00""#),
    ] {
        assert_eq!(value.to_string(), text);
    }
}

/// Names are part of types, and may be as long as a file.
#[test]
fn no_name_makes_a_long_text() {
    let name = || "n".repeat(1 << 16);
    let case = ComponentValue::Variant(name(), Some(Box::new(ComponentValue::Enum(name()))));
    let field = (name(), case.clone());
    for value in [
        case.clone(),
        ComponentValue::Flags(vec![name(); 9]),
        ComponentValue::Record(vec![field; 9]),
        ComponentValue::List(vec![case; 9]),
        ComponentValue::List(vec![ComponentValue::Bool(true); 1 << 16]),
    ] {
        let text = value.to_string();
        assert!(text.len() < 5000 && text.ends_with('…'), "{} bytes", text.len());
    }
}
