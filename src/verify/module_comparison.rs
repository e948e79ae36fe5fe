//! Compares two modules without running them: index spaces, types, bodies, exports, passive segments.

use super::added_code::redirected;
use super::custom_sections;
use super::differences::{Differences, Sink};
use super::not_compared;
use crate::execute::REACTOR_INITIALIZE;
use preinit_core::interpose::is_redirected;
use preinit_core::module::{Module, SectionId, Space, is_function};
use preinit_core::plan::{Rename, effective_renames};
use preinit_core::rebase::rebased_imports;
use preinit_core::strip;
use std::collections::{BTreeMap, HashMap, HashSet};
use wasmparser::{BinaryReader, ExternalKind, Import, Operator, TypeSectionReader};

/// What a comparison of two modules found.
pub(super) struct ModuleComparison {
    pub differences: Differences,
    /// Function bodies that were compared byte by byte.
    pub function_bodies: u64,
    /// Functions that are stubs in the snapshot because nothing can reach them.
    pub functions_stripped: u64,
    /// Functions that the snapshot has and the original has not.
    pub functions_added: u64,
    /// Exports of the snapshot that lead to such functions.
    pub exports_redirected: Vec<String>,
    pub not_compared: Vec<String>,
    /// Why nobody can tell what instances will be.
    pub undecided: Vec<String>,
    /// The original's imports that the snapshot defines itself.
    pub internalized: Vec<String>,
}

/// Compares two modules. Init called the exports `called` of the original.
pub(super) fn compare(
    original: &Module<'_>,
    snapshot: &Module<'_>,
    (called, renames): (&[String], &[Rename]),
    mut found: Sink<'_>,
) -> ModuleComparison {
    let answered = rebased_imports(snapshot, original.functions.len() as u32);
    types(original, snapshot, &mut found);
    let internalized = imports(original, snapshot, &mut found);
    functions(original, snapshot, &mut found);
    let (function_bodies, functions_stripped) = bodies(original, snapshot, &answered, &mut found);
    tables(original, snapshot, &mut found);
    memories(original, snapshot, &mut found);
    globals(original, snapshot, globals_of_clock(original, snapshot), &mut found);
    if section(original, SectionId::TAG) != section(snapshot, SectionId::TAG) {
        found.add(|| "tags".to_string(), || ("the original's", "others"));
    }
    start(original, snapshot, &mut found);
    exports(original, snapshot, &expected_exports(original, called, renames), &mut found);
    segments(original, snapshot, &mut found);
    let custom = custom_sections::compare(original, snapshot, &|key| found.ignores(key));
    ModuleComparison {
        differences: found.finish(),
        function_bodies,
        functions_stripped,
        functions_added: snapshot.functions.len().saturating_sub(original.functions.len()) as u64,
        exports_redirected: redirected(original, snapshot).map(|export| export.name.to_string()).collect(),
        not_compared: not_compared::of_modules(original, snapshot, custom.not_compared),
        undecided: custom.undecided,
        internalized,
    }
}

fn types(original: &Module<'_>, snapshot: &Module<'_>, found: &mut Sink<'_>) {
    for (index, ty) in original.types.iter().enumerate() {
        match snapshot.types.get(index) {
            Some(other) if other == ty => {}
            Some(other) => found.add(|| format!("type.{index}"), || (ty, other)),
            None => found.add(|| format!("type.{index}"), || (ty, "none")),
        }
    }
    let mut index = 0;
    let mut others = recursion_groups(snapshot).into_iter();
    for size in recursion_groups(original) {
        let other = others.next().unwrap_or(0);
        if size != other {
            let text = |size| format!("in a recursion group of {size}");
            found.add(|| format!("type.{index}.group"), || (text(size), text(other)));
            return;
        }
        index += size;
    }
}

