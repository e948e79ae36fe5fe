//! What the validator knows about the place of a call in a function body: the constructs around it, and the operands
//! that lie below each.

use super::ResumeError;
use super::call_stack::CallSite;
use crate::module::{Module, Space};
use crate::probe::MemoryCount;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wasmparser::{
    BlockType, FuncToValidate, FuncValidatorAllocations, FunctionBody, HeapType, Operator, Parser, RefType,
    UnpackedIndex, ValType, ValidPayload, Validator, ValidatorResources, types::CoreTypeId,
};

/// The bodies of those functions of a module that are looked at.
pub struct FunctionCodes<'a> {
    bodies: BTreeMap<u32, FunctionCode<'a>>,
    /// The validator has numbers of its own for the module's types; the first index of each.
    types: HashMap<CoreTypeId, u32>,
}

/// One function.
pub struct FunctionCode<'a> {
    /// Its declaration of locals and its instructions.
    pub bytes: &'a [u8],
    /// Parameters and locals.
    pub locals: Vec<ValType>,
    /// How many of the locals are parameters.
    pub parameters: usize,
    /// The types of its results.
    pub results: Vec<ValType>,
    /// Every instruction and where it is, from the start of the body.
    pub operators: Vec<(Operator<'a>, usize)>,
    function: FuncToValidate<ValidatorResources>,
    start: usize,
}

/// A call in progress.
#[derive(Debug)]
pub struct CallPoint {
    /// The index of the call among the instructions.
    pub at: usize,
    /// The constructs that the call is in, the function itself first.
    pub levels: Vec<OpenConstruct>,
    /// The types of all operands just before the call, from the bottom.
    pub operands: Vec<ValType>,
    /// How many of them lie below what the call takes.
    pub kept: usize,
    /// Whether the topmost one is the function that is called, or its index in a table.
    pub indirect: bool,
    /// Locals of a type without default that may not have been set.
    pub unset: BTreeSet<u32>,
}

/// A construct that is open at a call.
#[derive(Debug, Clone)]
pub struct OpenConstruct {
    /// What kind of construct.
    pub construct: Construct,
    /// The index of the instruction that opened it.
    pub opened: usize,
    /// Operands that lie below it.
    pub height: usize,
    /// How many operands it takes.
    pub parameters: usize,
    /// Its parameters and results.
    pub ty: BlockType,
    /// The types of the operands of the enclosing construct when it was opened, its own parameters included.
    pub below: Vec<ValType>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
/// A structured control instruction, or the function itself.
pub enum Construct {
    /// The function's body.
    Function,
    /// `block`
    Block,
    /// `loop`
    Loop,
    /// The first arm of an `if`.
    If,
    /// The other arm of an `if`.
    Else,
    /// `try_table`
    TryTable,
}

impl<'a> FunctionCodes<'a> {
    /// Reads the bodies of `functions`, which must be defined by the module.
    pub fn read(module: &Module<'a>, functions: &BTreeSet<u32>) -> Result<FunctionCodes<'a>, ResumeError> {
        let (mut bodies, mut types) = (BTreeMap::new(), HashMap::new());
        let mut validator = Validator::new_with_features(crate::module::features());
        let mut index = module.imported.functions;
        for payload in Parser::new(0).parse_all(module.bytes) {
            match validator.payload(&payload?)? {
                ValidPayload::Func(function, body) => {
                    if functions.contains(&index) {
                        bodies.insert(index, FunctionCode::read(module, index, function, &body)?);
                    }
                    index += 1;
                }
                ValidPayload::End(all) => {
                    for ty in (0..module.types.len() as u32).rev() {
                        types.insert(all.as_ref().core_type_at_in_module(ty), ty);
                    }
                }
                _ => {}
            }
        }
        Ok(FunctionCodes { bodies, types })
    }

    /// One of those that were read.
    pub fn get(&self, function: u32) -> Result<&FunctionCode<'a>, ResumeError> {
        self.bodies
            .get(&function)
            .ok_or(ResumeError::Unexplained("a frame of a function that does not exist"))
    }

