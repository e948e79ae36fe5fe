//! Code of components.

use super::{
    Compiler, EngineOptions, Keyed, MAX_FROZEN_FRAMES, Proposals, SWITCHED_STACK, SWITCHED_WASM_STACK,
    config, names, settings,
};
use crate::cache::CompileCache;
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

/// What a component needs of the engine besides what its core modules need.
#[derive(Debug, Clone, Copy, Default)]
pub struct ComponentKind {
    /// Whether it can have tasks beside each other.
    pub is_concurrent: bool,
    /// Whether the whole call stack is asked for.
    pub is_traced: bool,
}

/// Compiles a component with the cheapest compiler that supports its core modules, so that a trap shows all core instances;
/// unless the cache has it already. It has support for tasks beside each other only if it is concurrent.
///
/// # Errors
/// What the last compiler that was tried said.
pub fn compile_component<'m>(
    wasm: &[u8],
    modules: impl Iterator<Item = &'m [u8]>,
    (options, kind): (EngineOptions, ComponentKind),
    cache: Option<&CompileCache>,
) -> wasmtime::Result<CompiledComponent> {
    let used = modules.map(Proposals::of).fold(Proposals::default(), Proposals::and);
    let compile = |compiler| compile_component_in(compiler, wasm, (used, options, kind), cache);
    match options.optimize {
        true => compile(Compiler::OptimizingCranelift),
        false => compile(Compiler::Winch).or_else(|_: wasmtime::Error| compile(Compiler::Cranelift)),
    }
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

/// Compiles a component, which has these core modules, with this compiler.
///
/// # Errors
/// If it does not support the component.
#[cfg(feature = "verify")]
pub fn compile_component_with<'m>(
    compiler: Compiler,
    wasm: &[u8],
    modules: impl Iterator<Item = &'m [u8]>,
    (options, kind): (EngineOptions, ComponentKind),
) -> wasmtime::Result<CompiledComponent> {
    let used = modules.map(Proposals::of).fold(Proposals::default(), Proposals::and);
    compile_component_in(compiler, wasm, (used, options, kind), None)
}

fn compile_component_in(
    compiler: Compiler,
    wasm: &[u8],
    (used, options, kind): (Proposals, EngineOptions, ComponentKind),
    cache: Option<&CompileCache>,
) -> wasmtime::Result<CompiledComponent> {
    let mut config = config(compiler, options, used)?;
    let ComponentKind { is_concurrent, is_traced } = kind;
    config.coredump_on_trap(true);
    configure_components(&mut config, is_concurrent);
    let mut settings = format!("component {} {is_concurrent}", settings(compiler, options));
    if is_traced {
        // One more than is allowed, so that it shows.
        config.wasm_backtrace_max_frames(MAX_FROZEN_FRAMES.checked_add(1));
        settings.insert_str(0, "traced ");
    }
    let entry = cache.and_then(|cache| {
        let keyed = Keyed::new(cache, wasm);
        keyed.cache.entry(&settings, &keyed.digest)
    });
    if let Some(entry) = &entry {
        entry.configure(&mut config);
    }
    let engine = Engine::new(&config)?;
    let wasm = if is_traced { names::without_names(wasm) } else { names::without_long_names(wasm) };
    let component = wasmtime::component::Component::from_binary(&engine, &wasm)?;
    // The run compiles it on this engine too, and what is sealed must be all that the engine keeps.
    wasmtime::Module::from_binary(&engine, &crate::component::bell()?)?;
    let cached = entry.as_ref().is_some_and(|entry| entry.is_hit());
    if let (Some(cache), Some(entry), false) = (cache, &entry, cached) {
        cache.keep(entry);
    }
    Ok(CompiledComponent { engine, component, compiler, cached, is_concurrent })
}
