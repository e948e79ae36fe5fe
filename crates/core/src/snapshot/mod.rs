//! The state of an instance as plain data: what capture reads, what plan writes down, what the verifier and the
//! audit compare. It knows no engine and does no I/O.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

mod evaluate;
mod heap;
mod unwritable;

pub use evaluate::{constant_address, evaluate_alone};
pub use heap::{Heap, Object, Shape, call_fields};
pub use unwritable::Unwritable;

use crate::module::{Module, Space};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The whole state of one instance, in index-space order (imports first, as in the wasm index spaces).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot<'a> {
    /// The value of every global, imported ones included.
    pub globals: Vec<GlobalState>,
    /// Every memory, imported ones included.
    pub memories: Vec<MemoryState<'a>>,
    /// Every table, imported ones included.
    pub tables: Vec<TableState>,
    /// For each data segment, whether `memory.init` sees it as empty: active ones always are after instantiation.
    pub dropped_data: Vec<bool>,
    /// For each element segment, whether `table.init` sees it as empty: active and declared ones always are.
    pub dropped_elements: Vec<bool>,
    /// For each element segment its items, if it is passive, live, and may hold objects: the engine makes those once per
    /// instance, and whoever uses the segment shares them. Empty for all others.
    pub element_items: Vec<Vec<Reference>>,
    /// The objects that globals, tables and element segments reach.
    pub heap: Heap,
    /// The last of the calls to imports that make values of the host again; it leads to those before.
    pub last_call: Option<u32>,
    /// Imported memories, tables and mutable globals that are the same as one of a lower index, whatever their names.
    pub aliases: Vec<Alias>,
}

/// An import that was handed over twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alias {
    /// Of what kind it is.
    pub space: Space,
    /// Its index.
    pub index: u32,
    /// The lowest index that it has too.
    pub first: u32,
}

impl Snapshot<'_> {
    /// Whether everything but the heap is the same.
    pub fn is_same_but_for_objects(&self, other: &Snapshot<'_>) -> bool {
        let Snapshot {
            globals,
            memories,
            tables,
            dropped_data,
            dropped_elements,
            element_items,
            heap: _,
            last_call,
            aliases,
        } = self;
        *globals == other.globals
            && *memories == other.memories
            && *tables == other.tables
            && *dropped_data == other.dropped_data
            && *dropped_elements == other.dropped_elements
            && *element_items == other.element_items
            && *last_call == other.last_call
            && *aliases == other.aliases
    }

    /// Lets references to functions lead to others, by function index.
    pub fn redirect_functions(&mut self, functions: &BTreeMap<u32, u32>) {
        let redirect = |reference: &mut Reference| {
            if let Reference::Func(index) = reference
                && let Some(other) = functions.get(index)
            {
                *index = *other;
            }
        };
        for global in &mut self.globals {
            if let Value::Ref(reference) = &mut global.value {
                redirect(reference);
            }
        }
        self.tables.iter_mut().flat_map(|table| &mut table.elements).for_each(redirect);
        self.element_items.iter_mut().flatten().for_each(redirect);
        self.heap.references_mut().iter_mut().for_each(redirect);
    }

    /// Lets nothing be written to the imports of `module`: somebody else owns them, and their state is there already.
    pub fn leave_imports(&mut self, module: &Module<'_>) {
        for memory in self.memories.iter_mut().take(module.imported.memories as usize) {
            memory.image = Image::default();
            memory.import = Some(ImportedMemory { size: memory.size, image: Image::default() });
        }
        for table in self.tables.iter_mut().take(module.imported.tables as usize) {
            let size = table.elements.len();
            table.import = Some(ImportedTable { size: size as u64, changed: vec![false; size] });
        }
        for global in self.globals.iter_mut().take(module.imported.globals as usize) {
            global.import_changed = false;
        }
    }

    /// The same state, borrowing nothing.
    pub fn into_owned(self) -> Snapshot<'static> {
        let own = |memory: MemoryState<'_>| MemoryState {
            size: memory.size,
            maximum: memory.maximum,
            image: memory.image.into_owned(),
            import: memory.import,
        };
        Snapshot {
            globals: self.globals,
            memories: self.memories.into_iter().map(own).collect(),
            tables: self.tables,
            dropped_data: self.dropped_data,
            dropped_elements: self.dropped_elements,
            element_items: self.element_items,
            heap: self.heap,
            last_call: self.last_call,
            aliases: self.aliases,
        }
    }
}

/// A global's value, and for an imported global whether it still is the one that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobalState {
    /// The value at the snapshot.
    pub value: Value,
    /// Whether the value differs from the one that was handed over; `false` for globals that the module defines.
    pub import_changed: bool,
}

/// A linear memory's size and contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryState<'a> {
    /// Size in bytes.
    pub size: u64,
    /// The most pages that it may grow to, as the memory itself says (an import may declare more).
    pub maximum: Option<u64>,
    /// The contents.
    pub image: Image<'a>,
    /// For an imported memory, what it held when it was handed over, before this module's segments were applied.
    pub import: Option<ImportedMemory>,
}

/// What an imported memory held before the module touched it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedMemory {
    /// Size in bytes.
    pub size: u64,
    /// The contents.
    pub image: Image<'static>,
}

/// A table's elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableState {
    /// Every slot, in order.
    pub elements: Vec<Reference>,
    /// The most elements that it may grow to, as the table itself says (an import may declare more).
    pub maximum: Option<u64>,
    /// For an imported table, how it differs from what was handed over.
    pub import: Option<ImportedTable>,
}

/// What an imported table looked like before the module touched it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedTable {
    /// Number of slots that it was handed over with.
    pub size: u64,
    /// For each of those slots, whether it holds something else now.
    pub changed: Vec<bool>,
}