/// The number of types in each group. Types that look the same in different groups are different ones (spec, 3.1.3).
fn recursion_groups(module: &Module<'_>) -> Vec<usize> {
    let groups = TypeSectionReader::new(BinaryReader::new(section(module, SectionId::TYPE), 0));
    let groups = groups.into_iter().flatten().map_while(Result::ok);
    groups.map(|group| group.types().len()).collect()
}

/// Compares imports. They must be the original's in the same order; but memories, tables and globals may be missing, all of
/// a kind from some index on, because the snapshot defines them itself. Gives the names of these.
fn imports(original: &Module<'_>, snapshot: &Module<'_>, found: &mut Sink<'_>) -> Vec<String> {
    let mut rest = snapshot.imports.iter().peekable();
    let (mut internalized, mut names) = (Vec::new(), Vec::new());
    for (index, import) in original.imports.iter().enumerate() {
        let space = Space::of(&import.ty);
        if rest.next_if_eq(&import).is_some() {
            if internalized.contains(&space) {
                let moved = "the same with another index, because one before it is missing";
                found.add(|| format!("import.{index}"), || (import_name(import), moved));
            }
            continue;
        }
        match space {
            Space::Memory | Space::Table | Space::Global => {
                internalized.push(space);
                names.push(import_name(import));
            }
            _ => {
                let next = rest.peek().map_or("none".to_string(), |next| import_name(next));
                found.add(|| format!("import.{index}"), || (import_name(import), next));
                return names;
            }
        }
    }
    if let Some(next) = rest.next() {
        let index = original.imports.len();
        found.add(|| format!("import.{index}"), || ("none", import_name(next)));
    }
    names
}

fn import_name(import: &Import<'_>) -> String {
    format!("{}.{}", import.module, import.name)
}

fn functions(original: &Module<'_>, snapshot: &Module<'_>, found: &mut Sink<'_>) {
    for (index, ty) in original.functions.iter().enumerate() {
        match snapshot.functions.get(index) {
            Some(other) if other == ty => {}
            Some(other) => found.add(|| format!("function.{index}.type"), || (ty, other)),
            None => {
                found.add(|| format!("function.{index}"), || ("defined", "none"));
                return;
            }
        }
    }
}

/// Compares function bodies. How many were compared, and how many of those are stubs.
fn bodies(
    original: &Module<'_>,
    snapshot: &Module<'_>,
    answered: &BTreeMap<u32, u32>,
    found: &mut Sink<'_>,
) -> (u64, u64) {
    let answers: BTreeMap<u32, u32> = answered.iter().map(|(ours, import)| (*import, *ours)).collect();
    let imported = original.imported.functions as usize;
    let (mut compared, mut stubs) = (0, 0);
    let mut reachable = None;
    for (k, (left, right)) in read_bodies(original).into_iter().zip(read_bodies(snapshot)).enumerate() {
        compared += 1;
        if left == right {
            continue;
        }
        // It calls functions that answer instead of imports.
        if is_redirected(original, snapshot, (imported + k) as u32, &answers) {
            continue;
        }
        // What can never run may have been taken out.
        let reachable: &Vec<bool> = reachable.get_or_insert_with(|| strip::reachable(snapshot));
        if right == strip::STUB && !reachable[imported + k] {
            stubs += 1;
            continue;
        }
        let at = left.iter().zip(right).take_while(|(left, right)| left == right).count();
        let describe = |body: &[u8]| format!("{} bytes, {}", body.len(), byte_at(body, at));
        found.add(|| format!("function.{}.body", imported + k), || (describe(left), describe(right)));
    }
    (compared, stubs)
}

fn byte_at(body: &[u8], at: usize) -> String {
    body.get(at).map_or(format!("none at {at:#x}"), |byte| format!("{byte:#04x} at {at:#x}"))
}

