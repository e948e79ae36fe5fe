//! Where to stop: what is asked for, and what that means for a module.

use super::FreezeError;
use super::awaited_call::{Argument, Arguments, Awaited, AwaitedCall, is_wasi};
use crate::demangling::demangled;
use crate::host::ImportName;
use crate::wording::nearest;
use preinit_core::embed::{EmbeddedTree, answering};
use preinit_core::module::{Module, Space, is_function};
use preinit_core::printable::Printable;
use preinit_core::wasi_version::WasiVersion;
use std::fmt;
use std::str::FromStr;

/// The place at which a program is frozen: just before a call.
///
/// | text | the call |
/// |---|---|
/// | `stdin` | the first `fd_read` of standard input |
/// | `open:PATH` | the first `path_open` of that path |
/// | `checkpoint` | the first of the exported function `preinit_checkpoint` |
/// | `export:NAME` | the first of that exported function, by whomever |
/// | `call:NAME` | the first of the function with that name in the name section |
/// | `MODULE.NAME` | the first of that import |
/// | `MODULE.NAME(0, _, ..)` | the first of that import with these arguments; `_` is any, `..` any that follow |
///
/// `#N` after any of them means the N-th such call instead of the first.
///
/// ```
/// use preinit::{Trigger, TriggerError};
///
/// let trigger: Trigger = "open:/etc/config.toml#2".parse()?;
/// assert_eq!(trigger.to_string(), "open:/etc/config.toml#2");
/// let error: TriggerError = "sometime".parse::<Trigger>().unwrap_err();
/// assert!(error.to_string().contains("expected `stdin`"));
/// # Ok::<(), TriggerError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    text: String,
    kind: TriggerKind,
    occurrence: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TriggerKind {
    Stdin,
    Open(String),
    Export(String),
    Named(String),
    /// Names may hold dots, parentheses and `#`, so only a module's imports tell what is what.
    Import,
}

/// Text that says no place. No example: that of [`Trigger`] has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` {what}; expected `stdin`, `open:PATH`, `export:NAME`, `call:NAME`, `checkpoint`, or an import as \
     `MODULE.NAME` or `MODULE.NAME(0, ..)`, each with `#N` after it for the N-th time",
    Printable(text)
)]
pub struct TriggerError {
    text: String,
    what: &'static str,
}

/// The export that `include/preinit.h` makes for programs that mark the place themselves.
pub const CHECKPOINT: &str = "preinit_checkpoint";

impl FromStr for Trigger {
    type Err = TriggerError;

