//! A page at the end of the module's memory that the module itself does not see.
//!
//! The memory is one page larger than what `memory.size` tells the module. When the module grows it, the page moves to the
//! new end. So an allocator that takes all of the memory for its own, as those of Go and Emscripten do, never gets the page,
//! at whatever time it looks. Once somebody outside has grown the memory, the page stays where it is, and the module is told
//! the real size: what was given to it begins behind the page.
//!
//! While a function of the layer is at work, its frame is in the page. So a host that calls back into the module meanwhile must
//! not make it grow the memory: that traps.
//!
//! Where files can be changed, there are more pages after it, which move with it. The layer asks for them. They must be at the
//! end to become more, so there they move to the new end, before each call, if somebody outside has grown the memory.

mod limits;

use super::{EmbedError, Writing};
use crate::interpose::{Interposition, SizedMemory};
use crate::module::{Module, SectionId};
use wasm_encoder::{BlockType, Encode, Function, Instruction, MemorySection, ValType};
use wasmparser::MemoryType;

/// How many pages there are at first.
const PAGES: u32 = 1;
/// The bytes of a page, as a power of two.
const PAGE: u32 = 16;

/// The pages that addresses of WASI reach.
const REACH: u64 = 1 << 16;

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
    /// The global that counts the calls of the layer that are in progress.
    pub depth: u32,
    /// Where there may be more pages.
    pub more: Option<More>,
}

/// How there come to be more pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct More {
    /// The global with their number.
    pages: u32,
    /// The function that adds some.
    pub function: u32,
    /// The function that lets them be at the end of the memory again.
    pub settle: u32,
}

/// Adds the page.
pub(super) fn add(
    interposition: &mut Interposition<'_, '_>,
    module: &Module<'_>,
    memory: u32,
    writing: Writing,
) -> Result<Page, EmbedError> {
    let ty = module.memories.get(memory as usize).ok_or(EmbedError::NoMemory)?;
    interposition.replace_section(SectionId::MEMORY, memories(module, memory, writing)?);
    // Addresses of WASI have 32 bits, so the page must be where they reach.
    let base = u32::try_from(ty.initial << PAGE).map_err(|_| EmbedError::NoRoom)?;
    let top = base.checked_add(PAGES << PAGE).ok_or(EmbedError::NoRoom)?;
    let mut page = Page {
        memory,
        memory64: ty.memory64,
        base: interposition.address(base),
        stack: interposition.address(top),
        depth: interposition.address(0),
        more: None,
    };
    if writing == Writing::InMemory {
        let pages = interposition.address(PAGES);
        let code = SizeCode { page, pages: Some(pages), maximum: ty.maximum };
        let ty = function_type(&[ValType::I32], ValType::I32);
        let function = interposition.function(&ty, code.more(), "embed:more");
        let settle = interposition.function(&[0x60, 0, 0], code.settle(), "embed:settle");
        page.more = Some(More { pages, function, settle });
    }
    let size_ty = if ty.memory64 { ValType::I64 } else { ValType::I32 };
    let code = SizeCode { page, pages: page.more.map(|more| more.pages), maximum: ty.maximum };
    let size = interposition.function(&function_type(&[], size_ty), code.size(), "embed:memory.size");
    let grow = code.grow(size);
    let grow = interposition.function(&function_type(&[size_ty], size_ty), grow, "embed:memory.grow");
    interposition.replace_memory_instructions(SizedMemory { memory, size, grow });
    Ok(page)
}

fn function_type(params: &[ValType], result: ValType) -> Vec<u8> {
    let mut ty = vec![0x60];
    params.encode(&mut ty);
    [result].as_slice().encode(&mut ty);
    ty
}

