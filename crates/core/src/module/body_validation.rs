//! Validation of the function bodies, on all processors, with a look at what their instructions name.

use super::body_calls::{BodyCalls, BodyScan};
use super::{CodeUses, Module, ModuleError};
use crate::parallel;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use wasmparser::{
    BinaryReaderError, FuncToValidate, FuncValidatorAllocations, FunctionBody, Operator, OperatorsReader,
    ValidatorResources,
};

pub(super) type BodyToValidate<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

/// The bodies of a module that are yet to be validated. Any number of threads can do it, beside others that run the module: an
/// engine takes no code that it has not validated itself. Nothing may be written before [`UnvalidatedBodies::finish`].
pub struct UnvalidatedBodies<'a> {
    bodies: Vec<BodyToValidate<'a>>,
    next: AtomicUsize,
    first_mistake: Mutex<Option<(usize, BinaryReaderError)>>,
}

impl<'a> UnvalidatedBodies<'a> {
    pub(super) fn new(bodies: Vec<BodyToValidate<'a>>) -> UnvalidatedBodies<'a> {
        UnvalidatedBodies { bodies, next: AtomicUsize::new(0), first_mistake: Mutex::new(None) }
    }

    /// Validates one body after the other, until the last one was begun, here or by another thread, or one has a mistake.
    pub fn validate(&self) {
        let mut allocations = FuncValidatorAllocations::default();
        loop {
            // In order: whoever begins with one has seen no mistake in those before it.
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some((function, body)) = self.bodies.get(at) else { return };
            let FuncToValidate { resources, index, ty, features } = function;
            let function =
                FuncToValidate { resources: resources.clone(), index: *index, ty: *ty, features: *features };
            if let Err(error) = validate_body(function, body, &mut allocations) {
                let mut first = self.first_mistake.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|(earlier, _)| at < *earlier) {
                    *first = Some((at, error));
                }
                self.next.store(self.bodies.len(), Ordering::Relaxed);
            }
        }
    }

    /// Validates what is left, on all processors.
    pub fn validate_in_parallel(&self) {
        parallel::map((0..parallel::threads()).collect(), |_| self.validate());
    }

    /// Validates what is left, and says what was found.
    ///
    /// # Errors
    /// [`ModuleError::Malformed`] with the first mistake.
    pub fn finish(self) -> Result<(), ModuleError> {
        self.validate();
        match self.first_mistake.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some((_, error)) => Err(error.into()),
            None => Ok(()),
        }
    }
}

/// What the instructions name, without validating them. `None` if they cannot be read, or name something that is not there.
pub(super) fn scan_bodies(
    module: &Module<'_>,
    bodies: &[BodyToValidate<'_>],
) -> Option<(CodeUses, Vec<BodyCalls>)> {
    let scanned = parallel::map(bodies.iter().collect(), |(function, body)| {
        let (mut uses, mut scan) = (CodeUses::default(), BodyScan::default());
        let mut reader = body.get_binary_reader_for_operators().ok()?;
        reader.set_features(function.features);
        for operator in OperatorsReader::new(reader) {
            let operator = operator.ok()?;
            uses.record(&operator);
            scan.next(&operator);
        }
        let calls = scan.finish();
        (uses.is_within(module) && calls.is_within(module)).then_some((uses, calls))
    });
    let scanned: Vec<(CodeUses, BodyCalls)> = scanned.into_iter().collect::<Option<_>>()?;
    Some(together(scanned))
}

fn together(scanned: Vec<(CodeUses, BodyCalls)>) -> (CodeUses, Vec<BodyCalls>) {
    let mut uses = CodeUses::default();
    let calls = scanned.into_iter().map(|(used, called)| {
        uses.extend(used);
        called
    });
    let calls = calls.collect();
    (uses, calls)
}

/// Validates every body. Which error is reported does not depend on the number of threads: the first in the file.
pub(super) fn validate_bodies(
    bodies: Vec<BodyToValidate<'_>>,
) -> Result<(CodeUses, Vec<BodyCalls>), BinaryReaderError> {
    let scanned =
        parallel::map_with(bodies, FuncValidatorAllocations::default, |allocations, (function, body)| {
            validate_body(function, &body, allocations)
        });
    let scanned: Vec<(CodeUses, BodyCalls)> = scanned.into_iter().collect::<Result<_, _>>()?;
    Ok(together(scanned))
}

fn validate_body(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    allocations: &mut FuncValidatorAllocations,
) -> Result<(CodeUses, BodyCalls), BinaryReaderError> {
    let mut validator = function.into_validator(std::mem::take(allocations));
    let (mut uses, mut scan) = (CodeUses::default(), BodyScan::default());
    let mut reader = body.get_binary_reader();
    reader.set_features(*validator.features());
    validator.read_locals(&mut reader)?;
    let mut operators = OperatorsReader::new(reader);
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        validator.op(offset, &operator)?;
        uses.record(&operator);
        scan.next(&operator);
    }
    operators.finish()?;
    *allocations = validator.into_allocations();
    Ok((uses, scan.finish()))
}

