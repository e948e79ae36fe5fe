//! A page at the end of the module's memory that the module itself does not see.
//!
//! The memory is one page larger than what `memory.size` tells the module. When the module grows it, the page moves to the
//! new end. So an allocator that takes all of the memory for its own, as those of Go and Emscripten do, never gets the page,
//! at whatever time it looks. Once somebody outside has grown the memory, the page stays where it is, and the module is told
//! the real size: what was given to it begins behind the page.

use super::EmbedError;
use crate::interpose::{Interposition, SizedMemory};
use crate::module::{Module, SectionId};
use wasm_encoder::{BlockType, Encode, Function, Instruction, MemorySection, ValType};
use wasmparser::MemoryType;

/// How many pages there are.
const PAGES: u32 = 1;
/// The bytes of a page, as a power of two.
const PAGE: u32 = 16;

/// The page: where it is, and where the stack in it ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// The memory.
    pub memory: u32,
    /// Whether its addresses have 64 bits.
    pub memory64: bool,
    /// The global with its address.
    pub base: u32,
    /// The global with the stack pointer of the layer.
    pub stack: u32,
}

/// Adds the page.
pub(super) fn add(
    interposition: &mut Interposition<'_, '_>,
    module: &Module<'_>,
    memory: u32,
) -> Result<Page, EmbedError> {
    let ty = module.memories.get(memory as usize).ok_or(EmbedError::NoMemory)?;
    interposition.replace_section(SectionId::MEMORY, memories(module, memory)?);
    // Addresses of WASI have 32 bits, so the page must be where they reach.
    let base = u32::try_from(ty.initial << PAGE).map_err(|_| EmbedError::NoRoom)?;
    let top = base.checked_add(PAGES << PAGE).ok_or(EmbedError::NoRoom)?;
    let page = Page {
        memory,
        memory64: ty.memory64,
        base: interposition.address(base),
        stack: interposition.address(top),
    };
    let size_ty = if ty.memory64 { ValType::I64 } else { ValType::I32 };
    let code = SizeCode { page };
    let size = interposition.function(&function_type(&[], size_ty), code.size(), "embed:memory.size");
    let grow = interposition.function(&function_type(&[size_ty], size_ty), code.grow(), "embed:memory.grow");
    interposition.replace_memory_instructions(SizedMemory { memory, size, grow });
    Ok(page)
}

fn function_type(params: &[ValType], result: ValType) -> Vec<u8> {
    let mut ty = vec![0x60];
    params.encode(&mut ty);
    [result].as_slice().encode(&mut ty);
    ty
}

/// The memory section with one page more in this memory.
fn memories(module: &Module<'_>, larger: u32) -> Result<Vec<u8>, EmbedError> {
    let mut section = MemorySection::new();
    for (index, ty) in (0u32..).zip(&module.memories).skip(module.imported.memories as usize) {
        let mut ty = wasm_encoder::MemoryType::from(*ty);
        if index == larger {
            let most = most_pages(&module.memories[larger as usize]);
            ty.minimum += u64::from(PAGES);
            if ty.minimum > most {
                return Err(EmbedError::NoRoom);
            }
            ty.maximum = ty.maximum.map(|maximum| most.min(maximum + u64::from(PAGES)));
        }
        section.memory(ty);
    }
    let mut contents = Vec::new();
    section.encode(&mut contents);
    // Without the section's size.
    let mut reader = wasmparser::BinaryReader::new(&contents, 0);
    let start = reader.read_var_u32().map_or(0, |_| reader.original_position());
    Ok(contents.split_off(start))
}

/// The pages that a memory of this type can have.
fn most_pages(ty: &MemoryType) -> u64 {
    if ty.memory64 { 1 << 48 } else { 1 << 16 }
}

/// Code that tells and changes the size.
struct SizeCode {
    page: Page,
}

impl SizeCode {
    fn ty(&self) -> ValType {
        if self.page.memory64 { ValType::I64 } else { ValType::I32 }
    }

