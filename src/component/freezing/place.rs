//! The call that is meant, in terms of the core modules of a component.

use super::super::part::Part;
use crate::freeze::{Argument, Arguments, Awaited, AwaitedCall, FreezeError, Trigger, is_wasi};
use crate::host::ImportName;
use crate::options::Options;
use preinit_core::component::{Component, CoreInstance};
use preinit_core::embed::{answering, is_answering};
use preinit_core::freeze::{CallStop, Condition};
use preinit_core::module::Module;
use preinit_core::printable::listed;
use wasmparser::{ExternalKind, FuncType, ValType};

/// A call of a core module.
pub struct StopPlace {
    /// The core module.
    pub definition: usize,
    pub stop: CallStop,
}

/// The interface through which components find standard input, without its version.
const STDIN: &str = "wasi:cli/stdin@";

/// What these functions of preview 1 take.
const FD_READ: [ValType; 4] = [ValType::I32; 4];
const PATH_OPEN: [ValType; 9] = {
    let (word, rights) = (ValType::I32, ValType::I64);
    [word, word, word, word, word, rights, rights, word, word]
};

/// Finds what `trigger` means: a call that only one core module makes, apart from the adapter.
pub fn stop_place(
    trigger: &Trigger,
    (component, instances, parts): (&Component<'_>, &[CoreInstance], &[Option<Part<'_>>]),
    options: &Options,
) -> Result<StopPlace, FreezeError> {
    // An adapter asks its host for what others ask of it.
    let defined = parts.iter().enumerate().filter_map(|(number, part)| Some((number, part.as_ref()?)));
    let defined = defined.filter(|(_, part)| !part.is_adapter());
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for (number, part) in defined {
        match trigger.resolve(&part.module).or_else(|error| stdin_itself(trigger, &part.module, error)) {
            Ok(awaited) => found.push((number, &part.module, awaited)),
            Err(error) => {
                let size = (trigger.is_known_to(&part.module), part.module.functions.len());
                errors.push((size, number, error));
            }
        }
    }
    // Those that have it otherwise may be meant, too.
    let others: Vec<usize> =
        errors.iter().filter(|((is_known, _), ..)| *is_known).map(|(_, number, _)| *number).collect();
    match &found[..] {
        [(definition, module, awaited)] if others.is_empty() => {
            let copies = instances.iter().filter(|instance| instance.module == *definition).count();
            if copies > 1 {
                return Err(FreezeError::Refused(format!(
                    "{} has {copies} instances, and a call in progress does not show in which it is",
                    component.module_name(*definition)
                )));
            }
            let stop = call_stop(trigger, module, awaited, options)?;
            Ok(StopPlace { definition: *definition, stop })
        }
        // The largest module is the one that is meant.
        [] => Err(match errors.into_iter().max_by_key(|(size, ..)| *size) {
            Some((_, number, FreezeError::Trigger(why))) => {
                FreezeError::Trigger(format!("in {}, {why}", component.module_name(number)))
            }
            Some((_, _, error)) => error,
            None => trigger.unknown("the component has no core instances".to_string()),
        }),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|(number, ..)| *number)
                .chain(others)
                .map(|number| component.module_name(number))
                .collect();
            Err(trigger.unknown(format!("{} all have it", names.join(", "))))
        }
    }
}

/// A module without WASI preview 1 asks for the stream of standard input before it reads.
fn stdin_itself(trigger: &Trigger, module: &Module<'_>, error: FreezeError) -> Result<Awaited, FreezeError> {
    let mut imports = module.imported_functions();
    let import = imports.find(|(_, import)| import.module.starts_with(STDIN) && import.name == "get-stdin");
    match import.filter(|_| trigger.is_stdin()) {
        Some((_, name)) => Ok(Awaited {
            call: AwaitedCall::Import { name, arguments: None },
            occurrence: trigger.occurrence(),
        }),
        None => Err(error),
    }
}

fn call_stop(
    trigger: &Trigger,
    module: &Module<'_>,
    awaited: &Awaited,
    options: &Options,
) -> Result<CallStop, FreezeError> {
    let wasi = |function: &str, parameters: &[ValType]| {
        let index = import(trigger, module, |import| is_wasi(&import.module, &import.name, function))?;
        let is_it = |ty: &FuncType| ty.params() == parameters && ty.results() == [ValType::I32];
        match module.signature(index).is_some_and(is_it) {
            true => Ok(index),
            false => Err(trigger.unknown(format!("`{function}` is imported with another type than WASI's"))),
        }
    };
    let (function, alternatives) = match &awaited.call {
        AwaitedCall::Function(function) => (*function, Vec::new()),
        AwaitedCall::Import { name, arguments } => {
            let function = import(trigger, module, |import| import == name)?;
            let conditions =
                arguments.as_ref().map(|arguments| conditions(trigger, (module, function), arguments));
            (function, conditions.transpose()?.into_iter().collect())
        }
        AwaitedCall::Stdin => {
            let function = match answering_stdin(module) {
                Some(function) => function,
                None => wasi("fd_read", &FD_READ)?,
            };
            (function, vec![vec![Condition::I32(0, 0)]])
        }
        AwaitedCall::Open(path) => {
            (wasi("path_open", &PATH_OPEN)?, openings(trigger, module, path, options)?)
        }
        AwaitedCall::OpenAnswered { .. } => {
            return Err(trigger.unknown("the core module has embedded files".to_string()));
        }
    };
    let occurrence = u32::try_from(awaited.occurrence);
    let occurrence = occurrence.map_err(|_| trigger.unknown("it is counted up to 2^32 only".to_string()))?;
    Ok(CallStop { function, alternatives, occurrence })
}

