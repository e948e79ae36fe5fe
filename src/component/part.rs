use super::ComponentRunError;
use super::adapter::Adapter;
use super::cleaning::reset_functions;
use crate::engine;
use crate::error::Error;
use crate::execute::{Stop, StopCause, Trace, Traced};
use crate::guest::stack_pointer_of;
use crate::host::{ComponentHost, Limits};
use crate::instance::{Baseline, ProbedInstance};
use crate::wording::shortened;
use preinit_core::component::{Component, CoreInstance};
use preinit_core::module::Module;
use preinit_core::printable::Printable;
use preinit_core::probe::{Probe, ProbeOptions, Probed};
use std::collections::BTreeSet;
use wasmparser::{Validator, WasmFeatures};
use wasmtime::{Extern, Instance, Store};

/// A core module that has instances.
pub struct Part<'a> {
    pub module: Module<'a>,
    pub probed: Probed,
}

impl Part<'_> {
    /// Whether it is the adapter from WASI preview 1.
    pub fn is_adapter(&self) -> bool {
        Adapter::of(&self.module).is_some()
    }
}

/// A core instance, and what it is an instance of.
pub struct Place<'p> {
    pub part: &'p Part<'p>,
    pub instance: ProbedInstance,
}

impl Place<'_> {
    /// The first memory, which may be another module's.
    pub fn memory<'s, T: 'static>(&self, store: &'s Store<T>) -> &'s [u8] {
        match self.instance.memories.first() {
            Some(Extern::Memory(memory)) => memory.data(store),
            _ => &[],
        }
    }
}

/// The core modules whose code runs, and another one in the place of one of them.
#[derive(Clone, Copy)]
pub struct RunningCode<'p> {
    pub parts: &'p [Option<Part<'p>>],
    pub replaced: Option<(usize, &'p [u8])>,
}

impl<'p> RunningCode<'p> {
    /// The core module that the engine has compiled here.
    pub fn find(self, compiled: &wasmtime::Module) -> Option<Traced<'p>> {
        (0..).zip(self.parts).find_map(|(number, part)| {
            let Part { module, probed } = part.as_ref()?;
            compiled.get_export_index(&probed.export_name(Probe::Definition(number)))?;
            let replaced = self.replaced.filter(|(replaced, _)| *replaced == number as usize);
            Some(Traced { module, binary: replaced.map_or(&probed.wasm[..], |(_, binary)| binary) })
        })
    }
}

/// Refuses a component that needs what the engine has off by default.
pub fn check_proposals(wasm: &[u8]) -> Result<(), ComponentRunError> {
    let allowed = engine::default_features() | WasmFeatures::COMPONENT_MODEL | WasmFeatures::CM_ASYNC;
    let checked = Validator::new_with_features(allowed).validate_all(wasm);
    checked.map(drop).map_err(|error| ComponentRunError::Proposal {
        message: error.message().to_string(),
        offset: error.offset(),
    })
}

/// What of core modules is shown.
pub struct Probing<'o> {
    pub options: &'o ProbeOptions,
    /// Whether modules are refused that use proposals which the engine has off by default.
    pub default_proposals: bool,
    /// Whether the functions that reset libc are shown.
    pub reset_libc: bool,
    /// Whether it is shown how far stacks have gone.
    pub lowest_stack: bool,
}

/// Probes the core modules that have instances, each with a number; `None` for the others.
pub fn parts<'a>(
    component: &Component<'a>,
    instances: &[CoreInstance],
    probing: &Probing<'_>,
) -> Result<Vec<Option<Part<'a>>>, ComponentRunError> {
    let mut parts: Vec<Option<Part<'a>>> = component.modules().iter().map(|_| None).collect();
    for instance in instances {
        let number = instance.module;
        let (Some(found), Some(part @ None)) = (component.modules().get(number), parts.get_mut(number))
        else {
            continue;
        };
        let in_module = |error: Error| ComponentRunError::InModule {
            module: component.module_name(number),
            error: Box::new(error),
        };
        let module = Module::parse_part(found.bytes).map_err(|error| in_module(error.into()))?;
        if probing.default_proposals {
            module.check_features(engine::default_features()).map_err(|error| in_module(error.into()))?;
        }
        if module.memories.iter().any(|memory| memory.shared) {
            return Err(ComponentRunError::SharedMemory(component.module_name(number)));
        }
        let functions = reset_functions(&module, probing.reset_libc);
        let lowest_of = probing.lowest_stack.then(|| stack_pointer_of(&module)).flatten();
        let adapter = Adapter::of(&module);
        let marks_entries = adapter.is_some_and(|adapter| adapter.can_renumber(&module));
        let marks_calls = adapter.and_then(|adapter| adapter.closing(&module));
        let definition = Some(number as u32);
        let options = ProbeOptions {
            definition,
            functions,
            marks_entries,
            marks_calls,
            lowest_of,
            ..probing.options.clone()
        };
        let probed = Probed::with(&module, &options).map_err(|error| in_module(error.into()))?;
        *part = Some(Part { module, probed });
    }
    Ok(parts)
}

