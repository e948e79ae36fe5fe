//! Keeps the ledger of a run, and answers from another one in a replay.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::{AsContext, Val, ValType, WasmBacktrace};

use super::error::{Denied, GuestExit, ImportCalled, LedgerLimit, ReplayDiverged};
use super::host_options::{ImportName, LiveLedger};
use super::host_value::HostValue;
use super::ledger::{Call, ComponentCall, Descriptors, Entry, Ledger, Outcome, Region};
use super::run_limits::Room;
use super::wasi::{BADF, SUCCESS};
use crate::demangling::demangled;

#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) ledger: Ledger,
    /// Those that are open after these calls.
    pub(super) descriptors: Descriptors,
    replay: Option<Arc<Ledger>>,
    pub(super) backtraces: bool,
    /// The module whose unnamed functions have these names, by index.
    pub(super) names: Option<(wasmtime::Module, HashMap<u32, String>)>,
    limit: u64,
    used: u64,
    /// Bytes that the host keeps for the guest besides.
    pub(super) held: u64,
    live: Option<LiveLedger>,
    /// Bytes of the resources that a component has made.
    pub(super) resources: u64,
    /// In a replay: whether questions for preopened directories were answered that are not in the recording. `None` if they may
    /// not be.
    pub(super) answered_preopens: Option<bool>,
}

impl Recorder {
    /// `limit` is in bytes.
    pub(super) fn new(mut ledger: Ledger, replay: Option<Arc<Ledger>>, backtraces: bool, limit: u64) -> Self {
        if let Some(replay) = &replay {
            ledger.unreplayed = Some(replay.len());
            ledger.sources = replay.sources;
            ledger.preopens.clone_from(&replay.preopens);
            ledger.monotonic = replay.monotonic;
            ledger.overlaid.clone_from(&replay.overlaid);
        }
        let descriptors = Descriptors::new(&ledger.preopens);
        Self {
            ledger,
            descriptors,
            replay,
            backtraces,
            names: None,
            limit,
            used: 0,
            held: 0,
            live: None,
            resources: 0,
            answered_preopens: None,
        }
    }

    /// Lets others read the record as it grows.
    pub(super) fn shared_with(self, live: Option<LiveLedger>) -> Self {
        if let Some(live) = &live {
            live.begin(&self.ledger);
        }
        Self { live, ..self }
    }

    /// The recorded answer to `call`, which becomes part of this run's ledger; `None` if this is no replay.
    pub(super) fn replayed(&mut self, call: &Call) -> Result<Option<Arc<Entry>>, ReplayDiverged> {
        let Some(replay) = &self.replay else { return Ok(None) };
        let index = self.ledger.len();
        match replay.entries.get(index) {
            Some(entry) if entry.call == *call => {
                let mut entry = Arc::clone(entry);
                if call.backtrace.is_some() && entry.call.backtrace != call.backtrace {
                    entry = Arc::new(Entry { call: call.clone(), ..(*entry).clone() });
                }
                self.descriptors.apply(&entry);
                self.ledger.entries.push(Arc::clone(&entry));
                self.ledger.unreplayed = Some(replay.len() - index - 1);
                Ok(Some(entry))
            }
            other => {
                let show_values = self.ledger.show_values;
                Err(ReplayDiverged {
                    index,
                    recorded: other.map(|entry| entry.call.in_words(show_values)),
                    import: (*call.import).clone(),
                    called: describe(call, other.map(|entry| &entry.call), show_values),
                })
            }
        }
    }

    /// The errno, and what is written, for a question for preopened directories that the recording does not have here.
    pub(super) fn preopen(&mut self, call: &Call) -> Option<(i32, Option<Region>)> {
        self.answered_preopens?;
        let next = self.replay.as_ref()?.entries.get(self.ledger.len());
        if next.is_some_and(|next| next.call == *call) {
            return None;
        }
        let names = &self.ledger.preopens;
        let answer = preopen_answer(call, |number| names.get(number as usize).cloned())?;
        self.answered_preopens = Some(true);
        Some(answer)
    }

    /// From now on answers exactly `entries`, in this order, and starts a new ledger with them.
    pub(super) fn replay_next(&mut self, entries: Vec<Arc<Entry>>) {
        self.ledger.entries.clear();
        self.ledger.component_calls.clear();
        self.descriptors = Descriptors::new(&self.ledger.preopens);
        self.ledger.unreplayed = Some(entries.len());
        self.replay = Some(Arc::new(Ledger { entries, ..Ledger::default() }));
    }

    /// Ends a replay: the next call is answered by the host and begins a new ledger.
    pub(super) fn answer_live(&mut self) {
        self.take();
        self.descriptors = Descriptors::new(&self.ledger.preopens);
        self.ledger.unreplayed = None;
        self.ledger.monotonic = None;
        self.replay = None;
        self.held = 0;
    }

    /// The calls since the last time; they count no longer.
    pub(super) fn take(&mut self) -> Vec<Arc<Entry>> {
        self.used = 0;
        self.ledger.component_calls.clear();
        std::mem::take(&mut self.ledger.entries)
    }

    /// Adds an answered call.
    pub(super) fn record(&mut self, entry: Entry) -> Result<(), LedgerLimit> {
        self.record_shared(entry).map(drop)
    }

