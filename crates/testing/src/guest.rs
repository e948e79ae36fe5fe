//! Runs modules as their users do: on a stock wasmtime with its own WASI, and nothing of preinit's host.

use preinit::host::{Access, Directory, Output, WasiOptions};
use std::path::PathBuf;
use wasmtime::{Engine, Extern, Instance, Linker, Module, Store, Trap, Val};
use wasmtime_wasi::p0;
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtxBuilder};

const OUTPUT_CAPACITY: usize = 1 << 20;

/// What a guest finds around it.
#[derive(Default, Clone)]
pub struct World {
    pub args: Vec<&'static str>,
    pub env: Vec<(&'static str, &'static str)>,
    /// Guest's name, host's path.
    pub dirs: Vec<(&'static str, PathBuf)>,
    /// Whether it may change them.
    pub is_writable: bool,
    pub stdin: &'static [u8],
}

impl World {
    /// For init, with this world's directories and nothing else of it: a build machine is not the one that runs.
    pub fn at_build_time(&self) -> WasiOptions {
        let directory = |(guest, host): &(&str, PathBuf)| Directory {
            guest: guest.to_string(),
            host: host.clone(),
            access: Access::ReadOnly,
        };
        WasiOptions {
            dirs: self.dirs.iter().map(directory).collect(),
            stdout: Output::Capture,
            stderr: Output::Capture,
            ..WasiOptions::default()
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// With this result; an `i32` is sign-extended, no result is 0.
    Returned(i64),
    Trapped(Trap),
    Exited(i32),
    Failed(String),
}

/// A running module.
pub struct Guest {
    store: Store<WasiP1Ctx>,
    instance: Instance,
    stdout: MemoryOutputPipe,
    stderr: MemoryOutputPipe,
}

impl Guest {
    /// Instantiates `module`, then calls those of `exports` that it has.
    pub fn start(module: &Module, world: &World, exports: &[&str]) -> Self {
        Self::start_with(module, world, exports, None)
    }

    /// The same with another module that provides the imports from `env`.
    pub fn start_with(module: &Module, world: &World, exports: &[&str], env: Option<&Module>) -> Self {
        let (stdout, stderr) =
            (MemoryOutputPipe::new(OUTPUT_CAPACITY), MemoryOutputPipe::new(OUTPUT_CAPACITY));
        let mut builder = WasiCtxBuilder::new();
        builder.args(&world.args).envs(&world.env).stdout(stdout.clone()).stderr(stderr.clone());
        builder.stdin(MemoryInputPipe::new(world.stdin));
        for (guest, host) in &world.dirs {
            let permissions = if world.is_writable { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
            builder.preopened_dir(host, guest, permissions).unwrap();
        }
        let mut store = Store::new(module.engine(), builder.build_p1());
        let mut linker = Linker::new(module.engine());
        p1::add_to_linker_sync(&mut linker, |ctx| ctx).unwrap();
        p0::add_to_linker_sync(&mut linker, |ctx| ctx).unwrap();
        if let Some(env) = env {
            linker.module(&mut store, "env", env).unwrap();
        }
        let instance = linker.instantiate(&mut store, module).unwrap();
        let mut guest = Guest { store, instance, stdout, stderr };
        for name in exports {
            if guest.exports(name) {
                assert_eq!(guest.call(name, &[]), Answer::Returned(0), "`{name}` ends well");
            }
        }
        guest
    }

    pub fn exports(&mut self, name: &str) -> bool {
        self.instance.get_export(&mut self.store, name).is_some()
    }

    pub fn call(&mut self, name: &str, args: &[i32]) -> Answer {
        let args: Vec<Val> = args.iter().map(|&arg| Val::I32(arg)).collect();
        self.call_with(name, &args)
    }

    /// The same with arguments of any type.
    pub fn call_with(&mut self, name: &str, args: &[Val]) -> Answer {
        let function =
            self.instance.get_func(&mut self.store, name).unwrap_or_else(|| panic!("export `{name}`"));
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        match function.call(&mut self.store, args, &mut results) {
            Ok(()) => Answer::Returned(match results.first() {
                None => 0,
                Some(Val::I32(value)) => i64::from(*value),
                Some(Val::I64(value)) => *value,
                Some(other) => panic!("`{name}` returned {other:?}"),
            }),
            Err(error) => match (error.downcast_ref::<I32Exit>(), error.downcast_ref::<Trap>()) {
                (Some(exit), _) => Answer::Exited(exit.0),
                (None, Some(trap)) => Answer::Trapped(*trap),
                (None, None) => Answer::Failed(error.root_cause().to_string()),
            },
        }
    }

    /// The value of a call that must return.
    pub fn value(&mut self, name: &str, args: &[i32]) -> i64 {
        match self.call(name, args) {
            Answer::Returned(value) => value,
            other => panic!("{name}({args:?}) {other:?}"),
        }
    }

    /// The value of a call with arguments of any type, which must return.
    pub fn value_of(&mut self, name: &str, args: &[Val]) -> i64 {
        match self.call_with(name, args) {
            Answer::Returned(value) => value,
            other => panic!("{name}({args:?}) {other:?}"),
        }
    }

    /// The number at an address of the exported memory.
    pub fn long_at(&mut self, address: usize) -> i64 {
        let memory = self.instance.get_memory(&mut self.store, "memory").expect("export `memory`");
        let mut bytes = [0; 8];
        memory.read(&self.store, address, &mut bytes).unwrap();
        i64::from_le_bytes(bytes)
    }

    /// The bytes that the exported memory has.
    pub fn memory_size(&mut self) -> usize {
        self.instance.get_memory(&mut self.store, "memory").expect("export `memory`").data_size(&self.store)
    }

    /// Grows the exported memory by so many pages, as a host can do.
    pub fn grow_memory(&mut self, pages: u64) {
        let memory = self.instance.get_memory(&mut self.store, "memory").expect("export `memory`");
        memory.grow(&mut self.store, pages).unwrap();
    }

    /// Bytes of the exported memory.
    pub fn read(&mut self, address: usize, len: usize) -> Vec<u8> {
        let memory = self.instance.get_memory(&mut self.store, "memory").expect("export `memory`");
        let mut bytes = vec![0; len];
        memory.read(&self.store, address, &mut bytes).unwrap();
        bytes
    }

    /// Writes bytes to the exported memory.
    pub fn write(&mut self, address: usize, bytes: &[u8]) {
        let memory = self.instance.get_memory(&mut self.store, "memory").expect("export `memory`");
        memory.write(&mut self.store, address, bytes).unwrap();
    }

    /// Answers to each of `arguments` in turn.
    pub fn answers(&mut self, name: &str, arguments: impl IntoIterator<Item = i32>) -> Vec<Answer> {
        arguments.into_iter().map(|argument| self.call(name, &[argument])).collect()
    }

    /// Calls `name` with a zero-terminated string, which the guest's `alloc` makes room for.
    pub fn call_with_text(&mut self, name: &str, text: &str) -> Answer {
        let at = self.value("alloc", &[i32::try_from(text.len() + 1).unwrap()]);
        let Some(Extern::Memory(memory)) = self.instance.get_export(&mut self.store, "memory") else {
            panic!("export `memory`");
        };
        let bytes = [text.as_bytes(), &[0]].concat();
        memory.write(&mut self.store, usize::try_from(at).unwrap(), &bytes).unwrap();
        self.call(name, &[i32::try_from(at).unwrap()])
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout.contents()).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.contents()).into_owned()
    }
}

/// Compiles for a stock engine.
pub fn compile(engine: &Engine, wasm: &[u8]) -> Module {
    Module::new(engine, wasm).expect("a module that a stock engine takes")
}

/// The names of a module's imports, and of its exports.
pub fn interface(module: &Module) -> (Vec<String>, Vec<String>) {
    let imports = module.imports().map(|import| format!("{}.{}", import.module(), import.name()));
    (imports.collect(), module.exports().map(|export| export.name().to_string()).collect())
}

/// The exported memory of a fresh instance whose imports all trap.
pub fn memory(wasm: &[u8]) -> Vec<u8> {
    let engine = Engine::default();
    let module = compile(&engine, wasm);
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&module).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let memory = instance.get_memory(&mut store, "memory").expect("the module exports its memory");
    memory.data(&store).to_vec()
}