    fn from_str(text: &str) -> Result<Trigger, TriggerError> {
        let failed = |what| TriggerError { text: text.to_string(), what };
        let (place, occurrence) = occurrence(text);
        let kind = match place.split_once(':') {
            Some(("open", path)) => Some(TriggerKind::Open(path.to_string())),
            Some(("export", name)) => Some(TriggerKind::Export(name.to_string())),
            Some(("call", name)) => Some(TriggerKind::Named(name.to_string())),
            _ if place == "stdin" => Some(TriggerKind::Stdin),
            _ if place == "checkpoint" => Some(TriggerKind::Export(CHECKPOINT.to_string())),
            _ => None,
        };
        let kind = match kind {
            Some(TriggerKind::Open(name) | TriggerKind::Export(name) | TriggerKind::Named(name))
                if name.is_empty() =>
            {
                return Err(failed("names nothing"));
            }
            Some(kind) => kind,
            None if place.contains('.') => TriggerKind::Import,
            None => return Err(failed("is no place to freeze at")),
        };
        if occurrence == Some(0) {
            return Err(failed("counts from 0, but the first time is #1"));
        }
        Ok(Trigger { text: text.to_string(), kind, occurrence: occurrence.unwrap_or(1) })
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The opening of a path, by whoever answers it.
fn opening(module: &Module<'_>, path: String) -> AwaitedCall {
    let trees = EmbeddedTree::all_in(module);
    match answering(module, "path_open").filter(|_| !trees.is_empty()) {
        Some(function) => {
            let mounts = trees.iter().flat_map(EmbeddedTree::mounts).map(str::to_string).collect();
            AwaitedCall::OpenAnswered { path, function, mounts }
        }
        None => AwaitedCall::Open(path),
    }
}

/// Splits `#N` off the end.
fn occurrence(text: &str) -> (&str, Option<u64>) {
    let split = text.rsplit_once('#').and_then(|(place, count)| Some((place, count.parse().ok()?)));
    split.map_or((text, None), |(place, count)| (place, Some(count)))
}

impl Trigger {
    /// Finds what is meant.
    pub(crate) fn resolve(&self, module: &Module<'_>) -> Result<Awaited, FreezeError> {
        let call = match &self.kind {
            TriggerKind::Stdin => {
                self.wasi(module, "fd_read")?;
                AwaitedCall::Stdin
            }
            TriggerKind::Open(path) => {
                self.wasi(module, "path_open")?;
                opening(module, path.clone())
            }
            TriggerKind::Export(name) => self.export(module, name)?,
            TriggerKind::Named(name) => self.named(module, name)?,
            TriggerKind::Import => return self.import(module),
        };
        Ok(Awaited { call, occurrence: self.occurrence })
    }

    /// Whether it means the first read of standard input.
    pub(crate) fn is_stdin(&self) -> bool {
        self.kind == TriggerKind::Stdin
    }

    /// Which time is meant, counted from 1.
    pub(crate) fn occurrence(&self) -> u64 {
        self.occurrence
    }

    pub(crate) fn unknown(&self, why: String) -> FreezeError {
        FreezeError::Trigger(format!("cannot freeze at `{}`: {why}", Printable(&self.to_string())))
    }

    fn wasi(&self, module: &Module<'_>, function: &str) -> Result<(), FreezeError> {
        let mut imports = module.imported_functions();
        match imports.any(|(_, import)| is_wasi(&import.module, &import.name, function)) {
            true => Ok(()),
            false => Err(self.unknown(format!(
                "the module does not import `{}.{function}`; {}",
                WasiVersion::Preview1.module(),
                listed("imports", module.imported_functions().map(|(_, name)| name.to_string()))
            ))),
        }
    }

    fn export(&self, module: &Module<'_>, name: &str) -> Result<AwaitedCall, FreezeError> {
        let export = module.exports.iter().find(|export| export.name == name && is_function(export.kind));
        let exports = module.exports.iter().filter(|export| is_function(export.kind));
        let Some(export) = export else {
            let near = did_you_mean(name, exports.clone().map(|export| export.name));
            return Err(self.unknown(format!(
                "there is no exported function `{}`{near}; {}",
                Printable(name),
                listed("exports", exports.map(|export| Printable(export.name).to_string()))
            )));
        };
        self.function(module, export.index)
    }

    /// Whether a module has what is named, even if no call of that can be meant.
    pub(crate) fn is_known_to(&self, module: &Module<'_>) -> bool {
        let is_import = |name: &ImportName| {
            let rest = self.text.strip_prefix(name.dotted().as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['(', '#']))
        };
        match &self.kind {
            TriggerKind::Import => module.imported_functions().any(|(_, name)| is_import(&name)),
            TriggerKind::Named(name) => !functions_named(module, name).is_empty(),
            _ => self.resolve(module).is_ok(),
        }
    }

    fn named(&self, module: &Module<'_>, name: &str) -> Result<AwaitedCall, FreezeError> {
        let names = module.names();
        let found = functions_named(module, name);
        match found[..] {
            [function] => self.function(module, function),
            [] => {
                let functions = 0..module.functions.len() as u32;
                let known = functions.filter_map(|index| names.get(Space::Function, index));
                let near = did_you_mean(name, known);
                let name = Printable(name);
                Err(self.unknown(format!("the name section names no function `{name}`{near}")))
            }
            _ => Err(self.unknown(format!("{} functions are named `{}`", found.len(), Printable(name)))),
        }
    }

    fn function(&self, module: &Module<'_>, index: u32) -> Result<AwaitedCall, FreezeError> {
        if index >= module.imported.functions {
            return Ok(AwaitedCall::Function(index));
        }
        let import = module.imported_functions().find(|(function, _)| *function == index);
        let (_, name) = import.ok_or(FreezeError::Unexplained("an import without a name"))?;
        Ok(AwaitedCall::Import { name, arguments: None })
    }

    fn import(&self, module: &Module<'_>) -> Result<Awaited, FreezeError> {
        let text = self.text.as_str();
        let mut candidates: Vec<(ImportName, usize, &str)> = Vec::new();
        for (function, name) in module.imported_functions() {
            if let Some(rest) = text.strip_prefix(name.dotted().as_str()) {
                let arity = module.signature(function).map_or(0, |ty| ty.params().len());
                candidates.push((name, arity, rest));
            }
        }
        // A longer name explains more of the text.
        candidates.sort_by_key(|(_, _, rest)| rest.len());
        let mut wrong = None;
        for (name, arity, rest) in candidates {
            match arguments(rest, arity) {
                Ok((arguments, occurrence)) => {
                    let call = AwaitedCall::Import { name, arguments };
                    return Ok(Awaited { call, occurrence: occurrence.unwrap_or(1) });
                }
                Err(why) => wrong = wrong.or(Some(format!("after `{name}`, {why}"))),
            }
        }
        Err(self.unknown(wrong.unwrap_or_else(|| {
            let names: Vec<String> = module.imported_functions().map(|(_, name)| name.dotted()).collect();
            let typed = text.split_once(['(', '#']).map_or(text, |(name, _)| name);
            format!(
                "there is no such import{}; {}",
                did_you_mean(typed, names.iter().map(String::as_str)),
                listed("imports", module.imported_functions().map(|(_, name)| name.to_string()))
            )
        })))
    }
}

/// The functions with this name in the name section.
fn functions_named(module: &Module<'_>, name: &str) -> Vec<u32> {
    let names = module.names();
    let called = |index: &u32| {
        names.get(Space::Function, *index).is_some_and(|known| {
            // A name of C++ may be given without its parameters.
            let readable = demangled(known);
            known == name || readable == name || readable.split('(').next() == Some(name)
        })
    };
    (0..module.functions.len() as u32).filter(called).collect()
}

fn did_you_mean<'k>(typed: &str, known: impl Iterator<Item = &'k str>) -> String {
    match nearest(typed, known) {
        Some(near) => format!("; did you mean `{}`?", Printable(near)),
        None => String::new(),
    }
}

