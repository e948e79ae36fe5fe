//! `wasi:cli`: arguments, environment, exit, standard streams. There is no terminal, and no directory to begin in.

use super::call::{Answer, Guest, option, word_at, words};
use super::resources::{Input, Output, Resource};
use crate::host::component_value::ComponentValue;

/// An option without a value.
pub(super) fn nothing(_: &mut Guest<'_>) -> Answer {
    Ok(Some(option(None)))
}

pub(super) fn arguments(guest: &mut Guest<'_>) -> Answer {
    let strings = strings(guest, ["args_sizes_get", "args_get"])?;
    Ok(Some(ComponentValue::List(strings.into_iter().map(ComponentValue::Text).collect())))
}

pub(super) fn environment(guest: &mut Guest<'_>) -> Answer {
    let pair = |string: String| {
        let (name, value) = string.split_once('=').unwrap_or((&string, ""));
        let texts = [name, value].map(|text| ComponentValue::Text(text.to_owned()));
        ComponentValue::Tuple(texts.to_vec())
    };
    let strings = strings(guest, ["environ_sizes_get", "environ_get"])?;
    Ok(Some(ComponentValue::List(strings.into_iter().map(pair).collect())))
}

/// The strings that the first function counts and the second gives, without their terminators.
fn strings(guest: &mut Guest<'_>, [sizes, get]: [&str; 2]) -> wasmtime::Result<Vec<String>> {
    let mut scratch = vec![0; 8];
    guest.must(sizes, &words(&[0, 4]), &mut scratch)?;
    let (count, bytes) = (word_at(&scratch, 0) as usize, word_at(&scratch, 4) as usize);
    let text = u32::try_from(4 * count)?;
    let mut scratch = vec![0; 4 * count + bytes];
    guest.must(get, &words(&[0, text]), &mut scratch)?;
    let text = scratch.get(4 * count..).unwrap_or_default();
    let strings = text.split(|byte| *byte == 0).take(count);
    Ok(strings.map(|string| String::from_utf8_lossy(string).into_owned()).collect())
}

pub(super) fn exit(guest: &mut Guest<'_>) -> Answer {
    let code = u32::from(!matches!(guest.argument(0)?, ComponentValue::Result(Ok(_))));
    guest.must("proc_exit", &words(&[code]), &mut [])?;
    Ok(None)
}

pub(super) fn exit_with_code(guest: &mut Guest<'_>) -> Answer {
    let code = if let ComponentValue::U8(code) = guest.argument(0)? { u32::from(*code) } else { 1 };
    guest.must("proc_exit", &words(&[code]), &mut [])?;
    Ok(None)
}

pub(super) fn stdin(guest: &mut Guest<'_>) -> Answer {
    guest.make("input-stream", Resource::Input(Input::Stdin)).map(Some)
}

pub(super) fn stdout(guest: &mut Guest<'_>) -> Answer {
    guest.make("output-stream", Resource::Output(Output::Standard(1))).map(Some)
}

pub(super) fn stderr(guest: &mut Guest<'_>) -> Answer {
    guest.make("output-stream", Resource::Output(Output::Standard(2))).map(Some)
}
