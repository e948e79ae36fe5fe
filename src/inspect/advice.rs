//! What to do with a module.

use super::{Kind, asks_for_wasi, is_named_like_init, takes_nothing};
use preinit_core::module::{Module, Space, is_function};
use preinit_core::wasi_version::WasiVersion;
use serde::Serialize;

/// What to do with a module, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Advice {
    /// What a run needs to be told; empty if there is no such run.
    pub steps: Vec<Step>,
    /// Why, and what else there is to know.
    pub reasons: Vec<Reason>,
}

/// Something that a run is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// Make a snapshot.
    Snapshot,
    /// Let init call WASI.
    AllowWasi,
    /// Call this function, which is none of those that are looked for.
    Init(String),
    /// Call the constructors only.
    Constructors,
    /// Freeze the program when it first reads its input.
    FreezeAtInput,
    /// Freeze the program when it first opens a file.
    FreezeAtOpen,
    /// Let imports of other modules do nothing.
    StubAll,
}

/// Why that is the advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// It exports an init function that is looked for.
    HasInit(String),
    /// It exports something that is named like an init function.
    NamedLikeInit(String),
    /// It has constructors, and no init function: little is done beforehand.
    OnlyConstructors,
    /// It is a program without an init function, and it reads its input.
    ProgramThatReadsInput,
    /// It may be given the names of files instead.
    OrReadsAFile,
    /// It exports functions besides: it may be used as a library, which is not what is advised.
    AlsoALibrary(String),
    /// It exports something that is named like an init function and takes arguments.
    InitTakesArguments(String),
    /// It is a program without an init function, and it opens files.
    ProgramThatOpensFiles,
    /// It is a program that asks for nothing: there is no point to freeze it at.
    ProgramThatAsksForNothing,
    /// It asks for files. If init needs any, they must be given or embedded.
    MayNeedFiles,
    /// It imports functions that are not WASI, from there.
    OtherImports(String),
    /// Its imports are those of JavaScript that was made for it.
    MadeForJavaScript(&'static str),
    /// It is the runtime of a .NET application, which is packaged as a whole.
    RuntimeOfDotNet,
    /// A component must have an init export that takes nothing.
    Component,
    /// There is nothing that could be called.
    NothingToCall,
    /// Its exceptions are of a withdrawn form.
    LegacyExceptions,
    /// It was made by preinit.
    IsSnapshot,
}

/// What the advice depends on.
pub(super) struct Facts<'f> {
    pub module: &'f Module<'f>,
    pub kind: Kind,
    pub init: &'f [String],
}

