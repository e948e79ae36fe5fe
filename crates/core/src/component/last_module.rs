//! A core module that comes last in a component instance. It writes what the owners of tables and globals have no name for:
//! functions of other core instances.

use super::ComponentError;
use crate::free_name::free_name;
use crate::module::{Module, SectionId};
use crate::plan::PlannedExport;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, ElementSection, Elements, EntityType, Function, FunctionSection, ImportSection,
    NameSection, StartSection, TypeSection,
};
use wasmparser::{BinaryReader, ExternalKind, TypeSectionReader};

/// What the module calls itself. A snapshot of a snapshot has it besides the component's own.
pub const LAST_MODULE: &str = "preinit-last";

/// A function of another core instance, in a table or global of its owner. Instances are given by their numbers in
/// [`Component::elaborate`](super::Component::elaborate).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignFunction {
    /// Which instance has it.
    pub owner: usize,
    /// Where it is there.
    pub place: ForeignPlace,
    /// The instance that has a name for it, and its function index there.
    pub function: (usize, u32),
}

/// A place that can hold a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignPlace {
    /// A slot of a table that the instance defines.
    Slot {
        /// Table index.
        table: u32,
        /// Slot.
        slot: u64,
    },
    /// A mutable global that the instance defines, by index.
    Global(u32),
}

/// A core module to be added to a component instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastModule {
    /// Path of the component instance.
    pub component: String,
    /// The binary.
    pub bytes: Vec<u8>,
    /// What it is given: names, and the core instances that they mean, by index in the component instance.
    pub arguments: Vec<(String, u32)>,
}

/// What a core instance has to export for [`LastModule`]s, under names that its module does not use otherwise.
#[derive(Debug, Clone, Default)]
pub struct SharedItems {
    names: BTreeMap<(usize, u8, u32), String>,
}

type Kind = (ExternalKind, u8);
const FUNCTION: Kind = (ExternalKind::Func, 0);
const TABLE: Kind = (ExternalKind::Table, 1);
const GLOBAL: Kind = (ExternalKind::Global, 3);

impl SharedItems {
    /// What these functions need of `modules`, which are the modules of all core instances.
    pub fn of(functions: &[ForeignFunction], modules: &[&Module<'_>]) -> SharedItems {
        let mut shown = SharedItems::default();
        let mut exports = BTreeMap::new();
        for foreign in functions {
            let (kind, index) = foreign.place.item();
            for (instance, (kind, byte), index) in
                [(foreign.owner, kind, index), (foreign.function.0, FUNCTION, foreign.function.1)]
            {
                let exports = exports.entry(instance).or_insert_with(|| Exports::of(modules[instance]));
                let name = || exports.name(kind, index);
                shown.names.entry((instance, byte, index)).or_insert_with(name);
            }
        }
        shown
    }

    /// The exports that the module of an instance has to have besides its own.
    pub fn missing(&self, instance: usize, module: &Module<'_>) -> Vec<PlannedExport<'static>> {
        let of_instance = self.names.range((instance, 0, 0)..(instance + 1, 0, 0));
        let exports: HashSet<&str> = module.exports.iter().map(|export| export.name).collect();
        let missing = of_instance.filter(|(_, name)| !exports.contains(name.as_str()));
        missing
            .map(|(&(_, kind, index), name)| PlannedExport {
                name: Cow::Owned(name.clone()),
                kind: match kind {
                    0 => ExternalKind::Func,
                    1 => ExternalKind::Table,
                    _ => ExternalKind::Global,
                },
                index,
            })
            .collect()
    }

    fn name(&self, instance: usize, (_, kind): Kind, index: u32) -> &str {
        self.names.get(&(instance, kind, index)).map_or("", String::as_str)
    }
}

/// What a module exports: all names, and the first one of each item.
struct Exports<'m> {
    names: HashSet<&'m str>,
    items: HashMap<(u8, u32), &'m str>,
}

impl<'m> Exports<'m> {
    fn of(module: &Module<'m>) -> Exports<'m> {
        let mut exports = Exports { names: HashSet::new(), items: HashMap::new() };
        for export in &module.exports {
            exports.names.insert(export.name);
            exports.items.entry((export.kind as u8, export.index)).or_insert(export.name);
        }
        exports
    }

    /// The name by which an item is exported; a new one if it is not.
    fn name(&self, kind: ExternalKind, index: u32) -> String {
        if let Some(name) = self.items.get(&(kind as u8, index)) {
            return (*name).to_string();
        }
        let what = match kind {
            ExternalKind::Table => "table",
            ExternalKind::Global => "global",
            _ => "function",
        };
        free_name(&format!("preinit {what} {index}"), &self.names)
    }
}

impl ForeignPlace {
    fn item(self) -> (Kind, u32) {
        match self {
            ForeignPlace::Slot { table, .. } => (TABLE, table),
            ForeignPlace::Global(global) => (GLOBAL, global),
        }
    }
}

/// The core instances of a component instance.
pub struct Siblings<'s, 'a> {
    /// The modules of all core instances of the component.
    pub modules: &'s [&'s Module<'a>],
    /// The index of each in its component instance.
    pub indices: &'s [u32],
    /// What they export.
    pub shown: &'s SharedItems,
}

impl Siblings<'_, '_> {
    /// The name of a core instance among the arguments: the same in equal component instances.
    fn argument(&self, instance: usize) -> String {
        self.indices[instance].to_string()
    }

