use crate::compile::{Compiler, Prepared};
use crate::outcome::{Observed, Outcome};
use crate::replace::{self, Stop};
use crate::script::{Action, Command, Script};
use crate::spectest::Spectest;
use preinit::stages::execute::instantiate;
use preinit::stages::instance::{Baseline, ProbedInstance};
use preinit::stages::snapshot::Value;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use wasmtime::{AnyRef, Engine, Extern, ExternRef, Func, Instance, RootScope, Store, Val, ValType};
use wast::WastArg;
use wast::core::WastArgCore;

/// The instances of a script that may share state, in one store, in the order in which they were made.
pub struct Component {
    pub store: Store<()>,
    pub spectest: Spectest,
    pub instances: Vec<Live>,
    /// How often it has been replaced by its own snapshots.
    pub replaced: usize,
    /// Whether it was at the last attempt.
    pub fresh: bool,
}

/// An instance, and where its imports came from, in order.
pub struct Live {
    pub prepared: Rc<Prepared>,
    pub handle: Instance,
    /// What reads its state, if it is probed.
    pub probed: Option<ProbedInstance>,
    pub sources: Vec<Source>,
    /// What each imported global held when it was handed over, if it is a number.
    pub handed: Vec<Option<Value>>,
}

/// Where an import comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Spectest(String),
    Instance { ordinal: usize, export: String },
}

#[derive(Debug, Clone, Copy)]
struct Place {
    component: usize,
    ordinal: usize,
}

/// A run of a script.
pub struct World<'s> {
    script: &'s Script<'s>,
    compiler: Compiler,
    snapshots: bool,
    components: HashMap<usize, Component>,
    current: Option<Place>,
    instances: HashMap<&'s str, Place>,
    registered: HashMap<&'s str, Place>,
    definitions: HashMap<Option<&'s str>, &'s [u8]>,
    log: Log,
}

/// What happened in a run.
#[derive(Debug, Default)]
pub struct Log {
    /// One for each step.
    pub outcomes: Vec<Outcome>,
    /// For each step, how much of what it ran on had been through a snapshot.
    pub evidence: Vec<Evidence>,
    /// Instances that were replaced.
    pub snapshots: usize,
    /// Moments at which a component could not be replaced, by reason.
    pub excluded: BTreeMap<String, usize>,
    /// Snapshots that went wrong.
    pub failures: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    None,
    /// Its instances have been replaced, but not right before this step.
    Before,
    /// Its instances were replaced right before this step.
    RightBefore,
}

impl<'s> World<'s> {
    /// Runs a script; with `snapshots`, whatever a step is about to touch is first replaced by its own snapshot.
    pub fn run(script: &'s Script<'s>, engine: &Engine, snapshots: bool) -> Log {
        let mut world = World {
            script,
            compiler: Compiler::new(engine, snapshots),
            snapshots,
            components: HashMap::new(),
            current: None,
            instances: HashMap::new(),
            registered: HashMap::new(),
            definitions: HashMap::new(),
            log: Log::default(),
        };
        for at in 0..script.steps.len() {
            let evidence = world.before(at);
            let outcome = world.step(at);
            world.log.outcomes.push(outcome);
            world.log.evidence.push(evidence);
        }
        world.log
    }

    fn before(&mut self, at: usize) -> Evidence {
        let step = &self.script.steps[at];
        let touches = matches!(
            step.command,
            Command::Module { .. } | Command::Instance { .. } | Command::Do(_) | Command::Assert(..)
        );
        let component = self.components.get_mut(&step.component);
        let Some(component) = component.filter(|live| touches && !live.instances.is_empty()) else {
            return Evidence::None;
        };
        if self.snapshots {
            match replace::replace(component, &mut self.compiler, step.grows_later) {
                Ok(()) => self.log.snapshots += component.instances.len(),
                Err(Stop::Excluded(reason)) => *self.log.excluded.entry(reason).or_default() += 1,
                Err(Stop::Failed(why)) => {
                    self.log.failures.push(format!("{}:{}: {why}", self.script.name, step.line));
                }
            }
        }
        match (component.fresh, component.replaced) {
            (true, _) => Evidence::RightBefore,
            (false, 0) => Evidence::None,
            (false, _) => Evidence::Before,
        }
    }

    fn step(&mut self, at: usize) -> Outcome {
        let script: &'s Script<'s> = self.script;
        let component = script.steps[at].component;
        match &script.steps[at].command {
            Command::Define { name, wasm } => {
                self.definitions.insert(*name, wasm);
                self.definitions.insert(None, wasm);
                Outcome::Made
            }
            Command::Module { name, wasm } => self.make(component, *name, wasm),
            Command::Instance { name, of } => match self.definitions.get(of) {
                Some(wasm) => self.make(component, *name, wasm),
                None => Outcome::Missing,
            },
            Command::Register { instance, name } => match self.place(*instance) {
                Some(place) => {
                    self.registered.insert(name, place);
                    Outcome::Made
                }
                None => Outcome::Missing,
            },
            Command::Do(action) | Command::Assert(action, _) => self.act(component, action),
            Command::Static | Command::Unknown => Outcome::Nothing,
        }
    }

    fn place(&self, name: Option<&str>) -> Option<Place> {
        name.map_or(self.current, |name| self.instances.get(name).copied())
    }

    fn make(&mut self, component: usize, name: Option<&'s str>, wasm: &[u8]) -> Outcome {
        match self.instantiate(component, wasm) {
            Ok(place) => {
                self.current = Some(place);
                self.instances.extend(name.map(|name| (name, place)));
                Outcome::Made
            }
            Err(outcome) => {
                self.current = None;
                outcome
            }
        }
    }

