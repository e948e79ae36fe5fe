use preinit::stages::snapshot::ImportedMemory;
use std::collections::BTreeMap;
use wasmtime::{
    Extern, Func, Global, GlobalType, Memory, MemoryType, MemoryTypeBuilder, Mutability, Ref, RefType,
    SharedMemory, Store, Table, TableType, Val, ValType,
};

/// The suite's host module. Its parts are made when something imports them.
#[derive(Default)]
pub struct Spectest {
    made: BTreeMap<String, Extern>,
    handed_over: HandedOver,
}

/// What the host's memories and tables are to hold, and how large they are to be, if not as at the start.
#[derive(Debug, Clone, Default)]
pub struct HandedOver {
    pub memories: BTreeMap<String, ImportedMemory>,
    pub tables: BTreeMap<String, u64>,
}

impl Spectest {
    pub fn new(handed_over: HandedOver) -> Spectest {
        Spectest { made: BTreeMap::new(), handed_over }
    }

    /// What `name` is now, if anything has imported it.
    pub fn made(&self) -> impl Iterator<Item = (&str, &Extern)> {
        self.made.iter().map(|(name, made)| (name.as_str(), made))
    }

    pub fn get(&mut self, store: &mut Store<()>, name: &str) -> wasmtime::Result<Option<Extern>> {
        if let Some(made) = self.made.get(name) {
            return Ok(Some(made.clone()));
        }
        let made: Extern = match name {
            "print" => Func::wrap(store, || {}).into(),
            "print_i32" => Func::wrap(store, |_: i32| {}).into(),
            "print_i64" => Func::wrap(store, |_: i64| {}).into(),
            "print_f32" => Func::wrap(store, |_: f32| {}).into(),
            "print_f64" => Func::wrap(store, |_: f64| {}).into(),
            "print_i32_f32" => Func::wrap(store, |_: i32, _: f32| {}).into(),
            "print_f64_f64" => Func::wrap(store, |_: f64, _: f64| {}).into(),
            "global_i32" => constant(store, ValType::I32, Val::I32(666))?,
            "global_i64" => constant(store, ValType::I64, Val::I64(666))?,
            "global_f32" => constant(store, ValType::F32, Val::F32(666.6f32.to_bits()))?,
            "global_f64" => constant(store, ValType::F64, Val::F64(666.6f64.to_bits()))?,
            "memory" => self.memory(store)?,
            "shared_memory" => SharedMemory::new(store.engine(), MemoryType::shared(1, 2))?.into(),
            "table" => self.table(store, name, TableType::new(RefType::FUNCREF, 10, Some(20)))?,
            "table64" => self.table(store, name, TableType::new64(RefType::FUNCREF, 10, Some(20)))?,
            _ => return Ok(None),
        };
        self.made.insert(name.to_string(), made.clone());
        Ok(Some(made))
    }

    fn memory(&self, store: &mut Store<()>) -> wasmtime::Result<Extern> {
        let memory = Memory::new(&mut *store, MemoryTypeBuilder::default().min(1).max(Some(2)).build()?)?;
        if let Some(state) = self.handed_over.memories.get("memory") {
            memory.grow(&mut *store, (state.size >> 16) - 1)?;
            for chunk in state.image.chunks() {
                memory.write(&mut *store, chunk.offset as usize, &chunk.bytes)?;
            }
        }
        Ok(memory.into())
    }

    fn table(&self, store: &mut Store<()>, name: &str, ty: TableType) -> wasmtime::Result<Extern> {
        let minimum = ty.minimum();
        let table = Table::new(&mut *store, ty, Ref::Func(None))?;
        if let Some(size) = self.handed_over.tables.get(name) {
            table.grow(&mut *store, size - minimum, Ref::Func(None))?;
        }
        Ok(table.into())
    }
}

fn constant(store: &mut Store<()>, ty: ValType, value: Val) -> wasmtime::Result<Extern> {
    Ok(Global::new(store, GlobalType::new(ty, Mutability::Const), value)?.into())
}
