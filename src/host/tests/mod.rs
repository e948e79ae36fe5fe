//! Runs small guests against the host.

mod files;
mod imports;
mod ledger;
mod overlay;
mod overlay_names;
mod replay;
mod run_limits;
mod snapshot0;
mod sources;

use std::fmt::Write as _;
use std::sync::Arc;

use preinit_core::wasi_version::WasiVersion;
use wasmtime::{Config, Engine, Extern, Instance, Module, Store, Val};

use super::wasi::{FUNCTIONS, Type};
use super::{
    HostError, HostOptions, HostState, ImportName, Ledger, Limits, WasiOptions, new_store, resolve_imports,
};

const LIMITS: Limits = Limits { timeout: None, max_memory: 64 << 20, fuel: None };

fn engine() -> Engine {
    let mut config = Config::new();
    config.cranelift_opt_level(wasmtime::OptLevel::None).shared_memory(true);
    Engine::new(&config).unwrap()
}

/// Options with this WASI and nothing else.
fn allow(wasi: WasiOptions) -> HostOptions {
    HostOptions { wasi: Some(wasi), ..HostOptions::default() }
}

/// The options for replaying what `guest` did.
fn replay(options: &HostOptions, guest: &mut Guest) -> HostOptions {
    HostOptions { replay: Some(Arc::new(guest.store.data_mut().take_ledger())), ..options.clone() }
}

/// A running guest.
struct Guest {
    version: WasiVersion,
    store: Store<HostState>,
    instance: Instance,
}

impl Guest {
    /// Instantiates `wat`.
    fn start(wat: &str, options: &HostOptions) -> Result<Self, StartError> {
        Self::start_with(wat, options, &LIMITS, [0; 32])
    }

    fn start_with(
        wat: &str,
        options: &HostOptions,
        limits: &Limits,
        digest: [u8; 32],
    ) -> Result<Self, StartError> {
        let engine = engine();
        let module = Module::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
        let mut store = new_store(&engine, options, limits, digest).map_err(StartError::Host)?;
        let imports = resolve_imports(&mut store, options, &module).map_err(StartError::Host)?;
        let instance = Instance::new(&mut store, &module, &imports).map_err(StartError::Wasm)?;
        Ok(Self { version: WasiVersion::Preview1, store, instance })
    }

    /// A guest with a wrapper for each WASI function, exported under its name. The test makes the calls.
    fn wasi(options: &HostOptions) -> Self {
        Self::wasi_with_digest(options, [0; 32])
    }

    fn wasi_with_digest(options: &HostOptions, digest: [u8; 32]) -> Self {
        Self::start_with(&wrappers("(memory (export \"memory\") 2)"), options, &LIMITS, digest).unwrap()
    }

    /// The same for the functions of snapshot 0.
    fn snapshot0(options: &HostOptions) -> Self {
        let version = WasiVersion::Snapshot0;
        let wat = wrappers_of(version, "(memory (export \"memory\") 2)");
        Self { version, ..Self::start(&wat, options).unwrap() }
    }

    /// Calls an export that returns an `i32` or nothing.
    fn call(&mut self, name: &str, args: &[Val]) -> wasmtime::Result<i32> {
        let function = self.instance.get_func(&mut self.store, name).unwrap();
        let mut results = vec![Val::I32(-1); function.ty(&self.store).results().len()];
        function.call(&mut self.store, args, &mut results)?;
        Ok(results.first().map_or(0, Val::unwrap_i32))
    }

    /// Calls a WASI function and gives its errno. Numbers become what the function wants.
    fn wasi_call(&mut self, name: &str, args: &[i64]) -> wasmtime::Result<i32> {
        let function = super::wasi::function(&ImportName::new(self.version.module(), name)).unwrap();
        assert_eq!(function.params.len(), args.len(), "{name}");
        let args = function.params.iter().zip(args).map(|((_, ty), arg)| match ty {
            Type::I32 => Val::I32(*arg as i32),
            Type::I64 => Val::I64(*arg),
        });
        self.call(name, &args.collect::<Vec<_>>())
    }

    /// Calls a WASI function that must succeed.
    fn ok(&mut self, name: &str, args: &[i64]) {
        assert_eq!(self.wasi_call(name, args).unwrap(), 0, "errno of {name}({args:?})");
    }