    fn constant(&self, value: u32) -> Instruction<'static> {
        if self.page.memory64 {
            Instruction::I64Const(i64::from(value))
        } else {
            Instruction::I32Const(value.cast_signed())
        }
    }

    /// One of two instructions, by the type of addresses.
    fn by_type(&self, narrow: Instruction<'static>, wide: Instruction<'static>) -> Instruction<'static> {
        if self.page.memory64 { wide } else { narrow }
    }

    /// Pushes the base as an address.
    fn push_base(&self, body: &mut Function) {
        body.instruction(&Instruction::GlobalGet(self.page.base));
        if self.page.memory64 {
            body.instruction(&Instruction::I64ExtendI32U);
        }
    }

    /// Pushes whether the page is at the end of the memory.
    fn push_is_last(&self, body: &mut Function) {
        self.push_base(body);
        body.instruction(&self.constant(PAGE))
            .instruction(&self.by_type(Instruction::I32ShrU, Instruction::I64ShrU))
            .instruction(&self.constant(PAGES))
            .instruction(&self.by_type(Instruction::I32Add, Instruction::I64Add))
            .instruction(&Instruction::MemorySize(self.page.memory))
            .instruction(&self.by_type(Instruction::I32Eq, Instruction::I64Eq));
    }

    fn subtract(&self) -> Instruction<'static> {
        self.by_type(Instruction::I32Sub, Instruction::I64Sub)
    }

    /// What the module takes for the size.
    fn size(&self) -> Function {
        let mut body = Function::new([]);
        body.instruction(&Instruction::MemorySize(self.page.memory));
        body.instruction(&self.constant(PAGES)).instruction(&self.constant(0));
        self.push_is_last(&mut body);
        body.instruction(&Instruction::Select).instruction(&self.subtract()).instruction(&Instruction::End);
        body
    }

    /// Grows the memory, and moves the page to its end.
    fn grow(&self) -> Function {
        const MORE: u32 = 0;
        const IS_LAST: u32 = 1;
        const OLD: u32 = 2;
        const BYTES: u32 = 3;
        let ty = self.ty();
        let mut body = Function::new([(1, ValType::I32), (2, ty)]);
        self.push_is_last(&mut body);
        body.instruction(&Instruction::LocalSet(IS_LAST));
        if self.page.memory64 {
            self.refuse_beyond_reach(&mut body, MORE, IS_LAST);
        }
        body.instruction(&Instruction::LocalGet(MORE))
            .instruction(&Instruction::MemoryGrow(self.page.memory))
            .instruction(&Instruction::LocalTee(OLD))
            .instruction(&self.by_type(Instruction::I32Const(-1), Instruction::I64Const(-1)))
            .instruction(&self.by_type(Instruction::I32Eq, Instruction::I64Eq))
            .instruction(&Instruction::LocalGet(IS_LAST))
            .instruction(&Instruction::I32Eqz)
            .instruction(&Instruction::I32Or)
            .instruction(&Instruction::If(BlockType::Empty))
            .instruction(&Instruction::LocalGet(OLD))
            .instruction(&Instruction::Return)
            .instruction(&Instruction::End);
        body.instruction(&Instruction::LocalGet(MORE))
            .instruction(&self.constant(PAGE))
            .instruction(&self.by_type(Instruction::I32Shl, Instruction::I64Shl))
            .instruction(&Instruction::LocalSet(BYTES));
        self.move_page(&mut body, BYTES);
        body.instruction(&Instruction::LocalGet(OLD))
            .instruction(&self.constant(PAGES))
            .instruction(&self.subtract())
            .instruction(&Instruction::End);
        body
    }

    /// Moves the page up by as many bytes as a local says, and leaves zeros where it was.
    fn move_page(&self, body: &mut Function, bytes: u32) {
        let memory = self.page.memory;
        let size = self.constant(PAGES << PAGE);
        self.push_base(body);
        body.instruction(&Instruction::LocalGet(bytes))
            .instruction(&self.by_type(Instruction::I32Add, Instruction::I64Add));
        self.push_base(body);
        body.instruction(&size).instruction(&Instruction::MemoryCopy { src_mem: memory, dst_mem: memory });
        // Growth of less than the page leaves its end where its beginning was.
        self.push_base(body);
        body.instruction(&Instruction::I32Const(0))
            .instruction(&Instruction::LocalGet(bytes))
            .instruction(&size)
            .instruction(&Instruction::LocalGet(bytes))
            .instruction(&size)
            .instruction(&self.by_type(Instruction::I32LtU, Instruction::I64LtU))
            .instruction(&Instruction::Select)
            .instruction(&Instruction::MemoryFill(memory));
        for global in [self.page.base, self.page.stack] {
            body.instruction(&Instruction::GlobalGet(global)).instruction(&Instruction::LocalGet(bytes));
            if self.page.memory64 {
                body.instruction(&Instruction::I32WrapI64);
            }
            body.instruction(&Instruction::I32Add).instruction(&Instruction::GlobalSet(global));
        }
    }

    /// Fails to grow a memory so far that the page would be out of reach of 32 bits.
    fn refuse_beyond_reach(&self, body: &mut Function, more: u32, is_last: u32) {
        const REACH: i64 = (1 << 16) - PAGES as i64;
        body.instruction(&Instruction::LocalGet(is_last))
            .instruction(&Instruction::LocalGet(more))
            .instruction(&Instruction::I64Const(REACH))
            .instruction(&Instruction::MemorySize(self.page.memory))
            .instruction(&Instruction::I64Sub)
            .instruction(&Instruction::I64GtS)
            .instruction(&Instruction::LocalGet(more))
            .instruction(&Instruction::I64Const(0))
            .instruction(&Instruction::I64LtS)
            .instruction(&Instruction::I32Or)
            .instruction(&Instruction::I32And)
            .instruction(&Instruction::If(BlockType::Empty))
            .instruction(&Instruction::I64Const(-1))
            .instruction(&Instruction::Return)
            .instruction(&Instruction::End);
    }
}
