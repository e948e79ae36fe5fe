//! Decides where each import comes from: explicit stub, preload, library linker, WASI, general stub, trap.

use std::collections::{HashMap, HashSet};

use wasmtime::{Extern, ExternType, Linker, Module, Store};

use super::error::{HostError, Unprovided};
use super::host_options::{HostOptions, ImportName};
use super::js_string::Strings;
use super::stub::StubAnswer;
use super::{HostState, interceptor, preload, stub, wasi};

/// The providers of imports that are ready.
pub(super) struct Resolver {
    stubs: HashSet<ImportName>,
    stub_all: bool,
    /// Stubs that answer with ones.
    ones: HashSet<String>,
    wasi: bool,
    pub(super) tells_preloaded_apart: bool,
    linker: Option<Linker<HostState>>,
    strings: Strings,
    /// Stubbed memories, tables, globals and tags: whoever imports one again gets the same.
    stubbed: HashMap<ImportName, Extern>,
}

/// One `Extern` for each import of `module`, in order. A shared memory that nothing else provides is a new one: whoever
/// starts the threads of a program makes it. Preloads are instantiated, which runs their code: fuel and
/// epoch deadlines of the store must be set before.
///
/// # Errors
///
/// If a preload fails to start, the linker hook fails, a stub has no default value, or the module imports a memory,
/// table, global or tag that nothing provides (all are listed). An immutable `externref` is no error: it gets a value of
/// its own, which init can pass around and nothing else, and the snapshot imports the real one. A function that nothing provides is no error; it traps
/// with [`super::ImportCalled`] when called.
pub fn resolve_imports(
    store: &mut Store<HostState>,
    options: &HostOptions,
    module: &Module,
) -> Result<Vec<Extern>, HostError> {
    let mut resolver = Resolver {
        stubs: options.stubs.iter().cloned().collect(),
        stub_all: options.stub_all,
        ones: options.stubs_of_ones.iter().cloned().collect(),
        wasi: options.wasi.is_some(),
        tells_preloaded_apart: options.tells_preloaded_apart,
        linker: None,
        strings: Strings::default(),
        stubbed: HashMap::new(),
    };
    for preload in &options.preloads {
        if store.data().preloaded.iter().any(|preloaded| preloaded.name == preload.name) {
            return Err(HostError::DuplicatePreload { name: preload.name.as_str().into() });
        }
        preload::instantiate(store, preload, &mut resolver)?;
    }
    if let Some(hook) = &options.linker {
        let mut linker = Linker::new(store.engine());
        (hook.0)(&mut linker).map_err(HostError::Linker)?;
        resolver.linker = Some(linker);
    }
    resolver.resolve(store, module, None)
}

impl Resolver {
    /// All imports of `module`; `importer` is its name if it is a preload.
    pub(super) fn resolve(
        &mut self,
        store: &mut Store<HostState>,
        module: &Module,
        importer: Option<&str>,
    ) -> Result<Vec<Extern>, HostError> {
        let mut externs = Vec::new();
        let mut missing = Vec::new();
        let mut state: HashMap<(ImportName, &'static str), Extern> = HashMap::new();
        for import in module.imports() {
            let name = ImportName::new(import.module(), import.name());
            let ty = import.ty();
            let kind = match &ty {
                ExternType::Func(ty) => {
                    externs.push(match self.provided(store, &name, &import.ty())? {
                        Some(provided) => provided,
                        None => stub::unprovided(store, ty.clone(), name)?.into(),
                    });
                    continue;
                }
                ExternType::Memory(_) => "memory",
                ExternType::Table(_) => "table",
                ExternType::Global(_) => "global",
                ExternType::Tag(_) => "tag",
            };
            // One name is one thing, also where it is a stub.
            let key = (name, kind);
            if let Some(same) = state.get(&key) {
                externs.push(same.clone());
            } else if let Some(provided) = self.provided(store, &key.0, &ty)? {
                externs.push(provided.clone());
                state.insert(key, provided);
            } else if let ExternType::Memory(memory) = &ty
                && memory.is_shared()
            {
                let made = stub::stub(store, &ty, &key.0, StubAnswer::Zeros)?;
                externs.push(made.clone());
                state.insert(key, made);
            } else if let ExternType::Global(ty) = &ty
                && stub::is_opaque(ty)
            {
                let opaque = stub::opaque(store, ty, &key.0)?;
                externs.push(opaque.clone());
                state.insert(key, opaque);
            } else {
                missing.push(Unprovided { import: key.0, kind });
            }
        }
        if missing.is_empty() {
            return Ok(externs);
        }
        Err(HostError::Unprovided { importer: importer.map(str::to_owned), imports: missing })
    }

    fn provided(
        &mut self,
        store: &mut Store<HostState>,
        import: &ImportName,
        ty: &ExternType,
    ) -> Result<Option<Extern>, HostError> {
        if self.stubs.contains(import) {
            return self.stub(store, import, ty).map(Some);
        }
        if let Some(export) = HostState::preloaded_export(store, import) {
            return Ok(Some(interceptor::intercepted(store, import, export)));
        }
        if let Some(linker) = &self.linker
            && let Ok(definition) = linker.get(&mut *store, &import.module, &import.name)
        {
            store.data_mut().recorder.unrecorded(import);
            return Ok(Some(interceptor::intercepted(store, import, definition)));
        }
        let wasi = wasi::function(import).filter(|_| self.wasi);
        if let (ExternType::Func(ty), Some(function)) = (ty, wasi) {
            match wasi::Form::of(function, ty) {
                Some(form) => return Ok(Some(wasi::define(store, import, function, form).into())),
                None if self.stub_all => {}
                // What nobody could call fails as the module is linked, which says what types there are.
                None => return Ok(Some(wasi::define(store, import, function, wasi::Form::Plain).into())),
            }
        }
        if let (ExternType::Func(ty), true) = (ty, self.wasi)
            && let Some(function) = wasi::preview2::define(store, import, ty)
        {
            return Ok(Some(function.into()));
        }
        if let Some(string) = self.strings.provide(store, import, ty)? {
            return Ok(Some(string));
        }
        if self.stub_all {
            return self.stub(store, import, ty).map(Some);
        }
        Ok(None)
    }

    fn stub(
        &mut self,
        store: &mut Store<HostState>,
        import: &ImportName,
        ty: &ExternType,
    ) -> Result<Extern, HostError> {
        if let ExternType::Func(_) = ty {
            let answer = match self.ones.contains(&import.dotted()) {
                true => StubAnswer::Ones,
                false => StubAnswer::Zeros,
            };
            return stub::stub(store, ty, import, answer);
        }
        if let Some(stubbed) = self.stubbed.get(import) {
            return Ok(stubbed.clone());
        }
        let stub = stub::stub(store, ty, import, StubAnswer::Zeros)?;
        self.stubbed.insert(import.clone(), stub.clone());
        Ok(stub)
    }
}
