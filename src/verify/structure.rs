//! What can be compared without running anything: index spaces, types, bodies, exports, passive segments.

use super::VerifyOptions;
use super::verdict::{Coverage, Difference, Findings};
use crate::execute::REACTOR_INITIALIZE;
use preinit_core::module::{Element, Module, SectionId, Space};
use preinit_core::plan::Rename;
use preinit_core::strip;
use wasmparser::{ElementItems, ExternalKind};

/// Compares what the two files say. `called` are the exports that init consists of.
pub(super) fn compare(
    original: &Module<'_>,
    snapshot: &Module<'_>,
    called: &[String],
    options: &VerifyOptions,
    findings: &mut Findings<'_>,
    coverage: &mut Coverage,
) {
    let mut differences = Vec::new();
    types(original, snapshot, &mut differences);
    let imports_match = imports(original, snapshot, &mut differences);
    functions(original, snapshot, &mut differences, coverage);
    tables(original, snapshot, &mut differences);
    memories(original, snapshot, &mut differences);
    globals(original, snapshot, &mut differences);
    if section(original, SectionId::TAG) != section(snapshot, SectionId::TAG) {
        differences.push(Difference::new("tags", "the original's", "others"));
    }
    start(original, snapshot, &mut differences);
    exports(original, snapshot, called, options, &mut differences);
    segments(original, snapshot, &mut differences);
    findings.extend(differences, None);

    let added = snapshot.functions.len().saturating_sub(original.functions.len());
    coverage.functions_added = added as u64;
    coverage.not_compared.push(
        "custom sections (names, debug information): they are not part of what a module does".to_string(),
    );
    if imports_match == ImportsMatch::Internalized {
        coverage
            .not_compared
            .push("imports that were made the module's own, other than by their state".to_string());
    }
    let unnamed =
        |count: usize, highest: Option<u32>| count - highest.map_or(0, |k| k as usize + 1).min(count);
    let data = unnamed(original.data.len(), original.code.highest_data);
    let elements = unnamed(original.elements.len(), original.code.highest_element);
    if data + elements > 0 {
        coverage.not_compared.push(format!(
            "{data} data and {elements} element segments that no instruction names: nothing can tell what they hold"
        ));
    }
}

fn types(original: &Module<'_>, snapshot: &Module<'_>, differences: &mut Vec<Difference>) {
    for (index, ty) in original.types.iter().enumerate() {
        match snapshot.types.get(index) {
            Some(other) if other == ty => {}
            Some(other) => differences.push(Difference::new(format!("type.{index}"), ty, other)),
            None => differences.push(Difference::new(format!("type.{index}"), ty, "none")),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ImportsMatch {
    Same,
    Internalized,
}

/// Imports must be the original's in their order; memories, tables and globals may be missing as a whole kind behind
/// some point, because they were made the module's own.
fn imports(original: &Module<'_>, snapshot: &Module<'_>, differences: &mut Vec<Difference>) -> ImportsMatch {
    let mut rest = snapshot.imports.iter().peekable();
    let mut matched = ImportsMatch::Same;
    for (index, import) in original.imports.iter().enumerate() {
        if rest.next_if_eq(&import).is_some() {
            continue;
        }
        match Space::of(&import.ty) {
            Some(Space::Memory | Space::Table | Space::Global) => matched = ImportsMatch::Internalized,
            _ => {
                let name = format!("{}.{}", import.module, import.name);
                let found =
                    rest.peek().map_or("none".to_string(), |next| format!("{}.{}", next.module, next.name));
                differences.push(Difference::new(format!("import.{index}"), name, found));
                return matched;
            }
        }
    }
    if let Some(next) = rest.next() {
        let index = original.imports.len();
        let found = format!("{}.{}", next.module, next.name);
        differences.push(Difference::new(format!("import.{index}"), "none", found));
    }
    matched
}

fn functions(
    original: &Module<'_>,
    snapshot: &Module<'_>,
    differences: &mut Vec<Difference>,
    coverage: &mut Coverage,
) {
    for (index, ty) in original.functions.iter().enumerate() {
        match snapshot.functions.get(index) {
            Some(other) if other == ty => {}
            Some(other) => differences.push(Difference::new(format!("function.{index}.type"), ty, other)),
            None => {
                differences.push(Difference::new(format!("function.{index}"), "defined", "none"));
                return;
            }
        }
    }
    let imported = original.imported.functions as usize;
    let mut reachable = None;
    for (k, (left, right)) in bodies(original).into_iter().zip(bodies(snapshot)).enumerate() {
        coverage.function_bodies += 1;
        if left != right {
            // What can never run may have been taken out.
            let reachable: &Vec<bool> = reachable.get_or_insert_with(|| strip::reachable(snapshot));
            if right == strip::STUB && !reachable[imported + k] {
                coverage.functions_stripped += 1;
                continue;
            }
            let at = left.iter().zip(right).take_while(|(left, right)| left == right).count();
            let describe = |body: &[u8]| format!("{} bytes, {}", body.len(), byte_at(body, at));
            let key = format!("function.{}.body", imported + k);
            differences.push(Difference::new(key, describe(left), describe(right)));
        }
    }
}

fn byte_at(body: &[u8], at: usize) -> String {
    body.get(at).map_or(format!("none at {at:#x}"), |byte| format!("{byte:#04x} at {at:#x}"))
}

/// The function bodies as they are in the file. They were validated, so reading stops at the end only.
fn bodies<'a>(module: &Module<'a>) -> Vec<&'a [u8]> {
    let Some(section) = module.section(SectionId::CODE) else { return Vec::new() };
    let reader = wasmparser::BinaryReader::new(section.contents, 0);
    let bodies = wasmparser::CodeSectionReader::new(reader).into_iter().flatten();
    bodies.flatten().map(|body| &section.contents[body.range()]).collect()
}

fn section<'a>(module: &Module<'a>, id: SectionId) -> &'a [u8] {
    module.section(id).map_or(&[], |section| section.contents)
}

