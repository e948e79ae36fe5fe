//! The variables in which wasi-libc notes that it has asked the host. A module whose linker has left out the functions that
//! reset them has them all the same: they are seen in an instance that has not asked yet, whose libc is made to ask. What it
//! writes then is put back, so that it asks again; only if all that is written is what wasi-libc is known to write.

use crate::engine::Compiled;
use crate::execute::{Cached, Execution, FinishedInit};
use crate::guest::{AddressMap, Program, wasi_import};
use crate::host::{HostOptions, Ledger, Output, Stdin, WasiOptions};
use preinit_core::segments;
use preinit_core::snapshot::Snapshot;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of memory 0 that are put back to what they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PutBack {
    pub address: u64,
    pub bytes: Vec<u8>,
    /// Whether libc then looks for directories again.
    pub of_directories: bool,
}

impl PutBack {
    /// Puts the bytes back in the state.
    pub fn apply(&self, snapshot: &mut Snapshot<'_>) {
        let memory = snapshot.memories.first_mut();
        let end = self.address.checked_add(self.bytes.len() as u64);
        if let Some(memory) = memory.filter(|memory| end.is_some_and(|end| end <= memory.size)) {
            memory.image.overwrite(self.address, &self.bytes);
        }
    }
}

/// A module whose libc is observed in instances of its own.
pub(crate) struct LibcVariables<'a> {
    execution: Execution<'a>,
    compiled: &'a Compiled,
    program: &'a Program<'a>,
    host: HostOptions,
}

/// The numbers of directories that libc is shown: what counts them takes all these values.
const COUNTS: [u32; 4] = [1, 2, 3, 5];

/// `__wasilibc_environ` until libc asks for the environment (wasi-libc, `sources/environ.c`).
const NOT_ASKED: u32 = u32::MAX;

impl<'a> LibcVariables<'a> {
    /// `ledger` answers what instantiation asks; `execution` has the functions of libc exported by probes.
    pub fn new(
        execution: Execution<'a>,
        compiled: &'a Compiled,
        program: &'a Program<'a>,
        ledger: &Ledger,
    ) -> LibcVariables<'a> {
        let mut host = HostOptions {
            replay: Some(Arc::new(ledger.clone())),
            replay_outside_only: true,
            ledger_backtraces: false,
            ..execution.host.clone()
        };
        if let Some(wasi) = &mut host.wasi {
            *wasi = WasiOptions {
                env: Vec::new(),
                stdin: Stdin::Empty,
                stdout: Output::Discard,
                stderr: Output::Discard,
                ..wasi.clone()
            };
        }
        LibcVariables { execution, compiled, program, host }
    }

    /// What must be put back so that libc looks for directories again; `None` if that is not certain. `found` says whether
    /// the build had any.
    pub fn of_directories(&self, found: bool) -> Option<Vec<PutBack>> {
        let populate = self.program.libc.populate_preopens?;
        let mut untouched = self.untouched()?;
        let before = untouched.before()?;
        let asked = untouched.asks(populate, &[], "fd_prestat_get")?;
        // `preopens_populated`, and nothing else (wasi-libc, `libc-bottom-half/sources/preopens.c`).
        let [flag] = &asked.changed(&before)?[..] else { return None };
        if flag.end - flag.start != 1 || before.byte(flag.start) != 0 || asked.byte(flag.start) != 1 {
            return None;
        }
        let mut put_back = vec![PutBack { address: flag.start, bytes: vec![0], of_directories: true }];
        if found {
            let count = self.directory_count(populate)?;
            put_back.push(PutBack { address: count, bytes: vec![0; 4], of_directories: true });
            self.counts_anew(populate, &put_back, count)?;
        }
        put_back.iter().try_for_each(|part| untouched.instance.write(part.address, &part.bytes))?;
        let again = untouched.instance.asks_again(populate, &[], "fd_prestat_get");
        (again == Cached::No).then_some(put_back)
    }

    /// What must be put back so that libc asks for the environment again; `None` if that is not certain.
    pub fn of_environment(&self) -> Option<Vec<PutBack>> {
        /// A constructor, the function that it calls, and two wrappers around the import.
        const DEPTH: usize = 4;
        let getenv = self.program.libc.getenv?;
        let import = wasi_import(self.execution.module, "environ_sizes_get")?;
        // A program that uses the variable `environ` must find a valid pointer there.
        let is_eager = |constructors| self.program.calls.reaches(constructors, import, DEPTH);
        if self.program.libc.constructors.is_some_and(is_eager) {
            return None;
        }
        let mut untouched = self.untouched()?;
        let name = untouched.instance.unset_variable()?;
        let before = untouched.before()?;
        let asked = untouched.asks(getenv, &[name], "environ_sizes_get")?;
        let words: BTreeSet<u64> =
            asked.changed(&before)?.into_iter().flatten().map(|address| address & !3).collect();
        let word = words.first().copied().filter(|_| words.len() == 1)?;
        if before.word(word) != NOT_ASKED {
            return None;
        }
        let bytes = NOT_ASKED.to_le_bytes().to_vec();
        untouched.instance.write(word, &bytes)?;
        let again = untouched.instance.asks_again(getenv, &[name], "environ_sizes_get");
        (again == Cached::No).then(|| vec![PutBack { address: word, bytes, of_directories: false }])
    }

    /// The address of the variable that counts directories.
    fn directory_count(&self, populate: u32) -> Option<u64> {
        let mut candidates: Option<BTreeSet<u64>> = None;
        for count in COUNTS {
            let mut untouched = self.untouched()?;
            let before = untouched.before()?;
            untouched.instance.show_directories(count);
            let after = untouched.asks(populate, &[], "fd_prestat_get")?;
            let changed = after.changed_bytes(&before)?;
            let words = changed.into_iter().flatten().map(|address| address & !3);
            let counting: BTreeSet<u64> =
                words.filter(|word| before.word(*word) == 0 && after.word(*word) == count).collect();
            candidates = Some(match candidates {
                None => counting,
                Some(other) => other.intersection(&counting).copied().collect(),
            });
        }
        let candidates = candidates?;
        candidates.first().copied().filter(|_| candidates.len() == 1)
    }

    /// Whether libc counts from 0 again after `put_back`.
    fn counts_anew(&self, populate: u32, put_back: &[PutBack], count: u64) -> Option<()> {
        let mut untouched = self.untouched()?;
        for directories in [2, 3] {
            untouched.instance.show_directories(directories);
            let after = untouched.asks(populate, &[], "fd_prestat_get")?;
            if after.word(count) != directories {
                return None;
            }
            put_back.iter().try_for_each(|part| untouched.instance.write(part.address, &part.bytes))?;
        }
        Some(())
    }

    /// An instance whose libc has not asked the host for anything.
    fn untouched(&self) -> Option<Untouched<'_>> {
        let execution = Execution { host: &self.host, hooks: &[], ..self.execution };
        let instance = FinishedInit::untouched(execution.prepared(self.compiled, Duration::ZERO)).ok()?;
        Some(Untouched { variables: self, instance })
    }
}

