use super::*;
use std::collections::HashMap;
use wasmparser::{BinaryReaderError, CompositeInnerType, FunctionBody, Parser, Payload, TableType, TypeRef};

/// How much a module has of what engines limit: the largest, where there are several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    most: HashMap<&'static str, u64>,
    /// The number of parameters of each type.
    params: Vec<u64>,
    /// The types of the defined functions.
    functions: Vec<u32>,
    bodies: usize,
    largest_body: u64,
    most_locals: u64,
}

impl Usage {
    /// What a binary has. Of one that cannot be read, what stands before that place.
    pub fn of(wasm: &[u8]) -> Usage {
        let mut usage = Usage::default();
        usage.add(&MODULE_BYTES, wasm.len() as u64);
        for payload in Parser::new(0).parse_all(wasm) {
            let Ok(payload) = payload else { break };
            if usage.read(payload).is_err() {
                break;
            }
        }
        // There are very many bodies.
        usage.at_least(&BODY_BYTES, usage.largest_body);
        usage.at_least(&LOCALS, usage.most_locals);
        usage
    }

    /// How much there is of what is limited.
    pub fn most(&self, limit: &EngineLimit) -> u64 {
        self.most.get(limit.what).copied().unwrap_or(0)
    }

    fn at_least(&mut self, limit: &EngineLimit, number: u64) {
        let most = self.most.entry(limit.what).or_default();
        *most = number.max(*most);
    }

    fn add(&mut self, limit: &EngineLimit, number: u64) {
        *self.most.entry(limit.what).or_default() += number;
    }

    fn read(&mut self, payload: Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    group?.into_types().for_each(|ty| self.ty(&ty.composite_type.inner));
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    self.add(&IMPORTS, 1);
                    self.at_least(&NAME_BYTES, import.module.len().max(import.name.len()) as u64);
                    self.import(import.ty);
                }
            }
            Payload::FunctionSection(section) => {
                self.add(&FUNCTIONS, section.count().into());
                self.functions = section.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.table(table?.ty);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    self.memory(memory?);
                }
            }
            Payload::TagSection(section) => self.add(&TAGS, section.count().into()),
            Payload::GlobalSection(section) => self.add(&GLOBALS, section.count().into()),
            Payload::ExportSection(section) => {
                self.add(&EXPORTS, section.count().into());
                for export in section {
                    self.at_least(&NAME_BYTES, export?.name.len() as u64);
                }
            }
            Payload::ElementSection(section) => {
                self.add(&ELEMENT_SEGMENTS, section.count().into());
                for element in section {
                    let items = match element?.items {
                        wasmparser::ElementItems::Functions(items) => items.count(),
                        wasmparser::ElementItems::Expressions(_, items) => items.count(),
                    };
                    self.at_least(&ELEMENT_SEGMENT_ITEMS, items.into());
                }
            }
            Payload::DataSection(section) => {
                self.add(&DATA_SEGMENTS, section.count().into());
                let mut largest = 0;
                for data in section {
                    largest = largest.max(data?.data.len() as u64);
                }
                self.at_least(&DATA_SEGMENT_BYTES, largest);
            }
            Payload::CodeSectionEntry(body) => self.body(&body)?,
            _ => {}
        }
        Ok(())
    }

    fn ty(&mut self, ty: &CompositeInnerType) {
        self.add(&TYPES, 1);
        let mut params = 0;
        match ty {
            CompositeInnerType::Func(ty) => {
                params = ty.params().len() as u64;
                self.at_least(&PARAMETERS, params);
                self.at_least(&RESULTS, ty.results().len() as u64);
            }
            CompositeInnerType::Struct(ty) => self.at_least(&STRUCT_FIELDS, ty.fields.len() as u64),
            _ => {}
        }
        self.params.push(params);
    }

    fn import(&mut self, ty: TypeRef) {
        match ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => self.add(&FUNCTIONS, 1),
            TypeRef::Table(ty) => self.table(ty),
            TypeRef::Memory(ty) => self.memory(ty),
            TypeRef::Global(_) => self.add(&GLOBALS, 1),
            TypeRef::Tag(_) => self.add(&TAGS, 1),
        }
    }

    fn table(&mut self, ty: TableType) {
        self.add(&TABLES, 1);
        self.at_least(&TABLE_ELEMENTS, ty.initial);
    }

    fn memory(&mut self, ty: wasmparser::MemoryType) {
        self.add(&MEMORIES, 1);
        if ty.memory64 && ty.page_size_log2.is_none() {
            self.at_least(&WIDE_MEMORY_PAGES, ty.initial);
        }
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), BinaryReaderError> {
        self.largest_body = self.largest_body.max(body.range().len() as u64);
        let ty = self.functions.get(self.bodies).copied().unwrap_or_default();
        self.bodies += 1;
        let mut locals = self.params.get(ty as usize).copied().unwrap_or(0);
        for declaration in body.get_locals_reader()? {
            locals += u64::from(declaration?.0);
        }
        self.most_locals = self.most_locals.max(locals);
        Ok(())
    }
}
