//! Scripts in the form of the component model's test suite, as far as they make calls: after each call the component is replaced by
//! its snapshot, and what is left of the calls must give what it gives without that.
//!
//! The suite itself is in no registry. `COMPONENT_MODEL_TESTS` names a folder of it (`test` of its repository), which is played too.

use super::running::Running;
use preinit::stages::execute::InitResult;
use preinit::{Preinit, Warning};
use preinit_testing::{note, repository};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use wast::component::WastVal;
use wast::parser::{ParseBuffer, parse};
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke};

const FOLDER: &str = "tests/it/components/scripts";

/// Snapshots of our own scripts that were made, and calls that they answered; a change that loses some must say so here.
const AT_LEAST: (usize, usize) = (29, 136);

/// A component and the calls of its instance, in order: name, arguments in WAVE, and whether it traps.
struct Played {
    place: String,
    wasm: Vec<u8>,
    calls: Vec<(String, String, bool)>,
}

#[derive(Default)]
struct Tally {
    components: usize,
    snapshots: usize,
    answers: usize,
    /// Why there was no snapshot, and how often.
    refused: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

/// In WAVE.
fn written(value: &WastVal<'_>) -> String {
    let list = |values: &[WastVal<'_>]| values.iter().map(written).collect::<Vec<_>>().join(", ");
    let payload = |value: &Option<Box<WastVal<'_>>>| match value {
        Some(value) => format!("({})", written(value)),
        None => String::new(),
    };
    let float = |value: f64| match value.is_nan() {
        true => "nan".to_string(),
        false => value.to_string(),
    };
    match value {
        WastVal::Bool(value) => value.to_string(),
        WastVal::U8(value) => value.to_string(),
        WastVal::S8(value) => value.to_string(),
        WastVal::U16(value) => value.to_string(),
        WastVal::S16(value) => value.to_string(),
        WastVal::U32(value) => value.to_string(),
        WastVal::S32(value) => value.to_string(),
        WastVal::U64(value) => value.to_string(),
        WastVal::S64(value) => value.to_string(),
        WastVal::F32(value) => float(f64::from(f32::from_bits(value.bits))),
        WastVal::F64(value) => float(f64::from_bits(value.bits)),
        WastVal::Char(value) => format!("'{}'", value.escape_unicode()),
        WastVal::String(value) => {
            format!("\"{}\"", value.chars().flat_map(char::escape_unicode).collect::<String>())
        }
        WastVal::List(values) => format!("[{}]", list(values)),
        WastVal::Tuple(values) => format!("({})", list(values)),
        WastVal::Record(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}: {}", written(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        WastVal::Variant(case, value) => format!("{case}{}", payload(value)),
        WastVal::Enum(case) => case.to_string(),
        WastVal::Option(None) => "none".to_string(),
        WastVal::Option(Some(value)) => format!("some({})", written(value)),
        WastVal::Result(Ok(value)) => format!("ok{}", payload(value)),
        WastVal::Result(Err(value)) => format!("err{}", payload(value)),
        WastVal::Flags(names) => format!("{{{}}}", names.join(", ")),
    }
}

/// The components of a script with their calls.
fn played(name: &str, text: &str) -> Vec<Played> {
    let buffer = ParseBuffer::new(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let script = parse::<Wast<'_>>(&buffer).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut definitions: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut found: Vec<Played> = Vec::new();
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for directive in script.directives {
        let place = format!("{name}:{}", directive.span().linecol_in(text).0 + 1);
        match directive {
            WastDirective::Module(mut module) => {
                let Ok(wasm) = module.encode() else { continue };
                named.extend(id(&module).map(|id| (id, found.len())));
                found.push(Played { place, wasm, calls: Vec::new() });
            }
            WastDirective::ModuleDefinition(mut module) => {
                if let (Some(id), Ok(wasm)) = (id(&module), module.encode()) {
                    definitions.insert(id, wasm);
                }
            }
            WastDirective::ModuleInstance { instance, module, .. } => {
                let Some(wasm) = module.and_then(|id| definitions.get(id.name())) else { continue };
                named.extend(instance.map(|id| (id.name().to_string(), found.len())));
                found.push(Played { place, wasm: wasm.clone(), calls: Vec::new() });
            }
            WastDirective::AssertReturn { exec: WastExecute::Invoke(call), .. } => {
                add(&mut found, &named, &call, false);
            }
            WastDirective::AssertTrap { exec: WastExecute::Invoke(call), .. } => {
                add(&mut found, &named, &call, true);
            }
            _ => {}
        }
    }
    found.retain(|played| !played.calls.is_empty() && preinit::stages::component::is_component(&played.wasm));
    found
}

fn id(module: &QuoteWat<'_>) -> Option<String> {
    module.name().map(|id| id.name().to_string())
}

fn add(found: &mut [Played], named: &BTreeMap<String, usize>, call: &WastInvoke<'_>, traps: bool) {
    let of = match call.module {
        Some(id) => named.get(id.name()).copied(),
        None => found.len().checked_sub(1),
    };
    let arguments = call.args.iter().map(|argument| match argument {
        WastArg::Component(value) => written(value),
        other => panic!("an argument of a core module: {other:?}"),
    });
    let arguments = arguments.collect::<Vec<_>>().join(", ");
    if let Some(played) = of.and_then(|of| found.get_mut(of)) {
        played.calls.push((call.name.to_string(), arguments, traps));
    }
}

fn play(played: &Played, tally: &mut Tally) {
    let Played { place, wasm, calls } = played;
    // What imports something that nobody has here cannot be played.
    let Ok(mut original) = catch_unwind(AssertUnwindSafe(|| Running::start(wasm, &[]))) else { return };
    // A trap closes an instance.
    let last = calls.iter().position(|(_, _, traps)| *traps).map_or(calls.len(), |trap| trap + 1);
    let called = AssertUnwindSafe(|| {
        calls[..last].iter().map(|(name, arguments, _)| original.call(name, arguments)).collect()
    });
    // Arguments of types that have no form in WAVE.
    let outcomes: Vec<String> = match catch_unwind(called) {
        Ok(outcomes) => outcomes,
        Err(_) => return,
    };
    if calls.iter().zip(&outcomes).any(|((_, _, traps), outcome)| *traps != (outcome == "trap")) {
        return;
    }
    tally.components += 1;
    let returned = calls[..last].iter().filter(|(_, _, traps)| !traps).count();
    for made in 1..=returned {
        let mut preinit = Preinit::new().keep_init_functions(true).init_result(InitResult::Any);
        for (name, arguments, _) in &calls[..made] {
            preinit = preinit.init_function(format!("{name}({arguments})"));
        }
        let output = match preinit.run(wasm) {
            Ok(output) => output,
            Err(error) => {
                let why = error.to_string();
                let why: String = why.split([';', '`']).next().unwrap_or_default().to_string();
                *tally.refused.entry(why).or_default() += 1;
                continue;
            }
        };
        // Those that come later have other numbers then, and a call can return one.
        if output.report.warnings.iter().any(|warning| matches!(warning, Warning::HandlesLeft(_))) {
            *tally.refused.entry("handles that nobody holds are left".to_string()).or_default() += 1;
            continue;
        }
        tally.snapshots += 1;
        let mut snapshot = Running::start(&output.wasm, &[]);
        for ((name, arguments, _), expected) in calls[..last].iter().zip(&outcomes).skip(made) {
            let answer = snapshot.call(name, arguments);
            tally.answers += 1;
            if answer != *expected {
                tally.wrong.push(format!(
                    "{place}: {name}({arguments}) after {made} calls is {answer}, not {expected}"
                ));
            }
        }
    }
}

/// The scripts below a folder.
fn scripts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<PathBuf> = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        match path.is_dir() {
            true => found.extend(scripts(&path)),
            false if path.extension().is_some_and(|extension| extension == "wast") => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

/// Plays the scripts of a folder, and gives the number of snapshots and of calls that they answered.
fn play_all(folder: &Path) -> (usize, usize) {
    let mut tally = Tally::default();
    for path in scripts(folder) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for played in played(&name, &std::fs::read_to_string(&path).unwrap()) {
            play(&played, &mut tally);
        }
    }
    let Tally { components, snapshots, answers, refused, wrong } = tally;
    note(format!(
        "{components} components, {snapshots} snapshots, {answers} calls on them; refused: {refused:?}"
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    (snapshots, answers)
}

#[test]
fn components_answer_the_same_with_a_snapshot_after_every_call() {
    let (snapshots, answers) = play_all(&repository().join(FOLDER));
    let (least_snapshots, least_answers) = AT_LEAST;
    assert!(
        snapshots >= least_snapshots && answers >= least_answers,
        "{snapshots} snapshots, {answers} calls"
    );
    if let Some(suite) = std::env::var_os("COMPONENT_MODEL_TESTS") {
        let (snapshots, _) = play_all(Path::new(&suite));
        assert!(snapshots > 0, "no component in {} could be played", suite.display());
    }
}