    /// Adds an answered call, and hands it back.
    pub(super) fn record_shared(&mut self, entry: Entry) -> Result<Arc<Entry>, LedgerLimit> {
        let entry = Arc::new(entry);
        self.used = self.used.saturating_add(entry.cost()).saturating_add(self.descriptors.listed(&entry));
        self.descriptors.apply(&entry);
        if let Some(live) = &self.live {
            live.push(&entry);
        }
        self.ledger.entries.push(Arc::clone(&entry));
        self.room().fits(0).map(|()| entry)
    }

    /// Adds a call of a component, after those that answered it.
    pub(super) fn record_component(&mut self, call: ComponentCall) -> Result<(), LedgerLimit> {
        self.used = self.used.saturating_add(call.cost());
        self.ledger.component_calls.push(call);
        self.room().fits(0)
    }

    /// What more the host may keep.
    pub(super) fn room(&self) -> Room {
        let taken = [self.used, self.held, self.resources].into_iter().fold(0, u64::saturating_add);
        Room { left: self.limit.checked_sub(taken), limit: self.limit }
    }

    /// Notes that calls to `import` do not come here.
    pub(super) fn unrecorded(&mut self, import: &ImportName) {
        if let Err(place) = self.ledger.unrecorded.binary_search(import) {
            self.ledger.unrecorded.insert(place, import.clone());
        }
    }

    /// The call stack, if it is wanted.
    pub(super) fn backtrace(&self, store: impl AsContext) -> Option<Vec<String>> {
        self.backtraces.then(|| {
            let backtrace = WasmBacktrace::force_capture(store);
            let name = |frame: &wasmtime::FrameInfo| match frame.func_name() {
                Some(name) => demangled(name).into_owned(),
                None => {
                    let exported = self
                        .names
                        .as_ref()
                        .filter(|(module, _)| wasmtime::Module::same(module, frame.module()));
                    let exported = exported.and_then(|(_, names)| names.get(&frame.func_index()));
                    exported.cloned().unwrap_or_else(|| format!("function {}", frame.func_index()))
                }
            };
            backtrace.frames().iter().map(name).collect()
        })
    }
}

/// How `fd_prestat_get` and `fd_prestat_dir_name` are answered, by the names of directories; `None` for other functions.
pub(super) fn preopen_answer(
    call: &Call,
    name: impl Fn(u32) -> Option<String>,
) -> Option<(i32, Option<Region>)> {
    const FIRST: u32 = 3;
    let name = call.word(0)?.checked_sub(FIRST).and_then(name).map(String::into_bytes);
    let bytes = match (call.wasi()?, name) {
        ("fd_prestat_get" | "fd_prestat_dir_name", None) => return Some((BADF, None)),
        ("fd_prestat_get", Some(name)) => {
            // The tag of a directory is 0.
            let length = u32::try_from(name.len()).ok()?;
            [[0; 4], length.to_le_bytes()].concat()
        }
        ("fd_prestat_dir_name", Some(name)) => name,
        _ => return None,
    };
    Some((SUCCESS, Some(Region { address: call.word(1)?, bytes })))
}

/// The call, and where it differs from the recorded one if that is not plain from the two texts.
fn describe(call: &Call, recorded: Option<&Call>, show_values: bool) -> String {
    let text = call.in_words(show_values);
    let Some(recorded) = recorded.filter(|recorded| recorded.in_words(show_values) == text) else {
        return text;
    };
    let pairs = call.reads.iter().zip(&recorded.reads);
    let different = pairs.into_iter().find_map(|(left, right)| {
        let same = left.bytes.iter().zip(&right.bytes).take_while(|(left, right)| left == right).count();
        (left.bytes != right.bytes).then(|| u64::from(left.address) + same as u64)
    });
    match different {
        Some(address) => format!("{text}, with another byte at {address:#x}"),
        None => text,
    }
}

impl Outcome {
    /// What a failed host call is in the ledger.
    pub(super) fn of_error(error: &wasmtime::Error) -> Self {
        if let Some(GuestExit { code }) = error.downcast_ref() {
            Self::Exit(*code)
        } else if let Some(denied) = error.downcast_ref::<Denied>() {
            Self::Denied(denied.clone())
        } else {
            Self::Trap(format!("{error:#}"))
        }
    }

    /// Gives the guest this outcome: fills in its results, or is the error to trap with.
    pub(super) fn settle(
        &self,
        import: &ImportName,
        types: impl Iterator<Item = ValType>,
        results: &mut [Val],
    ) -> wasmtime::Result<()> {
        match self {
            Self::Results(values) => {
                for ((value, ty), result) in values.iter().zip(types).zip(results) {
                    *result = value.to_val(&ty).ok_or_else(|| no_value(import, *value, &ty))?;
                }
                Ok(())
            }
            Self::Exit(code) => Err(GuestExit { code: *code }.into()),
            Self::ImportCalled => Err(ImportCalled { import: import.clone() }.into()),
            Self::Denied(denied) => Err(denied.clone().into()),
            Self::Trap(text) => Err(wasmtime::Error::msg(text.clone())),
        }
    }
}

fn no_value(import: &ImportName, value: HostValue, ty: &ValType) -> wasmtime::Error {
    wasmtime::Error::msg(format!("the recorded result `{value}` of `{import}` is no {ty}"))
}
