//! What a user of the command line can do about an error or a warning. The library knows no options by name.

use preinit::embed::SourceError;
use preinit::error::{ComponentRunError, Lack, ModuleError};
use preinit::finding::{Finding, Remedy};
use preinit::host::{Class, HostError, ImportCalled, WasiImport};
use preinit::stages::cache::CacheError;
use preinit::stages::component::ComponentError;
use preinit::stages::execute::{ExecuteError, InitFunctionError, StopCause};
use preinit::stages::freeze::FreezeError;
use preinit::stages::plan::{MappingObstacle, PlanError, Warning as OutputWarning};
use preinit::stages::printable::Printable;
use preinit::verify::{Assumption, Verdict, VerifyError};
use preinit::{Error, NotScrubbed, OptionsError, Warning};

/// A message, with what to do at the end of its first line; lists and backtraces follow that.
pub fn with_advice(message: &str, advice: Option<String>) -> String {
    let Some(advice) = advice else { return message.to_string() };
    let (first, rest) = match message.split_once('\n') {
        Some((first, rest)) => (first, format!("\n{rest}")),
        None => (message, String::new()),
    };
    let (first, colon) = match first.strip_suffix(':') {
        Some(first) => (first, ":"),
        None => (first, ""),
    };
    format!("{first}; {advice}{colon}{rest}")
}

/// What to do about an error, if its chain of causes has one that something can be done about.
pub fn for_error(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        let error = cause.downcast_ref::<Error>().and_then(for_library_error);
        let error = error.or_else(|| cause.downcast_ref::<VerifyError>().and_then(for_verify_error));
        let error = error.or_else(|| cause.downcast_ref::<SourceError>().and_then(for_source));
        error.or_else(|| cause.downcast_ref::<CacheError>().map(for_cache))
    })
}

fn for_library_error(error: &Error) -> Option<String> {
    match error {
        Error::Options(error) => for_options(error),
        Error::Execute(error) => for_execution(error),
        Error::Component(error) => for_component(error),
        Error::Freeze(FreezeError::Execute(error)) => for_execution(error),
        Error::Plan(error) => for_plan(error),
        Error::Module(ModuleError::Proposal { .. }) => Some("without --untrusted it is accepted".to_string()),
        Error::StackKept(_) => Some("leave out --zero-stack".to_string()),
        Error::NotScrubbed(NotScrubbed::TooLarge { .. }) => Some("--max-memory allows more".to_string()),
        Error::NotScrubbed(NotScrubbed::Timeout) => Some("--timeout allows more".to_string()),
        Error::NotScrubbed(NotScrubbed::Fuel) => Some("--fuel allows more".to_string()),
        Error::NotScrubbed(_) => Some("leave out --scrub".to_string()),
        Error::Strict { .. } => Some("without --strict these are warnings".to_string()),
        _ => None,
    }
}

fn for_component(error: &ComponentRunError) -> Option<String> {
    match error {
        ComponentRunError::NoInit { .. } | ComponentRunError::MissingInit { .. } => {
            Some("name one with --init-func".to_string())
        }
        ComponentRunError::Arguments { .. } => {
            Some("give it arguments: --init-func 'NAME(1, \"text\")'".to_string())
        }
        ComponentRunError::Proposal { .. } => Some("without --untrusted it is accepted".to_string()),
        ComponentRunError::Stopped(stop) => for_stop(&stop.cause),
        ComponentRunError::InModule { error, .. } => for_library_error(error),
        ComponentRunError::Host(error) => for_host(error),
        ComponentRunError::NoStack | ComponentRunError::StackOfSeveral { .. } => {
            Some("leave out --zero-stack".to_string())
        }
        ComponentRunError::NoReset | ComponentRunError::HalfReset { .. } => {
            Some("leave out --reset-libc".to_string())
        }
        ComponentRunError::Handles(_) => Some("--allow-live-handles writes it all the same".to_string()),
        ComponentRunError::Component(ComponentError::Clock(_)) => {
            Some("leave out --rebase-clock".to_string())
        }
        ComponentRunError::Lacks(lack) => for_lack(*lack),
        _ => None,
    }
}

fn for_lack(lack: Lack) -> Option<String> {
    let advice = match lack {
        Lack::Preloads => {
            "--preload is for imports of core modules; link the component with what it imports first (`wac plug`), or use --stub or \
             --cut-import"
        }
        Lack::Internalize => "leave out --internalize: what a component's core modules share stays as it is",
        Lack::FreshImports => "leave out --fresh-imports: memories come from the component itself",
        Lack::InspectedFrames => "leave out --frames",
        Lack::Scrub => "leave out --scrub",
        Lack::BeforeCapture => "leave out --before-capture",
        Lack::ResetAtPlace => "--reset-libc does not go with --at",
        _ => return None,
    };
    Some(advice.to_string())
}

