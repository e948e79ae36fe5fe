//! The start function with which linkers see to it that only the first of the instances that share a memory writes it.

use super::{Module, Space};
use std::collections::BTreeSet;
use wasmparser::{BlockType, Catch, MemArg, Operator};

/// A word of a shared memory that says whether it is initialized: 0 not yet, 1 by an instance that is at it, 2 it is.
///
/// An instance that finds 0 writes the memory, and one that finds 1 waits. All of them then drop the segments that were
/// written, and do nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitFlag {
    /// Memory index.
    pub memory: u32,
    /// Whether addresses are `i64`.
    pub memory64: bool,
    /// Where the word is.
    pub address: u64,
    /// The data segments that every instance drops.
    pub dropped: BTreeSet<u32>,
}

impl InitFlag {
    /// The value once the memory is initialized.
    pub const DONE: i32 = 2;

    /// Bytes of the word.
    pub const LEN: u64 = 4;

    /// The flag of the module's start function, if that is of this kind and the memory is a shared import.
    pub fn of(module: &Module<'_>) -> Option<InitFlag> {
        let start = module.start?.checked_sub(module.imported.functions)?;
        let body = module.bodies().into_iter().nth(start as usize)?;
        let operators: Vec<Operator<'_>> =
            body.get_operators_reader().ok()?.into_iter().collect::<Result<_, _>>().ok()?;
        let flag = Reader { operators: &operators, at: 0 }.start_function()?;
        let is_shared_import = module.shared_imports().any(|(memory, _)| memory == flag.memory);
        is_shared_import.then_some(flag)
    }
}

impl<'a> Module<'a> {
    /// The imported memories that are shared, each with its index.
    pub fn shared_imports(&self) -> impl Iterator<Item = (u32, &wasmparser::Import<'a>)> {
        let memories = (0u32..).zip(self.imports_of(Space::Memory));
        memories
            .filter(|(memory, _)| self.memories[*memory as usize].shared)
            .map(|(memory, (_, import))| (memory, import))
    }
}

/// A word in a memory.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Word {
    memory: u32,
    memory64: bool,
    address: u64,
}

impl Word {
    fn at(constant: (bool, u64), memarg: &MemArg) -> Option<Word> {
        let (memory64, address) = constant;
        Some(Word { memory: memarg.memory, memory64, address: address.checked_add(memarg.offset)? })
    }
}

/// Reads the operators of a start function one after the other.
struct Reader<'o> {
    operators: &'o [Operator<'o>],
    at: usize,
}

impl<'o> Reader<'o> {
    /// The two shapes that linkers have made: a table of branches between three blocks, and before that a conditional.
    fn start_function(mut self) -> Option<InitFlag> {
        let blocks = (0..3).take_while(|_| self.is_next(is_block)).count();
        let word = self.exchange()?;
        match blocks {
            3 => {
                let Operator::BrTable { targets } = self.next()? else { return None };
                let labels: Vec<u32> = targets.targets().collect::<Result<_, _>>().ok()?;
                if labels != [0, 1] || targets.default() != 2 || !self.is_next(is_end) {
                    return None;
                }
                // Its end and that of the next block are those of the parts that write and wait.
                if !matches!(self.skip_to_end()?, Operator::Br { relative_depth: 1 }) {
                    return None;
                }
                self.wait(word)?;
            }
            0 => {
                self.is_next(|operator| matches!(operator, Operator::If { blockty: BlockType::Empty }))
                    .then_some(())?;
                self.wait(word)?;
                // What ended was the first half of the conditional.
                if leaves(self.skip_to_end()?, 0) {
                    return None;
                }
            }
            _ => return None,
        }
        let mut dropped = BTreeSet::new();
        loop {
            match self.next()? {
                Operator::DataDrop { data_index } => dropped.insert(*data_index),
                Operator::End if self.at == self.operators.len() => break,
                _ => return None,
            };
        }
        let Word { memory, memory64, address } = word;
        Some(InitFlag { memory, memory64, address, dropped })
    }

