//! Results of WASI 0.2 in the words of 0.3.

use crate::host::component_value::ComponentValue;

/// What stands for all that has no word of its own.
const OTHER: &str = "other";

/// What 0.2 has a word for, and 0.3 has not.
const WITHOUT_WORD: [&str; 2] = ["would-block", "unknown"];

/// The result of a function: errors and types of files are variants, and seconds are signed.
pub(in super::super) fn in_its_words(value: ComponentValue) -> ComponentValue {
    use ComponentValue::{Enum, List, Option, Record, Result, Tuple, Variant};
    let inner =
        |value: std::option::Option<Box<ComponentValue>>| value.map(|value| Box::new(in_its_words(*value)));
    match value {
        Enum(name) if WITHOUT_WORD.contains(&name.as_str()) => {
            Variant(OTHER.to_owned(), Some(Box::new(Option(None))))
        }
        Enum(name) => Variant(name, None),
        Option(value) => Option(inner(value)),
        Result(Ok(value)) => Result(Ok(inner(value))),
        Result(Err(value)) => Result(Err(inner(value))),
        List(values) => List(values.into_iter().map(in_its_words).collect()),
        Tuple(values) => Tuple(values.into_iter().map(in_its_words).collect()),
        Record(fields) => Record(fields.into_iter().map(field).collect()),
        value => value,
    }
}

fn field((name, value): (String, ComponentValue)) -> (String, ComponentValue) {
    match (name.as_str(), value) {
        ("seconds", ComponentValue::U64(seconds)) => (name, ComponentValue::S64(seconds.cast_signed())),
        (_, value) => (name, in_its_words(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_types_and_times_are_told_in_other_words() {
        let failed =
            |name: &str| ComponentValue::Result(Err(Some(Box::new(ComponentValue::Enum(name.into())))));
        assert_eq!(in_its_words(failed("no-entry")).to_string(), "err(no-entry)");
        assert_eq!(in_its_words(failed("would-block")).to_string(), "err(other(none))");
        let named = |name: &str, value| (name.to_owned(), value);
        let time = ComponentValue::Record(vec![
            named("seconds", ComponentValue::U64(1)),
            named("nanoseconds", ComponentValue::U32(2)),
        ]);
        let stat = ComponentValue::Record(vec![
            named("type", ComponentValue::Enum("regular-file".into())),
            named("size", ComponentValue::U64(3)),
            named("time", ComponentValue::Option(Some(Box::new(time)))),
        ]);
        let ComponentValue::Record(fields) = in_its_words(stat) else { panic!("another value") };
        assert_eq!(fields[0].1, ComponentValue::Variant("regular-file".into(), None));
        assert_eq!(fields[1].1, ComponentValue::U64(3));
        let ComponentValue::Option(Some(time)) = &fields[2].1 else { panic!("another value") };
        let ComponentValue::Record(time) = &**time else { panic!("another value") };
        assert_eq!(time[0].1, ComponentValue::S64(1));
    }
}
