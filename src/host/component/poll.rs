//! `wasi:io/poll`: files and streams are always ready; timers pass by the clock's policy.

use super::call::{Answer, Guest, mismatch, word_at, words};
use super::clocks;
use super::resources::{Pollable, Resource};
use crate::host::component_value::ComponentValue;

pub(super) fn subscribe(guest: &mut Guest<'_>) -> Answer {
    guest.make("pollable", Resource::Pollable(Pollable::Ready)).map(Some)
}

fn pollable(guest: &Guest<'_>, number: u32) -> wasmtime::Result<Pollable> {
    match guest.resources.get(number) {
        Some(Resource::Pollable(pollable)) => Ok(*pollable),
        _ => Err(mismatch(0, "a pollable")),
    }
}

pub(super) fn ready(guest: &mut Guest<'_>) -> Answer {
    let is_ready = match pollable(guest, guest.handle(0)?)? {
        Pollable::Ready => true,
        Pollable::Timer(deadline) => clocks::monotonic(guest)? >= deadline,
    };
    Ok(Some(ComponentValue::Bool(is_ready)))
}

pub(super) fn block(guest: &mut Guest<'_>) -> Answer {
    if let Pollable::Timer(deadline) = pollable(guest, guest.handle(0)?)? {
        wait(guest, deadline)?;
    }
    Ok(None)
}

pub(super) fn poll(guest: &mut Guest<'_>) -> Answer {
    let ComponentValue::List(handles) = guest.argument(0)? else { return Err(mismatch(0, "a list")) };
    if handles.is_empty() {
        return Err(wasmtime::Error::msg("init polls an empty list"));
    }
    let numbers: Vec<u32> = handles
        .iter()
        .filter_map(
            |value| if let ComponentValue::Resource(handle) = value { Some(handle.number) } else { None },
        )
        .collect();
    let mut deadlines = Vec::new();
    for number in numbers {
        deadlines.push(match pollable(guest, number)? {
            Pollable::Ready => None,
            Pollable::Timer(deadline) => Some(deadline),
        });
    }
    // What is ready at once comes before every timer. Otherwise time passes until the first ones.
    let first = deadlines.iter().copied().min().flatten();
    if let Some(deadline) = first {
        wait(guest, deadline)?;
    }
    let ready = (0u32..).zip(&deadlines).filter(|(_, deadline)| **deadline == first);
    Ok(Some(ComponentValue::List(ready.map(|(index, _)| ComponentValue::U32(index)).collect())))
}

/// Lets time pass until the monotonic clock shows `deadline`.
pub(super) fn wait(guest: &mut Guest<'_>, deadline: u64) -> wasmtime::Result<()> {
    const SUBSCRIPTION: usize = 48;
    const EVENT: usize = 32;
    const MONOTONIC: u32 = 1;
    const ABSOLUTE: u16 = 1;
    let mut scratch = vec![0; SUBSCRIPTION + EVENT + 4];
    scratch[16..20].copy_from_slice(&MONOTONIC.to_le_bytes());
    scratch[24..32].copy_from_slice(&deadline.to_le_bytes());
    scratch[40..42].copy_from_slice(&ABSOLUTE.to_le_bytes());
    let (events, count) = (SUBSCRIPTION as u32, (SUBSCRIPTION + EVENT) as u32);
    guest.must("poll_oneoff", &words(&[0, events, 1, count]), &mut scratch)?;
    match word_at(&scratch, SUBSCRIPTION + EVENT) {
        1 => Ok(()),
        events => Err(wasmtime::Error::msg(format!("one timer gave {events} events"))),
    }
}