impl CodeUses {
    /// Whether everything that is named is there.
    fn is_within(&self, module: &Module<'_>) -> bool {
        let functions = module.functions.len();
        self.highest_data.is_none_or(|data| (data as usize) < module.data.len())
            && self.highest_element.is_none_or(|element| (element as usize) < module.elements.len())
            && self.ref_funcs.iter().all(|function| (*function as usize) < functions)
    }

    fn record(&mut self, operator: &Operator<'_>) {
        match *operator {
            Operator::RefFunc { function_index } => {
                self.ref_funcs.insert(function_index);
            }
            Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. } => self.waits = true,
            Operator::ContNew { .. } => self.makes_continuations = true,
            Operator::Try { .. } => self.legacy_exceptions = true,
            Operator::DataDrop { data_index } => {
                self.dropped_data.insert(data_index);
                self.highest_data = self.highest_data.max(Some(data_index));
            }
            Operator::MemoryInit { data_index, .. }
            | Operator::ArrayNewData { array_data_index: data_index, .. }
            | Operator::ArrayInitData { array_data_index: data_index, .. } => {
                self.highest_data = self.highest_data.max(Some(data_index));
            }
            Operator::ElemDrop { elem_index } => {
                self.dropped_elements.insert(elem_index);
                self.highest_element = self.highest_element.max(Some(elem_index));
            }
            Operator::TableInit { elem_index, .. }
            | Operator::ArrayNewElem { array_elem_index: elem_index, .. }
            | Operator::ArrayInitElem { array_elem_index: elem_index, .. } => {
                self.highest_element = self.highest_element.max(Some(elem_index));
            }
            _ => {}
        }
    }

    fn extend(&mut self, other: CodeUses) {
        self.highest_data = self.highest_data.max(other.highest_data);
        self.highest_element = self.highest_element.max(other.highest_element);
        self.dropped_data.extend(other.dropped_data);
        self.dropped_elements.extend(other.dropped_elements);
        self.ref_funcs.extend(other.ref_funcs);
        self.waits |= other.waits;
        self.makes_continuations |= other.makes_continuations;
        self.legacy_exceptions |= other.legacy_exceptions;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is called, and which functions are named.
    type Seen = (Vec<BodyCalls>, Vec<u32>);

    /// What the two ways of reading say of a module with these functions.
    fn both(functions: &[&str]) -> [Result<Seen, String>; 2] {
        let text = format!("(module (global (mut i32) (i32.const 0)) {})", functions.concat());
        let wasm = wat::parse_str(text).unwrap();
        let seen = |module: &Module<'_>| {
            let uses = module.code.ref_funcs.iter().copied().collect();
            (module.body_calls.clone().unwrap(), uses)
        };
        let validated = Module::parse(&wasm).map(|module| seen(&module));
        let deferred = Module::parse_unvalidated(&wasm).and_then(|(module, bodies)| {
            bodies.validate_in_parallel();
            bodies.finish().map(|()| seen(&module))
        });
        [validated, deferred].map(|result| result.map_err(|error| error.to_string()))
    }

    const VALID: &str = "(func (call 0) (drop (ref.func 0)))";
    const ILL_TYPED: &str = "(func (result i32))";
    const CALLS_NOBODY: &str = "(func (call 1000))";

    #[test]
    fn bodies_that_are_validated_later_are_seen_as_before() {
        let export = "(export \"f\" (func 0))";
        let [validated, deferred] = both(&[&[VALID; 100].concat(), export]);
        assert_eq!(validated.as_ref().map(|(calls, _)| calls.len()), Ok(100));
        assert_eq!(deferred, validated);
    }

    #[test]
    fn the_first_mistake_is_said_whoever_finds_it() {
        let export = "(export \"f\" (func 0))";
        let many = [VALID; 200].concat();
        for (first, says) in [
            (ILL_TYPED, "type mismatch: expected i32"),
            (CALLS_NOBODY, "unknown function 1000"),
            ("(func i32.add drop)", "type mismatch: expected i32"),
            ("(func unreachable (call 1000))", "unknown function 1000"),
        ] {
            for second in [ILL_TYPED, CALLS_NOBODY] {
                let [validated, deferred] = both(&[&many, first, &many, second, export]);
                let message = validated.unwrap_err();
                assert!(message.contains(says), "{first} {second}: {message}");
                assert_eq!(deferred, Err(message), "{first} {second}");
            }
        }
    }

    #[test]
    fn what_nobody_has_validated_is_validated_at_the_end() {
        let wasm = wat::parse_str(format!("(module {ILL_TYPED})")).unwrap();
        let (_, bodies) = Module::parse_unvalidated(&wasm).unwrap();
        assert!(matches!(bodies.finish(), Err(ModuleError::Malformed { .. })));
    }
}
