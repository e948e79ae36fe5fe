use crate::module::Module;
use crate::plan::PlannedHeap;
use crate::plan::heap::{PrebuiltPlace, RegistryEntry, StreamKind};
use crate::snapshot::Shape;
use wasm_encoder::{Encode, HeapType, RefType, ValType};

/// The types of the builder, each in a recursion group of its own after those of the module. None but this one of its
/// functions ever holds an object of them.
#[derive(Debug, Clone, Copy)]
pub(in crate::encode) struct BuilderTypes {
    base: u32,
    has_exceptions: bool,
    has_externals: bool,
    reference_width: u32,
}

impl BuilderTypes {
    pub fn of(module: &Module<'_>, heap: &PlannedHeap) -> BuilderTypes {
        let is_exception = |(_, entry): &(u32, RegistryEntry)| {
            matches!(entry, RegistryEntry::Prebuilt(Shape::Exception(_), PrebuiltPlace::Item { .. }))
        };
        let is_external = |(_, entry): &(u32, RegistryEntry)| match entry {
            RegistryEntry::Prebuilt(_, PrebuiltPlace::Item { segment, .. }) => {
                let ty = module.elements[*segment as usize].ty();
                module.hierarchy(ty.heap_type()) == crate::module::Hierarchy::Extern
            }
            _ => false,
        };
        let prelude = &heap.plan.prelude;
        BuilderTypes {
            base: module.types.len() as u32,
            has_exceptions: heap.plan.exceptions > 1 || prelude.iter().any(is_exception),
            has_externals: prelude.iter().any(is_external),
            reference_width: heap.plan.data.reference_width,
        }
    }

    /// The array type of a stream, or of any array of this width.
    pub fn stream(&self, kind: StreamKind) -> u32 {
        self.base
            + match kind {
                StreamKind::References => match self.reference_width {
                    1 => 0,
                    2 => 1,
                    _ => 2,
                },
                StreamKind::Bytes => 0,
                StreamKind::Shorts => 1,
                StreamKind::Words => 2,
                StreamKind::Doubles => 3,
            }
    }

    pub fn functions(&self) -> u32 {
        self.base + 4
    }

    pub fn registry(&self) -> u32 {
        self.base + 5
    }

    pub fn exceptions(&self) -> Option<u32> {
        self.has_exceptions.then_some(self.base + 6)
    }

    pub fn externals(&self) -> Option<u32> {
        self.has_externals.then_some(self.base + 6 + u32::from(self.has_exceptions))
    }

    /// Refers to those before.
    pub fn state(&self) -> u32 {
        self.base + 6 + u32::from(self.has_exceptions) + u32::from(self.has_externals)
    }

    /// Takes the state, a first entry and a count.
    pub fn builder(&self) -> u32 {
        self.state() + 1
    }

    /// Takes the state.
    pub fn part(&self) -> u32 {
        self.state() + 2
    }

    /// Takes nothing.
    pub fn start(&self) -> u32 {
        self.state() + 3
    }

    /// All of them as entries of the type section, in order.
    pub fn entries(&self) -> Vec<Vec<u8>> {
        const ARRAY: u8 = 0x5e;
        const I8: u8 = 0x78;
        const I16: u8 = 0x77;
        const IMMUTABLE: u8 = 0;
        const MUTABLE: u8 = 1;
        let array = |ty: ValType, mutable: u8| {
            let mut entry = vec![ARRAY];
            ty.encode(&mut entry);
            entry.push(mutable);
            entry
        };
        let mut entries = vec![
            vec![ARRAY, I8, IMMUTABLE],
            vec![ARRAY, I16, IMMUTABLE],
            array(ValType::I32, IMMUTABLE),
            array(ValType::I64, IMMUTABLE),
            array(ValType::FUNCREF, IMMUTABLE),
            array(ValType::Ref(RefType::ANYREF), MUTABLE),
        ];
        if self.has_exceptions {
            entries.push(array(ValType::Ref(RefType::EXNREF), MUTABLE));
        }
        if self.has_externals {
            entries.push(array(ValType::EXTERNREF, IMMUTABLE));
        }
        entries.push(self.state_entry());
        let state = ValType::Ref(RefType { nullable: false, heap_type: HeapType::Concrete(self.state()) });
        for params in [&[state, ValType::I32, ValType::I32][..], &[state], &[]] {
            const FUNCTION: u8 = 0x60;
            const NO_RESULTS: u8 = 0;
            let mut entry = vec![FUNCTION];
            params.encode(&mut entry);
            entry.push(NO_RESULTS);
            entries.push(entry);
        }
        entries
    }

    fn state_entry(&self) -> Vec<u8> {
        const STRUCT: u8 = 0x5f;
        const MUTABLE: u8 = 1;
        let fields = StateField::all();
        let mut entry = vec![STRUCT];
        (fields.len() as u32).encode(&mut entry);
        for field in fields {
            self.field_type(field).encode(&mut entry);
            entry.push(MUTABLE);
        }
        entry
    }

    pub fn field_type(&self, field: StateField) -> ValType {
        let array = match field {
            StateField::Registry => self.registry(),
            StateField::Exceptions => self.exceptions().unwrap_or(self.registry()),
            StateField::Functions => self.functions(),
            StateField::Stream(kind) => self.stream(kind),
            StateField::Cursor(_) | StateField::Arrays => return ValType::I32,
        };
        ValType::Ref(RefType { nullable: true, heap_type: HeapType::Concrete(array) })
    }
}

/// What the builder's functions share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::encode) enum StateField {
    /// Structs, arrays, `i31`s and values of the host, by entry.
    Registry,
    Exceptions,
    Functions,
    Stream(StreamKind),
    /// The place of the next value in a stream.
    Cursor(StreamKind),
    /// Where in the data segment the elements of the next array of numbers are.
    Arrays,
}

pub(super) const STREAMS: [StreamKind; 5] =
    [StreamKind::References, StreamKind::Bytes, StreamKind::Shorts, StreamKind::Words, StreamKind::Doubles];

impl StateField {
    /// In the order of the struct's fields.
    pub fn all() -> Vec<StateField> {
        let mut fields = vec![StateField::Registry, StateField::Exceptions, StateField::Functions];
        fields.extend(STREAMS.map(StateField::Stream));
        fields.extend(STREAMS.map(StateField::Cursor));
        fields.push(StateField::Arrays);
        fields
    }

    pub fn index(self) -> u32 {
        let of = |kind| STREAMS.iter().position(|known| *known == kind).unwrap_or_default() as u32;
        match self {
            StateField::Registry => 0,
            StateField::Exceptions => 1,
            StateField::Functions => 2,
            StateField::Stream(kind) => 3 + of(kind),
            StateField::Cursor(kind) => 8 + of(kind),
            StateField::Arrays => 13,
        }
    }
}
