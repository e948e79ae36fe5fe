use crate::script::{Action, Command, Script};
use preinit::stages::module::Module;
use preinit::stages::probe::Probed;
use std::collections::HashMap;
use std::rc::Rc;
use wasmtime::{Collector, Config, Engine, OptLevel, RegallocAlgorithm, Strategy};

/// Compiled modules that are kept; scripts come back to the same state most often right away.
const KEPT: usize = 64;

/// The compilers that preinit itself runs init with.
pub struct Engines {
    winch: Engine,
    cranelift: Engine,
}

impl Engines {
    pub fn new() -> wasmtime::Result<Engines> {
        let mut winch = Config::new();
        winch.strategy(Strategy::Winch);
        let mut cranelift = Config::new();
        cranelift.cranelift_opt_level(OptLevel::None);
        cranelift.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
        cranelift.wasm_gc(true);
        cranelift.wasm_function_references(true);
        cranelift.wasm_exceptions(true);
        cranelift.wasm_tail_call(true);
        cranelift.wasm_relaxed_simd(true);
        cranelift.collector(Collector::Copying);
        Ok(Engines { winch: engine(winch)?, cranelift: engine(cranelift)? })
    }

    /// Winch if it can compile everything that the script defines.
    pub fn for_script(&self, script: &Script<'_>) -> &Engine {
        let compiles = |wasm: &Vec<u8>| wasmtime::Module::new(&self.winch, wasm).is_ok();
        let is_fine = script.steps.iter().all(|step| match &step.command {
            Command::Define { wasm, .. } | Command::Module { wasm, .. } => compiles(wasm),
            Command::Assert(Action::Module { wasm }, _) => compiles(wasm),
            _ => true,
        });
        if is_fine { &self.winch } else { &self.cranelift }
    }

    pub fn is_winch(&self, engine: &Engine) -> bool {
        Engine::same(engine, &self.winch)
    }
}

fn engine(mut config: Config) -> wasmtime::Result<Engine> {
    config.wasm_multi_memory(true);
    config.wasm_memory64(true);
    config.wasm_custom_page_sizes(true);
    config.wasm_wide_arithmetic(true);
    config.wasm_extended_const(true);
    config.wasm_threads(true);
    config.shared_memory(true);
    config.cranelift_nan_canonicalization(true);
    config.memory_init_cow(false);
    Engine::new(&config)
}

/// A binary and its code. The code is that of the probed form where snapshots are to be taken.
pub struct Prepared {
    pub wasm: Vec<u8>,
    pub probed: Option<Probed>,
    pub code: wasmtime::Module,
}

pub struct Compiler {
    engine: Engine,
    probe: bool,
    known: HashMap<Vec<u8>, Rc<Prepared>>,
}

impl Compiler {
    pub fn new(engine: &Engine, probe: bool) -> Compiler {
        Compiler { engine: engine.clone(), probe, known: HashMap::new() }
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub fn prepare(&mut self, wasm: &[u8]) -> Result<Rc<Prepared>, String> {
        if let Some(known) = self.known.get(wasm) {
            return Ok(Rc::clone(known));
        }
        let prepared = Rc::new(self.compile(wasm)?);
        if self.known.len() == KEPT {
            self.known.clear();
        }
        self.known.insert(wasm.to_vec(), Rc::clone(&prepared));
        Ok(prepared)
    }

    fn compile(&self, wasm: &[u8]) -> Result<Prepared, String> {
        let probed = match self.probe {
            true => {
                let module = Module::parse(wasm).map_err(|error| error.to_string())?;
                Some(Probed::new(&module).map_err(|error| error.to_string())?)
            }
            false => None,
        };
        let binary = probed.as_ref().map_or(wasm, |probed| &probed.wasm);
        let code = wasmtime::Module::new(&self.engine, binary).map_err(|error| format!("{error:#}"))?;
        Ok(Prepared { wasm: wasm.to_vec(), probed, code })
    }
}
