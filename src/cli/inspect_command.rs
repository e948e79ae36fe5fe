//! Says what a module is, and which command line to use for it.

use std::path::Path;

use preinit::inspect::{Advice, Inspection, Kind, Reason, Step, inspect};
use preinit::stages::printable::Printable;
use preinit::stages::{Bytes, counted};

use super::args::InspectArgs;
use super::exit::Exit;
use super::input::{self, Reading};
use super::side_outputs::json;
use super::terminal;
use super::watchdog::Watchdog;

/// The size of a module that is read, in bytes.
const LARGEST: u64 = 8 << 30;

/// The command `inspect`.
pub fn run(args: &InspectArgs) -> anyhow::Result<Exit> {
    let _watchdog = Watchdog::listing()?;
    let wasm = input::read(&args.input, Reading::at_most(LARGEST))?;
    let inspection = inspect(&wasm)?;
    let text = if args.json { json(&inspection)? } else { text(&inspection, &args.input, wasm.len() as u64) };
    terminal::answer(&text, false)?;
    Ok(if inspection.advice.steps.is_empty() { Exit::Refused } else { Exit::Done })
}

fn text(inspection: &Inspection, input: &Path, bytes: u64) -> String {
    let mut lines = vec![("kind", kind(inspection.kind).to_string())];
    let made_by: Vec<String> =
        inspection.language.map(str::to_string).into_iter().chain(inspection.producers.clone()).collect();
    if !made_by.is_empty() {
        lines.push(("made by", made_by.join(", ")));
    }
    for (module, count) in &inspection.imports {
        lines.push(("imports", format!("{count} of {}", Printable(module))));
    }
    for init in &inspection.init {
        lines.push(("init", format!("`{}`", Printable(init))));
    }
    if !inspection.features.is_empty() {
        lines.push(("uses", inspection.features.join(", ")));
    }
    let parts: Vec<String> =
        inspection.parts.iter().map(|part| format!("{} {}", part.name, Bytes(part.bytes))).collect();
    lines.push(("size", format!("{}: {}", Bytes(bytes), parts.join(", "))));
    if !inspection.embedded.is_empty() {
        lines.push(("files", counted(inspection.embedded.len() as u64, "embedded file")));
    }
    lines.push((
        "use",
        command(&inspection.advice, input).unwrap_or_else(|| "no command of preinit".to_string()),
    ));
    for reason in &inspection.advice.reasons {
        lines.push(("because", why(reason)));
    }
    let in_one_line = |(name, what): (&str, String)| format!("{name:<10}{}\n", what.replace('\n', "\\n"));
    lines.into_iter().map(in_one_line).collect()
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Command => "a command: a program that runs in `_start`",
        Kind::Reactor => "a reactor: a library that is set up by `_initialize`",
        Kind::Library => "a library without a function that sets it up",
        _ => "a component",
    }
}

/// The command line to use; `None` if there is none.
fn command(advice: &Advice, input: &Path) -> Option<String> {
    if advice.steps.is_empty() {
        return None;
    }
    let words = advice.steps.iter().map(|step| match step {
        Step::Snapshot => format!("preinit {} -o snapshot.wasm", quoted(&input.display().to_string())),
        Step::AllowWasi => "--allow-wasi".to_string(),
        Step::Init(name) => format!("-f {}", quoted(name)),
        Step::Constructors => "-f _initialize".to_string(),
        Step::FreezeAtInput => "--at stdin".to_string(),
        Step::FreezeAtOpen => "--at wasi_snapshot_preview1.path_open".to_string(),
        _ => "--stub-all".to_string(),
    });
    Some(words.collect::<Vec<_>>().join(" "))
}

/// A word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn why(reason: &Reason) -> String {
    match reason {
        Reason::HasInit(name) => format!("it exports the init function `{}`", Printable(name)),
        Reason::NamedLikeInit(name) => format!(
            "`{}` is named like an init function; name another with -f if it is not",
            Printable(name)
        ),
        Reason::OnlyConstructors => {
            "it has constructors and no init function: what a call of it builds can be done beforehand too, with -f".into()
        }
        Reason::ProgramThatReadsInput => {
            "it has no init function, so it is frozen in the middle, where it first reads its input; give it its \
             arguments with --arg, its own name first"
                .into()
        }
        Reason::OrReadsAFile => {
            "if it is given its input as a file, --at open:PATH freezes it there, with PATH as it is given".into()
        }
        Reason::AlsoALibrary(name) => format!(
            "it exports `{}` and may be meant as a library: then call what sets it up with -f, such as -f {}",
            Printable(name),
            Printable(&quoted(&format!("{name}(…)")))
        ),
        Reason::InitTakesArguments(name) => format!(
            "`{}` is named like an init function and takes arguments, which -f {} gives it",
            Printable(name),
            Printable(&quoted(&format!("{name}(…)")))
        ),
        Reason::ProgramThatOpensFiles => {
            "it has no init function, so it is frozen in the middle, where it first opens a file".into()
        }
        Reason::ProgramThatAsksForNothing => {
            "it has no init function, and asks for nothing that it could be frozen at; --at call:NAME may do".into()
        }
        Reason::MayNeedFiles => {
            "it can open files: give init a directory with --mapdir GUEST::HOST, or put one into the module with \
             --embed GUEST::HOST"
                .into()
        }
        Reason::OtherImports(modules) => format!(
            "it imports functions of {}, which do nothing in init; --preload NAME=FILE provides real ones",
            Printable(modules)
        ),
        Reason::MadeForJavaScript(glue) => format!(
            "it needs the JavaScript that {glue} made for it: see docs/javascript.md for snapshots under that"
        ),
        Reason::RuntimeOfDotNet => "it is the runtime of a .NET application: `preinit dotnet` takes the published folder that \
             it is in (docs/guests/dotnet.md)"
            .into(),
        Reason::Component => {
            "it exports no function that is named like an init function; name one with -f, with its arguments if it \
             takes any"
                .into()
        }
        Reason::NothingToCall => {
            "it exports no function that is named like an init function; name one with -f, with arguments if it takes \
             any: -f 'NAME(1, \"text\")'. What no command line can say, a host can do: see docs/state-file.md"
                .into()
        }
        Reason::LegacyExceptions => {
            "its exceptions are of the withdrawn form: `wasm-opt --translate-to-exnref` translates them".into()
        }
        Reason::IsSnapshot => "preinit has made it: it may be a snapshot already".into(),
        _ => String::new(),
    }
}
