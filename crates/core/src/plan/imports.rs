use super::globals::is_held_by_import;
use super::{PlanError, Warning, same_objects, threads};
use crate::module::{ImportName, InitFlag, Module, Space};
use crate::snapshot::{Alias, Reference, Shape, Snapshot, Value};

/// Which imports stay imports.
pub(super) struct Imports {
    /// By position in the import list.
    pub kept: Vec<bool>,
    /// Whether imported memories and tables become the module's own.
    pub internalize: bool,
    /// Imported globals from this index on become the module's own. Those below a mutable one can stay; those above it
    /// cannot, because its index would move.
    pub first_internalized_global: u32,
    /// What is one import together with an earlier one: what is done to that is done to it.
    aliases: Vec<Alias>,
    /// What lets only the first of the instances on a shared memory write its state.
    pub flag: Option<InitFlag>,
}

pub(super) fn plan(
    module: &Module<'_>,
    snapshot: &Snapshot<'_>,
    internalize: bool,
) -> Result<Imports, PlanError> {
    let imported_globals = module.imported.globals;
    let first_mutable =
        module.globals[..imported_globals as usize].iter().position(|global| global.ty.mutable);
    let first_internalized_global = match first_mutable {
        Some(first) if internalize => first as u32,
        _ => imported_globals,
    };
    let flag = threads::plan(module, snapshot, internalize)?;
    let mut global = 0;
    let kept = module.imports.iter().map(|import| match Space::of(&import.ty) {
        Space::Memory | Space::Table => !internalize,
        Space::Global => {
            global += 1;
            global <= first_internalized_global
        }
        _ => true,
    });
    let kept = kept.collect();
    let tables = (0u32..).zip(module.imports_of(Space::Table)).zip(&module.tables);
    let mut non_nullable = tables.filter(|(_, table)| !table.ty.element_type.is_nullable());
    if let Some(((table, (_, import)), _)) = non_nullable.next().filter(|_| internalize) {
        return Err(PlanError::NoInitializer { table, import: name_of(import) });
    }
    if let Some(alias) = snapshot.aliases.iter().find(|alias| internalize && alias.space != Space::Tag) {
        let (first, import) = names_of(module, alias);
        return Err(PlanError::ImportedTwice { space: alias.space, index: alias.index, first, import });
    }
    Ok(Imports { kept, internalize, first_internalized_global, aliases: snapshot.aliases.clone(), flag })
}

/// The names of what an alias is, and its own.
fn names_of(module: &Module<'_>, alias: &Alias) -> (ImportName, ImportName) {
    let name = |index| {
        let import = module.imports_of(alias.space).nth(index as usize);
        import.map_or_else(|| ImportName::new("", ""), |(_, import)| name_of(import))
    };
    (name(alias.first), name(alias.index))
}

impl Imports {
    /// Whether an imported memory or table is the same as one of a lower index.
    pub fn is_alias(&self, space: Space, index: u32) -> bool {
        self.aliases.iter().any(|alias| (alias.space, alias.index) == (space, index))
    }

    /// Whether an imported global became the module's own.
    pub fn internalizes_global(&self, module: &Module<'_>, index: u32) -> bool {
        (self.first_internalized_global..module.imported.globals).contains(&index)
    }

    /// The immutable imports whose values shaped the state, or may have, and those that were one.
    pub fn warnings(&self, module: &Module<'_>, snapshot: &Snapshot<'_>) -> Vec<Warning> {
        let globals = (0u32..).zip(module.imports_of(Space::Global));
        let aliases = self.aliases.iter().filter(|alias| matters(alias, snapshot)).filter_map(|alias| {
            let (first, import) = names_of(module, alias);
            (first != import).then_some(Warning::SameImport { space: alias.space, first, import })
        });
        let depends = globals.filter_map(|(index, (_, import))| {
            let internalized = self.internalizes_global(module, index);
            let value = snapshot.globals.get(index as usize)?.value;
            // A value or an object of the import itself is written as that of the import, and another module's not at all.
            let is_written =
                !is_held_by_import(value) && !matches!(value, Value::Ref(Reference::Unwritable(_)));
            let shapes = !module.globals[index as usize].ty.mutable && is_written;
            let warning = Warning::DependsOnImport { import: name_of(import), value, internalized };
            shapes.then_some(warning)
        });
        depends.chain(aliases).chain(same_objects::warnings(module, snapshot)).collect()
    }
}

/// Whether the state may be another where these are two.
fn matters(alias: &Alias, snapshot: &Snapshot<'_>) -> bool {
    let both = [alias.first, alias.index];
    match alias.space {
        Space::Global => {
            let changed =
                |index: u32| snapshot.globals.get(index as usize).is_some_and(|it| it.import_changed);
            both.into_iter().any(changed)
        }
        Space::Tag => {
            let is_of_it = |shape| matches!(shape, Shape::Exception(tag) if both.contains(&tag));
            snapshot.heap.objects().any(|(_, object)| is_of_it(object.shape))
        }
        _ => true,
    }
}

pub(super) fn name_of(import: &wasmparser::Import<'_>) -> ImportName {
    ImportName::new(import.module, import.name)
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::I32(value) => write!(f, "i32 {value}"),
            Value::I64(value) => write!(f, "i64 {value}"),
            Value::F32(bits) => write!(f, "f32 {} ({bits:#010x})", f32::from_bits(*bits)),
            Value::F64(bits) => write!(f, "f64 {} ({bits:#018x})", f64::from_bits(*bits)),
            Value::V128(value) => write!(f, "v128 {value:#034x}"),
            Value::Ref(Reference::Null) => f.write_str("null"),
            Value::Ref(Reference::Func(index)) => write!(f, "function {index}"),
            Value::Ref(Reference::I31(value)) => write!(f, "i31 {value}"),
            Value::Ref(Reference::ExternI31(value)) => write!(f, "externalized i31 {value}"),
            Value::Ref(Reference::Object(id)) => write!(f, "object {id}"),
            Value::Ref(Reference::ExternObject(id)) => write!(f, "externalized object {id}"),
            Value::Ref(Reference::Import(global)) => write!(f, "the host's value in global {global}"),
            Value::Ref(Reference::Unwritable(value)) => write!(f, "{value}"),
        }
    }
}
