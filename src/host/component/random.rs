//! The three interfaces of `wasi:random`: all have the same source.

use super::call::{Answer, Guest, long_at, words};
use crate::host::component_value::ComponentValue;
use crate::host::error::LedgerLimit;

/// Bytes that may be asked for at once, as wasmtime-wasi has it.
const MOST: u64 = 64 << 20;

fn random(guest: &mut Guest<'_>, len: u64) -> wasmtime::Result<Vec<u8>> {
    if len > MOST {
        return Err(LedgerLimit { limit: MOST }.into());
    }
    guest.check_room(len)?;
    let mut scratch = vec![0; len as usize];
    guest.must("random_get", &words(&[0, len as u32]), &mut scratch)?;
    Ok(scratch)
}

pub(super) fn bytes(guest: &mut Guest<'_>) -> Answer {
    let len = guest.long(0)?;
    Ok(Some(ComponentValue::Bytes(random(guest, len)?)))
}

pub(super) fn long(guest: &mut Guest<'_>) -> Answer {
    Ok(Some(ComponentValue::U64(long_at(&random(guest, 8)?, 0))))
}

pub(super) fn seed(guest: &mut Guest<'_>) -> Answer {
    let bytes = random(guest, 16)?;
    let halves = [0, 8].map(|at| ComponentValue::U64(long_at(&bytes, at)));
    Ok(Some(ComponentValue::Tuple(halves.to_vec())))
}