    /// Sets the word from 0 to 1.
    fn exchange(&mut self) -> Option<Word> {
        let address = self.address()?;
        match [self.next()?, self.next()?, self.next()?] {
            [
                Operator::I32Const { value: 0 },
                Operator::I32Const { value: 1 },
                Operator::I32AtomicRmwCmpxchg { memarg },
            ] => Word::at(address, memarg),
            _ => None,
        }
    }

    /// Waits while the word is 1, to the end of the block or of the conditional's first half.
    fn wait(&mut self, word: Word) -> Option<()> {
        let address = self.address()?;
        let Operator::I32Const { value: 1 } = self.next()? else { return None };
        let Operator::I64Const { value: -1 } = self.next()? else { return None };
        let Operator::MemoryAtomicWait32 { memarg } = self.next()? else { return None };
        let Operator::Drop = self.next()? else { return None };
        let (Operator::End | Operator::Else) = self.next()? else { return None };
        (Word::at(address, memarg)? == word).then_some(())
    }

    fn address(&mut self) -> Option<(bool, u64)> {
        match self.next()? {
            Operator::I32Const { value } => Some((false, u64::from(*value as u32))),
            Operator::I64Const { value } => Some((true, *value as u64)),
            _ => None,
        }
    }

    /// Goes to after the end of the block that it is in, and gives the last operator in that. Only the first instance runs
    /// what is skipped, and what that did is in its state. Nothing but the last operator may leave the block: the first instance
    /// would not come to what follows.
    fn skip_to_end(&mut self) -> Option<&'o Operator<'o>> {
        let mut depth = 0u32;
        loop {
            let operator = self.next()?;
            let is_last = depth == 0 && self.operators.get(self.at).is_some_and(is_end);
            if leaves(operator, depth) && !is_last {
                return None;
            }
            match operator {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::TryTable { .. } => depth += 1,
                Operator::End if depth == 0 => return self.operators.get(self.at.checked_sub(2)?),
                Operator::End => depth -= 1,
                _ => {}
            }
        }
    }

    fn is_next(&mut self, wanted: impl Fn(&Operator<'_>) -> bool) -> bool {
        let is_next = self.operators.get(self.at).is_some_and(wanted);
        self.at += usize::from(is_next);
        is_next
    }

    fn next(&mut self) -> Option<&'o Operator<'o>> {
        self.at += 1;
        self.operators.get(self.at - 1)
    }
}

fn is_block(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::Block { blockty: BlockType::Empty })
}

/// Whether an operator in this many blocks can lead out of what is around them, or is of the legacy exceptions.
fn leaves(operator: &Operator<'_>, depth: u32) -> bool {
    match operator {
        Operator::Br { relative_depth }
        | Operator::BrIf { relative_depth }
        | Operator::BrOnNull { relative_depth }
        | Operator::BrOnNonNull { relative_depth }
        | Operator::BrOnCast { relative_depth, .. }
        | Operator::BrOnCastFail { relative_depth, .. } => *relative_depth >= depth,
        Operator::BrTable { targets } => {
            targets.default() >= depth || targets.targets().any(|target| target.is_ok_and(|to| to >= depth))
        }
        Operator::TryTable { try_table } => try_table.catches.iter().any(|catch| {
            let (Catch::One { label, .. }
            | Catch::OneRef { label, .. }
            | Catch::All { label }
            | Catch::AllRef { label }) = catch;
            *label >= depth
        }),
        Operator::Return
        | Operator::ReturnCall { .. }
        | Operator::ReturnCallIndirect { .. }
        | Operator::ReturnCallRef { .. }
        | Operator::Try { .. } => true,
        _ => false,
    }
}

