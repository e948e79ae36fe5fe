//! Arguments by their types. Edges are drawn more often than what lies between them.

use crate::host::{ComponentValue, Handle};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use wasmtime::component::{ResourceType, Type};

/// How deep values are nested.
const DEEPEST: usize = 8;

/// Values in the arguments of one call: a type of few bytes can have very many.
const MOST_VALUES: usize = 100_000;

/// Bytes of a name that count like a value: each value has the names of its type for itself.
const OF_NAME: usize = 64;

/// A resource that a call has given, by the order of creation.
#[derive(Debug, Clone, Copy)]
pub struct Given {
    pub ty: ResourceType,
    /// Whether the caller still has it.
    pub is_alive: bool,
}

/// Makes values.
pub struct Generator<'g> {
    pub rng: &'g mut ChaCha20Rng,
    pub given: &'g mut Vec<Given>,
    /// How many values it has made.
    pub made: usize,
}

impl Generator<'_> {
    fn below(&mut self, bound: usize) -> usize {
        match bound {
            0 => 0,
            bound => (self.rng.next_u64() % bound as u64) as usize,
        }
    }

    /// A number of so many bits: a small one, an edge, or any.
    fn bits(&mut self, bits: u32) -> u64 {
        let mask = u64::MAX >> (64 - bits);
        let edge = 1u64 << (bits - 1);
        mask & match self.below(8) {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => edge,
            4 => edge - 1,
            5 | 6 => self.below(200) as u64,
            _ => self.rng.next_u64(),
        }
    }

    /// A value of this type; `None` if there is no resource for it, or no value can be made.
    pub fn value(&mut self, ty: &Type, depth: usize) -> Option<ComponentValue> {
        self.made += 1;
        if depth > DEEPEST || self.made > MOST_VALUES {
            return None;
        }
        Some(match ty {
            Type::Bool => ComponentValue::Bool(self.below(2) == 1),
            Type::S8 => ComponentValue::S8(self.bits(8) as i8),
            Type::U8 => ComponentValue::U8(self.bits(8) as u8),
            Type::S16 => ComponentValue::S16(self.bits(16) as i16),
            Type::U16 => ComponentValue::U16(self.bits(16) as u16),
            Type::S32 => ComponentValue::S32(self.bits(32) as i32),
            Type::U32 => ComponentValue::U32(self.bits(32) as u32),
            Type::S64 => ComponentValue::S64(self.bits(64).cast_signed()),
            Type::U64 => ComponentValue::U64(self.bits(64)),
            Type::Float32 => ComponentValue::Float32(self.float32()),
            Type::Float64 => ComponentValue::Float64(self.float64()),
            Type::Char => ComponentValue::Char(self.character()),
            Type::String => ComponentValue::Text(self.text()),
            Type::List(list) => match list.ty() {
                Type::U8 => {
                    let len = self.below(40);
                    ComponentValue::Bytes((0..len).map(|_| self.bits(8) as u8).collect())
                }
                ty => {
                    let len = self.below(4);
                    ComponentValue::List(self.values(std::iter::repeat_n(ty, len), depth)?)
                }
            },
            Type::Tuple(tuple) => ComponentValue::Tuple(self.values(tuple.types(), depth)?),
            Type::Record(record) => {
                let mut fields = Vec::new();
                for field in record.fields() {
                    fields.push((self.named(field.name), self.value(&field.ty, depth + 1)?));
                }
                ComponentValue::Record(fields)
            }
            Type::Variant(variant) => {
                let case = variant.cases().nth(self.below(variant.cases().len()))?;
                ComponentValue::Variant(self.named(case.name), self.boxed(case.ty, depth)?)
            }
            Type::Enum(names) => {
                let name = names.names().nth(self.below(names.names().len()))?;
                ComponentValue::Enum(self.named(name))
            }
            Type::Option(option) => {
                let ty = (self.below(3) > 0).then(|| option.ty());
                ComponentValue::Option(self.boxed(ty, depth)?)
            }
            Type::Result(result) => match self.below(2) {
                0 => ComponentValue::Result(Ok(self.boxed(result.ok(), depth)?)),
                _ => ComponentValue::Result(Err(self.boxed(result.err(), depth)?)),
            },
            Type::Flags(flags) => {
                let mut set = Vec::new();
                for name in flags.names() {
                    if self.below(2) == 1 {
                        set.push(self.named(name));
                    }
                }
                ComponentValue::Flags(set)
            }
            Type::Own(ty) => {
                let number = self.resource(ty)?;
                self.given.get_mut(number)?.is_alive = false;
                resource(number)
            }
            Type::Borrow(ty) => resource(self.resource(ty)?),
            _ => return None,
        })
    }

    /// A name of a type, for a value.
    fn named(&mut self, name: &str) -> String {
        self.made += name.len() / OF_NAME;
        name.to_owned()
    }

    fn values(&mut self, types: impl Iterator<Item = Type>, depth: usize) -> Option<Vec<ComponentValue>> {
        types.map(|ty| self.value(&ty, depth + 1)).collect()
    }

    /// The inner `None` stands for no value.
    #[expect(clippy::option_option, reason = "that there is none is not that none can be made")]
    fn boxed(&mut self, ty: Option<Type>, depth: usize) -> Option<Option<Box<ComponentValue>>> {
        match ty {
            Some(ty) => Some(Some(Box::new(self.value(&ty, depth + 1)?))),
            None => Some(None),
        }
    }

    /// One of the resources of this type that are alive.
    fn resource(&mut self, ty: &ResourceType) -> Option<usize> {
        let alive = (0..).zip(&*self.given).filter(|(_, given)| given.is_alive && given.ty == *ty);
        let numbers: Vec<usize> = alive.map(|(number, _)| number).collect();
        numbers.get(self.below(numbers.len())).copied()
    }

    fn float32(&mut self) -> u32 {
        const EDGES: [f32; 8] = [0.0, -0.0, 1.0, -1.5, f32::MAX, f32::MIN_POSITIVE, f32::INFINITY, f32::NAN];
        match self.below(2) {
            0 => EDGES[self.below(EDGES.len())].to_bits(),
            _ => (self.below(2000) as f32 - 1000.0).to_bits(),
        }
    }

    fn float64(&mut self) -> u64 {
        const EDGES: [f64; 8] = [0.0, -0.0, 1.0, -1.5, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY, f64::NAN];
        match self.below(2) {
            0 => EDGES[self.below(EDGES.len())].to_bits(),
            _ => (self.below(2000) as f64 - 1000.0).to_bits(),
        }
    }

    fn character(&mut self) -> char {
        const SOME: [char; 6] = ['a', '0', '\0', 'é', '漢', '\u{10ffff}'];
        SOME[self.below(SOME.len())]
    }

    fn text(&mut self) -> String {
        const SOME: [&str; 8] = ["", "a", "5", "text", "é漢🙂", "two words", "line\nbreak", "\0"];
        match self.below(4) {
            0 => "x".repeat(self.below(300)),
            _ => SOME[self.below(SOME.len())].to_owned(),
        }
    }
}

fn resource(number: usize) -> ComponentValue {
    ComponentValue::Resource(Handle { kind: "resource", number: number as u32 })
}