/// The imported functions by function index.
fn listed(what: &str, names: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 12;
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => format!("it {what} no function"),
        count if count <= SHOWN => format!("it {what} {}", names.join(", ")),
        count => format!("it {what} {} and {} more", names[..SHOWN].join(", "), count - SHOWN),
    }
}

/// What may follow the name of an import: a list of arguments, and which time.
fn arguments(rest: &str, arity: usize) -> Result<(Option<Arguments>, Option<u64>), String> {
    let (list, count) = match rest.strip_prefix('(') {
        None => (None, rest),
        Some(rest) => {
            let (list, count) = rest.split_once(')').ok_or("a `)` is missing")?;
            (Some(list), count)
        }
    };
    let occurrence = match count.strip_prefix('#') {
        None if count.is_empty() => None,
        Some(number) => {
            Some(number.parse::<u64>().map_err(|_| format!("`#{number}` is no number of times"))?)
        }
        None => return Err(format!("`{count}` is neither a list of arguments nor `#N`")),
    };
    let Some(list) = list else { return Ok((None, occurrence)) };
    let mut first = Vec::new();
    let mut more = false;
    for item in list.split(',').map(str::trim).filter(|_| !list.trim().is_empty()) {
        match item {
            _ if more => return Err("`..` must come last".to_string()),
            ".." => more = true,
            "_" => first.push(Argument::Any),
            "null" => first.push(Argument::Null),
            _ => {
                first.push(number(item).ok_or_else(|| format!("`{item}` is no number, `_`, `null` or `..`"))?)
            }
        }
    }
    if first.len() > arity || !more && first.len() != arity {
        return Err(format!(
            "{} arguments are given, but it takes {arity} (`..` stands for the rest)",
            first.len()
        ));
    }
    Ok((Some(Arguments { first, more }), occurrence))
}

fn number(text: &str) -> Option<Argument> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let integer = match digits.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16).ok(),
        None => digits.parse::<i128>().ok(),
    };
    match integer {
        Some(integer) => Some(Argument::Integer(if negative { -integer } else { integer })),
        None => text.parse().ok().map(Argument::Float),
    }
}
