//! Which function calls which, as far as direct calls show it.

use preinit_core::module::{BodyCalls, Module};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// The direct calls of all functions, and how functions begin.
pub(crate) struct CallGraph<'m> {
    imported: u32,
    /// Of every defined function.
    bodies: Cow<'m, [BodyCalls]>,
    callers: OnceLock<Callers>,
}

impl<'m> CallGraph<'m> {
    pub fn of(module: &'m Module<'_>) -> CallGraph<'m> {
        let bodies = match &module.body_calls {
            Some(calls) => Cow::Borrowed(&calls[..]),
            None => Cow::Owned(BodyCalls::of_module(module)),
        };
        CallGraph { imported: module.imported.functions, bodies, callers: OnceLock::new() }
    }

    /// The functions that `function` calls directly.
    pub fn callees(&self, function: u32) -> &[u32] {
        self.body(function).map_or(&[], |body| &body.callees)
    }

    /// The functions that call `function` directly, in order.
    pub fn callers(&self, function: u32) -> &[u32] {
        self.callers.get_or_init(|| Callers::of(self.imported, &self.bodies)).of_function(function)
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
                .flat_map(|&callee| self.callers(callee).iter().copied())
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
        self.body(function).is_some_and(|body| body.is_empty)
    }

    /// The number of functions that reserve room on `global` as on a stack pointer.
    pub fn prologues(&self, global: u32) -> usize {
        self.bodies.iter().filter(|body| body.stack_pointer == Some(global)).count()
    }

    fn body(&self, function: u32) -> Option<&BodyCalls> {
        self.bodies.get(function.checked_sub(self.imported)? as usize)
    }
}

/// The calls of all functions by the function that is called.
struct Callers {
    /// For each function the end of its callers in the list; they begin where those of the function before end.
    ends: Vec<usize>,
    list: Vec<u32>,
}

impl Callers {
    fn of(imported: u32, bodies: &[BodyCalls]) -> Callers {
        let calls = || {
            let callers = (imported..).zip(bodies);
            callers
                .flat_map(|(caller, body)| body.callees.iter().map(move |&callee| (caller, callee as usize)))
        };
        // First the number of callers of each function, then where the next one goes.
        let mut ends = vec![0; imported as usize + bodies.len()];
        calls().for_each(|(_, callee)| ends[callee] += 1);
        let mut begin = 0;
        for end in &mut ends {
            begin += std::mem::replace(end, begin);
        }
        let mut list = vec![0; begin];
        for (caller, callee) in calls() {
            list[ends[callee]] = caller;
            ends[callee] += 1;
        }
        Callers { ends, list }
    }

    fn of_function(&self, function: u32) -> &[u32] {
        let function = function as usize;
        let Some(&end) = self.ends.get(function) else { return &[] };
        let begin = function.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.list[begin..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_the_reverse_of_calls() {
        let wasm = wat::parse_str(
            r#"(module (import "" "f" (func)) (func (call 0)) (func) (func (call 1) (call 0) (call 1)) (func (call 3)))"#,
        )
        .unwrap();
        let module = Module::parse(&wasm).unwrap();
        let graph = CallGraph::of(&module);
        let callers: Vec<&[u32]> = (0..7).map(|function| graph.callers(function)).collect();
        assert_eq!(callers, [&[1, 3][..], &[3], &[], &[4], &[], &[], &[]]);
        assert_eq!((graph.callees(3), graph.callees(0), graph.callees(9)), (&[1, 0][..], &[][..], &[][..]));
        assert!(graph.is_empty(2) && !graph.is_empty(1) && !graph.is_empty(0));
        assert!(graph.reaches(4, 0, 2) && !graph.reaches(4, 0, 1));
        assert_eq!(graph.nearest_caller(0, 5, |function| function > 3), Some(4));
        assert_eq!(graph.nearest_caller(0, 1, |function| function > 3), None);
    }
}