fn tables(original: &Module<'_>, snapshot: &Module<'_>, differences: &mut Vec<Difference>) {
    count("tables", original.tables.len(), snapshot.tables.len(), differences);
    for (index, (left, right)) in original.tables.iter().zip(&snapshot.tables).enumerate() {
        let (left, right) = (left.ty, right.ty);
        if (left.element_type, left.table64, left.shared) != (right.element_type, right.table64, right.shared)
        {
            let key = format!("table.{index}.type");
            differences.push(Difference::new(key, left.element_type, right.element_type));
        }
    }
}

fn memories(original: &Module<'_>, snapshot: &Module<'_>, differences: &mut Vec<Difference>) {
    count("memories", original.memories.len(), snapshot.memories.len(), differences);
    for (index, (left, right)) in original.memories.iter().zip(&snapshot.memories).enumerate() {
        let ty = |memory: &wasmparser::MemoryType| {
            let width = if memory.memory64 { 64 } else { 32 };
            let shared = if memory.shared { "shared, " } else { "" };
            format!("{shared}{width} bits, pages of {} bytes", 1u64 << memory.page_size_log2.unwrap_or(16))
        };
        if ty(left) != ty(right) {
            differences.push(Difference::new(format!("memory.{index}.type"), ty(left), ty(right)));
        }
    }
}

fn globals(original: &Module<'_>, snapshot: &Module<'_>, differences: &mut Vec<Difference>) {
    count("globals", original.globals.len(), snapshot.globals.len(), differences);
    for (index, (left, right)) in original.globals.iter().zip(&snapshot.globals).enumerate() {
        let ty = |global: &wasmparser::GlobalType| {
            let mutability = if global.mutable { "mutable " } else { "" };
            format!("{mutability}{}", global.content_type)
        };
        if left.ty != right.ty {
            differences.push(Difference::new(format!("global.{index}.type"), ty(&left.ty), ty(&right.ty)));
        }
    }
}

fn count(key: &str, left: usize, right: usize, differences: &mut Vec<Difference>) {
    if left != right {
        differences.push(Difference::new(format!("{key}.count"), left, right));
    }
}

/// The original's start function has run; only a function that was added may run again.
fn start(original: &Module<'_>, snapshot: &Module<'_>, differences: &mut Vec<Difference>) {
    if let Some(function) = snapshot.start
        && (function as usize) < original.functions.len()
    {
        differences.push(Difference::new("start", "none left to run", format!("function {function}")));
    }
}