    /// The module that writes these functions, all of one component instance. Slots of a table must be in order.
    ///
    /// # Errors
    /// [`ComponentError::Malformed`] if the types of a module cannot be read again, which parsing rules out.
    pub fn last_module(
        &self,
        component: &str,
        functions: &[ForeignFunction],
    ) -> Result<LastModule, ComponentError> {
        let types = Types::of(self.modules, functions)?;
        let mut writer = Writer { siblings: self, types, imports: ImportSection::new(), imported: [0; 3] };
        let mut function_indices = BTreeMap::new();
        for &ForeignFunction { function: (instance, function), .. } in functions {
            if let std::collections::btree_map::Entry::Vacant(entry) =
                function_indices.entry((instance, function))
            {
                entry.insert(writer.import_function(instance, function));
            }
        }
        let index_of =
            |foreign: &ForeignFunction| function_indices.get(&foreign.function).copied().unwrap_or(0);
        let elements = writer.elements(functions, index_of)?;
        let set_globals = writer.set_globals(functions, index_of)?;
        let arguments = types_order(functions).into_iter();
        let arguments = arguments.map(|instance| (self.argument(instance), self.indices[instance])).collect();
        let bytes = writer.finish(elements, set_globals);
        Ok(LastModule { component: component.to_string(), bytes, arguments })
    }
}

/// The instances that take part, in order.
fn types_order(functions: &[ForeignFunction]) -> BTreeSet<usize> {
    functions.iter().flat_map(|foreign| [foreign.owner, foreign.function.0]).collect()
}

/// The types of all modules that take part, one after the other.
struct Types {
    section: TypeSection,
    offsets: BTreeMap<usize, u32>,
    /// The type of a function that takes and returns nothing.
    nullary: u32,
}

impl Types {
    fn of(modules: &[&Module<'_>], functions: &[ForeignFunction]) -> Result<Types, ComponentError> {
        let mut section = TypeSection::new();
        let mut offsets = BTreeMap::new();
        let mut next = 0;
        // Instances of one module have the same types.
        let mut known: Vec<(&[u8], u32)> = Vec::new();
        for instance in types_order(functions) {
            let module = modules[instance];
            if let Some((_, offset)) = known.iter().find(|(bytes, _)| std::ptr::eq(*bytes, module.bytes)) {
                offsets.insert(instance, *offset);
                continue;
            }
            known.push((module.bytes, next));
            offsets.insert(instance, next);
            if let Some(types) = module.section(SectionId::TYPE) {
                let reader = TypeSectionReader::new(BinaryReader::new(types.contents, 0))?;
                Offset(next).parse_type_section(&mut section, reader).map_err(unreadable)?;
            }
            next += module.types.len() as u32;
        }
        section.ty().function([], []);
        Ok(Types { section, offsets, nullary: next })
    }

    fn offset(&self, instance: usize) -> Offset {
        Offset(self.offsets.get(&instance).copied().unwrap_or(0))
    }
}

fn unreadable(error: Error<Infallible>) -> ComponentError {
    super::shift::malformed(error)
}

/// Moves type indices.
struct Offset(u32);

impl Reencode for Offset {
    type Error = Infallible;

    fn type_index(&mut self, ty: u32) -> Result<u32, Error<Infallible>> {
        Ok(ty + self.0)
    }
}

struct Writer<'w, 's, 'a> {
    siblings: &'w Siblings<'s, 'a>,
    types: Types,
    imports: ImportSection,
    /// Functions, tables, globals.
    imported: [u32; 3],
}

impl Writer<'_, '_, '_> {
    fn import(&mut self, instance: usize, (kind, index): (Kind, u32), ty: EntityType) -> u32 {
        let name = self.siblings.shown.name(instance, kind, index);
        self.imports.import(&self.siblings.argument(instance), name, ty);
        let count = &mut self.imported[match kind.1 {
            0 => 0,
            1 => 1,
            _ => 2,
        }];
        *count += 1;
        *count - 1
    }

