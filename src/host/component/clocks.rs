//! `wasi:clocks`.

use super::call::{Answer, Guest, long, long_at, record, words};
use super::resources::{Pollable, Resource};
use crate::host::component_value::ComponentValue;
use crate::host::host_value::HostValue;

const SECOND: u64 = 1_000_000_000;

/// Clocks of preview 1.
const REALTIME: u32 = 0;
const MONOTONIC: u32 = 1;

fn reading(guest: &mut Guest<'_>, clock: u32) -> wasmtime::Result<u64> {
    let mut scratch = [0; 8];
    let [clock, at] = [clock, 0].map(|word| HostValue::I32(word.cast_signed()));
    guest.must("clock_time_get", &[clock, long(1), at], &mut scratch)?;
    Ok(long_at(&scratch, 0))
}

fn resolution(guest: &mut Guest<'_>, clock: u32) -> wasmtime::Result<u64> {
    let mut scratch = [0; 8];
    guest.must("clock_res_get", &words(&[clock, 0]), &mut scratch)?;
    Ok(long_at(&scratch, 0))
}

/// What the monotonic clock says, in nanoseconds.
pub(super) fn monotonic(guest: &mut Guest<'_>) -> wasmtime::Result<u64> {
    reading(guest, MONOTONIC)
}

/// A point in time as WASI 0.2 has it.
pub(super) fn datetime(nanoseconds: u64) -> ComponentValue {
    record([
        ("seconds", ComponentValue::U64(nanoseconds / SECOND)),
        ("nanoseconds", ComponentValue::U32((nanoseconds % SECOND) as u32)),
    ])
}

/// The nanoseconds of a point in time. WASI 0.3 has some before 1970, which preview 1 does not.
pub(super) fn nanoseconds(datetime: &ComponentValue) -> Option<u64> {
    let ComponentValue::Record(fields) = datetime else { return None };
    match fields.as_slice() {
        [(_, seconds), (_, ComponentValue::U32(nanoseconds))] => {
            let seconds = match seconds {
                ComponentValue::U64(seconds) => *seconds,
                ComponentValue::S64(seconds) => u64::try_from(*seconds).ok()?,
                _ => return None,
            };
            Some(seconds.saturating_mul(SECOND).saturating_add(u64::from(*nanoseconds)))
        }
        _ => None,
    }
}

pub(super) fn monotonic_now(guest: &mut Guest<'_>) -> Answer {
    Ok(Some(ComponentValue::U64(monotonic(guest)?)))
}

pub(super) fn monotonic_resolution(guest: &mut Guest<'_>) -> Answer {
    Ok(Some(ComponentValue::U64(resolution(guest, MONOTONIC)?)))
}

pub(super) fn wall_now(guest: &mut Guest<'_>) -> Answer {
    Ok(Some(datetime(reading(guest, REALTIME)?)))
}

pub(super) fn wall_resolution(guest: &mut Guest<'_>) -> Answer {
    Ok(Some(datetime(resolution(guest, REALTIME)?)))
}

pub(super) fn system_resolution(guest: &mut Guest<'_>) -> Answer {
    Ok(Some(ComponentValue::U64(resolution(guest, REALTIME)?)))
}

pub(super) fn subscribe_instant(guest: &mut Guest<'_>) -> Answer {
    let deadline = guest.long(0)?;
    guest.make("pollable", Resource::Pollable(Pollable::Timer(deadline))).map(Some)
}

pub(super) fn subscribe_duration(guest: &mut Guest<'_>) -> Answer {
    let duration = guest.long(0)?;
    let deadline = monotonic(guest)?.saturating_add(duration);
    guest.make("pollable", Resource::Pollable(Pollable::Timer(deadline))).map(Some)
}