    /// The call at `site`. What is known of it takes from `room`.
    pub fn call(
        &self,
        module: &Module<'_>,
        site: CallSite,
        room: &mut usize,
    ) -> Result<CallPoint, ResumeError> {
        self.get(site.function)?.call(module, (&self.types, room), site)
    }
}

impl<'a> FunctionCode<'a> {
    fn read(
        module: &Module<'a>,
        index: u32,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'a>,
    ) -> Result<FunctionCode<'a>, ResumeError> {
        let signature = module.signature(index);
        let signature = signature.ok_or(ResumeError::Unexplained("a function without a signature"))?;
        let mut locals = signature.params().to_vec();
        for local in body.get_locals_reader()? {
            let (count, ty) = local?;
            locals.extend((0..count).map(|_| ty));
        }
        let start = body.range().start;
        let mut operators = Vec::new();
        for operator in body.get_operators_reader()?.into_iter_with_offsets() {
            let (operator, offset) = operator?;
            operators.push((operator, offset - start));
        }
        Ok(FunctionCode {
            bytes: &module.bytes[body.range()],
            locals,
            parameters: signature.params().len(),
            results: signature.results().to_vec(),
            operators,
            function,
            start,
        })
    }

    /// Where the first instruction is, from the start of the body.
    pub fn first_instruction(&self) -> usize {
        self.operators.first().map_or(0, |(_, offset)| *offset)
    }

    /// The bytes of one instruction.
    pub fn instruction(&self, index: usize) -> &'a [u8] {
        let end = self.operators.get(index + 1).map_or(self.bytes.len(), |(_, offset)| *offset);
        &self.bytes[self.operators[index].1..end]
    }

    /// What stands for one instruction in a module that counts memory so.
    pub fn counted(&self, index: usize, count: Option<&MemoryCount>) -> Cow<'a, [u8]> {
        let own = self.instruction(index);
        let counted = count.and_then(|count| count.instead(&self.operators[index].0, own));
        counted.map_or(Cow::Borrowed(own), Cow::Owned)
    }

    fn call(
        &self,
        module: &Module<'_>,
        (types, room): (&HashMap<CoreTypeId, u32>, &mut usize),
        site: CallSite,
    ) -> Result<CallPoint, ResumeError> {
        let at = self.operators.binary_search_by_key(&(site.offset as usize), |(_, offset)| *offset);
        let at = at.map_err(|_| ResumeError::Unexplained("a frame between two instructions"))?;
        let taken = taken(module, &self.operators[at].0)
            .ok_or_else(|| ResumeError::Refused(no_call(module, site.function, &self.operators[at].0)))?;
        let mut walk = Walk::new(self, types)?;
        for index in 0..at {
            walk.step(index, *room)?;
        }
        let operands = walk.operands(0)?;
        let known = walk.below + operands.len() + walk.unset.len();
        *room = room.checked_sub(known).ok_or_else(no_room)?;
        let kept = operands.len().checked_sub(taken);
        let kept = kept.ok_or(ResumeError::Unexplained("a call without its arguments"))?;
        let indirect = !matches!(self.operators[at].0, Operator::Call { .. });
        Ok(CallPoint { at, levels: walk.levels, operands, kept, indirect, unset: walk.unset })
    }
}

/// Constructs that are nested deep can take the same operands again and again.
fn no_room() -> ResumeError {
    ResumeError::Refused(
        "the calls in progress are in constructs with more operands than can be kept".to_string(),
    )
}

fn no_call(module: &Module<'_>, function: u32, operator: &Operator<'_>) -> String {
    let function = module.names().describe(Space::Function, function);
    let text = format!("{operator:?}");
    let name = text.split([' ', '{']).next().unwrap_or_default();
    format!(
        "{function} is in the middle of an instruction that is no plain call ({name}), and cannot be frozen there"
    )
}

/// How many operands a call takes; `None` for an instruction that is no call or leaves no frame.
fn taken(module: &Module<'_>, operator: &Operator<'_>) -> Option<usize> {
    let parameters = |ty: u32| match &module.types.get(ty as usize)?.composite_type.inner {
        wasmparser::CompositeInnerType::Func(ty) => Some(ty.params().len()),
        _ => None,
    };
    match operator {
        Operator::Call { function_index } => parameters(*module.functions.get(*function_index as usize)?),
        Operator::CallIndirect { type_index, .. } | Operator::CallRef { type_index } => {
            parameters(*type_index).map(|count| count + 1)
        }
        _ => None,
    }
}

/// Goes through a body with the validator.
struct Walk<'b, 'a> {
    body: &'b FunctionCode<'a>,
    types: &'b HashMap<CoreTypeId, u32>,
    validator: wasmparser::FuncValidator<ValidatorResources>,
    levels: Vec<OpenConstruct>,
    unset: BTreeSet<u32>,
    /// How many types are kept of operands below constructs that are open.
    below: usize,
    /// Per construct, the locals that were set in it for the first time: at its end they count as unset again.
    set: Vec<Vec<u32>>,
}