fn exports(
    original: &Module<'_>,
    snapshot: &Module<'_>,
    called: &[String],
    options: &VerifyOptions,
    differences: &mut Vec<Difference>,
) {
    let mut expected: Vec<(&str, ExternalKind, u32, bool)> = Vec::new();
    for export in &original.exports {
        let renamed = options.renames.iter().find(|rename| rename.src == export.name);
        let name = renamed.map_or(export.name, |rename| &rename.dst);
        let overwritten = options.renames.iter().any(|rename| rename.dst == export.name);
        let is_init = called.iter().any(|called| called == export.name) || export.name == REACTOR_INITIALIZE;
        if renamed.is_some() || !overwritten && export.name != REACTOR_INITIALIZE {
            // Whether init functions stay exported is the user's choice.
            expected.push((name, export.kind, export.index, is_init && renamed.is_none()));
        }
    }
    for &(name, kind, index, optional) in &expected {
        let key = || format!("export.{name}");
        let describe = |kind: ExternalKind, index: u32| format!("{} {index}", kind_name(kind));
        match snapshot.export(name) {
            Some(export) if export.kind == kind && export.index == index => {}
            Some(export) if is_replaced(original, export) => {}
            Some(export) => differences.push(Difference::new(
                key(),
                describe(kind, index),
                describe(export.kind, export.index),
            )),
            None if optional => {}
            None => differences.push(Difference::new(key(), describe(kind, index), "none")),
        }
    }
    for export in &snapshot.exports {
        if !expected.iter().any(|(name, ..)| *name == export.name) {
            let found = format!("{} {}", kind_name(export.kind), export.index);
            differences.push(Difference::new(format!("export.{}", export.name), "none", found));
        }
    }
}

/// An export of a function that was added: a wrapper, which is compared by what it does.
fn is_replaced(original: &Module<'_>, export: &wasmparser::Export<'_>) -> bool {
    preinit_core::module::is_function(export.kind) && export.index as usize >= original.functions.len()
}

/// What live passive segments hold. Whether they are live is state, and compared there.
fn segments(original: &Module<'_>, snapshot: &Module<'_>, differences: &mut Vec<Difference>) {
    for index in named(original.code.highest_data) {
        match (original.data.get(index), snapshot.data.get(index)) {
            (Some(_), None) => {
                differences.push(Difference::new(format!("data.{index}"), "defined", "none"));
            }
            (Some(left), Some(right))
                if right.is_passive() && !right.bytes.is_empty() && left.bytes != right.bytes =>
            {
                let describe = |bytes: &[u8]| format!("{} bytes", bytes.len());
                let key = format!("data.{index}.bytes");
                differences.push(Difference::new(key, describe(left.bytes), describe(right.bytes)));
            }
            _ => {}
        }
    }
    for index in named(original.code.highest_element) {
        match (original.elements.get(index), snapshot.elements.get(index)) {
            (Some(_), None) => {
                differences.push(Difference::new(format!("element.{index}"), "defined", "none"));
            }
            (Some(left), Some(right)) if right.is_passive() && !right.is_empty() => {
                let (left, right) = (items(original, left), items(snapshot, right));
                if left != right {
                    let describe = |items: &[Item<'_>]| format!("{} items", items.len());
                    let key = format!("element.{index}.items");
                    differences.push(Difference::new(key, describe(&left), describe(&right)));
                }
            }
            _ => {}
        }
    }
}

fn named(highest: Option<u32>) -> std::ops::Range<usize> {
    0..highest.map_or(0, |highest| highest as usize + 1)
}

#[derive(PartialEq, Eq)]
enum Item<'a> {
    Function(u32),
    Expression(&'a [u8]),
}

fn items<'a>(module: &Module<'a>, element: &Element<'a>) -> Vec<Item<'a>> {
    match &element.items {
        ElementItems::Functions(items) => items.clone().into_iter().flatten().map(Item::Function).collect(),
        ElementItems::Expressions(_, items) => {
            let item = |expression: wasmparser::ConstExpr<'a>| match preinit_core::module::ref_funcs(
                &expression,
            )[..]
            {
                [function] => Item::Function(function),
                _ => Item::Expression(&module.bytes[expression.get_binary_reader().range()]),
            };
            items.clone().into_iter().flatten().map(item).collect()
        }
    }
}

/// Where the snapshot exports what the original exports as `name`, the other way round: the original's name for an
/// export of the snapshot.
pub(super) fn original_name<'n>(renames: &'n [Rename], name: &'n str) -> &'n str {
    renames.iter().find(|rename| rename.dst == name).map_or(name, |rename| &rename.src)
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