/// A WebAssembly value. Floats are bits, because NaN payloads and the sign of zero are state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// `i32`
    I32(i32),
    /// `i64`
    I64(i64),
    /// `f32`, as its bits.
    F32(u32),
    /// `f64`, as its bits.
    F64(u64),
    /// `v128`, little-endian lanes.
    V128(u128),
    /// Any reference type.
    Ref(Reference),
}

/// A reference value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reference {
    /// The null of whatever type the place has.
    Null,
    /// A function of this module's index space.
    Func(u32),
    /// An unboxed 31-bit integer, zero-extended.
    I31(u32),
    /// An unboxed 31-bit integer, zero-extended, that went through `extern.convert_any`.
    ExternI31(u32),
    /// An object of the heap, by id.
    Object(u32),
    /// An object of the heap that went through `extern.convert_any`.
    ExternObject(u32),
    /// A value of the host that an immutable imported global holds, by global index; as it is or converted, whatever the
    /// place wants.
    Import(u32),
    /// A value that has no constant expression.
    Unwritable(Unwritable),
}

/// Bytes of a linear memory: only the blocks that hold something, everything between them is zero.
#[derive(Debug, Clone, Default)]
pub struct Image<'a> {
    chunks: Vec<Chunk<'a>>,
}

/// A piece of an [`Image`].
#[derive(Debug, Clone)]
pub struct Chunk<'a> {
    /// Byte offset in the memory.
    pub offset: u64,
    /// The bytes there.
    pub bytes: Cow<'a, [u8]>,
}

impl Chunk<'_> {
    /// The offset just past the last byte.
    pub fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

impl<'a> Image<'a> {
    /// An image of `chunks`, which must be in order and must not overlap.
    pub fn new(chunks: Vec<Chunk<'a>>) -> Self {
        debug_assert!(chunks.windows(2).all(|pair| pair[0].end() <= pair[1].offset));
        Image { chunks }
    }

    /// The stored blocks, in order.
    pub fn chunks(&self) -> &[Chunk<'a>] {
        &self.chunks
    }

    /// The stored blocks, in order.
    pub fn into_chunks(self) -> Vec<Chunk<'a>> {
        self.chunks
    }

    /// Calls `visit` with the pieces of `start..end` in order, `None` for a stretch of zeros of the given length.
    pub fn visit(&self, start: u64, end: u64, mut visit: impl FnMut(Option<&[u8]>, u64)) {
        let mut at = start;
        let first = self.chunks.partition_point(|chunk| chunk.end() <= start);
        for chunk in &self.chunks[first..] {
            if chunk.offset >= end {
                break;
            }
            if chunk.offset > at {
                visit(None, chunk.offset - at);
                at = chunk.offset;
            }
            let stop = chunk.end().min(end);
            visit(
                Some(&chunk.bytes[(at - chunk.offset) as usize..(stop - chunk.offset) as usize]),
                stop - at,
            );
            at = stop;
        }
        if at < end {
            visit(None, end - at);
        }
    }

    /// Lets `bytes` be at `address`.
    pub fn overwrite(&mut self, address: u64, bytes: &[u8]) {
        for (&byte, at) in bytes.iter().zip(address..) {
            let index = self.chunks.partition_point(|chunk| chunk.end() <= at);
            match self.chunks.get_mut(index) {
                Some(chunk) if chunk.offset <= at => {
                    if let Some(old) = chunk.bytes.to_mut().get_mut((at - chunk.offset) as usize) {
                        *old = byte;
                    }
                }
                _ => self.chunks.insert(index, Chunk { offset: at, bytes: Cow::Owned(vec![byte]) }),
            }
        }
    }

    /// Appends the bytes `start..end` to `out`.
    pub fn append_to(&self, start: u64, end: u64, out: &mut Vec<u8>) {
        self.visit(start, end, |bytes, len| match bytes {
            Some(bytes) => out.extend_from_slice(bytes),
            None => out.resize(out.len() + len as usize, 0),
        });
    }

    /// The same image, borrowing nothing.
    pub fn into_owned(self) -> Image<'static> {
        let own =
            |chunk: Chunk<'a>| Chunk { offset: chunk.offset, bytes: Cow::Owned(chunk.bytes.into_owned()) };
        Image { chunks: self.chunks.into_iter().map(own).collect() }
    }
}

/// Two images are equal when they describe the same bytes, however they are cut into chunks.
impl PartialEq for Image<'_> {
    fn eq(&self, other: &Self) -> bool {
        let same_cut = |(a, b): (&Chunk<'_>, &Chunk<'_>)| a.offset == b.offset && a.bytes == b.bytes;
        if self.chunks.len() == other.chunks.len() && self.chunks.iter().zip(&other.chunks).all(same_cut) {
            return true;
        }
        let end = |image: &Image<'_>| image.chunks.last().map_or(0, Chunk::end);
        let mut is_same = true;
        crate::segments::each_difference(self, other, end(self).max(end(other)), |_| is_same = false);
        is_same
    }
}

impl Eq for Image<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_overwritten_wherever_they_are() {
        let chunk = |offset, bytes: &'static [u8]| Chunk { offset, bytes: Cow::Borrowed(bytes) };
        for address in 0..16 {
            let mut image = Image::new(vec![chunk(2, b"ab"), chunk(4, b"cd"), chunk(9, b"e")]);
            let mut expected = Vec::new();
            image.append_to(0, 20, &mut expected);
            expected[address..address + 3].copy_from_slice(b"xyz");
            image.overwrite(address as u64, b"xyz");
            let mut found = Vec::new();
            image.append_to(0, 20, &mut found);
            assert_eq!(found, expected, "{address}");
            assert!(image.chunks().windows(2).all(|pair| pair[0].end() <= pair[1].offset), "{address}");
        }
    }
}
