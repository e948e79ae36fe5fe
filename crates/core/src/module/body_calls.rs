use super::Module;
use crate::parallel;
use std::collections::HashSet;
use wasmparser::Operator;

/// What a function body calls, and how it begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BodyCalls {
    /// The functions that it calls directly, in order, each once.
    pub callees: Box<[u32]>,
    /// The global from which it subtracts first, as functions do with a stack pointer.
    pub stack_pointer: Option<u32>,
    /// Whether it has no instructions.
    pub is_empty: bool,
}

impl BodyCalls {
    /// Those of every body of a valid module, in order.
    pub fn of_module(module: &Module<'_>) -> Vec<BodyCalls> {
        parallel::map(module.bodies(), |body| {
            let mut scan = BodyScan::default();
            if let Ok(operators) = body.get_operators_reader() {
                operators.into_iter().flatten().for_each(|operator| scan.next(&operator));
            }
            scan.finish()
        })
    }
}

/// Looks at the operators of one body, in order.
#[derive(Default)]
pub(super) struct BodyScan {
    callees: Vec<u32>,
    prologue: Prologue,
    has_instructions: bool,
}

impl BodyScan {
    /// Calls that are compared one by one; beyond that, hashing them costs less.
    const FEW: usize = 32;

    pub fn next(&mut self, operator: &Operator<'_>) {
        self.prologue.next(operator);
        match operator {
            Operator::End => {}
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                self.has_instructions = true;
                let is_known = self.callees.len() <= Self::FEW && self.callees.contains(function_index);
                if !is_known {
                    self.callees.push(*function_index);
                }
            }
            _ => self.has_instructions = true,
        }
    }

    pub fn finish(mut self) -> BodyCalls {
        if self.callees.len() > Self::FEW {
            let mut seen = HashSet::new();
            self.callees.retain(|callee| seen.insert(*callee));
        }
        BodyCalls {
            callees: self.callees.into(),
            stack_pointer: self.prologue.global.filter(|_| self.prologue.matched == PROLOGUE),
            is_empty: !self.has_instructions,
        }
    }
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
        if self.seen != self.matched || self.seen == PROLOGUE {
            return;
        }
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
        self.matched += usize::from(fits);
        self.seen += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<BodyCalls> {
        let wasm = wat::parse_str(text).unwrap();
        let module = Module::parse(&wasm).unwrap();
        let scanned = BodyCalls::of_module(&module);
        assert_eq!(module.body_calls.as_deref(), Some(&scanned[..]), "validation sees the same");
        scanned
    }

    #[test]
    fn calls_are_listed_once_in_their_order() {
        let many: String = (0..100).rev().chain(0..100).map(|k| format!("(call {k})")).collect();
        let functions = "(func)".repeat(100);
        let bodies =
            of(&format!("(module {functions} (func {many}) (func (call 3) (call 1) (return_call 3)))"));
        assert_eq!(bodies[100].callees, (0..100).rev().collect());
        assert_eq!(*bodies[101].callees, [3, 1]);
        assert!(bodies[0].is_empty && !bodies[100].is_empty && bodies[0].callees.is_empty());
    }

    #[test]
    fn a_stack_pointer_is_recognized_by_the_first_five_instructions() {
        let of = |code: &str| {
            let text = format!(
                "(module (global (mut i32) (i32.const 0)) (global (mut i32) (i32.const 0)) (func (local i32) {code}))"
            );
            of(&text)[0].stack_pointer
        };
        let rest = "i32.sub local.tee 0 global.set 1";
        assert_eq!(of(&format!("global.get 1 i32.const 32 {rest}")), Some(1));
        for other in
            ["global.get 0 i32.const 32", "global.get 1 i32.const 8", "nop global.get 1 i32.const 32"]
        {
            assert_eq!(of(&format!("{other} {rest}")), None, "{other}");
        }
        assert_eq!(of("global.get 1 i32.const 32 i32.sub local.tee 0 drop"), None);
        assert_eq!(of("global.get 1 i32.const 32 i32.sub drop"), None);
        assert_eq!(of("nop"), None);
    }
}
