//! The loop that copies the records of a sparse memory ([`crate::plan::sparse`]) to where they belong.

use crate::plan::StartStep;
use crate::plan::sparse::SCRATCH;
use wasm_encoder::{BlockType, Encode, Instruction, MemArg, ValType};

/// A [`StartStep::CopyRecords`].
pub(super) struct CopyRecords {
    memory: u32,
    memory64: bool,
    data: u32,
    len: u32,
    gap_width: u32,
    len_width: u32,
}

impl CopyRecords {
    pub fn of(step: &StartStep) -> Option<CopyRecords> {
        match *step {
            StartStep::CopyRecords { memory, memory64, data, len, gap_width, len_width } => {
                Some(CopyRecords { memory, memory64, data, len, gap_width, len_width })
            }
            _ => None,
        }
    }

    /// Writes the loop. `local` makes a local that is zero at first.
    pub fn encode(&self, local: &mut impl FnMut(ValType) -> u32, drops: bool, out: &mut Vec<u8>) {
        let address = if self.memory64 { ValType::I64 } else { ValType::I32 };
        let (to, from, count) = (local(address), local(ValType::I32), local(ValType::I32));
        let header = self.gap_width + self.len_width;
        let init = Instruction::MemoryInit { mem: self.memory, data_index: self.data };

        let kept = local(ValType::I64);
        self.address(0, out);
        Instruction::I64Load(self.at(0)).encode(out);
        Instruction::LocalSet(kept).encode(out);
        self.address(SCRATCH, out);
        Instruction::LocalSet(to).encode(out);
        Instruction::Loop(BlockType::Empty).encode(out);
        self.address(0, out);
        Instruction::LocalGet(from).encode(out);
        Instruction::I32Const(header as i32).encode(out);
        init.encode(out);
        advance(from, out, |out| Instruction::I32Const(header as i32).encode(out));
        self.advance_address(to, out, |out| {
            self.address(0, out);
            self.load(0, self.gap_width, self.memory64, out);
        });
        self.address(0, out);
        self.load(self.gap_width, self.len_width, false, out);
        Instruction::LocalSet(count).encode(out);
        Instruction::LocalGet(to).encode(out);
        Instruction::LocalGet(from).encode(out);
        Instruction::LocalGet(count).encode(out);
        init.encode(out);
        self.advance_address(to, out, |out| {
            Instruction::LocalGet(count).encode(out);
            if self.memory64 {
                Instruction::I64ExtendI32U.encode(out);
            }
        });
        advance(from, out, |out| Instruction::LocalGet(count).encode(out));
        Instruction::LocalGet(from).encode(out);
        Instruction::I32Const(self.len as i32).encode(out);
        Instruction::I32LtU.encode(out);
        Instruction::BrIf(0).encode(out);
        Instruction::End.encode(out);
        if drops {
            Instruction::DataDrop(self.data).encode(out);
        }
        self.address(0, out);
        Instruction::LocalGet(kept).encode(out);
        Instruction::I64Store(self.at(0)).encode(out);
    }

    fn address(&self, address: u64, out: &mut Vec<u8>) {
        match self.memory64 {
            true => Instruction::I64Const(address as i64).encode(out),
            false => Instruction::I32Const(address as i32).encode(out),
        }
    }

    fn at(&self, offset: u32) -> MemArg {
        MemArg { offset: u64::from(offset), align: 0, memory_index: self.memory }
    }

    fn load(&self, offset: u32, width: u32, is_64: bool, out: &mut Vec<u8>) {
        let at = self.at(offset);
        match (width, is_64) {
            (1, false) => Instruction::I32Load8U(at),
            (2, false) => Instruction::I32Load16U(at),
            (_, false) => Instruction::I32Load(at),
            (1, true) => Instruction::I64Load8U(at),
            (2, true) => Instruction::I64Load16U(at),
            (_, true) => Instruction::I64Load32U(at),
        }
        .encode(out);
    }

    fn advance_address(&self, local: u32, out: &mut Vec<u8>, by: impl FnOnce(&mut Vec<u8>)) {
        Instruction::LocalGet(local).encode(out);
        by(out);
        match self.memory64 {
            true => Instruction::I64Add.encode(out),
            false => Instruction::I32Add.encode(out),
        }
        Instruction::LocalSet(local).encode(out);
    }
}

fn advance(local: u32, out: &mut Vec<u8>, by: impl FnOnce(&mut Vec<u8>)) {
    Instruction::LocalGet(local).encode(out);
    by(out);
    Instruction::I32Add.encode(out);
    Instruction::LocalSet(local).encode(out);
}