/// Refuses what takes more than it may for all its core instances, before the engine has anything of them.
pub fn check_instances(
    parts: &[Option<Part<'_>>],
    instances: &[CoreInstance],
    limits: &Limits,
) -> Result<(), ComponentRunError> {
    // Instances that begin in different states are instances of different modules, each of which is there in several forms.
    const COPY_BYTES: u64 = 8;
    let mut seen = BTreeSet::new();
    let mut bytes = 0u64;
    for instance in instances {
        let Some(Part { module, probed }) = parts.get(instance.module).and_then(Option::as_ref) else {
            continue;
        };
        let is_first = seen.insert(instance.module);
        let copy = if is_first { 0 } else { (module.bytes.len() as u64).saturating_mul(COPY_BYTES) };
        bytes = bytes.saturating_add(probed.instance_bytes).saturating_add(copy);
    }
    limits.allow_instances(bytes).map_err(|limit| {
        ComponentRunError::Stopped(Box::new(Stop {
            stage: "instantiation was stopped".to_string(),
            function: None,
            cause: StopCause::Instances(limit),
            trace: Trace::default(),
        }))
    })
}

/// The core instances that the engine has, in the order of `instances`.
pub fn places<'p>(
    parts: &'p [Option<Part<'p>>],
    instances: &[CoreInstance],
    found: &[Instance],
    store: &mut Store<ComponentHost>,
) -> Result<Vec<Place<'p>>, ComponentRunError> {
    let mut of_module: Vec<Vec<Instance>> = vec![Vec::new(); parts.len()];
    let mut count = 0;
    for instance in found {
        let number = (0u32..).zip(parts).find(|(number, part)| {
            part.as_ref().is_some_and(|part| {
                let name = part.probed.export_name(Probe::Definition(*number));
                instance.get_export(&mut *store, &name).is_some()
            })
        });
        // Others are the engine's: adapters between components, and the bell.
        if let Some((number, _)) = number {
            of_module[number as usize].push(*instance);
            count += 1;
        }
    }
    let other = || ComponentRunError::OtherInstances { found: count, expected: instances.len() };
    if count != instances.len() {
        return Err(other());
    }
    let mut next = vec![0; parts.len()];
    let mut places = Vec::new();
    for instance in instances {
        let number = instance.module;
        let part = parts.get(number).and_then(Option::as_ref).ok_or_else(other)?;
        let handle = *of_module[number].get(next[number]).ok_or_else(other)?;
        next[number] += 1;
        let instance =
            ProbedInstance::new(&part.probed, handle, Vec::new(), Baseline::default(), &mut *store)?;
        places.push(Place { part, instance });
    }
    Ok(places)
}

/// What messages call a core instance.
pub fn name(component: &Component<'_>, instance: &CoreInstance) -> String {
    let module = component.module_name(instance.module);
    match instance.component.as_str() {
        "/" => module,
        path => format!("{module} in component {}", Printable(path)),
    }
}

/// Where findings say that something is.
pub fn path(component: &Component<'_>, instance: &CoreInstance) -> String {
    let name = component.module_name(instance.module);
    format!("component {} · {}", Printable(&shortened(&instance.component)), shortened(&name))
}

/// The component with probed core modules in it, and another one in the place of one of them if it is given.
pub fn probed(
    component: &Component<'_>,
    parts: &[Option<Part<'_>>],
    replaced: Option<(usize, &[u8])>,
) -> Vec<u8> {
    component.with_modules(&probed_modules(parts, replaced))
}

/// The probed core modules, and another one in the place of one of them if it is given.
pub fn probed_modules<'p>(
    parts: &'p [Option<Part<'_>>],
    replaced: Option<(usize, &'p [u8])>,
) -> Vec<Option<&'p [u8]>> {
    let mut probed: Vec<_> =
        parts.iter().map(|part| part.as_ref().map(|part| part.probed.wasm.as_slice())).collect();
    if let Some((number, wasm)) = replaced
        && let Some(module) = probed.get_mut(number)
    {
        *module = Some(wasm);
    }
    probed
}
