//! The property as a function of bytes, for fuzzers.

use super::generator::Means;
use super::machine::{Machine, engine};
use super::property::{Counts, check};
use super::{generator, smith};

/// Freezes at most.
const MOST: usize = 6;

/// Makes a program of the bytes and checks it; the first byte chooses how. What is not a program counts nothing.
pub fn check_bytes(bytes: &[u8]) -> Counts {
    let mut counts = Counts::default();
    let Some((how, bytes)) = bytes.split_first() else { return counts };
    let means = match how & 3 {
        0 => Some(Means::Plain),
        1 => Some(Means::References),
        2 => Some(Means::Objects),
        _ => None,
    };
    if let Some(means) = means {
        check(&generator::program_of(bytes, means), MOST, false, &mut counts);
    } else if let Some(wasm) = smith::program_of(bytes, how & 4 == 0, u64::from(how >> 3) + 1)
        && Machine::try_new(&engine(), &wasm, 0).is_ok()
    {
        check(&wasm, MOST, true, &mut counts);
    }
    counts
}