fn for_verify_error(error: &VerifyError) -> Option<String> {
    match error {
        VerifyError::Init(error) | VerifyError::Freeze(FreezeError::Execute(error)) => for_execution(error),
        VerifyError::Host(error) => for_host(error),
        // It takes no such option: what holds a handle can do without it in no instance.
        VerifyError::Component(ComponentRunError::Handles(_)) => None,
        VerifyError::Component(error) => for_component(error),
        _ => None,
    }
}

fn for_source(error: &SourceError) -> Option<String> {
    matches!(error, SourceError::TooLarge(_)).then(|| "--max-memory allows more".to_string())
}

fn for_cache(error: &CacheError) -> String {
    match error {
        CacheError::Foreign { .. } => "give --cache-dir an empty directory, or one that is not there yet",
        CacheError::Reachable(_) => "give --cache-dir a directory elsewhere, or use --no-cache",
        _ => "give --cache-dir another directory, or use --no-cache",
    }
    .to_string()
}

fn for_options(error: &OptionsError) -> Option<String> {
    Some(match error {
        OptionsError::CallsIntoFrozen => "--scrub and --before-capture do not go with --at".to_string(),
        OptionsError::ClearsStackInUse => "--zero-stack does not go with --at".to_string(),
        OptionsError::EntryReplaced { entry } => format!("--rename-func resume={entry}"),
        _ => return None,
    })
}

fn for_execution(error: &ExecuteError) -> Option<String> {
    match error {
        ExecuteError::InitFunction(error) => Some(for_init_function(error)),
        ExecuteError::Host(error) => for_host(error),
        ExecuteError::Stopped(stopped) => for_stop(&stopped.stop.cause),
        _ => None,
    }
}

fn for_init_function(error: &InitFunctionError) -> String {
    match error {
        InitFunctionError::NoDefault { is_command: true, .. } => {
            "it is a command: `--at stdin` freezes it where it first reads standard input, as in \
             `preinit IN -o OUT --allow-wasi --at stdin`; or name an init function with --init-func"
        }
        InitFunctionError::Arguments { .. } => "give it arguments: --init-func 'NAME(1, \"text\")'",
        InitFunctionError::ArgumentsToFrozen { .. } => "leave out --at or the arguments",
        InitFunctionError::NoAllocator { .. } | InitFunctionError::Argument { .. } => {
            "`preinit --help` has the form of arguments"
        }
        _ => "name one with --init-func",
    }
    .to_string()
}

/// What to do about a guest that was stopped.
pub fn for_stop(cause: &StopCause) -> Option<String> {
    Some(match cause {
        StopCause::Timeout(_) => "--timeout allows more".to_string(),
        StopCause::Fuel(_) => "--fuel allows more".to_string(),
        StopCause::Memory(_) | StopCause::Instances(_) | StopCause::Tasks(_) | StopCause::Ledger(_) => {
            "--max-memory allows more".to_string()
        }
        StopCause::ImportCalled(called) => for_import(called),
        StopCause::ComponentImportCalled(called) if called.is_wasi() => "use --allow-wasi".to_string(),
        StopCause::ComponentImportCalled(called) => {
            format!("use --stub {}#{}", Printable(&called.interface), Printable(&called.function))
        }
        StopCause::Result(Some(number)) => {
            format!("--init-result {number} or --init-result any accepts it")
        }
        StopCause::Result(None) => "--init-result any accepts it".to_string(),
        StopCause::Denied(denied) => for_denied(denied.class),
        _ => return None,
    })
}

fn for_denied(class: Class) -> String {
    match class {
        Class::Clock => "--clock and --policy clock decide that".to_string(),
        Class::Random => "--random and --policy random decide that".to_string(),
        class => format!("--policy {class}=allow allows it"),
    }
}

fn for_import(called: &ImportCalled) -> String {
    let ImportCalled { import, .. } = called;
    match called.wasi() {
        Some(WasiImport::Provided) => "use --allow-wasi".to_string(),
        Some(WasiImport::Preview2) => format!("use --stub {import}"),
        None => format!("use --preload {}=FILE or --stub {import}", Printable(&import.module)),
    }
}

fn for_host(error: &HostError) -> Option<String> {
    Some(match error {
        HostError::Unprovided { .. } => "use --preload or --stub".to_string(),
        HostError::NoDefault { .. } | HostError::Continuations { .. } => "use --preload".to_string(),
        HostError::Limit(_) => "--max-memory allows more".to_string(),
        HostError::Directory { .. } => OF_DIRECTORY.to_string(),
        _ => return None,
    })
}

/// Where the name of a directory comes from.
pub const OF_DIRECTORY: &str = "it was given by --dir or --mapdir";