impl Facts<'_> {
    pub fn advice(&self) -> Advice {
        let mut reasons = Vec::new();
        if super::language::is_snapshot(self.module) {
            reasons.push(Reason::IsSnapshot);
        }
        if self.is_dotnet() {
            reasons.push(Reason::RuntimeOfDotNet);
            return Advice { steps: Vec::new(), reasons };
        }
        if let Some(glue) = self.javascript() {
            reasons.push(Reason::MadeForJavaScript(glue));
            return Advice { steps: Vec::new(), reasons };
        }
        let mut steps = vec![Step::Snapshot];
        if asks_for_wasi(self.module) {
            steps.push(Step::AllowWasi);
        }
        if self.module.code.legacy_exceptions {
            return Advice { steps: Vec::new(), reasons: vec![Reason::LegacyExceptions] };
        }
        match self.what_to_call() {
            Some((step, reason)) => {
                steps.extend(step);
                reasons.push(reason);
            }
            None => {
                reasons.push(match (self.kind, self.init_with_arguments()) {
                    (Kind::Command, _) => Reason::ProgramThatAsksForNothing,
                    (_, Some(init)) => Reason::InitTakesArguments(init),
                    (_, None) => Reason::NothingToCall,
                });
                return Advice { steps: Vec::new(), reasons };
            }
        }
        if steps.contains(&Step::Constructors) {
            reasons.extend(self.init_with_arguments().map(Reason::InitTakesArguments));
        }
        if self.kind == Kind::Command && self.init.is_empty() {
            reasons.extend(self.library_function().map(Reason::AlsoALibrary));
        }
        if steps.contains(&Step::FreezeAtInput) && self.imports_of_wasi("path_open") {
            reasons.push(Reason::OrReadsAFile);
        }
        if let Some(others) = self.other_imports() {
            steps.push(Step::StubAll);
            reasons.push(Reason::OtherImports(others));
        }
        if self.imports_of_wasi("path_open") {
            reasons.push(Reason::MayNeedFiles);
        }
        Advice { steps, reasons }
    }

    /// What init is.
    fn what_to_call(&self) -> Option<(Option<Step>, Reason)> {
        use crate::execute::DEFAULT_INIT_FUNCTIONS;
        match (self.init.first(), self.kind) {
            (Some(init), _) if DEFAULT_INIT_FUNCTIONS.contains(&init.as_str()) => {
                Some((None, Reason::HasInit(init.clone())))
            }
            (Some(init), Kind::Library | Kind::Reactor) => {
                Some((Some(Step::Init(init.clone())), Reason::NamedLikeInit(init.clone())))
            }
            (_, Kind::Command) if self.imports_of_wasi("fd_read") => {
                Some((Some(Step::FreezeAtInput), Reason::ProgramThatReadsInput))
            }
            (_, Kind::Command) if self.imports_of_wasi("path_open") => {
                Some((Some(Step::FreezeAtOpen), Reason::ProgramThatOpensFiles))
            }
            (_, Kind::Reactor) => Some((Some(Step::Constructors), Reason::OnlyConstructors)),
            _ => None,
        }
    }

    /// The shortest name of those that are like that of an init function, which needs arguments.
    fn init_with_arguments(&self) -> Option<String> {
        let is_init =
            |name: &str, function| is_named_like_init(name) && !takes_nothing(self.module, function);
        let exports = self.module.exports.iter().filter(|export| is_function(export.kind));
        let named = exports.filter(|export| is_init(export.name, export.index)).map(|export| export.name);
        named.min_by_key(|name| name.len()).map(str::to_string)
    }

    /// A function of a program that is neither how it starts nor its allocator's.
    fn library_function(&self) -> Option<String> {
        let is_allocator = |name: &str| ["alloc", "free"].iter().any(|word| name.contains(word));
        let is_own = |name: &str| !name.starts_with('_') && !is_allocator(name);
        let mut exports = self.module.exports.iter().filter(|export| is_function(export.kind));
        exports.find(|export| is_own(export.name)).map(|export| export.name.to_string())
    }

    fn imports_of_wasi(&self, name: &str) -> bool {
        let is = |module: &str| WasiVersion::of_module(module).is_some();
        self.module.imports.iter().any(|import| is(import.module) && import.name == name)
    }

    /// Whether it is Mono, linked for a browser: with functions that the SDK's JavaScript calls.
    fn is_dotnet(&self) -> bool {
        let called = |export: &wasmparser::Export<'_>| export.name.starts_with("mono_wasm_");
        self.javascript() == Some("Emscripten") && self.module.exports.iter().any(called)
    }

    /// Whose JavaScript it needs, if it does.
    fn javascript(&self) -> Option<&'static str> {
        let imports = |is: &dyn Fn(&str, &str) -> bool| {
            self.module.imports.iter().any(|import| is(import.module, import.name))
        };
        if imports(&|module, name| module.starts_with("__wbindgen") || name.starts_with("__wbg_")) {
            Some("wasm-bindgen")
        } else if imports(&|module, _| module == "gojs") {
            Some("Go")
        } else if imports(&|module, name| module == "env" && name.starts_with("emscripten_"))
            && !asks_for_wasi(self.module)
            || imports(&|module, name| module == "env" && name.starts_with("__syscall_"))
        {
            Some("Emscripten")
        } else if imports(&|module, _| module.starts_with("wasm:js-string") || module == "teavm") {
            Some("a compiler to garbage-collected modules")
        } else {
            None
        }
    }

    /// Other modules that functions are imported from.
    fn other_imports(&self) -> Option<String> {
        let functions = self.module.imports_of(Space::Function).map(|(_, import)| import.module);
        let mut others: Vec<&str> =
            functions.filter(|module| WasiVersion::of_module(module).is_none()).collect();
        others.sort_unstable();
        others.dedup();
        if others.is_empty() { None } else { Some(others.join(", ")) }
    }
}
