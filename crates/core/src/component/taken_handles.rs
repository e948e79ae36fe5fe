//! Moving the numbers of all handles: in every component instance a first core module takes some, so that all that come later have
//! numbers that are higher by as many. What differs after init holds handles.

use super::definition::{Definition, Nested};
use super::reencoded_section::reencoded;
use super::section::{HEADER, id};
use super::{Component, ComponentError};
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent, component_utils};
use wasm_encoder::{
    CanonicalFunctionSection, CodeSection, ComponentSection, ComponentTypeSection, Encode, EntityType,
    ExportKind, Function, FunctionSection, ImportSection, InstanceSection, Module, ModuleArg, StartSection,
    TypeSection, ValType,
};
use wasmparser::CanonicalFunction;

/// What the module that takes handles imports.
const NEW: &str = "new";

impl Component<'_> {
    /// The component with other core modules, as [`Component::with_modules`] makes it, in which each component instance has `count`
    /// handles before it takes any of its own. The custom sections of components are left out.
    ///
    /// # Errors
    /// [`ComponentError::Malformed`], which parsing rules out.
    pub fn with_taken_handles(
        &self,
        modules: &[Option<&[u8]>],
        count: u32,
    ) -> Result<Vec<u8>, ComponentError> {
        let wasm = moved(&self.root, modules, &taking_module(count))?;
        Component::parse(&wasm)?;
        Ok(wasm)
    }
}

fn moved(
    definition: &Definition<'_>,
    modules: &[Option<&[u8]>],
    taking: &[u8],
) -> Result<Vec<u8>, ComponentError> {
    let mut out = HEADER.to_vec();
    write_first(taking, &mut out);
    for part in definition.sections.iter().filter(|part| part.section.id != id::CUSTOM) {
        let section = &part.section;
        match part.nested {
            Nested::Module(module) => section.write(modules.get(module).copied().flatten(), &mut out),
            Nested::Component(component) => {
                let nested = definition.components.get(component);
                let nested = nested.map(|nested| moved(nested, modules, taking)).transpose()?;
                section.write(nested.as_deref(), &mut out);
            }
            Nested::Nothing => {
                section.write(reencoded(section, &mut Later { depth: 0 })?.as_deref(), &mut out);
            }
        }
    }
    Ok(out)
}

/// What stands before everything else: a type, a core function, a core module and two core instances.
fn write_first(taking: &[u8], out: &mut Vec<u8>) {
    let mut types = ComponentTypeSection::new();
    types.resource(ValType::I32, None);
    let mut functions = CanonicalFunctionSection::new();
    functions.resource_new(0);
    let mut instances = InstanceSection::new();
    instances.export_items([(NEW, ExportKind::Func, 0)]);
    instances.instantiate(0, [(NEW, ModuleArg::Instance(0))]);
    types.append_to_component(out);
    functions.append_to_component(out);
    out.push(id::CORE_MODULE);
    taking.encode(out);
    instances.append_to_component(out);
}

/// A module whose start function takes handles.
fn taking_module(count: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    imports.import(NEW, NEW, EntityType::Function(0));
    let mut functions = FunctionSection::new();
    functions.function(1);
    let mut take = Function::new([]);
    let mut body = take.instructions();
    for _ in 0..count {
        body.i32_const(0).call(0).drop();
    }
    body.end();
    let mut code = CodeSection::new();
    code.function(&take);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions);
    module.section(&StartSection { function_index: 1 }).section(&code);
    module.finish()
}

/// Moves what a component defines, in each component alike, so an outer alias moves as what it means. The types that a type declares
/// are its own.
struct Later {
    /// How many types are around.
    depth: u32,
}

impl Later {
    fn by(&self, index: u32, by: u32) -> u32 {
        if self.depth == 0 { index + by } else { index }
    }
}

impl Reencode for Later {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error<Infallible>> {
        Ok(self.by(index, 1))
    }
}

impl ReencodeComponent for Later {
    fn push_depth(&mut self) {
        self.depth += 1;
    }

    fn pop_depth(&mut self) {
        self.depth -= 1;
    }

    fn component_type_index(&mut self, index: u32) -> u32 {
        self.by(index, 1)
    }

    // wasm-encoder 0.254 leaves the types of these four as they are.
    fn parse_component_canonical(
        &mut self,
        section: &mut CanonicalFunctionSection,
        function: CanonicalFunction,
    ) -> Result<(), Error<Infallible>> {
        match function {
            CanonicalFunction::StreamCancelRead { ty, async_ } => {
                section.stream_cancel_read(self.component_type_index(ty), async_);
            }
            CanonicalFunction::StreamCancelWrite { ty, async_ } => {
                section.stream_cancel_write(self.component_type_index(ty), async_);
            }
            CanonicalFunction::FutureCancelRead { ty, async_ } => {
                section.future_cancel_read(self.component_type_index(ty), async_);
            }
            CanonicalFunction::FutureCancelWrite { ty, async_ } => {
                section.future_cancel_write(self.component_type_index(ty), async_);
            }
            function => component_utils::parse_component_canonical(self, section, function)?,
        }
        Ok(())
    }

    fn module_index(&mut self, index: u32) -> u32 {
        self.by(index, 1)
    }

    fn instance_index(&mut self, index: u32) -> u32 {
        self.by(index, 2)
    }

    fn outer_component_type_index(&mut self, count: u32, index: u32) -> u32 {
        if count >= self.depth { index + 1 } else { index }
    }

    fn outer_module_index(&mut self, count: u32, index: u32) -> u32 {
        if count >= self.depth { index + 1 } else { index }
    }

    fn outer_component_index(&mut self, _: u32, index: u32) -> u32 {
        index
    }
}