fn for_plan(error: &PlanError) -> Option<String> {
    Some(match error {
        PlanError::SharedImport { sign: None, .. } => {
            "use --internalize to make it the module's own".to_string()
        }
        PlanError::PrivateToThreads { .. }
        | PlanError::ImportedTwice { .. }
        | PlanError::NoInitializer { .. } => "leave out --internalize to keep it imported".to_string(),
        _ => return None,
    })
}

/// A warning, with what can be done about it.
pub fn warning(warning: &Warning) -> String {
    let advice = match warning {
        Warning::Called { class, .. } => format!(" (--policy {class}=warn)"),
        Warning::NoDirectories => "; give it some with --dir or --mapdir".to_string(),
        Warning::PreloadedChange(_) => {
            "; link the modules into one, or let the module import that state".to_string()
        }
        Warning::NoResetHooks => "; --reset-libc has no effect".to_string(),
        Warning::LiveHandles(_) => " (--allow-live-handles)".to_string(),
        Warning::SectionsStripped(_) => " (--strip-init)".to_string(),
        Warning::Output(OutputWarning::NotMappable {
            obstacle: MappingObstacle::ImportedAndWritten, ..
        }) => "; --internalize makes it the module's own".to_string(),
        _ => String::new(),
    };
    format!("{warning}{advice}")
}

/// An export that undoes a snapshot if a host calls it.
pub fn initializer(name: &str) -> String {
    let name = Printable(name);
    format!(
        "a host that calls the export `{name}` initializes the snapshot again; use --init-func {name} if the host does \
         without it, or --noop-export {name}"
    )
}

/// All warnings of a run.
pub fn warnings(all: &[Warning]) -> Vec<String> {
    all.iter().map(warning).collect()
}

/// What to do about a finding, with the option that does it.
pub fn remedy(remedy: &Remedy) -> String {
    let option = match remedy {
        Remedy::ZeroStack | Remedy::StackFirst => "--zero-stack",
        Remedy::ResetLibc(_) | Remedy::ReadEnvironmentLater => "--reset-libc",
        Remedy::FewerVariables => "--env NAME",
        Remedy::RebaseClock => "--rebase-clock",
        Remedy::OtherEntry => "-r _start=NAME",
        _ => return remedy.to_string(),
    };
    format!("{remedy} ({option})")
}

/// Gives findings the advice of the command line.
pub fn reword(findings: &mut [Finding]) {
    for finding in findings {
        finding.advice = finding.advice.as_ref().map(|advice| Remedy::Text(remedy(advice)));
    }
}

/// A verdict, with how to make the calls again that show a difference.
pub fn verdict(verdict: &Verdict) -> String {
    let script = match verdict.script {
        Some(_) => {
            "to make these calls again, put them into a file and give it to `preinit verify --script`\n"
        }
        None => "",
    };
    let needed = verdict.coverage.assumptions_needed.iter().map(|assumption| match assumption {
        Assumption::FreshImports => format!("--fresh-imports says that {assumption}\n"),
        Assumption::OwnImports => format!("--internalize says that {assumption}\n"),
        _ => String::new(),
    });
    format!("{verdict}{script}{}", needed.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{for_plan, remedy};
    use preinit::finding::Remedy;
    use preinit::stages::module::ImportName;
    use preinit::stages::plan::{PlanError, ThreadSign};

    #[test]
    fn the_command_line_adds_the_option() {
        for (advice, option) in [
            (Remedy::ZeroStack, "--zero-stack"),
            (Remedy::StackFirst, "--zero-stack"),
            (Remedy::ResetLibc("reset"), "--reset-libc"),
            (Remedy::ReadEnvironmentLater, "--reset-libc"),
            (Remedy::FewerVariables, "--env NAME"),
            (Remedy::RebaseClock, "--rebase-clock"),
            (Remedy::OtherEntry, "-r _start=NAME"),
        ] {
            assert!(!advice.to_string().contains(option), "{advice}");
            assert_eq!(remedy(&advice), format!("{advice} ({option})"));
        }
        assert_eq!(remedy(&Remedy::Text("do this".into())), "do this");
    }

    #[test]
    fn no_advice_parts_threads() {
        let import = || ImportName::new("env", "memory");
        let refused = |sign| for_plan(&PlanError::SharedImport { memory: 0, import: import(), sign });
        assert!(refused(None).is_some_and(|advice| advice.contains("--internalize")));
        let spawns = ThreadSign::Spawns(ImportName::new("wasi", "thread-spawn"));
        assert_eq!(refused(Some(spawns.clone())), None);
        let parted = PlanError::PrivateToThreads { memory: 0, import: import(), sign: spawns };
        assert!(for_plan(&parted).is_some_and(|advice| advice.starts_with("leave out")));
    }
}