    fn instantiate(&mut self, id: usize, wasm: &[u8]) -> Result<Place, Outcome> {
        let prepared = self.compiler.prepare(wasm).map_err(|_| Outcome::Uncompilable)?;
        let engine = self.compiler.engine();
        let component =
            self.components.entry(id).or_insert_with(|| Component::new(engine, Spectest::default()));
        let mut sources = Vec::new();
        for import in prepared.code.imports() {
            sources.push(match self.registered.get(import.module()) {
                Some(provider) if provider.component == id => {
                    Source::Instance { ordinal: provider.ordinal, export: import.name().to_string() }
                }
                None if import.module() == "spectest" => Source::Spectest(import.name().to_string()),
                _ => return Err(Outcome::Unlinkable),
            });
        }
        component.add(prepared, sources).map_err(|error| match Outcome::of(&error) {
            Outcome::Failed(_) => Outcome::Unlinkable,
            outcome => outcome,
        })?;
        Ok(Place { component: id, ordinal: component.instances.len() - 1 })
    }

    fn act(&mut self, component: usize, action: &Action<'_>) -> Outcome {
        let (Action::Invoke { instance, export, .. } | Action::Get { instance, export }) = action else {
            let Action::Module { wasm } = action else { return Outcome::Missing };
            return self.instantiate(component, wasm).map_or_else(|outcome| outcome, |_| Outcome::Made);
        };
        let Some(place) = self.place(*instance) else { return Outcome::Missing };
        let Some(component) = self.components.get_mut(&place.component) else { return Outcome::Missing };
        let instance = component.instances[place.ordinal].handle;
        let mut store = RootScope::new(&mut component.store);
        let result = match (action, instance.get_export(&mut store, export)) {
            (Action::Invoke { args, .. }, Some(Extern::Func(function))) => call(&mut store, function, args),
            (Action::Get { .. }, Some(Extern::Global(global))) => {
                let value = global.get(&mut store);
                Observed::of(&mut store, &value).map(|value| vec![value])
            }
            _ => return Outcome::Missing,
        };
        result.map_or_else(|error| Outcome::of(&error), Outcome::Values)
    }
}

fn call(
    store: &mut RootScope<&mut Store<()>>,
    function: Func,
    args: &[WastArg<'_>],
) -> wasmtime::Result<Vec<Observed>> {
    let ty = function.ty(&*store);
    let mut params = Vec::with_capacity(args.len());
    for (arg, ty) in args.iter().zip(ty.params()) {
        let WastArg::Core(arg) = arg else { return Err(wasmtime::Error::msg("not a core value")) };
        params.push(argument(store, arg, &ty)?);
    }
    let mut results = vec![Val::I32(0); ty.results().len()];
    function.call(&mut *store, &params, &mut results)?;
    results.iter().map(|value| Observed::of(&mut *store, value)).collect()
}

fn argument(
    store: &mut RootScope<&mut Store<()>>,
    arg: &WastArgCore<'_>,
    ty: &ValType,
) -> wasmtime::Result<Val> {
    Ok(match arg {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::V128(value) => Val::V128(u128::from_le_bytes(value.to_le_bytes()).into()),
        WastArgCore::RefNull(_) => match ty.as_ref() {
            Some(ty) => Val::null_ref(ty.heap_type()),
            None => return Err(wasmtime::Error::msg("a null for a number")),
        },
        WastArgCore::RefExtern(value) => Val::ExternRef(Some(ExternRef::new(&mut *store, *value)?)),
        WastArgCore::RefHost(value) => {
            let external = ExternRef::new(&mut *store, *value)?;
            Val::AnyRef(Some(AnyRef::convert_extern(&mut *store, external)?))
        }
    })
}

impl Component {
    pub fn new(engine: &Engine, spectest: Spectest) -> Component {
        let store = Store::new(engine, ());
        Component { store, spectest, instances: Vec::new(), replaced: 0, fresh: false }
    }

    /// Instantiates one more module.
    pub fn add(&mut self, prepared: Rc<Prepared>, sources: Vec<Source>) -> wasmtime::Result<()> {
        let mut imports = Vec::with_capacity(sources.len());
        for source in &sources {
            let provided = match source {
                Source::Spectest(name) => self.spectest.get(&mut self.store, name)?,
                Source::Instance { ordinal, export } => {
                    let provider = self.instances[*ordinal].handle;
                    provider.get_export(&mut self.store, export)
                }
            };
            imports.push(provided.ok_or_else(|| wasmtime::Error::msg("unknown import"))?);
        }
        let mut handed = Vec::new();
        for import in &imports {
            if let Extern::Global(global) = import {
                let mut scope = RootScope::new(&mut self.store);
                handed.push(number(&global.get(&mut scope)));
            }
        }
        let store = &mut self.store;
        let (handle, probed) = match &prepared.probed {
            Some(probed) => {
                let baseline = Baseline::of(store, &imports)?;
                let handle = instantiate(store, &prepared.code, &imports, &prepared.wasm, probed)?;
                (handle, Some(ProbedInstance::new(probed, handle, imports, baseline, store)?))
            }
            None => (Instance::new(store, &prepared.code, &imports)?, None),
        };
        self.instances.push(Live { prepared, handle, probed, sources, handed });
        Ok(())
    }
}

fn number(value: &Val) -> Option<Value> {
    Some(match value {
        Val::I32(value) => Value::I32(*value),
        Val::I64(value) => Value::I64(*value),
        Val::F32(bits) => Value::F32(*bits),
        Val::F64(bits) => Value::F64(*bits),
        Val::V128(value) => Value::V128(value.as_u128()),
        _ => return None,
    })
}