impl<'b, 'a> Walk<'b, 'a> {
    fn new(body: &'b FunctionCode<'a>, types: &'b HashMap<CoreTypeId, u32>) -> Result<Self, ResumeError> {
        let FuncToValidate { resources, index, ty, features } = &body.function;
        let function =
            FuncToValidate { resources: resources.clone(), index: *index, ty: *ty, features: *features };
        let mut validator = function.into_validator(FuncValidatorAllocations::default());
        let mut reader = wasmparser::BinaryReader::new(body.bytes, body.start);
        reader.set_features(*validator.features());
        validator.read_locals(&mut reader)?;
        let has_default = |ty: &ValType| !matches!(ty, ValType::Ref(ty) if !ty.is_nullable());
        let unset = (0u32..).zip(&body.locals).skip(body.parameters).filter(|(_, ty)| !has_default(ty));
        let function = OpenConstruct {
            construct: Construct::Function,
            opened: 0,
            height: 0,
            parameters: 0,
            ty: BlockType::Empty,
            below: Vec::new(),
        };
        Ok(Walk {
            body,
            types,
            validator,
            levels: vec![function],
            unset: unset.map(|(index, _)| index).collect(),
            below: 0,
            set: vec![Vec::new()],
        })
    }

    fn step(&mut self, index: usize, room: usize) -> Result<(), ResumeError> {
        let (operator, offset) = &self.body.operators[index];
        let opens = match operator {
            Operator::Block { blockty } => Some((Construct::Block, *blockty)),
            Operator::Loop { blockty } => Some((Construct::Loop, *blockty)),
            Operator::If { blockty } => Some((Construct::If, *blockty)),
            Operator::TryTable { try_table } => Some((Construct::TryTable, try_table.ty)),
            _ => None,
        };
        // In unreachable code operands may have no type; nothing is ever frozen in there.
        let below = match opens {
            Some(_) => {
                let from = self.levels.last().map_or(0, |level| level.height);
                self.operands(from).unwrap_or_default()
            }
            None => Vec::new(),
        };
        self.validator.op(self.body.start + offset, operator)?;
        match operator {
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                if self.unset.remove(local_index)
                    && let Some(set) = self.set.last_mut()
                {
                    set.push(*local_index);
                }
            }
            Operator::Else => {
                self.forget();
                self.set.push(Vec::new());
                if let Some(level) = self.levels.last_mut() {
                    level.construct = Construct::Else;
                }
            }
            Operator::End => {
                self.forget();
                self.below -= self.levels.pop().map_or(0, |level| level.below.len());
            }
            _ => {}
        }
        if let Some((construct, ty)) = opens {
            let frame = self.validator.get_control_frame(0);
            let height = frame.ok_or(ResumeError::Unexplained("a construct that did not open"))?.height;
            let parameters = self.validator.operand_stack_height() as usize - height;
            self.below += below.len();
            if self.below > room {
                return Err(no_room());
            }
            self.levels.push(OpenConstruct { construct, opened: index, height, parameters, ty, below });
            self.set.push(Vec::new());
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.unset.extend(self.set.pop().into_iter().flatten());
    }

    fn in_module(&self, ty: ValType) -> Option<ValType> {
        let ValType::Ref(reference) = ty else { return Some(ty) };
        let index = |index: UnpackedIndex| match index {
            UnpackedIndex::Id(id) => self.types.get(&id).copied().map(UnpackedIndex::Module),
            index => Some(index),
        };
        let heap_type = match reference.heap_type() {
            HeapType::Concrete(ty) => HeapType::Concrete(index(ty)?),
            HeapType::Exact(ty) => HeapType::Exact(index(ty)?),
            ty => ty,
        };
        RefType::new(reference.is_nullable(), heap_type).map(ValType::Ref)
    }

    /// The types of the operands from `from` to the top.
    fn operands(&self, from: usize) -> Result<Vec<ValType>, ResumeError> {
        let height = self.validator.operand_stack_height() as usize;
        let count = height.saturating_sub(from);
        let ty = |depth| self.in_module(self.validator.get_operand_type(depth).flatten()?);
        let operands = (0..count).rev().map(ty).collect::<Option<Vec<_>>>();
        operands.ok_or(ResumeError::Unexplained("a frame in unreachable code"))
    }
}
