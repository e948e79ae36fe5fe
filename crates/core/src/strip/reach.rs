use crate::module::{Module, element_functions, is_function, ref_funcs};
use crate::parallel;
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{
    CompositeInnerType, ElementKind, ExternalKind, FuncType, FunctionBody, HeapType, Operator, RefType,
    ValType,
};

/// For each function whether anything can ever call it or make a reference of it. No function that can run is missing;
/// some that cannot may be counted in.
///
/// Reached is what the host can name (exports, the start function, everything in tables that it can get at), what
/// constant expressions of globals and tables name, and from there what reached code names: by call, by `ref.func`, by a
/// segment that it copies, or through a table, of which an indirect call takes only functions of its own type.
pub fn reachable(module: &Module<'_>) -> Vec<bool> {
    reachable_without(module, &BTreeSet::new())
}

/// The same if nobody calls the functions that are exported under these names.
pub(super) fn reachable_without(module: &Module<'_>, unused: &BTreeSet<&str>) -> Vec<bool> {
    let mut search = Search::new(module);
    search.start(unused);
    while !search.found.is_empty() {
        let found = std::mem::take(&mut search.found);
        // In rounds, so that bodies are read in parallel.
        let uses = parallel::map(found, |function| search.uses(function));
        for uses in uses.into_iter().flatten() {
            search.follow(uses);
        }
    }
    search.reached
}

/// What one function body names.
#[derive(Default)]
struct Uses {
    functions: BTreeSet<u32>,
    /// Table and type index of indirect calls.
    indirect: BTreeSet<(u32, u32)>,
    /// Tables whose elements are read as references.
    tables: BTreeSet<u32>,
    elements: BTreeSet<u32>,
}

struct Search<'m, 'a> {
    module: &'m Module<'a>,
    bodies: Vec<FunctionBody<'a>>,
    reached: Vec<bool>,
    /// Reached and not looked into.
    found: Vec<u32>,
    /// What a table can hold at instantiation, by table.
    tables: BTreeMap<u32, BTreeSet<u32>>,
    /// What has been followed already.
    followed: Uses,
}

impl<'m, 'a> Search<'m, 'a> {
    fn new(module: &'m Module<'a>) -> Self {
        let mut tables: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for (index, table) in (0u32..).zip(&module.tables) {
            tables.entry(index).or_default().extend(table.init.iter().flat_map(ref_funcs));
        }
        for element in &module.elements {
            if let ElementKind::Active { table_index, .. } = &element.kind {
                tables.entry(table_index.unwrap_or(0)).or_default().extend(element_functions(element));
            }
        }
        Search {
            module,
            bodies: module.bodies(),
            reached: vec![false; module.functions.len()],
            found: Vec::new(),
            tables,
            followed: Uses::default(),
        }
    }

    fn start(&mut self, unused: &BTreeSet<&str>) {
        let module = self.module;
        for export in &module.exports {
            match export.kind {
                kind if is_function(kind) && unused.contains(export.name) => {}
                kind if is_function(kind) => self.reach(export.index),
                ExternalKind::Table => self.reach_all_of(export.index),
                _ => {}
            }
        }
        (0..module.imported.tables).for_each(|table| self.reach_all_of(table));
        module.start.iter().for_each(|&start| self.reach(start));
        let globals = module.globals.iter().filter_map(|global| global.init.as_ref());
        globals.flat_map(ref_funcs).for_each(|function| self.reach(function));
    }

    fn reach(&mut self, function: u32) {
        if let Some(reached) = self.reached.get_mut(function as usize).filter(|reached| !**reached) {
            *reached = true;
            self.found.push(function);
        }
    }

    fn reach_all_of(&mut self, table: u32) {
        if self.followed.tables.insert(table) {
            let held: Vec<u32> = self.tables.get(&table).into_iter().flatten().copied().collect();
            held.into_iter().for_each(|function| self.reach(function));
        }
    }

    fn uses(&self, function: u32) -> Option<Uses> {
        let body = self.bodies.get(function.checked_sub(self.module.imported.functions)? as usize)?;
        let mut uses = Uses::default();
        // Validated before, so that every operator can be read.
        for operator in body.get_operators_reader().ok()?.into_iter().flatten() {
            uses.record(&operator);
        }
        Some(uses)
    }

    fn follow(&mut self, uses: Uses) {
        uses.functions.into_iter().for_each(|function| self.reach(function));
        uses.tables.into_iter().for_each(|table| self.reach_all_of(table));
        for element in uses.elements {
            if self.followed.elements.insert(element)
                && let Some(element) = self.module.elements.get(element as usize)
            {
                element_functions(element).into_iter().for_each(|function| self.reach(function));
            }
        }
        for (table, ty) in uses.indirect {
            if self.followed.indirect.insert((table, ty)) {
                let held = self.tables.get(&table).into_iter().flatten();
                let callable: Vec<u32> =
                    held.copied().filter(|&function| self.may_have_type(function, ty)).collect();
                callable.into_iter().for_each(|function| self.reach(function));
            }
        }
    }

    /// Whether `call_indirect` with this type may accept the function. Types that are the same by their structure count
    /// as the same; where there is subtyping, or structure is not enough to tell, every type does.
    fn may_have_type(&self, function: u32, ty: u32) -> bool {
        let Some(&own) = self.module.functions.get(function as usize) else { return true };
        own == ty
            || match (self.plain_type(own), self.plain_type(ty)) {
                (Some(own), Some(expected)) => own == expected,
                _ => true,
            }
    }

    fn plain_type(&self, ty: u32) -> Option<&FuncType> {
        let ty = self.module.types.get(ty as usize)?;
        match &ty.composite_type.inner {
            CompositeInnerType::Func(signature) if ty.is_final && ty.supertype_idx.is_none() => {
                let mut values = signature.params().iter().chain(signature.results());
                values.all(|value| !is_concrete(value)).then_some(signature)
            }
            _ => None,
        }
    }
}

fn is_concrete(ty: &ValType) -> bool {
    let is_concrete = |ty: &RefType| !matches!(ty.heap_type(), HeapType::Abstract { .. });
    matches!(ty, ValType::Ref(ty) if is_concrete(ty))
}

impl Uses {
    fn record(&mut self, operator: &Operator<'_>) {
        match *operator {
            Operator::Call { function_index }
            | Operator::ReturnCall { function_index }
            | Operator::RefFunc { function_index } => {
                self.functions.insert(function_index);
            }
            Operator::CallIndirect { type_index, table_index }
            | Operator::ReturnCallIndirect { type_index, table_index } => {
                self.indirect.insert((table_index, type_index));
            }
            Operator::TableGet { table } | Operator::TableCopy { src_table: table, .. } => {
                self.tables.insert(table);
            }
            Operator::TableInit { elem_index, .. }
            | Operator::ArrayNewElem { array_elem_index: elem_index, .. }
            | Operator::ArrayInitElem { array_elem_index: elem_index, .. } => {
                self.elements.insert(elem_index);
            }
            _ => {}
        }
    }
}