    fn memory(&mut self) -> wasmtime::Memory {
        self.instance.get_memory(&mut self.store, "memory").unwrap()
    }

    fn read(&mut self, address: usize, len: usize) -> Vec<u8> {
        self.memory().data(&self.store)[address..address + len].to_vec()
    }

    fn read_u64(&mut self, address: usize) -> u64 {
        u64::from_le_bytes(self.read(address, 8).try_into().unwrap())
    }

    fn read_u32(&mut self, address: usize) -> u32 {
        u32::from_le_bytes(self.read(address, 4).try_into().unwrap())
    }

    fn write(&mut self, address: usize, bytes: &[u8]) {
        self.memory().data_mut(&mut self.store)[address..address + bytes.len()].copy_from_slice(bytes);
    }

    fn global(&mut self, name: &str) -> i32 {
        match self.instance.get_export(&mut self.store, name) {
            Some(Extern::Global(global)) => global.get(&mut self.store).unwrap_i32(),
            _ => panic!("no global {name}"),
        }
    }

    fn ledger(&self) -> &Ledger {
        self.store.data().ledger()
    }

    /// Writes to a descriptor, through an iovec at 0 and the bytes at 256.
    fn write_fd(&mut self, fd: i64, bytes: &[u8]) -> i32 {
        self.write(256, bytes);
        self.write(0, &iovec(256, bytes.len()));
        self.wasi_call("fd_write", &[fd, 0, 1, 8]).unwrap()
    }

    /// Reads from a descriptor, through an iovec at 0 and a buffer at 256.
    fn read_fd(&mut self, fd: i64, len: usize) -> Vec<u8> {
        self.write(0, &iovec(256, len));
        self.ok("fd_read", &[fd, 0, 1, 8]);
        let read = self.read_u32(8);
        self.read(256, read as usize)
    }

    /// Opens `path` in the directory `fd`; the errno if that fails. Uses the memory from 512 on.
    fn open(&mut self, fd: i64, path: &str, oflags: i64, rights: i64) -> Result<i64, i32> {
        self.write(512, path.as_bytes());
        let args = [fd, 0, 512, path.len() as i64, oflags, rights, 0, 0, 504];
        match self.wasi_call("path_open", &args).unwrap() {
            0 => Ok(i64::from(self.read_u32(504))),
            errno => Err(errno),
        }
    }
}

const O_CREAT: i64 = 1;
const O_DIRECTORY: i64 = 2;
const FD_READ: i64 = 1 << 1;
const FD_WRITE: i64 = 1 << 6;

fn iovec(address: u32, len: usize) -> Vec<u8> {
    [address.to_le_bytes(), (len as u32).to_le_bytes()].concat()
}

#[derive(Debug)]
enum StartError {
    Host(HostError),
    Wasm(wasmtime::Error),
}

/// A module with a wrapper for each WASI function; `fields` come after the imports.
fn wrappers(fields: &str) -> String {
    wrappers_of(WasiVersion::Preview1, fields)
}

fn wrappers_of(version: WasiVersion, fields: &str) -> String {
    let module = version.module();
    let has = |name: &str| super::wasi::function(&ImportName::new(module, name)).is_some();
    let mut imports = String::new();
    let mut wrappers = String::new();
    for function in FUNCTIONS.iter().filter(|function| has(function.name)) {
        let name = function.name;
        let types = function.params.iter().map(|(_, ty)| if *ty == Type::I32 { " i32" } else { " i64" });
        let params: String = types.collect();
        let gets: String = (0..function.params.len()).map(|index| format!(" local.get {index}")).collect();
        let result = if name == "proc_exit" { "" } else { "(result i32)" };
        writeln!(imports, "(import \"{module}\" \"{name}\" (func ${name} (param{params}) {result}))")
            .unwrap();
        writeln!(
            wrappers,
            "(func $call_{name} (export \"{name}\") (param{params}) {result} {gets} call ${name})"
        )
        .unwrap();
    }
    format!("(module {imports} {fields} {wrappers})")
}

/// A run needs a thread with a large stack, so what goes into it and comes out of it must be `Send`.
#[test]
fn runs_can_move_between_threads() {
    fn send<T: Send>() {}
    fn share<T: Send + Sync>() {}
    send::<Store<HostState>>();
    share::<Ledger>();
    share::<HostOptions>();
    share::<HostError>();
}
