use wasm_encoder::{Encode, Instruction};
use wasmparser::{FunctionBody, Operator};

/// A body that does nothing but call another function with its own parameters.
pub(super) struct Trampoline {
    /// The function that it calls, which has the same type.
    pub target: u32,
    /// How many parameters there are.
    pub parameters: usize,
    /// Whether the call must be a tail call, so that chains of tail calls still need no stack.
    pub tail: bool,
}

impl Trampoline {
    /// The function that a body calls, if it is a trampoline.
    pub fn target_of(body: &FunctionBody<'_>) -> Option<u32> {
        let operators = body.get_operators_reader().ok()?.into_iter();
        operators.flatten().find_map(|operator| match operator {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                Some(function_index)
            }
            _ => None,
        })
    }

    /// The body with its declaration of locals, as long as `len` where that is possible, longer where it is not.
    pub fn body(&self, len: usize) -> Vec<u8> {
        const NO_LOCALS: u8 = 0;
        let mut body = vec![NO_LOCALS];
        for parameter in 0..self.parameters as u32 {
            Instruction::LocalGet(parameter).encode(&mut body);
        }
        match self.tail {
            true => Instruction::ReturnCall(self.target).encode(&mut body),
            false => Instruction::Call(self.target).encode(&mut body),
        }
        for _ in body.len() + 1..len {
            Instruction::Nop.encode(&mut body);
        }
        Instruction::End.encode(&mut body);
        body
    }
}

#[cfg(test)]
mod tests {
    use super::Trampoline;

    #[test]
    fn a_trampoline_has_the_length_of_the_body() {
        let trampoline = Trampoline { target: 300, parameters: 2, tail: false };
        assert_eq!(trampoline.body(12), [0, 0x20, 0, 0x20, 1, 0x10, 0xac, 0x02, 0x01, 0x01, 0x01, 0x0b]);
    }

    #[test]
    fn a_body_that_is_too_short_grows() {
        let trampoline = Trampoline { target: 1, parameters: 1, tail: true };
        assert_eq!(trampoline.body(5), [0, 0x20, 0, 0x12, 1, 0x0b]);
        assert_eq!(trampoline.body(6), [0, 0x20, 0, 0x12, 1, 0x0b]);
    }
}