/// The function bodies as they are in the file. They were validated, so reading stops only at the end.
pub(super) fn read_bodies<'a>(module: &Module<'a>) -> Vec<&'a [u8]> {
    let Some(section) = module.section(SectionId::CODE) else { return Vec::new() };
    let reader = wasmparser::BinaryReader::new(section.contents, 0);
    let bodies = wasmparser::CodeSectionReader::new(reader).into_iter().flatten();
    bodies.flatten().map(|body| &section.contents[body.range()]).collect()
}

fn section<'a>(module: &Module<'a>, id: SectionId) -> &'a [u8] {
    module.section(id).map_or(&[], |section| section.contents)
}

fn tables(original: &Module<'_>, snapshot: &Module<'_>, found: &mut Sink<'_>) {
    count("tables", original.tables.len(), snapshot.tables.len(), found);
    for (index, (left, right)) in original.tables.iter().zip(&snapshot.tables).enumerate() {
        let (left, right) = (left.ty, right.ty);
        if (left.element_type, left.table64, left.shared) != (right.element_type, right.table64, right.shared)
        {
            found.add(|| format!("table.{index}.type"), || (left.element_type, right.element_type));
        }
    }
}

fn memories(original: &Module<'_>, snapshot: &Module<'_>, found: &mut Sink<'_>) {
    count("memories", original.memories.len(), snapshot.memories.len(), found);
    for (index, (left, right)) in original.memories.iter().zip(&snapshot.memories).enumerate() {
        let ty = |memory: &wasmparser::MemoryType| {
            let width = if memory.memory64 { 64 } else { 32 };
            let shared = if memory.shared { "shared, " } else { "" };
            format!("{shared}{width} bits, pages of {} bytes", 1u64 << memory.page_size_log2.unwrap_or(16))
        };
        if ty(left) != ty(right) {
            found.add(|| format!("memory.{index}.type"), || (ty(left), ty(right)));
        }
    }
}

/// Globals that functions which shift the clock share.
const GLOBALS_OF_CLOCK: usize = 2;

/// How many globals of the snapshot belong to functions which shift the clock. If those are stubs, nothing names the globals.
pub(super) fn globals_of_clock(original: &Module<'_>, snapshot: &Module<'_>) -> usize {
    let first = original.globals.len();
    let shifts = || !rebased_imports(snapshot, original.functions.len() as u32).is_empty();
    let are_left =
        || snapshot.globals.len() == first + GLOBALS_OF_CLOCK && !names_global_from(snapshot, first);
    if shifts() || are_left() { GLOBALS_OF_CLOCK } else { 0 }
}

fn names_global_from(module: &Module<'_>, first: usize) -> bool {
    let is_named = |index: u32| index as usize >= first;
    let names = |operator: &Operator<'_>| match *operator {
        Operator::GlobalGet { global_index } | Operator::GlobalSet { global_index } => is_named(global_index),
        _ => false,
    };
    let bodies = module.bodies();
    let mut readers = bodies.iter().flat_map(|body| body.get_operators_reader());
    module.exports.iter().any(|export| export.kind == ExternalKind::Global && is_named(export.index))
        || readers.any(|reader| reader.into_iter().flatten().any(|operator| names(&operator)))
}

fn globals(original: &Module<'_>, snapshot: &Module<'_>, of_clock: usize, found: &mut Sink<'_>) {
    count("globals", original.globals.len() + of_clock, snapshot.globals.len(), found);
    for (index, (left, right)) in original.globals.iter().zip(&snapshot.globals).enumerate() {
        let ty = |global: &wasmparser::GlobalType| {
            let mutability = if global.mutable { "mutable " } else { "" };
            format!("{mutability}{}", global.content_type)
        };
        if left.ty != right.ty {
            found.add(|| format!("global.{index}.type"), || (ty(&left.ty), ty(&right.ty)));
        }
    }
}

fn count(key: &str, left: usize, right: usize, found: &mut Sink<'_>) {
    if left != right {
        found.add(|| format!("{key}.count"), || (left, right));
    }
}