    fn import_function(&mut self, instance: usize, function: u32) -> u32 {
        let ty = self.siblings.modules[instance].functions.get(function as usize).copied().unwrap_or(0);
        let ty = EntityType::Function(ty + self.types.offset(instance).0);
        self.import(instance, (FUNCTION, function), ty)
    }

    /// Active segments for stretches of slots, and one that declares what globals get.
    fn elements(
        &mut self,
        functions: &[ForeignFunction],
        index_of: impl Fn(&ForeignFunction) -> u32,
    ) -> Result<ElementSection, ComponentError> {
        let mut section = ElementSection::new();
        let mut tables: BTreeMap<(usize, u32), u32> = BTreeMap::new();
        let mut rest = functions;
        while let Some(first) = rest.first() {
            let ForeignPlace::Slot { table, slot } = first.place else {
                rest = &rest[1..];
                continue;
            };
            let follows = |(k, next): (u64, &ForeignFunction)| {
                next.owner == first.owner && next.place == ForeignPlace::Slot { table, slot: slot + k }
            };
            let len = (0u64..).zip(rest).take_while(|(k, next)| follows((*k, next))).count().max(1);
            let (stretch, after) = rest.split_at(len);
            rest = after;
            let declared = &self.siblings.modules[first.owner].tables[table as usize].ty;
            let mut offset = self.types.offset(first.owner);
            let ty = wasmparser::TableType { initial: 0, maximum: None, ..*declared };
            let ty = offset.table_type(ty).map_err(unreadable)?;
            let imported = match tables.get(&(first.owner, table)) {
                Some(known) => *known,
                None => self.import(first.owner, (TABLE, table), EntityType::Table(ty)),
            };
            tables.insert((first.owner, table), imported);
            let at = match declared.table64 {
                true => ConstExpr::i64_const(slot as i64),
                false => ConstExpr::i32_const(slot as u32 as i32),
            };
            let items: Vec<u32> = stretch.iter().map(&index_of).collect();
            match declared.element_type == wasmparser::RefType::FUNCREF {
                true => section.active(Some(imported), &at, Elements::Functions(items.into())),
                false => {
                    let items: Vec<ConstExpr> = items.into_iter().map(ConstExpr::ref_func).collect();
                    section.active(Some(imported), &at, Elements::Expressions(ty.element_type, items.into()))
                }
            };
        }
        let in_globals = functions.iter().filter(|foreign| matches!(foreign.place, ForeignPlace::Global(_)));
        let declared: Vec<u32> = in_globals.map(index_of).collect();
        if !declared.is_empty() {
            section.declared(Elements::Functions(declared.into()));
        }
        Ok(section)
    }

    /// The body of the start function, if there has to be one.
    fn set_globals(
        &mut self,
        functions: &[ForeignFunction],
        index_of: impl Fn(&ForeignFunction) -> u32,
    ) -> Result<Option<Function>, ComponentError> {
        let mut body = Function::new([]);
        let mut is_needed = false;
        for foreign in functions {
            let ForeignPlace::Global(global) = foreign.place else { continue };
            is_needed = true;
            let ty = self.siblings.modules[foreign.owner].globals[global as usize].ty;
            let ty = self.types.offset(foreign.owner).global_type(ty).map_err(unreadable)?;
            let global = self.import(foreign.owner, (GLOBAL, global), EntityType::Global(ty));
            body.instructions().ref_func(index_of(foreign)).global_set(global);
        }
        body.instructions().end();
        Ok(is_needed.then_some(body))
    }

    fn finish(self, elements: ElementSection, start: Option<Function>) -> Vec<u8> {
        let Writer { types, imports, imported, .. } = self;
        let mut module = wasm_encoder::Module::new();
        module.section(&types.section).section(&imports);
        if start.is_some() {
            module.section(FunctionSection::new().function(types.nullary));
            module.section(&StartSection { function_index: imported[0] });
        }
        module.section(&elements);
        if let Some(body) = &start {
            module.section(CodeSection::new().function(body));
        }
        let mut names = NameSection::new();
        names.module(LAST_MODULE);
        module.section(&names);
        module.finish()
    }
}
