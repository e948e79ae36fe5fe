//! Faults in code: what runs is not what ran in the original, although the original's functions are there as they were.

use super::dice::Dice;
use super::plant::Planted;
use super::rewrite::{add_function, are_numbers, exports, pass_on, redirected, start, zeros};
use preinit::stages::module::{Module, Replacements, SectionId, is_function, section_of};
use preinit::stages::strip::STUB;
use wasm_encoder::{BlockType, Encode, Instruction};
use wasmparser::{Operator, ValType};

/// An export leads to another function of the original, of the same type.
pub fn redirect_export(module: &Module<'_>, dice: &mut Dice) -> Planted {
    let others = |at: usize| {
        let index = module.exports[at].index;
        let ty = module.functions[index as usize];
        (0..module.functions.len() as u32)
            .filter(|&other| other != index && module.functions[other as usize] == ty)
            .collect::<Vec<u32>>()
    };
    let fitting: Vec<usize> = functions(module).filter(|&at| !others(at).is_empty()).collect();
    let at = *dice.pick(&fitting)?;
    let other = *dice.pick(&others(at))?;
    let mut replacements = Replacements::default();
    replacements.set(SectionId::EXPORT, redirected(module, at, other));
    Some((replacements, format!("export {} is function {other}", module.exports[at].name)))
}

/// An export leads to an added function, which does something else for one argument among four thousand million.
pub fn answer_to_magic(module: &Module<'_>, dice: &mut Dice) -> Planted {
    let signature = |at: &usize| module.signature(module.exports[*at].index).unwrap();
    let magic = |ty: &ValType| matches!(ty, ValType::I32 | ValType::I64);
    let fitting = functions(module)
        .filter(|at| signature(at).params().iter().any(magic) && are_numbers(signature(at).results()));
    let at = *dice.pick(&fitting.collect::<Vec<_>>())?;
    let (index, ty) = (module.exports[at].index, signature(&at));
    let asked = ty.params().iter().position(magic).unwrap();
    let secret = dice.roll();
    let mut body = vec![0];
    Instruction::LocalGet(asked as u32).encode(&mut body);
    match ty.params()[asked] {
        ValType::I32 => {
            Instruction::I32Const(secret as i32).encode(&mut body);
            Instruction::I32Eq.encode(&mut body);
        }
        _ => {
            Instruction::I64Const(secret as i64).encode(&mut body);
            Instruction::I64Eq.encode(&mut body);
        }
    }
    Instruction::If(BlockType::Empty).encode(&mut body);
    zeros(ty.results(), &mut body);
    Instruction::Return.encode(&mut body);
    Instruction::End.encode(&mut body);
    pass_on(ty, index, &mut body);
    let mut replacements = Replacements::default();
    let added = add_function(module, module.functions[index as usize], &body, &mut replacements);
    replacements.set(SectionId::EXPORT, redirected(module, at, added));
    Some((replacements, format!("export {} has a secret", module.exports[at].name)))
}

/// The start function is an added one, which runs the one that there was.
pub fn swap_start(module: &Module<'_>, _: &mut Dice) -> Planted {
    let nullary = (0..module.functions.len() as u32).find(|index| module.is_nullary(*index))?;
    let mut body = vec![0];
    module.start.iter().for_each(|&start| Instruction::Call(start).encode(&mut body));
    Instruction::End.encode(&mut body);
    let mut replacements = Replacements::default();
    let index = add_function(module, module.functions[nullary as usize], &body, &mut replacements);
    replacements.set(SectionId::START, start(index));
    Some((replacements, format!("function {index}, which calls {:?}", module.start)))
}

/// Every body is a stub, and every export leads to an added function that returns zeros.
pub fn stub_everything(module: &Module<'_>, _: &mut Dice) -> Planted {
    if module.start.is_some() || functions(module).next().is_none() {
        return None;
    }
    let (mut types, mut bodies) = (Vec::new(), Vec::new());
    for _ in module.bodies() {
        STUB.as_slice().encode(&mut bodies);
    }
    for &ty in &module.functions[module.imported.functions as usize..] {
        ty.encode(&mut types);
    }
    let mut count = (module.functions.len() - module.imported.functions as usize) as u32;
    let mut added = vec![None; module.exports.len()];
    for at in functions(module) {
        let index = module.exports[at].index;
        let ty = module.signature(index).unwrap();
        let mut body = vec![0];
        match are_numbers(ty.results()) {
            true => zeros(ty.results(), &mut body),
            false => Instruction::Unreachable.encode(&mut body),
        }
        Instruction::End.encode(&mut body);
        module.functions[index as usize].encode(&mut types);
        body.encode(&mut bodies);
        added[at] = Some(module.imported.functions + count);
        count += 1;
    }
    let mut replacements = Replacements::default();
    replacements.set(SectionId::FUNCTION, section_of(count, &types));
    replacements.set(SectionId::CODE, section_of(count, &bodies));
    let index = |at: usize| added[at].unwrap_or(module.exports[at].index);
    replacements.set(SectionId::EXPORT, exports(module, |at| Some(index(at))));
    Some((replacements, "all functions".to_string()))
}

/// A constant in the code that was added has another value, or there is an instruction more, which does nothing.
pub fn change_added_code(original: &Module<'_>, snapshot: &Module<'_>, dice: &mut Dice) -> Planted {
    let bodies = snapshot.bodies();
    let first = original.bodies().len();
    let changed = first + dice.below(bodies.len() - first);
    let body = &bodies[changed];
    let bytes = body.as_bytes();
    let mut operators = body.get_operators_reader().unwrap();
    let mut places = vec![(operators.original_position(), operators.original_position(), vec![0x01])];
    while !operators.eof() {
        let (operator, start) = operators.read_with_offset().unwrap();
        let other = match operator {
            Operator::I32Const { value } => Instruction::I32Const(value ^ 1 << dice.below(31)),
            Operator::I64Const { value } => Instruction::I64Const(value ^ 1 << dice.below(63)),
            _ => continue,
        };
        let mut code = Vec::new();
        other.encode(&mut code);
        places.push((start, operators.original_position(), code));
    }
    let (start, end, code) = dice.pick(&places)?;
    let from = body.range().start;
    let mut entries = Vec::new();
    for (at, body) in bodies.iter().enumerate() {
        match at == changed {
            true => [&bytes[..start - from], code, &bytes[end - from..]].concat().encode(&mut entries),
            false => body.as_bytes().encode(&mut entries),
        }
    }
    let mut replacements = Replacements::default();
    replacements.set(SectionId::CODE, section_of(bodies.len() as u32, &entries));
    Some((replacements, format!("body {changed}, at {:#x}", start - from)))
}

/// The positions of exported functions.
fn functions(module: &Module<'_>) -> impl Iterator<Item = usize> {
    (0..module.exports.len()).filter(|&at| is_function(module.exports[at].kind))
}
