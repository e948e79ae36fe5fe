//! The code that a snapshot has and the original has not. The bodies of the original's functions are compared byte by byte; an
//! added one has no counterpart there, and calls find only what they happen to reach. So the verifier makes the additions
//! that this state needs itself, and what a snapshot adds must be the same.

use super::VerifyOptions;
use super::imported_state::is_decided_by_imports;
use super::module_comparison::read_bodies;
use preinit_core::encode::encode;
use preinit_core::layout::Layout;
use preinit_core::module::{Module, SectionId, is_function};
use preinit_core::plan::{PlanOptions, plan};
use preinit_core::printable::Printable;
use preinit_core::snapshot::Snapshot;
use preinit_core::strip;
use std::collections::HashMap;

/// Functions that a message names.
const NAMED: usize = 10;

/// Whether preinit adds the same to this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// It does.
    Same,
    /// It does if imported memories hold nothing but zeros when an instance gets them.
    SameOnFreshImports,
    /// It adds something else, or nothing.
    Other,
}

/// What a snapshot has that no body of the original explains.
pub(super) struct AddedCode<'m, 'a, 's> {
    original: &'m Module<'a>,
    snapshot: &'m Module<'s>,
    /// Added functions that can run.
    functions: Vec<u32>,
    /// Bodies that are not the original's, and no stubs either: they call added functions. By position in the section.
    rewritten: Vec<usize>,
    /// Whether something besides functions was added, or an import decides it: then a state that is equal here says little about
    /// other hosts.
    compares_state: bool,
}

impl<'m, 'a, 's> AddedCode<'m, 'a, 's> {
    /// `None` if there is nothing to account for.
    pub fn of(original: &'m Module<'a>, snapshot: &'m Module<'s>) -> Option<Self> {
        let added = AddedCode::any(original, snapshot);
        let is_needed = added.compares_state || !added.functions.is_empty() || !added.rewritten.is_empty();
        is_needed.then_some(added)
    }

    /// Where the state needs additions, so that a snapshot without them is no right one. Functions that nothing can reach do no harm.
    pub fn any(original: &'m Module<'a>, snapshot: &'m Module<'s>) -> Self {
        let first = original.functions.len();
        let functions: Vec<u32> = match snapshot.functions.len() > first {
            false => Vec::new(),
            true => {
                let reachable = strip::reachable(snapshot);
                (first..reachable.len()).filter(|&index| reachable[index]).map(|index| index as u32).collect()
            }
        };
        let has_more_state =
            snapshot.globals.len() > original.globals.len() || snapshot.tables.len() > original.tables.len();
        let compares_state = has_more_state || is_decided_by_imports(original, snapshot);
        let pairs = read_bodies(original).into_iter().zip(read_bodies(snapshot)).enumerate();
        let differ = pairs.filter(|(_, (left, right))| left != right && *right != strip::STUB);
        let rewritten: Vec<usize> = differ.map(|(body, _)| body).collect();
        AddedCode { original, snapshot, functions, rewritten, compares_state }
    }

    /// How many functions there are to account for.
    pub fn functions(&self) -> u64 {
        self.functions.len() as u64
    }

    /// Whether a snapshot of `target` in this state has the same additions. `target` is the original, or what it became
    /// when it was frozen; `slots` are those of its added tables.
    pub fn account(
        &self,
        target: &Module<'_>,
        state: &Snapshot<'_>,
        options: &VerifyOptions,
        slots: &HashMap<(u32, u64), String>,
    ) -> Account {
        let renames = &options.renames;
        let name = |export: &str| {
            let renamed = renames.iter().find(|rename| rename.src == export);
            renamed.map_or_else(|| export.to_string(), |rename| rename.dst.clone())
        };
        let is_gone = |export: &str| self.snapshot.export(&name(export)).is_none();
        let names = target.exports.iter().map(|export| export.name);
        let removed_exports: Vec<String> =
            names.filter(|export| is_gone(export)).map(str::to_string).collect();
        let internalizes = self.snapshot.imports.len() < self.original.imports.len();
        let is_made = |fresh_imports: bool, layout: Layout| {
            let options = PlanOptions {
                removed_exports: removed_exports.clone(),
                renames: renames.to_vec(),
                internalize: internalizes,
                fresh_imports,
                layout,
                slots: slots.clone(),
                kept_tables: Default::default(),
                added_exports: Vec::new(),
            };
            let Ok(plan) = plan(target, state, &options) else { return false };
            let Ok(wasm) = encode(target, state, &plan) else { return false };
            Module::read_valid(&wasm).is_ok_and(|made| self.is_same_as_in(&made))
        };
        let layouts = [Layout::Auto, Layout::Compact, Layout::Mappable, Layout::Sparse];
        if layouts.into_iter().any(|layout| is_made(false, layout)) {
            return Account::Same;
        }
        // Where no memory is imported, it is the same.
        match target.imported.memories > 0 && layouts.into_iter().any(|layout| is_made(true, layout)) {
            true => Account::SameOnFreshImports,
            false => Account::Other,
        }
    }

