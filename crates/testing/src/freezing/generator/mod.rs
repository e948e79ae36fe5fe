//! Programs of deeply nested structured control with operands below everything, that call the host in random places.
//! Whatever is dropped goes into a checksum first, so that a wrong value shows.

mod choices;
mod function;
mod module;
mod statements;

use super::graph::{self, Helpers};
use choices::Choices;
use std::collections::VecDeque;
use wasm_encoder::{BlockType, HeapType, RefType, TypeSection, ValType};

/// Calls, loops and rounds that a run may make.
const FUEL: i64 = 60;

const FUEL_GLOBAL: u32 = 0;
const SUM_GLOBAL: u32 = 1;

/// The module's types, as far as code asks for them.
#[derive(Default)]
struct Types {
    /// How many types come before the functions'.
    first: u32,
    section: TypeSection,
    known: Vec<(Vec<ValType>, Vec<ValType>)>,
}

impl Types {
    fn get(&mut self, parameters: &[ValType], results: &[ValType]) -> u32 {
        let found = self.known.iter().position(|(p, r)| p == parameters && r == results);
        found.unwrap_or_else(|| {
            self.known.push((parameters.to_vec(), results.to_vec()));
            self.section.ty().function(parameters.iter().copied(), results.iter().copied());
            self.known.len() - 1
        }) as u32
            + self.first
    }

    fn block(&mut self, parameters: &[ValType], results: &[ValType]) -> BlockType {
        match (parameters, results) {
            ([], []) => BlockType::Empty,
            ([], [result]) => BlockType::Result(*result),
            _ => BlockType::FunctionType(self.get(parameters, results)),
        }
    }
}

struct Program {
    choices: Choices,
    /// Without what the baseline compiler does not know.
    plain: bool,
    /// Makes objects, if it has any.
    helpers: Option<Helpers>,
    types: Types,
    /// The type of the functions that references point to: nothing to `i32`.
    callback: u32,
    /// Signatures of all functions, imports first.
    functions: Vec<(Vec<ValType>, Vec<ValType>)>,
}

/// What a program may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// What the baseline compiler knows.
    Plain,
    /// That, references to functions, vectors and exceptions.
    References,
    /// All that, and objects.
    Objects,
}

impl Means {
    pub fn of(seed: u64) -> Means {
        if seed.is_multiple_of(2) { Means::Plain } else { Means::References }
    }
}

/// A module with an export `entry` that takes nothing.
pub fn program(seed: u64, means: Means) -> Vec<u8> {
    chosen(Choices { bytes: VecDeque::new(), state: seed }, means)
}

/// The same, of choices that somebody else makes.
pub fn program_of(bytes: &[u8], means: Means) -> Vec<u8> {
    chosen(Choices { bytes: bytes.iter().copied().collect(), state: 0 }, means)
}

fn chosen(choices: Choices, means: Means) -> Vec<u8> {
    let mut types = Types::default();
    if means == Means::Objects {
        graph::declare(&mut types.section);
        types.first = graph::TYPES;
    }
    let mut program = Program {
        choices,
        plain: means == Means::Plain,
        helpers: (means == Means::Objects).then_some(Helpers { first: 0 }),
        types,
        callback: 0,
        functions: Vec::new(),
    };
    program.callback = program.types.get(&[], &[ValType::I32]);
    program.module()
}

impl Program {
    fn ty(&mut self) -> ValType {
        let concrete =
            |nullable| ValType::Ref(RefType { nullable, heap_type: HeapType::Concrete(self.callback) });
        let mut types =
            vec![ValType::I32, ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::FUNCREF];
        if !self.plain {
            types.extend([ValType::V128, ValType::EXTERNREF, concrete(true), concrete(false)]);
        }
        if self.helpers.is_some() {
            types.extend(graph::VALUES);
            types.extend(graph::VALUES);
        }
        self.choices.choose(&types)
    }

    fn types(&mut self, most: usize) -> Vec<ValType> {
        let count = self.choices.below(most + 1);
        (0..count).map(|_| self.ty()).collect()
    }
}
