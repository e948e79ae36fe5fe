use super::body_validation::{self, BodyToValidate};
use super::{
    CodeUses, Data, Element, Global, ImportCounts, Module, ModuleError, Section, SectionId, Table,
    UnsupportedKind,
};
use crate::component::is_component;
use std::sync::OnceLock;
use wasmparser::{FunctionBody, Parser, Payload, TableInit, TypeRef, ValidPayload, Validator, WasmFeatures};

/// Everything that the engine can run, and legacy exceptions, to turn them away with advice.
pub fn features() -> WasmFeatures {
    WasmFeatures::WASM3
        | WasmFeatures::THREADS
        | WasmFeatures::CUSTOM_PAGE_SIZES
        | WasmFeatures::WIDE_ARITHMETIC
        | WasmFeatures::STACK_SWITCHING
        | WasmFeatures::LEGACY_EXCEPTIONS
}

/// What is turned away, except for dynamic libraries.
fn but_not_libraries(name: &str) -> Option<UnsupportedKind> {
    UnsupportedKind::of_custom_section(name).filter(|kind| *kind != UnsupportedKind::DynamicLibrary)
}

impl<'a> Module<'a> {
    /// Parses and validates a binary. Function bodies are validated in parallel.
    ///
    /// # Errors
    /// [`ModuleError::Malformed`] with the offset of the first mistake, [`ModuleError::Unsupported`] for a component,
    /// an object file or a dynamic library.
    pub fn parse(bytes: &'a [u8]) -> Result<Module<'a>, ModuleError> {
        Module::parse_with(bytes, UnsupportedKind::of_custom_section)?.without_legacy_exceptions()
    }

    /// The same for an engine outside of this process, which may know the withdrawn form of exception handling: browsers do, and
    /// .NET's runtime is built with it. A main module of dynamic libraries has its own memory, and its loader is there.
    ///
    /// # Errors
    /// Same as [`Module::parse`], and [`UnsupportedKind::SideModule`] for a dynamic library in the memory of another module.
    pub fn parse_for_other_engine(bytes: &'a [u8]) -> Result<Module<'a>, ModuleError> {
        let module = Module::parse_with(bytes, but_not_libraries)?;
        let is_library =
            |name: &str| UnsupportedKind::of_custom_section(name) == Some(UnsupportedKind::DynamicLibrary);
        let mut sections = module.sections.iter().filter_map(|section| section.custom);
        if sections.any(|(name, _)| is_library(name)) && !module.has_own_memory() {
            return Err(ModuleError::Unsupported(UnsupportedKind::SideModule));
        }
        Ok(module)
    }

    fn has_own_memory(&self) -> bool {
        self.memories.len() as u32 > self.imported.memories
    }

    /// The same for a core module that stands in a component. It may be a dynamic library: the component links it.
    ///
    /// # Errors
    /// Same as [`Module::parse`].
    pub fn parse_part(bytes: &'a [u8]) -> Result<Module<'a>, ModuleError> {
        Module::parse_with(bytes, but_not_libraries)?.without_legacy_exceptions()
    }

    fn without_legacy_exceptions(self) -> Result<Module<'a>, ModuleError> {
        if self.code.legacy_exceptions {
            return Err(ModuleError::Unsupported(UnsupportedKind::LegacyExceptions));
        }
        Ok(self)
    }

    fn parse_with(
        bytes: &'a [u8],
        turned_away: impl Fn(&str) -> Option<UnsupportedKind>,
    ) -> Result<Module<'a>, ModuleError> {
        let (mut module, bodies) = Module::parse_declarations(bytes, turned_away)?;
        let (uses, calls) = body_validation::validate_bodies(bodies)?;
        module.code = uses;
        module.body_calls = Some(calls);
        Ok(module)
    }

    /// Validates a binary that was made from this one. Function bodies that are the same, in surroundings that are the
    /// same as far as bodies can tell, are not looked at again.
    ///
    /// # Errors
    /// Same as [`Module::parse`].
    pub fn validate_rewritten(&self, bytes: &[u8]) -> Result<(), ModuleError> {
        let (rewritten, mut bodies) = Module::parse_declarations(bytes, |_| None)?;
        if self.surrounds_alike(&rewritten) {
            let known: Vec<&[u8]> = self.bodies().iter().map(FunctionBody::as_bytes).collect();
            let mut index = 0;
            bodies.retain(|(_, body)| {
                let is_known = known.get(index).is_some_and(|known| *known == body.as_bytes());
                index += 1;
                !is_known
            });
        }
        body_validation::validate_bodies(bodies)?;
        Ok(())
    }

    /// Whether the module needs nothing but these features.
    ///
    /// # Errors
    /// [`ModuleError::Proposal`] with the first place that needs more.
    pub fn check_features(&self, allowed: WasmFeatures) -> Result<(), ModuleError> {
        let checked = Validator::new_with_features(allowed).validate_all(self.bytes);
        checked.map(drop).map_err(|error| ModuleError::Proposal {
            message: error.message().to_string(),
            offset: error.offset(),
        })
    }

    /// Everything but the function bodies, which are given back.
    fn parse_declarations(
        bytes: &'a [u8],
        turned_away: impl Fn(&str) -> Option<UnsupportedKind>,
    ) -> Result<(Module<'a>, Vec<BodyToValidate<'a>>), ModuleError> {
        if is_component(bytes) {
            return Err(ModuleError::Unsupported(UnsupportedKind::Component));
        }
        let mut module = Module::empty(bytes);
        let mut validator = Validator::new_with_features(features());
        let mut bodies: Vec<BodyToValidate<'a>> = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            turn_away(&payload, &turned_away)?;
            if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
                bodies.push((function, body));
            }
            // The parser announces the code section before it has seen that its end is there.
            if payload.as_section().is_some_and(|(_, range)| range.end > bytes.len()) {
                let message = "unexpected end-of-file".to_string();
                return Err(ModuleError::Malformed { message, offset: bytes.len() });
            }
            module.read(payload)?;
        }
        Ok((module, bodies))
    }

    /// Whether a body that is valid here is valid in `other`: everything that validation of code looks at (spec, 3.1.1
    /// "Contexts") is the same there, or begins with the same.
    fn surrounds_alike(&self, other: &Module<'_>) -> bool {
        fn begins<T, K: PartialEq>(own: &[T], other: &[T], key: impl Fn(&T) -> K) -> bool {
            own.len() <= other.len() && own.iter().zip(other).all(|(own, other)| key(own) == key(other))
        }
        let memory = |ty: &wasmparser::MemoryType| (ty.memory64, ty.shared, ty.page_size_log2);
        let table = |table: &Table<'_>| (table.ty.element_type, table.ty.table64, table.ty.shared);
        fn types<'m>(module: &'m Module<'_>) -> &'m [u8] {
            module.section(SectionId::TYPE).map_or(&[], |section| section.entries().1)
        }
        let tags = |module: &Module<'_>| {
            let is_tag = |import: &&wasmparser::Import<'_>| matches!(import.ty, TypeRef::Tag(_));
            let imported: Vec<TypeRef> =
                module.imports.iter().filter(is_tag).map(|import| import.ty).collect();
            (imported, module.section(SectionId::TAG).map(|section| section.contents.to_vec()))
        };
        let named_elements = self.code.highest_element.map_or(0, |highest| highest as usize + 1);
        let named_data = self.code.highest_data.map_or(0, |highest| highest as usize + 1);
        let declared = other.referenceable_functions();
        types(other).starts_with(types(self))
            && begins(&self.functions, &other.functions, |ty| *ty)
            && self.imported.functions == other.imported.functions
            && begins(&self.tables, &other.tables, table)
            && begins(&self.memories, &other.memories, memory)
            && begins(&self.globals, &other.globals, |global| global.ty)
            && tags(self) == tags(other)
            && self.elements.len() >= named_elements
            && begins(&self.elements[..named_elements], &other.elements, Element::ty)
            && other.data.len() >= named_data
            && (named_data == 0 || other.has_data_count)
            && self.code.ref_funcs.is_subset(&declared)
    }

    /// Reads a binary that was made from a valid one. What the code refers to is left open.
    pub fn read_valid(bytes: &'a [u8]) -> Result<Module<'a>, wasmparser::BinaryReaderError> {
        let mut module = Module::empty(bytes);
        for payload in Parser::new(0).parse_all(bytes) {
            module.read(payload?)?;
        }
        Ok(module)
    }

    fn empty(bytes: &'a [u8]) -> Module<'a> {
        Module {
            bytes,
            sections: Vec::new(),
            types: Vec::new(),
            imports: Vec::new(),
            functions: Vec::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            globals: Vec::new(),
            tags: Vec::new(),
            imported: ImportCounts::default(),
            exports: Vec::new(),
            start: None,
            elements: Vec::new(),
            data: Vec::new(),
            has_data_count: false,
            code: CodeUses::default(),
            body_calls: None,
            digest: OnceLock::new(),
            names: OnceLock::new(),
        }
    }

    fn read(&mut self, payload: Payload<'a>) -> Result<(), wasmparser::BinaryReaderError> {
        if let Some((id, range)) = payload.as_section() {
            let custom = match &payload {
                Payload::CustomSection(section) => Some((section.name(), section.data())),
                _ => None,
            };
            self.sections.push(Section {
                id: SectionId(id),
                contents: &self.bytes[range.clone()],
                range,
                custom,
            });
        }
        match payload {
            Payload::TypeSection(groups) => {
                for group in groups {
                    self.types.extend(group?.into_types());
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    self.read_import(import?);
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions {
                    self.functions.push(ty?);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    self.read_table(table?);
                }
            }
            Payload::MemorySection(memories) => {
                for ty in memories {
                    self.memories.push(ty?);
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    let global = global?;
                    self.globals.push(Global { ty: global.ty, init: Some(global.init_expr) });
                }
            }
            Payload::TagSection(tags) => {
                for tag in tags {
                    self.tags.push(tag?.func_type_idx);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    self.exports.push(export?);
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(elements) => {
                for element in elements {
                    let wasmparser::Element { kind, items, range } = element?;
                    self.elements.push(Element { kind, items, range });
                }
            }
            Payload::DataCountSection { .. } => self.has_data_count = true,
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment?;
                    let range = segment.range.end - segment.data.len()..segment.range.end;
                    self.data.push(Data { kind: segment.kind, bytes: segment.data, range });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn read_table(&mut self, table: wasmparser::Table<'a>) {
        let init = match table.init {
            TableInit::RefNull => None,
            TableInit::Expr(init) => Some(init),
        };
        self.tables.push(Table { ty: table.ty, init });
    }

    fn read_import(&mut self, import: wasmparser::Import<'a>) {
        match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.functions.push(ty);
                self.imported.functions += 1;
            }
            TypeRef::Table(ty) => {
                self.tables.push(Table { ty, init: None });
                self.imported.tables += 1;
            }
            TypeRef::Memory(ty) => {
                self.memories.push(ty);
                self.imported.memories += 1;
            }
            TypeRef::Global(ty) => {
                self.globals.push(Global { ty, init: None });
                self.imported.globals += 1;
            }
            TypeRef::Tag(tag) => self.tags.push(tag.func_type_idx),
        }
        self.imports.push(import);
    }
}

fn turn_away(
    payload: &Payload<'_>,
    turned_away: &impl Fn(&str) -> Option<UnsupportedKind>,
) -> Result<(), ModuleError> {
    let kind = match payload {
        Payload::CustomSection(section) => turned_away(section.name()),
        _ => None,
    };
    kind.map_or(Ok(()), |kind| Err(ModuleError::Unsupported(kind)))
}
