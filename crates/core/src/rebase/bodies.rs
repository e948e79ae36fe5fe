//! The functions that answer instead of the imports.

use crate::wasi_version::SubscriptionLayout;
use wasm_encoder::{BlockType, Function, MemArg, ValType};

/// Parameters and results of [`Bodies::find`].
pub(super) const FIND_TYPE: [u8; 4] = [0x60, 1, 0x7f, 0];

/// Parameters and results of [`Bodies::wait_for`].
pub(super) const WAIT_TYPE: [u8; 9] = [0x60, 5, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f];

/// The monotonic clock's number.
const MONOTONIC: i32 = 1;

/// An event of `poll_oneoff`, in bytes.
const EVENT: i32 = 32;

/// What is known of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// The first reading of an instance.
    pub frozen: i64,
    /// The global that says whether the offset is known.
    pub is_known: u32,
    /// The global with what is added to readings.
    pub offset: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bodies {
    pub memory: u32,
    pub clock: Clock,
}

/// Instead of `poll_oneoff`: `wait` does it, beginning with the first subscription.
pub(super) fn wait_body(wait: u32) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    code.local_get(0).local_get(1).local_get(2).local_get(3).i32_const(0).call(wait).end();
    function
}

impl Bodies {
    fn at(self, offset: u64, align: u32) -> MemArg {
        MemArg { offset, align, memory_index: self.memory }
    }

    /// Instead of `clock_time_get`: `(id, precision, address) -> errno`.
    pub fn reading(self, import: u32) -> Function {
        let Clock { frozen, is_known, offset } = self.clock;
        let time = self.at(0, 0);
        let mut function = Function::new([(1, ValType::I32)]);
        let mut code = function.instructions();
        code.local_get(0).local_get(1).local_get(2).call(import).local_tee(3);
        code.local_get(0).i32_const(MONOTONIC).i32_ne().i32_or();
        code.if_(BlockType::Empty).local_get(3).return_().end();
        code.global_get(is_known).i32_eqz().if_(BlockType::Empty);
        code.i64_const(frozen).local_get(2).i64_load(time).i64_sub().global_set(offset);
        code.i32_const(1).global_set(is_known).end();
        code.local_get(2).local_get(2).i64_load(time).global_get(offset).i64_add().i64_store(time);
        code.i32_const(0).end();
        function
    }

    /// Takes the offset, if it is not known: `(address)`, of eight bytes that are as before afterwards.
    pub fn find(self, clock_time_get: u32) -> Function {
        let Clock { frozen, is_known, offset } = self.clock;
        let time = self.at(0, 0);
        let mut function = Function::new([(1, ValType::I64)]);
        let mut code = function.instructions();
        code.global_get(is_known).if_(BlockType::Empty).return_().end();
        code.local_get(0).i64_load(time).local_set(1);
        code.i32_const(MONOTONIC).i64_const(0).local_get(0).call(clock_time_get);
        code.i32_eqz().if_(BlockType::Empty);
        code.i64_const(frozen).local_get(0).i64_load(time).i64_sub().global_set(offset);
        code.i32_const(1).global_set(is_known).end();
        code.local_get(0).local_get(1).i64_store(time).end();
        function
    }

    /// Shifts absolute times of the monotonic clock back, from a subscription on, waits, and puts them back:
    /// `(subscriptions, events, number, events' number, first) -> errno`. It calls `itself` for each time, which keeps it.
    pub fn wait_for(self, layout: SubscriptionLayout, import: u32, find: u32, itself: u32) -> Function {
        const AT: u32 = 5;
        const SAVED: u32 = 6;
        const ERRNO: u32 = 7;
        let timeout = self.at(layout.timeout.into(), 0);
        let mut function = Function::new([(1, ValType::I32), (1, ValType::I64), (1, ValType::I32)]);
        let mut code = function.instructions();
        code.block(BlockType::Empty).loop_(BlockType::Empty);
        code.local_get(4).local_get(2).i32_ge_u().br_if(1);
        code.local_get(0).local_get(4).i32_const(layout.size.cast_signed()).i32_mul().i32_add().local_set(AT);
        code.local_get(4).i32_const(1).i32_add().local_set(4);
        // The kind of a subscription to a clock is 0.
        code.local_get(AT).i32_load8_u(self.at(8, 0)).br_if(0);
        // Time that goes by while it waits for any clock goes by for this one.
        code.local_get(1).call(find);
        code.local_get(AT).i32_load(self.at(layout.id.into(), 0)).i32_const(MONOTONIC).i32_ne().br_if(0);
        code.global_get(self.clock.is_known).i32_eqz().br_if(0);
        code.local_get(AT)
            .i32_load16_u(self.at(layout.flags.into(), 0))
            .i32_const(1)
            .i32_and()
            .i32_eqz()
            .br_if(0);
        code.local_get(AT).i64_load(timeout).local_set(SAVED);
        code.local_get(AT);
        self.shifted_back(&mut code, SAVED);
        code.i64_store(timeout);
        code.local_get(0).local_get(1).local_get(2).local_get(3).local_get(4).call(itself).local_set(ERRNO);
        // Unless an event was written there.
        code.local_get(AT).i32_const(layout.timeout.cast_signed() + 8).i32_add().local_get(1).i32_le_u();
        code.local_get(1).local_get(2).i32_const(EVENT).i32_mul().i32_add();
        code.local_get(AT).i32_const(layout.timeout.cast_signed()).i32_add().i32_le_u().i32_or();
        code.if_(BlockType::Empty).local_get(AT).local_get(SAVED).i64_store(timeout).end();
        code.local_get(ERRNO).return_();
        code.end().end();
        code.local_get(0).local_get(1).local_get(2).local_get(3).call(import).end();
        function
    }

    /// The host's time of the guest's time in a local, from 0 to the largest number.
    fn shifted_back(self, code: &mut wasm_encoder::InstructionSink<'_>, time: u32) {
        let offset = self.clock.offset;
        let shifted = |code: &mut wasm_encoder::InstructionSink<'_>| {
            code.local_get(time).global_get(offset).i64_sub();
        };
        code.global_get(offset).i64_const(0).i64_ge_s().if_(BlockType::Result(ValType::I64));
        shifted(code);
        code.i64_const(0).local_get(time).global_get(offset).i64_ge_u().select();
        code.else_();
        shifted(code);
        code.i64_const(-1);
        shifted(code);
        code.local_get(time).i64_ge_u().select();
        code.end();
    }
}
