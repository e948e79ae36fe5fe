//! Code of components.

use super::tier::{CodeSize, Compilation, MissingCode, TierReason, in_tier};
use super::{
    Compiler, EngineOptions, Keyed, MAX_FROZEN_FRAMES, Proposals, SWITCHED_STACK, SWITCHED_WASM_STACK,
    config, names, settings,
};
use crate::cache::CompiledEntry;
use wasmparser::{Parser, Payload};
use wasmtime::{Config, Engine};

/// A compiled component and the engine that it was compiled for.
pub struct CompiledComponent {
    /// The engine.
    pub engine: Engine,
    /// The code.
    pub component: wasmtime::component::Component,
    /// What made it.
    pub compiler: Compiler,
    /// Whether an earlier run had made it already.
    pub cached: bool,
    /// Whether it can have tasks beside each other, so that it has to be called asynchronously.
    pub is_concurrent: bool,
}

/// Code for a component, and why it is this.
pub(crate) struct TieredComponent {
    pub compiled: CompiledComponent,
    pub reason: TierReason,
    /// Optimized code, where it is not there and could be kept.
    pub missing: Option<MissingCode>,
}

/// What a component needs of the engine besides what its core modules need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ComponentKind {
    /// Whether it can have tasks beside each other.
    pub is_concurrent: bool,
    /// Whether the whole call stack is asked for.
    pub is_traced: bool,
}

/// Compiles a component in the tier that is chosen, or takes it from the cache, so that a trap shows all core instances. It has support
/// for tasks beside each other only if it is concurrent. Optimized code looks at the time, too: a run of a component cannot be repeated
/// from its record.
///
/// # Errors
/// What the last compiler that was tried said.
pub(crate) fn compile_component(
    wasm: &[u8],
    (options, kind): (EngineOptions, ComponentKind),
    choice: Compilation<'_>,
) -> wasmtime::Result<TieredComponent> {
    let optimized = EngineOptions { optimize: true, ..options };
    let keyed = choice.cache.map(|cache| Keyed::new(cache, wasm));
    let (size, used) = looked_at(wasm);
    let code = (wasm, used);
    let fixed = match options.fuel {
        true => Some(TierReason::Fuel),
        false => kind.is_traced.then_some(TierReason::Frozen),
    };
    let wanted = component_settings(Compiler::OptimizingCranelift, (optimized, kind));
    let kept = || {
        let entry = keyed.and_then(|keyed| keyed.cache.kept(&wanted, &keyed.digest))?;
        compile_in_entry(Compiler::OptimizingCranelift, code, (optimized, kind), Some(&entry)).ok()
    };
    let compile = |optimize| {
        let options = if optimize { optimized } else { options };
        let compile = |compiler| compile_keyed(compiler, code, (options, kind), keyed);
        match optimize {
            true => compile(Compiler::OptimizingCranelift),
            false => compile(Compiler::Winch).or_else(|_: wasmtime::Error| compile(Compiler::Cranelift)),
        }
    };
    let (compiled, reason) = in_tier((choice.optimize, fixed), size, kept, compile)?;
    let missing = keyed.filter(|_| reason == TierReason::Soonest).map(|Keyed { cache, digest }| {
        MissingCode::new((optimized, Some(kind)), (digest, cache.clone()), size)
    });
    Ok(TieredComponent { compiled, reason, missing })
}

/// Compiles optimized code of a component for the cache.
pub(super) fn compile_component_ahead(
    wasm: &[u8],
    choice: (EngineOptions, ComponentKind),
    keyed: Keyed<'_>,
) -> wasmtime::Result<()> {
    let (_, used) = looked_at(wasm);
    compile_keyed(Compiler::OptimizingCranelift, (wasm, used), choice, Some(keyed)).map(drop)
}

