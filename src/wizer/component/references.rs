//! Tables and globals with references: whether they are as the component says, and what they are otherwise.

use super::ComponentContext;
use super::instance_state::{ComponentInstanceState, CoreReferences, WantedReferences};
use super::read_state::{ReadState, Seen, reference_globals};
use crate::component::part::{Part, name};
use crate::component::tables::Tables;
use crate::wizer::read_state::in_module;
use preinit_core::module::{Hierarchy, Module};
use preinit_core::probe::{Change, Probe};
use preinit_core::snapshot::evaluate_alone;
use wasmparser::{ElementItems, ElementKind};
use wasmtime::{Result, ensure, format_err};

/// Why references have to be read; `None` if everything holds what the component says.
pub fn needed(cx: &ComponentContext<'_>, seen: &[Seen<'_, '_>]) -> Option<String> {
    let reason = |what: Option<String>, of: &str| what.map(|what| format!("{what} of {of}"));
    cx.instances.iter().zip(seen).find_map(|(instance, seen)| {
        let of = name(&cx.component, instance);
        let changed = seen.changes.iter().find_map(|change| match change {
            Change::Table(index) => Some(format!("init has changed table {index}")),
            Change::Global(index) => Some(format!("init has changed the reference in global {index}")),
            Change::Data(_) | Change::Element(_) => None,
        });
        let Part { module, probed } = seen.part;
        let global = || {
            let own = reference_globals(module).filter(|index| *index >= module.imported.globals);
            let mut unknown = own.filter(|index| {
                let init = module.globals[*index as usize].init.as_ref();
                init.and_then(evaluate_alone).and_then(in_module).is_none()
            });
            unknown.next().map(|index| format!("there is a reference of unknown origin in global {index}"))
        };
        let objects = || may_hold_objects(module).then(|| "there are objects in a table".to_string());
        let items =
            || (!probed.object_segments.is_empty()).then(|| "there are objects in a segment".to_string());
        reason(changed.or_else(global).or_else(objects).or_else(items), &of)
    })
}

/// Whether a table of the module begins with what code can change without writing to the table.
fn may_hold_objects(module: &Module<'_>) -> bool {
    let is_object =
        |expression: &wasmparser::ConstExpr<'_>| evaluate_alone(expression).and_then(in_module).is_none();
    let holds_functions = |ty: wasmparser::RefType| module.hierarchy(ty.heap_type()) == Hierarchy::Func;
    let tables = module.tables.iter().filter(|table| !holds_functions(table.ty.element_type));
    let mut fillers = tables.filter_map(|table| table.init.as_ref());
    let mut segments = module.elements.iter().filter(|segment| {
        matches!(segment.kind, ElementKind::Active { .. }) && !holds_functions(segment.ty())
    });
    fillers.any(is_object)
        || segments.any(|segment| match &segment.items {
            ElementItems::Functions(_) => false,
            ElementItems::Expressions(_, items) => {
                items.clone().into_iter().any(|item| item.map_or(true, |item| is_object(&item)))
            }
        })
}

/// The references of all core instances; `None` if they cannot be reached.
pub async fn ask(
    cx: &ComponentContext<'_>,
    seen: &[Seen<'_, '_>],
    instance: &mut impl ComponentInstanceState,
) -> Result<Option<Vec<CoreReferences>>> {
    let mut wanted: Vec<WantedReferences> = Vec::new();
    for (core, seen) in cx.instances.iter().zip(seen) {
        let Part { module, probed } = seen.part;
        ensure!(
            probed.object_segments.is_empty(),
            "{} has segments of objects, which cannot be read",
            name(&cx.component, core)
        );
        let marker = probed.export_name(Probe::Definition(core.module as u32));
        let nth = cx.instances.iter().zip(&wanted).filter(|(other, _)| other.module == core.module).count();
        let names = |probe: fn(u32) -> Probe, indices: &mut dyn Iterator<Item = u32>| {
            indices.map(|index| probed.export_name(probe(index))).collect()
        };
        wanted.push(WantedReferences {
            marker,
            nth,
            globals: names(Probe::Global, &mut reference_globals(module)),
            tables: names(Probe::Table, &mut (0..module.tables.len() as u32)),
            functions: names(Probe::Function, &mut probed.functions.iter().copied()),
        });
    }
    let Some(found) = instance.core_references(&wanted).await else { return Ok(None) };
    let fits = |(found, wanted): (&CoreReferences, &WantedReferences)| {
        found.globals.len() == wanted.globals.len()
            && found.tables.len() == wanted.tables.len()
            && found.functions.len() == wanted.functions.len()
    };
    ensure!(
        found.len() == wanted.len() && found.iter().zip(&wanted).all(fits),
        "`ComponentInstanceState::core_references` has not answered all that was asked"
    );
    Ok(Some(found))
}

/// Finds the tables that hold what segments write. `tables` are the identities of all tables of the core instances.
pub fn keep_tables(cx: &ComponentContext<'_>, states: &mut [ReadState], tables: &[Vec<u64>]) -> Result<()> {
    let mut known = Tables::default();
    for (number, ((core, state), tables)) in cx.instances.iter().zip(&*states).zip(tables).enumerate() {
        let part = cx.parts.get(core.module).and_then(Option::as_ref);
        let part = part.ok_or_else(|| format_err!("a core module is missing, which is a bug in preinit"))?;
        let keys: Vec<String> = tables.iter().map(u64::to_string).collect();
        known.add(number, part, &keys, &mut state.instance(&part.module)?)?;
    }
    for (state, kept) in states.iter_mut().zip(known.kept(tables.len())) {
        state.kept_tables = kept;
    }
    Ok(())
}