/// The memory section with one page more in this memory. Where there may be more of them, the module's maximum is for its own
/// pages only, and the code that grows the memory looks after it.
fn memories(module: &Module<'_>, larger: u32, writing: Writing) -> Result<Vec<u8>, EmbedError> {
    let mut section = MemorySection::new();
    for (index, ty) in (0u32..).zip(&module.memories).skip(module.imported.memories as usize) {
        let mut ty = wasm_encoder::MemoryType::from(*ty);
        if index == larger {
            let most = most_pages(&module.memories[larger as usize]);
            ty.minimum += u64::from(PAGES);
            if ty.minimum > most {
                return Err(EmbedError::NoRoom);
            }
            ty.maximum = match writing {
                Writing::Refused => ty.maximum.map(|maximum| most.min(maximum + u64::from(PAGES))),
                Writing::InMemory => ty.maximum.map(|maximum| most.min(maximum.max(REACH))),
            };
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
    /// The global with the number of pages, if that changes.
    pages: Option<u32>,
    /// The pages that the module itself may have.
    maximum: Option<u64>,
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

    /// Pushes the number of pages as a size.
    fn push_pages(&self, body: &mut Function) {
        let Some(pages) = self.pages else {
            body.instruction(&self.constant(PAGES));
            return;
        };
        body.instruction(&Instruction::GlobalGet(pages));
        if self.page.memory64 {
            body.instruction(&Instruction::I64ExtendI32U);
        }
    }

    /// Pushes the bytes of all pages as a size.
    fn push_bytes(&self, body: &mut Function) {
        if self.pages.is_none() {
            body.instruction(&self.constant(PAGES << PAGE));
            return;
        }
        self.push_pages(body);
        body.instruction(&self.constant(PAGE))
            .instruction(&self.by_type(Instruction::I32Shl, Instruction::I64Shl));
    }

    /// Pushes whether the pages are at the end of the memory.
    fn push_is_last(&self, body: &mut Function) {
        self.push_base(body);
        body.instruction(&self.constant(PAGE))
            .instruction(&self.by_type(Instruction::I32ShrU, Instruction::I64ShrU));
        self.push_pages(body);
        body.instruction(&self.by_type(Instruction::I32Add, Instruction::I64Add))
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
        self.push_pages(&mut body);
        body.instruction(&self.constant(0));
        self.push_is_last(&mut body);
        body.instruction(&Instruction::Select).instruction(&self.subtract()).instruction(&Instruction::End);
        body
    }

    /// Grows the memory, and moves the pages to its end. `size` is the function that tells the size.
    fn grow(&self, size: u32) -> Function {
        const MORE: u32 = 0;
        const IS_LAST: u32 = 1;
        const OLD: u32 = 2;
        const BYTES: u32 = 3;
        let ty = self.ty();
        let mut body = Function::new([(1, ValType::I32), (2, ty)]);
        self.push_is_last(&mut body);
        body.instruction(&Instruction::LocalSet(IS_LAST));
        self.trap_within_a_call(&mut body, MORE, IS_LAST);
        if self.page.memory64 {
            self.refuse_beyond_reach(&mut body, MORE, IS_LAST);
        }
        if let (Some(_), Some(maximum)) = (self.pages, self.maximum) {
            self.refuse_beyond_maximum(&mut body, MORE, size, maximum);
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
        body.instruction(&Instruction::LocalGet(OLD));
        self.push_pages(&mut body);
        body.instruction(&self.subtract()).instruction(&Instruction::End);
        body
    }

    /// Adds pages at the end, where there are none of the module. Gives 0 if that cannot be.
    fn more(&self) -> Function {
        const COUNT: u32 = 0;
        let mut body = Function::new([]);
        let give_nothing = |body: &mut Function| {
            body.instruction(&Instruction::If(BlockType::Empty))
                .instruction(&Instruction::I32Const(0))
                .instruction(&Instruction::Return)
                .instruction(&Instruction::End);
        };
        self.push_is_last(&mut body);
        body.instruction(&Instruction::I32Eqz);
        give_nothing(&mut body);
        if self.page.memory64 {
            body.instruction(&Instruction::MemorySize(self.page.memory))
                .instruction(&Instruction::LocalGet(COUNT))
                .instruction(&Instruction::I64ExtendI32U)
                .instruction(&Instruction::I64Add)
                .instruction(&Instruction::I64Const(REACH.cast_signed()))
                .instruction(&Instruction::I64GtU);
            give_nothing(&mut body);
        }
        body.instruction(&Instruction::LocalGet(COUNT));
        if self.page.memory64 {
            body.instruction(&Instruction::I64ExtendI32U);
        }
        body.instruction(&Instruction::MemoryGrow(self.page.memory))
            .instruction(&self.by_type(Instruction::I32Const(-1), Instruction::I64Const(-1)))
            .instruction(&self.by_type(Instruction::I32Eq, Instruction::I64Eq));
        give_nothing(&mut body);
        if let Some(pages) = self.pages {
            body.instruction(&Instruction::GlobalGet(pages))
                .instruction(&Instruction::LocalGet(COUNT))
                .instruction(&Instruction::I32Add)
                .instruction(&Instruction::GlobalSet(pages));
        }
        body.instruction(&Instruction::I32Const(1)).instruction(&Instruction::End);
        body
    }

    /// Moves the pages to the end of the memory if somebody outside has grown it. Where they were, nothing is ever again:
    /// the module was told that it is not its own. Without room, they stay.
    fn settle(&self) -> Function {
        const OLD: u32 = 0;
        const BYTES: u32 = 1;
        let mut body = Function::new([(2, self.ty())]);
        let give_up = |body: &mut Function| {
            body.instruction(&Instruction::If(BlockType::Empty))
                .instruction(&Instruction::Return)
                .instruction(&Instruction::End);
        };
        self.push_is_last(&mut body);
        give_up(&mut body);
        if self.page.memory64 {
            body.instruction(&Instruction::MemorySize(self.page.memory));
            self.push_pages(&mut body);
            body.instruction(&Instruction::I64Add)
                .instruction(&Instruction::I64Const(REACH.cast_signed()))
                .instruction(&Instruction::I64GtU);
            give_up(&mut body);
        }
        self.push_pages(&mut body);
        body.instruction(&Instruction::MemoryGrow(self.page.memory))
            .instruction(&Instruction::LocalTee(OLD))
            .instruction(&self.by_type(Instruction::I32Const(-1), Instruction::I64Const(-1)))
            .instruction(&self.by_type(Instruction::I32Eq, Instruction::I64Eq));
        give_up(&mut body);
        body.instruction(&Instruction::LocalGet(OLD))
            .instruction(&self.constant(PAGE))
            .instruction(&self.by_type(Instruction::I32Shl, Instruction::I64Shl));
        self.push_base(&mut body);
        body.instruction(&self.subtract()).instruction(&Instruction::LocalSet(BYTES));
        self.move_page(&mut body, BYTES);
        body.instruction(&Instruction::End);
        body
    }

    /// Moves the pages up by as many bytes as a local says, and leaves zeros where they were.
    fn move_page(&self, body: &mut Function, bytes: u32) {
        let memory = self.page.memory;
        self.push_base(body);
        body.instruction(&Instruction::LocalGet(bytes))
            .instruction(&self.by_type(Instruction::I32Add, Instruction::I64Add));
        self.push_base(body);
        self.push_bytes(body);
        body.instruction(&Instruction::MemoryCopy { src_mem: memory, dst_mem: memory });
        // Growth of less than they have leaves their end where their beginning was.
        self.push_base(body);
        body.instruction(&Instruction::I32Const(0)).instruction(&Instruction::LocalGet(bytes));
        self.push_bytes(body);
        body.instruction(&Instruction::LocalGet(bytes));
        self.push_bytes(body);
        body.instruction(&self.by_type(Instruction::I32LtU, Instruction::I64LtU))
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
}