struct Untouched<'v> {
    variables: &'v LibcVariables<'v>,
    instance: FinishedInit<'v>,
}

impl Untouched<'_> {
    fn before(&mut self) -> Option<Seen> {
        let state = self.instance.state().ok()?;
        let LibcVariables { execution, program, .. } = self.variables;
        let stack = AddressMap::of(execution.module, &program.calls, &state, 0).stack?;
        Some(Seen { state, stack: stack.low..stack.top })
    }

    /// The state after a call that must ask for `import` and return.
    fn asks(&mut self, function: u32, arguments: &[i32], import: &str) -> Option<Seen> {
        if self.instance.asks_again(function, arguments, import) != Cached::No {
            return None;
        }
        self.before()
    }
}

/// The state of an instance, and where its stack is.
struct Seen {
    state: Snapshot<'static>,
    stack: Range<u64>,
}

impl Seen {
    /// The bytes outside of the stack that differ from `before`; `None` if something else does, too, or more than libc changes.
    fn changed(&self, before: &Seen) -> Option<Vec<Range<u64>>> {
        let Seen { state, .. } = self;
        let is_same = state.globals == before.state.globals
            && state.tables == before.state.tables
            && state.memories.len() == before.state.memories.len()
            && state.heap == before.state.heap
            && state.memories.first()?.size == before.state.memories.first()?.size
            && state.memories.iter().zip(&before.state.memories).skip(1).all(|(left, right)| left == right);
        if is_same { self.changed_bytes(before) } else { None }
    }

    /// The bytes of memory 0 outside of the stack that differ from `before`; `None` if they are more than libc changes.
    fn changed_bytes(&self, before: &Seen) -> Option<Vec<Range<u64>>> {
        const MOST: u64 = 1 << 20;
        let (Some(left), Some(right)) = (before.state.memories.first(), self.state.memories.first()) else {
            return Some(Vec::new());
        };
        let (mut changed, mut bytes) = (Vec::new(), 0);
        segments::each_difference(&left.image, &right.image, left.size.max(right.size), |range| {
            if !(self.stack.start <= range.start && range.end <= self.stack.end) {
                bytes += range.end - range.start;
                changed.extend((bytes <= MOST).then_some(range));
            }
        });
        (bytes <= MOST).then_some(changed)
    }

    fn byte(&self, address: u64) -> u8 {
        let mut bytes = Vec::new();
        if let Some(memory) = self.state.memories.first() {
            memory.image.append_to(address, address + 1, &mut bytes);
        }
        bytes.first().copied().unwrap_or(0)
    }

    fn word(&self, address: u64) -> u32 {
        u32::from_le_bytes([0, 1, 2, 3].map(|at| self.byte(address + at)))
    }
}
