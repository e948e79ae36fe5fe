//! The sections of a generated program.

use super::{FUEL, FUEL_GLOBAL, Program, SUM_GLOBAL, graph};
use crate::freezing::machine::{IMPORTS, Number};
use wasm_encoder::{
    CodeSection, ConstExpr, ElementSection, Elements, EntityType, ExportKind, ExportSection, FunctionSection,
    GlobalSection, GlobalType, ImportSection, MemorySection, MemoryType, Module, RefType, TableSection,
    TableType, TagKind, TagSection, TagType, ValType,
};

fn number(number: &Number) -> ValType {
    match number {
        Number::I32 => ValType::I32,
        Number::I64 => ValType::I64,
        Number::F32 => ValType::F32,
        Number::F64 => ValType::F64,
    }
}

impl Program {
    pub fn module(mut self) -> Vec<u8> {
        let imports = self.imports();
        let imported = self.functions.len();
        let entry = self.declare_functions();
        let tag = self.types.get(&[ValType::I32], &[]);
        if let Some(helpers) = &mut self.helpers {
            helpers.first = entry + 1;
        }
        let (functions, code) = self.functions_and_code(imported);
        let (tables, elements) = self.table_of_all_functions();
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: !self.plain && self.choices.one_in(2),
            shared: false,
            page_size_log2: None,
        });
        let globals = self.globals();
        let mut exports = ExportSection::new();
        exports.export("entry", ExportKind::Func, entry);
        exports.export("fuel", ExportKind::Global, FUEL_GLOBAL);
        exports.export("sum", ExportKind::Global, SUM_GLOBAL);
        exports.export("memory", ExportKind::Memory, 0);

        let node_tag = self.helpers.map(|_| self.types.get(&[graph::NODE_REF], &[]));
        let mut module = Module::new();
        module
            .section(&self.types.section)
            .section(&imports)
            .section(&functions)
            .section(&tables)
            .section(&memories);
        if !self.plain {
            let mut tags = TagSection::new();
            for tag in [tag].into_iter().chain(node_tag) {
                tags.tag(TagType { kind: TagKind::Exception, func_type_idx: tag });
            }
            module.section(&tags);
        }
        module.section(&globals).section(&exports).section(&elements).section(&code);
        module.finish()
    }

    fn imports(&mut self) -> ImportSection {
        let mut imports = ImportSection::new();
        for (name, parameters, results) in IMPORTS {
            let parameters: Vec<ValType> = parameters.iter().map(number).collect();
            let results: Vec<ValType> = results.iter().map(number).collect();
            let ty = self.types.get(&parameters, &results);
            imports.import("env", name, EntityType::Function(ty));
            self.functions.push((parameters, results));
        }
        imports
    }

    /// Chooses signatures; the entry, whose index is returned, comes last.
    fn declare_functions(&mut self) -> u32 {
        // Callbacks first, so that there is something to point to.
        for _ in 0..2 {
            self.functions.push((vec![], vec![ValType::I32]));
        }
        for _ in 0..2 + self.choices.below(4) {
            let (parameters, results) = (self.types(3), self.types(2));
            self.functions.push((parameters, results));
        }
        let entry_results = vec![ValType::I64; self.choices.below(3)];
        self.functions.push((vec![], entry_results));
        self.functions.len() as u32 - 1
    }

    fn functions_and_code(&mut self, imported: usize) -> (FunctionSection, CodeSection) {
        let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
        for index in imported..self.functions.len() {
            let (parameters, results) = self.functions[index].clone();
            functions.function(self.types.get(&parameters, &results));
            code.function(&self.function(parameters, results));
        }
        if let Some(helpers) = self.helpers {
            for (function, (parameters, results)) in helpers.functions().iter().zip(graph::signatures()) {
                functions.function(self.types.get(&parameters, &results));
                code.function(function);
            }
        }
        (functions, code)
    }

    fn table_of_all_functions(&self) -> (TableSection, ElementSection) {
        let mut tables = TableSection::new();
        tables.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: self.functions.len() as u64,
            maximum: None,
            shared: false,
        });
        let all: Vec<u32> = (0..self.functions.len() as u32).collect();
        let mut elements = ElementSection::new();
        elements.active(Some(0), &ConstExpr::i32_const(0), Elements::Functions(all.into()));
        (tables, elements)
    }

    fn globals(&self) -> GlobalSection {
        let mut globals = GlobalSection::new();
        let mutable = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
        globals.global(mutable, &ConstExpr::i64_const(FUEL)).global(mutable, &ConstExpr::i64_const(0));
        if self.helpers.is_some() {
            let root = GlobalType { val_type: graph::root_type(), ..mutable };
            let ValType::Ref(ty) = graph::root_type() else { unreachable!("the root is a reference") };
            globals.global(root, &ConstExpr::ref_null(ty.heap_type));
        }
        globals
    }
}
