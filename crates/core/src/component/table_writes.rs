use crate::capture::{CaptureError, Instance, ObservedRef};
use crate::module::Module;
use crate::snapshot::{Reference, Snapshot, Value};
use wasmparser::{ConstExpr, ElementItems, ElementKind};

/// What the instantiation of a core module writes into one of its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableWrite {
    /// Table index.
    pub table: u32,
    /// First slot; `u64::MAX` if that is not known.
    pub offset: u64,
    /// What is written; [`ObservedRef::Hidden`] for what is not known.
    pub items: Vec<ObservedRef>,
}

/// What the instantiation of `module` writes into its tables, in order: all slots of those that it defines, then its active
/// element segments. `snapshot` has at least the globals of the instance.
///
/// # Errors
/// If the instance cannot be read, or the machine has no memory left for a table.
pub fn table_writes<I: Instance + ?Sized>(
    module: &Module<'_>,
    snapshot: &Snapshot<'_>,
    instance: &mut I,
) -> Result<Vec<TableWrite>, CaptureError<I::Error>> {
    let mut writes = Vec::new();
    for (table, declared) in (0u32..).zip(&module.tables).skip(module.imported.tables as usize) {
        let fill = match &declared.init {
            Some(init) => item(init, snapshot, instance)?,
            None => ObservedRef::Null,
        };
        // A larger one is not all null after init.
        let slots = usize::try_from(declared.ty.initial).unwrap_or(usize::MAX).min(MOST_SLOTS);
        let mut items = Vec::new();
        items.try_reserve_exact(slots).map_err(|_| CaptureError::NoMemory(declared.ty.initial))?;
        items.resize(slots, fill);
        writes.push(TableWrite { table, offset: 0, items });
    }
    for segment in &module.elements {
        let ElementKind::Active { table_index, offset_expr } = &segment.kind else { continue };
        let mut items = Vec::new();
        match &segment.items {
            ElementItems::Functions(functions) => {
                for function in functions.clone() {
                    items.push(match function {
                        Ok(function) => ObservedRef::Function(instance.function(function)?),
                        Err(_) => ObservedRef::Hidden,
                    });
                }
            }
            ElementItems::Expressions(_, expressions) => {
                for expression in expressions.clone() {
                    items.push(match expression {
                        Ok(expression) => item(&expression, snapshot, instance)?,
                        Err(_) => ObservedRef::Hidden,
                    });
                }
            }
        }
        let offset = snapshot.evaluate(offset_expr).and_then(Value::address).unwrap_or(u64::MAX);
        writes.push(TableWrite { table: table_index.unwrap_or(0), offset, items });
    }
    Ok(writes)
}

/// As many slots as engines let a table have.
const MOST_SLOTS: usize = 10_000_000;

fn item<I: Instance + ?Sized>(
    expression: &ConstExpr<'_>,
    snapshot: &Snapshot<'_>,
    instance: &mut I,
) -> Result<ObservedRef, I::Error> {
    Ok(match snapshot.evaluate(expression) {
        Some(Value::Ref(Reference::Null)) => ObservedRef::Null,
        Some(Value::Ref(Reference::Func(function))) => ObservedRef::Function(instance.function(function)?),
        _ => ObservedRef::Hidden,
    })
}