/// The original's start function has run already; only an added function may be the start function.
fn start(original: &Module<'_>, snapshot: &Module<'_>, found: &mut Sink<'_>) {
    if let Some(function) = snapshot.start
        && (function as usize) < original.functions.len()
    {
        found.add(|| "start".to_string(), || ("none", format!("function {function}")));
    }
}

/// An export that the snapshot should have.
struct ExpectedExport<'n> {
    name: &'n str,
    kind: ExternalKind,
    index: u32,
    /// Whether it may be missing.
    is_optional: bool,
}

fn expected_exports<'n>(
    original: &'n Module<'_>,
    called: &[String],
    renames: &'n [Rename],
) -> Vec<ExpectedExport<'n>> {
    let mut expected = Vec::new();
    let renames: Vec<&Rename> = effective_renames(original, renames).collect();
    for export in &original.exports {
        let renamed = renames.iter().find(|rename| rename.src == export.name);
        let name = renamed.map_or(export.name, |rename| &rename.dst);
        let overwritten = renames.iter().any(|rename| rename.dst == export.name);
        let is_constructors = export.name == REACTOR_INITIALIZE && is_function(export.kind);
        let is_init = called.iter().any(|called| called == export.name) || is_constructors;
        if renamed.is_some() || !overwritten && !is_constructors {
            // Whether init functions stay exported is the user's choice.
            let is_optional = is_init && renamed.is_none();
            expected.push(ExpectedExport { name, kind: export.kind, index: export.index, is_optional });
        }
    }
    expected
}

fn exports(
    original: &Module<'_>,
    snapshot: &Module<'_>,
    expected: &[ExpectedExport<'_>],
    found: &mut Sink<'_>,
) {
    let key = |name: &str| format!("export.{name}");
    let describe = |kind: ExternalKind, index: u32| format!("{} {index}", kind_name(kind));
    let others: HashMap<&str, &wasmparser::Export<'_>> =
        snapshot.exports.iter().map(|export| (export.name, export)).collect();
    for &ExpectedExport { name, kind, index, is_optional } in expected {
        match others.get(name) {
            Some(export) if export.kind == kind && export.index == index => {}
            Some(export) if is_wrapper(original, export) => {}
            Some(export) => {
                found.add(|| key(name), || (describe(kind, index), describe(export.kind, export.index)));
            }
            None if is_optional => {}
            None => found.add(|| key(name), || (describe(kind, index), "none")),
        }
    }
    let expected: HashSet<&str> = expected.iter().map(|expected| expected.name).collect();
    for export in snapshot.exports.iter().filter(|export| !expected.contains(export.name)) {
        found.add(|| key(export.name), || ("none", describe(export.kind, export.index)));
    }
}

/// Whether an export is a function that was added. It is compared by what it does.
fn is_wrapper(original: &Module<'_>, export: &wasmparser::Export<'_>) -> bool {
    is_function(export.kind) && export.index as usize >= original.functions.len()
}

/// What instructions name must be there. What live segments hold is compared as state.
fn segments(original: &Module<'_>, snapshot: &Module<'_>, found: &mut Sink<'_>) {
    let mut missing = |kind: &str, highest: Option<u32>, defined: usize| {
        for index in defined..highest.map_or(0, |highest| highest as usize + 1) {
            found.add(|| format!("{kind}.{index}"), || ("defined", "none"));
        }
    };
    missing("data", original.code.highest_data, snapshot.data.len());
    missing("element", original.code.highest_element, snapshot.elements.len());
}

/// The original's name for an export of the snapshot, by the renames that have an effect.
pub(super) fn original_name<'n>(mut renames: impl Iterator<Item = &'n Rename>, name: &'n str) -> &'n str {
    renames.find(|rename| rename.dst == name).map_or(name, |rename| &rename.src)
}

fn kind_name(kind: ExternalKind) -> &'static str {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => "function",
        ExternalKind::Table => "table",
        ExternalKind::Memory => "memory",
        ExternalKind::Global => "global",
        ExternalKind::Tag => "tag",
    }
}