/// What answers `fd_read` in a module with embedded files. There a program is stopped before that has begun: in the snapshot the adapter
/// makes its state anew, and may then let the memory grow, which it may not while such a function is in progress.
fn answering_stdin(module: &Module<'_>) -> Option<u32> {
    let is_it = |ty: &FuncType| ty.params() == FD_READ && ty.results() == [ValType::I32];
    answering(module, "fd_read")
        .filter(|function| is_answering(module, *function) && module.signature(*function).is_some_and(is_it))
}

/// The only import that is meant.
fn import(
    trigger: &Trigger,
    module: &Module<'_>,
    is_meant: impl Fn(&ImportName) -> bool,
) -> Result<u32, FreezeError> {
    let meant: Vec<(u32, ImportName)> =
        module.imported_functions().filter(|(_, import)| is_meant(import)).collect();
    match &meant[..] {
        [(function, _)] => Ok(*function),
        several => {
            let names = several.iter().map(|(_, import)| import);
            Err(trigger.unknown(format!("it is imported more than once: {}", listed(names, 12))))
        }
    }
}

/// What the arguments of a call must be.
fn conditions(
    trigger: &Trigger,
    (module, function): (&Module<'_>, u32),
    arguments: &Arguments,
) -> Result<Vec<Condition>, FreezeError> {
    let types = module.signature(function).map_or(&[][..], |ty| ty.params());
    let mut conditions = Vec::new();
    for ((parameter, argument), ty) in (0u32..).zip(&arguments.first).zip(types) {
        let no_such = || trigger.unknown(format!("argument {parameter} is of type {ty}"));
        conditions.push(match (argument, ty) {
            (Argument::Any, _) => continue,
            (Argument::Integer(value), ValType::I32) => {
                let unsigned = u32::try_from(*value).map(u32::cast_signed);
                Condition::I32(parameter, unsigned.or(i32::try_from(*value)).map_err(|_| no_such())?)
            }
            (Argument::Integer(value), ValType::I64) => {
                let unsigned = u64::try_from(*value).map(u64::cast_signed);
                Condition::I64(parameter, unsigned.or(i64::try_from(*value)).map_err(|_| no_such())?)
            }
            (Argument::Integer(value), ValType::F32) => Condition::F32(parameter, *value as f32),
            (Argument::Integer(value), ValType::F64) => Condition::F64(parameter, *value as f64),
            (Argument::Float(value), ValType::F32) => Condition::F32(parameter, *value as f32),
            (Argument::Float(value), ValType::F64) => Condition::F64(parameter, *value),
            (Argument::Null, ValType::Ref(_)) => Condition::Null(parameter),
            _ => return Err(no_such()),
        });
    }
    Ok(conditions)
}

/// The ways in which a path can be opened: from each directory that the guest is given and that it lies in.
fn openings(
    trigger: &Trigger,
    module: &Module<'_>,
    path: &str,
    options: &Options,
) -> Result<Vec<Vec<Condition>>, FreezeError> {
    let memory = module.export("memory").filter(|export| export.kind == ExternalKind::Memory);
    let memory =
        memory.ok_or_else(|| trigger.unknown("the core module exports no memory".to_string()))?.index;
    if module.memories.get(memory as usize).is_none_or(|memory| memory.memory64) {
        return Err(trigger.unknown("the memory of the core module has 64-bit addresses".to_string()));
    }
    let wanted = parts(path);
    let dirs = options.host.wasi.iter().flat_map(|wasi| &wasi.dirs);
    let mut alternatives = Vec::new();
    for (descriptor, dir) in (3..).zip(dirs) {
        let Some(rest) = wanted.strip_prefix(&parts(&dir.guest)[..]).filter(|rest| !rest.is_empty()) else {
            continue;
        };
        for prefix in ["", "./"] {
            let bytes = format!("{prefix}{}", rest.join("/")).into_bytes();
            alternatives.push(vec![
                Condition::I32(0, descriptor),
                Condition::Bytes { memory, address: 2, len: 3, bytes },
            ]);
        }
    }
    match alternatives.is_empty() {
        true => Err(trigger.unknown("the path lies in no directory that the component is given".to_string())),
        false => Ok(alternatives),
    }
}

fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect()
}
