//! What goes into function bodies: marks where functions are entered, marks of calls, waits that end, counts of memory, marks of
//! changes, and the lowest value of a global.

use super::lowest_value::LowestValue;
use super::{CallMarks, ChangeMarks, MemoryCount, Probe, ProbeNames, ProbeOptions};
use crate::module::{Module, Patch};
use wasm_encoder::{Encode, ExportKind, Instruction, MemArg};
use wasmparser::{BinaryReaderError, FunctionBody, Operator};

const PAGE: u64 = 1 << 16;

/// `drop` the timeout, and `i64.const 0` instead.
const NO_TIME: [u8; 3] = [0x1a, 0x42, 0x00];

/// What goes before or behind instructions, or stands for them.
pub(super) struct Added {
    pub memory_count: Option<MemoryCount>,
    pub change_marks: ChangeMarks,
    pub lowest: Option<LowestValue>,
}

/// Rewrites the bodies of the module's functions as `options` say.
pub(super) fn rewrite_bodies(
    module: &Module<'_>,
    names: &ProbeNames,
    (options, added): (&ProbeOptions, &Added),
    patch: &mut Patch<'_, '_>,
) -> Result<(), BinaryReaderError> {
    let ends_waits = options.ends_waits && module.code.waits;
    let bodies = module.bodies();
    let Added { memory_count, change_marks, lowest } = added;
    let changes = ends_waits || memory_count.is_some() || !change_marks.is_empty() || lowest.is_some();
    if bodies.is_empty() || !changes && !options.marks_entries && options.marks_calls.is_none() {
        return Ok(());
    }
    let instead = |operator: &Operator<'_>, own: &[u8]| {
        if ends_waits && is_wait(operator) {
            return Some([&NO_TIME[..], own].concat());
        }
        let counted = memory_count.as_ref().and_then(|count| count.instead(operator, own));
        let marked = || Some([change_marks.before(module, operator)?, own].concat());
        let lowest = || Some([own, lowest.as_ref()?.behind(operator)?].concat());
        counted.or_else(marked).or_else(lowest)
    };
    let instead = changes.then_some(&instead as &Instead<'_>);
    let marks = options.marks_entries.then(|| {
        let memory = patch.memory((bodies.len() as u64).div_ceil(PAGE));
        patch.export(&names.export(Probe::Entries), ExportKind::Memory, memory);
        memory
    });
    let calls = options.marks_calls.map(|calls| (calls, CallMarks::install(names, patch)));
    for (index, body) in (0u32..).zip(&bodies) {
        let mark = marks.map_or(Vec::new(), |memory| mark(memory, index));
        let function = module.imported.functions + index;
        let mut rewritten = rewritten(module.bytes, body, &mark, instead)?;
        if let Some((calls, memory)) = calls {
            rewritten = calls.around((module, memory), (function, rewritten), patch);
        }
        patch.replace_body(function, rewritten);
    }
    Ok(())
}

/// Code that stores a mark at `index` of a memory.
fn mark(memory_index: u32, index: u32) -> Vec<u8> {
    let address = MemArg { offset: u64::from(index), align: 0, memory_index };
    let mut code = Vec::new();
    for instruction in [Instruction::I32Const(0), Instruction::I32Const(1), Instruction::I32Store8(address)] {
        instruction.encode(&mut code);
    }
    code
}

/// What stands for an instruction and its bytes, if it is not these alone.
type Instead<'i> = dyn Fn(&Operator<'_>, &[u8]) -> Option<Vec<u8>> + 'i;

/// A body with `mark` before its first instruction, and for each what `instead` gives.
fn rewritten(
    wasm: &[u8],
    body: &FunctionBody<'_>,
    mark: &[u8],
    instead: Option<&Instead<'_>>,
) -> Result<Vec<u8>, BinaryReaderError> {
    let range = body.range();
    let mut operators = body.get_operators_reader()?;
    let start = operators.original_position();
    let mut out = Vec::with_capacity(range.len() + mark.len());
    out.extend_from_slice(&wasm[range.start..start]);
    out.extend_from_slice(mark);
    let mut copied = start;
    while let Some(instead) = instead.filter(|_| !operators.eof()) {
        let (operator, at) = operators.read_with_offset()?;
        let end = operators.original_position();
        if let Some(code) = instead(&operator, &wasm[at..end]) {
            out.extend_from_slice(&wasm[copied..at]);
            out.extend_from_slice(&code);
            copied = end;
        }
    }
    out.extend_from_slice(&wasm[copied..range.end]);
    Ok(out)
}

fn is_wait(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probed;

    const WAITS: &str = r#"(module
        (import "env" "f" (func))
        (memory 1 1 shared)
        (func (export "g") (param $long i64)
            (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (local.get $long))))
        (func (export "h") (local i32) (nop)))"#;

    /// The instructions of each body, in the text of the debug format.
    fn instructions(options: &ProbeOptions) -> (Probed, Vec<Vec<String>>) {
        let wasm = wat::parse_str(WAITS).unwrap();
        let module = Module::parse(&wasm).unwrap();
        let probed = Probed::with(&module, options).unwrap();
        let instrumented = Module::parse(&probed.wasm).unwrap();
        let bodies = instrumented.bodies().iter().map(read).collect();
        (probed, bodies)
    }

    fn read(body: &FunctionBody<'_>) -> Vec<String> {
        let operators = body.get_operators_reader().unwrap().into_iter();
        let name = |operator: Operator<'_>| format!("{operator:?}").split(' ').next().unwrap().to_string();
        operators.map(|operator| name(operator.unwrap())).collect()
    }

    #[test]
    fn nothing_is_rewritten_unless_it_is_asked_for() {
        let (_, bodies) = instructions(&ProbeOptions::default());
        let wait = ["I32Const", "I32Const", "LocalGet", "MemoryAtomicWait32", "Drop", "End"];
        assert_eq!(bodies, [&wait[..], &["Nop", "End"]]);
    }

    #[test]
    fn waits_have_no_time() {
        let (_, bodies) = instructions(&ProbeOptions { ends_waits: true, ..ProbeOptions::default() });
        let wait =
            ["I32Const", "I32Const", "LocalGet", "Drop", "I64Const", "MemoryAtomicWait32", "Drop", "End"];
        assert_eq!(bodies, [&wait[..], &["Nop", "End"]]);
    }

    #[test]
    fn every_function_leaves_its_own_mark() {
        let options = ProbeOptions { marks_entries: true, ..ProbeOptions::default() };
        let (probed, bodies) = instructions(&options);
        for body in &bodies {
            assert_eq!(body[..3], ["I32Const", "I32Const", "I32Store8"]);
        }
        let module = Module::parse(&probed.wasm).unwrap();
        let memory = module.export(&probed.export_name(Probe::Entries)).unwrap().index;
        let offsets = module.bodies().into_iter().flat_map(|body| {
            let operators = body.get_operators_reader().unwrap().into_iter();
            operators
                .filter_map(|operator| match operator.unwrap() {
                    Operator::I32Store8 { memarg } => Some((memarg.memory, memarg.offset)),
                    _ => None,
                })
                .collect::<Vec<_>>()
        });
        assert_eq!(offsets.collect::<Vec<_>>(), [(memory, 0), (memory, 1)]);
    }
}
