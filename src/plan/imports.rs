use super::{PlanError, Warning};
use crate::module::{Module, Space};
use crate::snapshot::{Reference, Snapshot, Value};

/// Which imports stay imports.
pub(super) struct Imports {
    /// By position in the import list.
    pub kept: Vec<bool>,
    /// Whether imported memories and tables become the module's own.
    pub internalize: bool,
    /// Imported globals from this index on become the module's own. Those below a mutable one can stay; one behind it
    /// cannot, because its index would move.
    pub first_internalized_global: u32,
    /// Memories and tables that are one import together with an earlier one: what is done to that is done to them.
    aliases: Vec<(Space, u32)>,
}

pub(super) fn plan(module: &Module<'_>, internalize: bool) -> Result<Imports, PlanError> {
    let imported_globals = module.imported.globals;
    let first_mutable =
        module.globals[..imported_globals as usize].iter().position(|global| global.ty.mutable);
    let first_internalized_global = match first_mutable {
        Some(first) if internalize => first as u32,
        _ => imported_globals,
    };
    if !internalize {
        for (memory, (_, import)) in (0u32..).zip(module.imports_of(Space::Memory)) {
            if module.memories[memory as usize].shared {
                return Err(PlanError::SharedImport { memory, import: dotted(import) });
            }
        }
    }
    let mut global = 0;
    let kept = module.imports.iter().map(|import| match Space::of(&import.ty) {
        Some(Space::Memory | Space::Table) => !internalize,
        Some(Space::Global) => {
            global += 1;
            global <= first_internalized_global
        }
        _ => true,
    });
    let kept = kept.collect();
    let aliases = aliases(module);
    match aliases.first().filter(|_| internalize) {
        Some(&(space, index, import)) => {
            Err(PlanError::ImportedTwice { space, index, import: dotted(import) })
        }
        None => {
            let aliases = aliases.into_iter().map(|(space, index, _)| (space, index)).collect();
            Ok(Imports { kept, internalize, first_internalized_global, aliases })
        }
    }
}

/// Memories, tables and mutable globals whose names an earlier import of their kind has too.
fn aliases<'m, 'a>(module: &'m Module<'a>) -> Vec<(Space, u32, &'m wasmparser::Import<'a>)> {
    let mut aliases = Vec::new();
    for space in [Space::Memory, Space::Table, Space::Global] {
        let imports: Vec<_> = module.imports_of(space).map(|(_, import)| import).collect();
        let is_mutable = |index: usize| space != Space::Global || module.globals[index].ty.mutable;
        for (index, import) in imports.iter().enumerate().filter(|(index, _)| is_mutable(*index)) {
            let is_same =
                |other: &&wasmparser::Import<'_>| (other.module, other.name) == (import.module, import.name);
            if imports[..index].iter().any(is_same) {
                aliases.push((space, index as u32, *import));
            }
        }
    }
    aliases
}

impl Imports {
    /// Whether an imported memory or table is the same as one of a lower index.
    pub fn is_alias(&self, space: Space, index: u32) -> bool {
        self.aliases.contains(&(space, index))
    }

    /// Whether an imported global became the module's own.
    pub fn internalizes_global(&self, module: &Module<'_>, index: u32) -> bool {
        (self.first_internalized_global..module.imported.globals).contains(&index)
    }

    /// The immutable imports whose values shaped the state, or may have.
    pub fn warnings(&self, module: &Module<'_>, snapshot: &Snapshot<'_>) -> Vec<Warning> {
        let globals = (0u32..).zip(module.imports_of(Space::Global));
        globals
            .filter_map(|(index, (_, import))| {
                let internalized = self.internalizes_global(module, index);
                let value = snapshot.globals.get(index as usize)?.value;
                let shapes = !module.globals[index as usize].ty.mutable && !matches!(value, Value::Ref(_));
                let warning = Warning::DependsOnImport { import: dotted(import), value, internalized };
                shapes.then_some(warning)
            })
            .collect()
    }
}

/// `module.name`, as imports are named in messages and on the command line.
pub(super) fn dotted(import: &wasmparser::Import<'_>) -> String {
    format!("{}.{}", import.module, import.name)
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