    /// Whether what it adds is the same in this module, no more and no less.
    pub fn is_same_as_in(&self, made: &Module<'_>) -> bool {
        let snapshot = self.snapshot;
        let same = |id| contents(made, id) == contents(snapshot, id);
        let (of_made, of_snapshot) = (read_bodies(made), read_bodies(snapshot));
        let is_same_function = |&index: &u32| {
            let body = index.checked_sub(snapshot.imported.functions).map(|body| body as usize);
            let body = body.filter(|_| made.imported.functions == snapshot.imported.functions);
            body.is_some_and(|body| of_made.get(body) == of_snapshot.get(body))
                && made.functions.get(index as usize) == snapshot.functions.get(index as usize)
        };
        // What the original has at this place may have been taken out; that nothing reaches it is seen elsewhere.
        let is_same_body = |body: usize| {
            of_made.get(body) == of_snapshot.get(body)
                || of_snapshot.get(body).is_some_and(|own| *own == strip::STUB)
        };
        let own = self.original.functions.len() - self.original.imported.functions as usize;
        let counts = |module: &Module<'_>| (module.globals.len(), module.tables.len());
        same(SectionId::TYPE)
            && made.start == snapshot.start
            && counts(made) == counts(snapshot)
            && self.functions.iter().all(is_same_function)
            && (0..own).all(is_same_body)
            && self.redirected().all(|export| made.export(export.name) == Some(export))
            && redirected(self.original, made).all(|export| snapshot.export(export.name) == Some(export))
            // What added code copies may be equal where it is compared, and not on other hosts or in later calls.
            && same(SectionId::DATA)
            && same(SectionId::ELEMENT)
            && (!self.compares_state || same(SectionId::GLOBAL) && same(SectionId::TABLE))
    }

    /// Exports that lead to added functions.
    fn redirected(&self) -> impl Iterator<Item = &'m wasmparser::Export<'s>> {
        redirected(self.original, self.snapshot)
    }

    /// Why nobody can vouch for it where [`AddedCode::account`] gives [`Account::Other`].
    pub fn unexplained(&self) -> String {
        if self.functions.is_empty() && self.rewritten.is_empty() && !self.compares_state {
            return "the snapshot lacks functions that this state needs, such as those that resume a call"
                .to_string();
        }
        if self.functions.is_empty() && !self.rewritten.is_empty() {
            return "functions of the snapshot are not the original's, nor what this state needs".to_string();
        }
        if self.functions.is_empty() {
            return "the snapshot's initial values depend on what is provided for its imports, or write there, in \
                    another way than this state needs"
                .to_string();
        }
        let leads = |function: u32| {
            let exports = self.redirected().filter(|export| export.index == function);
            let mut ways: Vec<String> =
                exports.map(|export| format!("export `{}`", Printable(export.name))).collect();
            if self.snapshot.start == Some(function) {
                ways.push("start function".to_string());
            }
            match ways.is_empty() {
                true => format!("function {function}"),
                false => format!("function {function} ({})", ways.join(", ")),
            }
        };
        let mut named: Vec<String> =
            self.functions.iter().take(NAMED).map(|&function| leads(function)).collect();
        if let more @ 1.. = self.functions.len() - named.len() {
            named.push(format!("{more} more"));
        }
        format!(
            "the snapshot adds functions that are not those which this state needs, so what they do is known only from \
             the calls that were made: {}",
            named.join(", ")
        )
    }
}

/// Exports of the snapshot that lead to functions which the original does not have.
pub(super) fn redirected<'m, 's>(
    original: &Module<'_>,
    snapshot: &'m Module<'s>,
) -> impl Iterator<Item = &'m wasmparser::Export<'s>> + use<'m, 's> {
    let first = original.functions.len();
    snapshot.exports.iter().filter(move |export| is_function(export.kind) && export.index as usize >= first)
}

fn contents<'a>(module: &Module<'a>, id: SectionId) -> &'a [u8] {
    module.section(id).map_or(&[], |section| section.contents)
}
