//! The property that matters, by behaviour alone. For an original and its snapshot:
//!
//! 1. instantiate the original with fresh providers; call `_initialize` if there is one, then the init functions;
//! 2. instantiate the snapshot with fresh providers;
//! 3. compare what all exports hold;
//! 4. make the same calls on both in the same order and compare every result bit by bit, and traps by their kind;
//! 5. compare what all exports hold once more.
//!
//! On each engine that supports the original; engines are then compared with each other.

use super::case::Call;
use super::cranelift::Cranelift;
use super::interpreter::Interpreter;
use super::machine::{Machine, Outcome, Setup, State};

/// What is compared.
pub struct Pair<'a> {
    pub original: &'a [u8],
    pub snapshot: &'a [u8],
    pub init: &'a [String],
    pub setup: Setup<'a>,
    /// Providers need not end up in the same state: the module has its own copies.
    pub internalized: bool,
}

/// What happened, the same on both sides and on all engines.
pub struct Agreement {
    pub outcomes: Vec<Outcome>,
    pub ran_on_wasmi: bool,
}

impl Pair<'_> {
    /// Panics at the first difference.
    pub fn agree(&self, calls: &[Call]) -> Agreement {
        let start = |wasm: &[u8]| Cranelift::start(wasm, self.setup);
        let Some(outcomes) = self.agree_on("wasmtime", start, calls) else {
            // Bulk instructions cost fuel by length here, and not under the compiler that ran init.
            return Agreement { outcomes: Vec::new(), ran_on_wasmi: false };
        };
        let start = |wasm: &[u8]| Interpreter::start(wasm, self.setup);
        let is_supported = !self.setup.wasi && Interpreter::supports(self.original, self.setup.providers);
        let others = if is_supported { self.agree_on("wasmi", start, calls) } else { None };
        // In generated code the engines differ from each other where one of them is wrong, which is not our affair.
        if let Some(others) = others.as_ref().filter(|_| !self.setup.bounded) {
            for ((call, ours), theirs) in calls.iter().zip(&outcomes).zip(others) {
                assert_eq!(ours.values(), theirs.values(), "{call} on wasmtime and on wasmi");
            }
        }
        Agreement { outcomes, ran_on_wasmi: others.is_some() }
    }

    /// `None` if the engine could not run a bounded init to its end.
    fn agree_on<M: Machine>(
        &self,
        engine: &str,
        start: impl Fn(&[u8]) -> Result<M, String>,
        calls: &[Call],
    ) -> Option<Vec<Outcome>> {
        let mut original = start(self.original).unwrap_or_else(|error| panic!("{engine}, original: {error}"));
        for name in self.init {
            let init = Call { provider: None, export: name.clone(), args: Vec::new() };
            let outcome = original.call(&init);
            // Wasmtime made the snapshot: where it does not trap, only a mistake of ours traps on it.
            let is_tolerated = outcome.is_exhausted() || engine == "wasmi" && outcome.values().is_none();
            if self.setup.bounded && is_tolerated {
                return None;
            }
            assert_eq!(outcome, Outcome::Returned(Vec::new()), "{engine}, original: {init}");
        }
        let mut snapshot = start(self.snapshot).unwrap_or_else(|error| panic!("{engine}, snapshot: {error}"));
        self.compare_states(engine, "after init", original.state(), snapshot.state());
        let mut outcomes = Vec::new();
        for call in calls {
            let (left, right) = (original.call(call), snapshot.call(call));
            // What such a call left undone goes on to matter.
            if self.setup.bounded && (left.is_exhausted() || right.is_exhausted()) {
                return Some(outcomes);
            }
            assert_eq!(left, right, "{engine}: {call} on the original and on the snapshot");
            outcomes.push(right);
        }
        self.compare_states(engine, "after all calls", original.state(), snapshot.state());
        Some(outcomes)
    }

    fn compare_states(&self, engine: &str, when: &str, original: State, snapshot: State) {
        for (name, right) in snapshot {
            if self.internalized && name.contains("::") {
                continue;
            }
            // A renamed export has no counterpart.
            if let Some(left) = original.get(&name) {
                assert!(*left == right, "{engine}, {when}: `{name}` is {left:?} and {right:?}");
            }
        }
    }
}