/// How much code the core modules of a component have, and what they use.
fn looked_at(wasm: &[u8]) -> (CodeSize, Proposals) {
    let payloads = Parser::new(0).parse_all(wasm).map_while(Result::ok);
    let modules = payloads.filter_map(|payload| match payload {
        Payload::ModuleSection { unchecked_range, .. } => wasm.get(unchecked_range),
        _ => None,
    });
    modules.fold(Default::default(), |(size, used), module| {
        (size + CodeSize::of(module), used.and(Proposals::of(module)))
    })
}

/// What components can do besides what their core modules can.
fn configure_components(config: &mut Config, is_concurrent: bool) {
    config.concurrency_support(is_concurrent && cfg!(feature = "component-calls"));
    config.wasm_component_model_map(true);
    config.wasm_component_model_memory64(true);
    config.wasm_component_model_fixed_length_lists(true);
    config.wasm_component_model_implements(true);
    #[cfg(feature = "component-calls")]
    if is_concurrent {
        config.wasm_component_model_async(true);
        config.wasm_component_model_more_async_builtins(true);
        config.wasm_component_model_async_stackful(true);
        config.wasm_component_model_threading(true);
        // Of each task, of which there may be many.
        config.max_wasm_stack(SWITCHED_WASM_STACK);
        config.async_stack_size(SWITCHED_STACK);
    }
}

/// Compiles a component with this compiler.
///
/// # Errors
/// If it does not support the component.
#[cfg(feature = "verify")]
pub fn compile_component_with(
    compiler: Compiler,
    wasm: &[u8],
    choice: (EngineOptions, ComponentKind),
) -> wasmtime::Result<CompiledComponent> {
    let (_, used) = looked_at(wasm);
    compile_in_entry(compiler, (wasm, used), choice, None)
}

/// What the cache tells code of components by, besides the component.
pub(super) fn component_settings(
    compiler: Compiler,
    (options, kind): (EngineOptions, ComponentKind),
) -> String {
    let traced = if kind.is_traced { "traced " } else { "" };
    format!("{traced}component {} {}", kind.is_concurrent, settings(compiler, options))
}

fn compile_keyed(
    compiler: Compiler,
    code: (&[u8], Proposals),
    choice: (EngineOptions, ComponentKind),
    keyed: Option<Keyed<'_>>,
) -> wasmtime::Result<CompiledComponent> {
    let entry =
        keyed.and_then(|keyed| keyed.cache.entry(&component_settings(compiler, choice), &keyed.digest));
    let compiled = compile_in_entry(compiler, code, choice, entry.as_ref())?;
    if let (Some(Keyed { cache, .. }), Some(entry), false) = (keyed, &entry, compiled.cached) {
        cache.keep(entry);
    }
    Ok(compiled)
}

/// Takes the code from the entry, or puts it there.
fn compile_in_entry(
    compiler: Compiler,
    (wasm, used): (&[u8], Proposals),
    (options, kind): (EngineOptions, ComponentKind),
    entry: Option<&CompiledEntry>,
) -> wasmtime::Result<CompiledComponent> {
    let mut config = config(compiler, options, used)?;
    let ComponentKind { is_concurrent, is_traced } = kind;
    config.coredump_on_trap(true);
    configure_components(&mut config, is_concurrent);
    if is_traced {
        // One more than is allowed, so that it shows.
        config.wasm_backtrace_max_frames(MAX_FROZEN_FRAMES.checked_add(1));
    }
    if let Some(entry) = entry {
        entry.configure(&mut config);
    }
    let engine = Engine::new(&config)?;
    let wasm = if is_traced { names::without_names(wasm) } else { names::without_long_names(wasm) };
    let component = wasmtime::component::Component::from_binary(&engine, &wasm)?;
    // The run compiles it on this engine too, and what is sealed must be all that the engine keeps.
    wasmtime::Module::from_binary(&engine, &crate::component::bell()?)?;
    let cached = entry.is_some_and(CompiledEntry::is_hit);
    Ok(CompiledComponent { engine, component, compiler, cached, is_concurrent })
}
