//! Which function calls which, as far as direct calls show it.

use preinit_core::module::Module;
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};
use wasmparser::{FunctionBody, Operator};

/// The direct calls of all functions, and how functions begin.
pub(crate) struct CallGraph {
    imported: u32,
    /// For each defined function the functions that it calls directly, in order, each once.
    calls: Vec<Vec<u32>>,
    /// For each global the number of functions that begin by subtracting from it, as they do with a stack pointer.
    prologues: HashMap<u32, usize>,
    /// Defined functions without any instruction.
    empty: BTreeSet<u32>,
}

struct ScannedBody {
    calls: Vec<u32>,
    prologue: Option<u32>,
    empty: bool,
}

impl CallGraph {
    pub fn of(module: &Module<'_>) -> CallGraph {
        let bodies: Vec<ScannedBody> = module.bodies().par_iter().map(scan).collect();
        let mut prologues = HashMap::new();
        for global in bodies.iter().filter_map(|body| body.prologue) {
            *prologues.entry(global).or_default() += 1;
        }
        let imported = module.imported.functions;
        let empty =
            (imported..).zip(&bodies).filter(|(_, body)| body.empty).map(|(index, _)| index).collect();
        CallGraph { imported, calls: bodies.into_iter().map(|body| body.calls).collect(), prologues, empty }
    }

    /// Nothing is known of any function.
    pub fn none() -> CallGraph {
        CallGraph { imported: 0, calls: Vec::new(), prologues: HashMap::new(), empty: BTreeSet::new() }
    }

    /// The functions that `function` calls directly.
    pub fn callees(&self, function: u32) -> &[u32] {
        let defined = function.checked_sub(self.imported).and_then(|index| self.calls.get(index as usize));
        defined.map_or(&[], Vec::as_slice)
    }

    /// The functions that call `function` directly.
    pub fn callers(&self, function: u32) -> Vec<u32> {
        let calling = (self.imported..).zip(&self.calls).filter(|(_, calls)| calls.contains(&function));
        calling.map(|(caller, _)| caller).collect()
    }

    /// Whether `from` calls `to`, itself or through at most `depth` - 1 others.
    pub fn reaches(&self, from: u32, to: u32, depth: usize) -> bool {
        from == to
            || depth > 0 && self.callees(from).iter().any(|&callee| self.reaches(callee, to, depth - 1))
    }

    /// The nearest caller of `function` for which `accept` holds, direct or at most `depth` calls away.
    pub fn nearest_caller(&self, function: u32, depth: usize, accept: impl Fn(u32) -> bool) -> Option<u32> {
        let mut seen = BTreeSet::from([function]);
        let mut frontier = vec![function];
        for _ in 0..depth {
            let callers: BTreeSet<u32> = frontier
                .iter()
                .flat_map(|&callee| self.callers(callee))
                .filter(|f| !seen.contains(f))
                .collect();
            if let Some(found) = callers.iter().copied().find(|&caller| accept(caller)) {
                return Some(found);
            }
            seen.extend(&callers);
            frontier = callers.into_iter().collect();
        }
        None
    }

    /// Whether `function` has no instructions.
    pub fn is_empty(&self, function: u32) -> bool {
        self.empty.contains(&function)
    }

    /// The number of functions that reserve room on `global` as on a stack pointer.
    pub fn prologues(&self, global: u32) -> usize {
        self.prologues.get(&global).copied().unwrap_or(0)
    }
}

fn scan(body: &FunctionBody<'_>) -> ScannedBody {
    let mut scanned = ScannedBody { calls: Vec::new(), prologue: None, empty: true };
    let Ok(operators) = body.get_operators_reader() else { return scanned };
    let mut prologue = Prologue::default();
    for operator in operators.into_iter().flatten() {
        scanned.empty &= matches!(operator, Operator::End);
        prologue.next(&operator);
        if let Operator::Call { function_index } | Operator::ReturnCall { function_index } = operator
            && !scanned.calls.contains(&function_index)
        {
            scanned.calls.push(function_index);
        }
    }
    scanned.prologue = prologue.global.filter(|_| prologue.matched == PROLOGUE);
    scanned
}

/// The number of operators of a prologue.
const PROLOGUE: usize = 5;

/// How LLVM begins a function that needs room on the stack and calls others: `global.get G`, `i32.const N` (a multiple of
/// 16), `i32.sub`, `local.tee`, `global.set G`.
#[derive(Default)]
struct Prologue {
    matched: usize,
    seen: usize,
    global: Option<u32>,
}

impl Prologue {
    fn next(&mut self, operator: &Operator<'_>) {
        let fits = match (self.seen, operator) {
            (0, Operator::GlobalGet { global_index }) => {
                self.global = Some(*global_index);
                true
            }
            (1, Operator::I32Const { value }) => *value > 0 && value % 16 == 0,
            (1, Operator::I64Const { value }) => *value > 0 && value % 16 == 0,
            (2, Operator::I32Sub | Operator::I64Sub) | (3, Operator::LocalTee { .. }) => true,
            (4, Operator::GlobalSet { global_index }) => Some(*global_index) == self.global,
            _ => false,
        };
        self.matched += usize::from(fits && self.matched == self.seen);
        self.seen += 1;
    }
}