fn is_end(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::End)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(memory: &str, start: &str) -> Option<InitFlag> {
        let text = format!(
            r#"(module (import "env" "memory" (memory {memory}))
              (data $d "hello") (data $t "tls") (global $g (mut i32) (i32.const 0)) (func $f)
              (func $start {start}) (start $start))"#
        );
        InitFlag::of(&Module::parse(&wat::parse_str(text).unwrap()).unwrap())
    }

    const WRITES: &str =
        "(memory.init $d (i32.const 2048) (i32.const 0) (i32.const 5)) (global.set $g (i32.const 3))
        (i32.atomic.store (i32.const 1024) (i32.const 2))
        (drop (memory.atomic.notify (i32.const 1024) (i32.const -1)))";
    const WAITS: &str = "(drop (memory.atomic.wait32 (i32.const 1024) (i32.const 1) (i64.const -1)))";
    const CLAIMS: &str = "(i32.atomic.rmw.cmpxchg (i32.const 1024) (i32.const 0) (i32.const 1))";

    fn of_blocks(writes: &str, waits: &str, after: &str) -> String {
        format!(
            "(block $done (block $wait (block $write (br_table $write $wait $done {CLAIMS})) {writes} (br $done)) {waits})
            {after}"
        )
    }

    #[test]
    fn both_shapes_of_linkers_are_recognized() {
        let expected = InitFlag { memory: 0, memory64: false, address: 1024, dropped: BTreeSet::from([0]) };
        let blocks = of_blocks(WRITES, WAITS, "(data.drop $d)");
        assert_eq!(flag("1 1 shared", &blocks), Some(expected.clone()));
        let conditional = format!("(if {CLAIMS} (then {WAITS}) (else {WRITES})) (data.drop $d)");
        assert_eq!(flag("1 1 shared", &conditional), Some(expected.clone()));
        let nested = format!("(block (if (i32.const 1) (then (call $f)))) {WRITES}");
        assert_eq!(flag("1 1 shared", &of_blocks(&nested, WAITS, "(data.drop $d)")), Some(expected));
    }

    #[test]
    fn an_offset_and_a_wide_address_count() {
        let start = of_blocks(WRITES, WAITS, "")
            .replace("cmpxchg (i32.const 1024)", "cmpxchg offset=1020 (i32.const 4)");
        assert_eq!(flag("1 1 shared", &start).map(|flag| flag.address), Some(1024));
        let wide = of_blocks(WRITES, WAITS, "").replace("(i32.const 1024)", "(i64.const 1024)");
        let wide = wide.replace("memory.init $d (i32.const 2048)", "memory.init $d (i64.const 2048)");
        assert!(flag("i64 1 1 shared", &wide).is_some_and(|flag| flag.memory64));
    }

    #[test]
    fn whatever_else_an_instance_would_do_is_not() {
        for after in ["(call $f)", "(global.set $g (i32.const 1))", "(data.drop $d) (call $f)"] {
            assert_eq!(flag("1 1 shared", &of_blocks(WRITES, WAITS, after)), None, "{after}");
        }
        let elsewhere = WAITS.replace("1024", "1028");
        assert_eq!(flag("1 1 shared", &of_blocks(WRITES, &elsewhere, "")), None);
        let twice = format!("{WAITS} (call $f)");
        assert_eq!(flag("1 1 shared", &of_blocks(WRITES, &twice, "")), None);
        let other = of_blocks(WRITES, WAITS, "").replace("$write $wait $done (", "$wait $write $done (");
        assert_eq!(flag("1 1 shared", &other), None);
        // The first instance would not come to what drops segments.
        for leaves in
            ["(return)", "(block (br 2))", "(br_if 1 (i32.const 1))", "(block (br_table 0 3 (i32.const 1)))"]
        {
            let writes = format!("(if (global.get $g) (then {leaves})) {WRITES}");
            assert_eq!(flag("1 1 shared", &of_blocks(&writes, WAITS, "(data.drop $d)")), None, "{leaves}");
            let conditional = format!("(if {CLAIMS} (then {WAITS}) (else {writes})) (data.drop $d)");
            assert_eq!(flag("1 1 shared", &conditional), None, "{leaves}");
        }
        let returns = format!("(if {CLAIMS} (then {WAITS}) (else {WRITES} (return))) (data.drop $d)");
        assert_eq!(flag("1 1 shared", &returns), None);
        assert_eq!(flag("1 1 shared", WRITES), None);
        assert_eq!(flag("1 1 shared", ""), None);
    }

    #[test]
    fn a_memory_that_is_not_shared_has_none() {
        assert_eq!(flag("1 1", &of_blocks(WRITES, WAITS, "")), None);
    }
}
