//! For a program that calls the host in random places:
//!
//! 1. run it twice over, uninterrupted, and remember every host call with the host's state before it;
//! 2. freeze it at each host call of the first run in turn, by either way of reading frames;
//! 3. the bodies of its functions are in the frozen module as they were;
//! 4. run that from the state of the host at the call: the rest of the host calls, the outcome, memories and globals are
//!    those of the uninterrupted run, and so is a second call of the entry;
//! 5. freeze what was frozen again, at the next call: the same holds.

use super::machine::{HostCall, Machine, Seen, engine, provider};
use preinit::stages::freeze::{FrameReader, Trigger};
use preinit::{Error, Output, Preinit};
use std::collections::BTreeMap;
use wasmparser::{Parser, Payload};
use wasmtime::Engine;

pub const ENTRY: &str = "entry";
const STATE: u64 = 42;

/// What came of some programs.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub programs: usize,
    pub host_calls: usize,
    pub freezes: usize,
    pub again: usize,
    pub refused: usize,
    pub inspected: usize,
    /// Where the debugging interface refused.
    pub unseen: usize,
    pub trapped: usize,
    pub deepest: usize,
    /// Of the heap, in all that was frozen.
    pub objects: u64,
}

impl Counts {
    pub fn and(self, other: Counts) -> Counts {
        Counts {
            programs: self.programs + other.programs,
            host_calls: self.host_calls + other.host_calls,
            freezes: self.freezes + other.freezes,
            again: self.again + other.again,
            refused: self.refused + other.refused,
            inspected: self.inspected + other.inspected,
            unseen: self.unseen + other.unseen,
            trapped: self.trapped + other.trapped,
            deepest: self.deepest.max(other.deepest),
            objects: self.objects + other.objects,
        }
    }
}

fn freeze(
    wasm: &[u8],
    state: u64,
    calls: &[HostCall],
    at: usize,
    reader: FrameReader,
) -> Result<Output, Error> {
    let name = &calls[at].name;
    let occurrence = calls[..=at].iter().filter(|call| call.name == *name).count();
    let trigger: Trigger = format!("{name}#{occurrence}").parse().unwrap();
    let preinit = Preinit::new().init_function(ENTRY).preload("env", provider(state)).stub_all(true);
    preinit.at(trigger).frames(reader).run(wasm)
}

fn rest(seen: &Seen, from: usize) -> Seen {
    Seen { calls: seen.calls[from..].to_vec(), ..seen.clone() }
}

fn bodies(wasm: &[u8]) -> Vec<&[u8]> {
    let payloads = Parser::new(0).parse_all(wasm).map(Result::unwrap);
    payloads
        .filter_map(|payload| match payload {
            Payload::CodeSectionEntry(body) => Some(&wasm[body.range()]),
            _ => None,
        })
        .collect()
}

/// Checks one program. `refusable` ones may hold values that cannot be written.
pub fn check(wasm: &[u8], most: usize, refusable: bool, counts: &mut Counts) {
    let engine = engine();
    let mut original = Machine::new(&engine, wasm, STATE);
    let first = original.call(ENTRY);
    let second = original.call(ENTRY);
    if original.is_too_large() {
        return;
    }
    counts.programs += 1;
    counts.host_calls += first.calls.len();
    counts.trapped += usize::from(first.outcome.is_err());
    let step = first.calls.len().div_ceil(most).max(1);
    // Other places in every program.
    let start =
        wasm.iter().fold(0usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(*byte))) % step;
    let run = Run { engine, wasm, first, second, refusable };
    for at in (start..run.first.calls.len()).step_by(step) {
        let both = at == start && run.first.calls.len().is_multiple_of(3);
        let readers: &[FrameReader] =
            if both { &[FrameReader::Unwind, FrameReader::Inspect] } else { &[FrameReader::Unwind] };
        run.check_at(at, readers, counts);
    }
}

/// What a program does when nothing interrupts it.
struct Run<'a> {
    engine: Engine,
    wasm: &'a [u8],
    first: Seen,
    second: Seen,
    refusable: bool,
}

impl Run<'_> {
    /// Freezes at this host call, and goes on.
    fn check_at(&self, at: usize, readers: &[FrameReader], counts: &mut Counts) {
        let outputs: Vec<Output> =
            readers.iter().filter_map(|reader| self.frozen_at(at, *reader, counts)).collect();
        if let [unwound, inspected] = &outputs[..] {
            assert!(unwound.wasm == inspected.wasm, "call {at}: two ways of reading the frames, two stacks");
            counts.inspected += 1;
        }
        let Some(output) = outputs.first() else { return };
        counts.freezes += 1;
        counts.objects += output.report.heap.objects;
        let frames = output.report.frozen.as_ref().map_or(0, |frozen| frozen.frames);
        counts.deepest = counts.deepest.max(frames);
        assert!(bodies(&output.wasm).starts_with(&bodies(self.wasm)), "call {at}: other bodies");
        let state = self.first.calls[at].state;
        let mut frozen = Machine::new(&self.engine, &output.wasm, state);
        let expected = rest(&self.first, at);
        assert_eq!(frozen.call(ENTRY), expected, "call {at}, the rest");
        assert_eq!(frozen.call(ENTRY), self.second, "call {at}, the second call of the entry");
        if at + 1 < self.first.calls.len() && at.is_multiple_of(3) {
            self.check_again(at, &output.wasm, &expected, counts);
        }
    }

    /// `None` if it was refused, for a reason that is allowed.
    fn frozen_at(&self, at: usize, reader: FrameReader, counts: &mut Counts) -> Option<Output> {
        match freeze(self.wasm, STATE, &self.first.calls, at, reader) {
            Ok(output) => return Some(output),
            Err(error) if self.refusable && error.is_refusal() => {
                let text = error.to_string();
                assert!(text.contains("cannot be written") || text.contains("the limit is"), "{error}");
                counts.refused += 1;
            }
            // The engine does not show it.
            Err(error) if error.to_string().contains("in the first arm of an `if`") => counts.unseen += 1,
            Err(error) => panic!("call {at}: {error}"),
        }
        None
    }

    /// Freezes what was frozen at `at` again, at the next call.
    fn check_again(&self, at: usize, frozen: &[u8], expected: &Seen, counts: &mut Counts) {
        let again = match freeze(frozen, self.first.calls[at].state, &expected.calls, 1, FrameReader::Unwind)
        {
            Ok(again) => again,
            Err(error) if self.refusable && error.is_refusal() => return,
            Err(error) => panic!("call {at}, frozen again: {error}"),
        };
        counts.again += 1;
        let mut frozen = Machine::new(&self.engine, &again.wasm, expected.calls[1].state);
        assert_eq!(frozen.call(ENTRY), rest(expected, 1), "call {at}, frozen again, the rest");
        assert_eq!(frozen.call(ENTRY), self.second, "call {at}, frozen again, the second call");
    }
}

/// Checks many, and says which seed failed.
pub fn check_all(
    seeds: std::ops::Range<u64>,
    one: impl Fn(u64, &mut Counts) + std::panic::RefUnwindSafe,
) -> Counts {
    let mut total: BTreeMap<u64, Counts> = BTreeMap::new();
    let mut failed = Vec::new();
    for seed in seeds {
        let checked = std::panic::catch_unwind(|| {
            let mut counts = Counts::default();
            one(seed, &mut counts);
            counts
        });
        match checked {
            Ok(counts) => drop(total.insert(seed, counts)),
            Err(_) => failed.push(seed),
        }
    }
    assert!(failed.is_empty(), "seeds {failed:?}");
    total.into_values().fold(Counts::default(), Counts::and)
}
