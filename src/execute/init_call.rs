//! Init functions with arguments and results.

use super::init_function::{Candidates, InitFunctionError, is_function_export, shown};
use super::init_result::{InitResult, in_words};
use super::{Begun, ExecuteError, Run, Stop, StopCause, Trace, stopped, the_function};
use crate::literal::{Allocator, Literal, LiteralParser, typed, word, write_list};
use crate::wording::counted;
use preinit_core::module::Module;
use preinit_core::snapshot::Value;
use serde::Serialize;
use std::fmt;
use wasmparser::ValType;
use wasmtime::{Extern, Val};
use wiggle::{GuestMemory, GuestPtr};

/// A call of an init function.
#[derive(Debug, Clone, PartialEq)]
pub struct InitCall {
    /// The export.
    pub export: String,
    /// What it is given.
    pub(super) arguments: Vec<Argument>,
}

/// An argument as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Argument {
    Value(Literal),
    /// Numbers, or texts.
    List(Vec<Literal>),
}

/// A text or a list that an init function was given, in memory that the module allocated for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AllocatedArgument {
    /// The init function.
    pub function: String,
    /// What it is: `text of 3 bytes`, `list of 2 texts`.
    pub what: String,
    /// Where it is, in memory 0.
    pub address: u64,
    /// The export that allocated it.
    pub allocator: String,
}

impl InitCall {
    pub(super) fn plain(name: &str) -> InitCall {
        InitCall { export: name.to_string(), arguments: Vec::new() }
    }

    /// Whether it is given something.
    #[cfg(feature = "verify")]
    pub(crate) fn has_arguments(&self) -> bool {
        !self.arguments.is_empty()
    }

    /// A name of an export, and arguments in parentheses; `None` if no export has such a name. Names may hold parentheses
    /// themselves, so the longest one counts.
    pub(super) fn parse(module: &Module<'_>, text: &str) -> Result<Option<InitCall>, InitFunctionError> {
        let places = text.match_indices('(').map(|(at, _)| at);
        let name = |at: &usize| text[..*at].trim_end();
        let Some(at) = places.rev().find(|at| is_function_export(module, name(at))) else { return Ok(None) };
        let arguments =
            arguments(&text[at + 1..]).map_err(|why| InitFunctionError::Syntax { call: text.into(), why })?;
        Ok(Some(InitCall { export: name(&at).to_string(), arguments }))
    }

    /// Checks the arguments against the function's type.
    pub(super) fn check(&self, module: &Module<'_>) -> Result<(), InitFunctionError> {
        let params = self.params(module);
        let Some(lengths) = self.lengths(&params) else {
            let given = self.arguments.len() as u64;
            let plain: Vec<String> = params.iter().map(ToString::to_string).collect();
            return Err(InitFunctionError::Arguments {
                name: self.export.as_str().into(),
                takes: if plain.is_empty() { "nothing".into() } else { format!("({})", plain.join(", ")) },
                given: if given == 0 { "nothing".into() } else { counted(given, "argument") },
                candidates: Candidates::of(module),
            });
        };
        let mut at = 0;
        for argument in &self.arguments {
            let ty = params[at];
            let fits = match argument {
                Argument::Value(Literal::Text(_)) | Argument::List(_) => {
                    at += usize::from(lengths);
                    let allocator = Allocator::of(module).map(|allocator| allocator.ty);
                    let is_word = matches!(ty, ValType::I32 | ValType::I64);
                    if is_word && allocator.is_none() {
                        return Err(self.no_allocator(format!("it exports none of {}", Allocator::NAMES)));
                    }
                    is_word
                }
                Argument::Value(literal) => value(literal, ty).is_some(),
            };
            if !fits {
                return Err(InitFunctionError::Argument {
                    name: self.export.as_str().into(),
                    argument: argument.to_string().into(),
                    ty: ty.to_string(),
                });
            }
            at += 1;
        }
        Ok(())
    }

    fn no_allocator(&self, why: String) -> InitFunctionError {
        InitFunctionError::NoAllocator { name: self.export.as_str().into(), why }
    }

    fn params(&self, module: &Module<'_>) -> Vec<ValType> {
        let signature = module.export(&self.export).and_then(|export| module.signature(export.index));
        signature.map_or_else(Vec::new, |ty| ty.params().to_vec())
    }

    /// Whether texts and lists are passed with their lengths; `None` if the numbers of arguments and parameters do not fit.
    fn lengths(&self, params: &[ValType]) -> Option<bool> {
        let in_memory = self.arguments.iter().filter(|argument| argument.is_in_memory()).count();
        match params.len().checked_sub(self.arguments.len())? {
            0 => Some(false),
            more if more == in_memory => Some(true),
            _ => None,
        }
    }

    /// Makes the call.
    pub(super) fn make(
        &self,
        begun: &mut Begun,
        (run, expected): (Run<'_>, InitResult),
    ) -> Result<Vec<AllocatedArgument>, ExecuteError> {
        let mut allocated = Vec::new();
        let values = self.values(begun, run, &mut allocated)?;
        let results = call(begun, run, &self.export, &values)?;
        if let Err(result) = expected.accepts(&results) {
            let shown = results.iter().map(in_words).collect::<Vec<_>>().join(", ");
            let stop = Stop {
                stage: format!("{} returned {shown}", the_function(&self.export)),
                function: Some(self.export.clone()),
                cause: StopCause::Result(result),
                trace: Trace::default(),
            };
            return Err(stopped(stop, &mut begun.store));
        }
        Ok(allocated)
    }

    fn values(
        &self,
        begun: &mut Begun,
        run: Run<'_>,
        allocated: &mut Vec<AllocatedArgument>,
    ) -> Result<Vec<Val>, ExecuteError> {
        let params = self.params(run.module);
        let lengths = self.lengths(&params).unwrap_or(false);
        let mut values = Vec::with_capacity(params.len());
        for argument in &self.arguments {
            let ty = params[values.len()];
            let (address, length) = match argument {
                Argument::Value(Literal::Text(text)) => {
                    let mut bytes = text.clone();
                    bytes.push(0);
                    (self.write(begun, run, (&bytes, 1))?, text.len())
                }
                Argument::List(elements) => (self.write_list(begun, run, elements)?, elements.len()),
                Argument::Value(literal) => {
                    values.extend(value(literal, ty));
                    continue;
                }
            };
            values.push(to_val(word(address, ty)));
            if lengths {
                values.push(to_val(word(length as u64, params[values.len()])));
            }
            allocated.push(AllocatedArgument {
                function: self.export.clone(),
                what: argument.in_words(),
                address,
                allocator: Allocator::of(run.module).map_or("", |allocator| allocator.name).to_string(),
            });
        }
        Ok(values)
    }

    fn write_list(&self, begun: &mut Begun, run: Run<'_>, elements: &[Literal]) -> Result<u64, ExecuteError> {
        let wide = Allocator::of(run.module).is_some_and(|allocator| allocator.ty == ValType::I64);
        let mut bytes = Vec::new();
        for element in elements {
            let Literal::Text(text) = element else {
                let Some(Value::I32(number)) = typed(element, ValType::I32) else {
                    let (name, ty) = (self.export.as_str().into(), "an element of 32 bits".to_string());
                    let argument = element.to_string().into();
                    return Err(InitFunctionError::Argument { name, argument, ty }.into());
                };
                bytes.extend(number.to_le_bytes());
                continue;
            };
            let mut terminated = text.clone();
            terminated.push(0);
            let address = self.write(begun, run, (&terminated, 1))?;
            for word in [address, text.len() as u64] {
                bytes.extend(&word.to_le_bytes()[..if wide { 8 } else { 4 }]);
            }
        }
        self.write(begun, run, (&bytes, if wide { 8 } else { 4 }))
    }

    /// Writes bytes into memory that the module allocates, with this alignment. Gives the address.
    fn write(
        &self,
        begun: &mut Begun,
        run: Run<'_>,
        (bytes, alignment): (&[u8], u64),
    ) -> Result<u64, ExecuteError> {
        let Some(allocator) = Allocator::of(run.module) else {
            return Err(self.no_allocator(format!("it exports none of {}", Allocator::NAMES)).into());
        };
        // None at all may be answered by null.
        let arguments = allocator.arguments((bytes.len() as u64).max(1), alignment);
        let arguments: Vec<Val> = arguments.into_iter().map(to_val).collect();
        let results = call(begun, run, allocator.name, &arguments)?;
        let results: Vec<Value> = results.iter().filter_map(of_val).collect();
        let address = allocator.address(&results);
        match address.filter(|address| write_memory(begun, *address, bytes)) {
            Some(address) => Ok(address),
            None => Err(self.no_allocator(format!("`{}` returned no memory", shown(allocator.name))).into()),
        }
    }
}

/// Arguments after the opening parenthesis.
fn arguments(text: &str) -> Result<Vec<Argument>, &'static str> {
    let mut parser = LiteralParser::new(text);
    let mut arguments = Vec::new();
    if !parser.take(")") {
        loop {
            arguments.push(match parser.take("[") {
                true => Argument::List(list(&mut parser)?),
                false => Argument::Value(parser.literal()?),
            });
            if parser.take(")") {
                break;
            }
            if !parser.take(",") {
                return Err("a comma or a closing parenthesis is missing");
            }
        }
    }
    parser.skip_space();
    if parser.rest.is_empty() { Ok(arguments) } else { Err("there is text after the call") }
}

fn list(parser: &mut LiteralParser<'_>) -> Result<Vec<Literal>, &'static str> {
    let mut elements = Vec::new();
    while !parser.take("]") {
        if !elements.is_empty() && !parser.take(",") {
            return Err("a comma or a closing bracket is missing");
        }
        elements.push(parser.literal()?);
    }
    Ok(elements)
}

/// Calls an export.
fn call(begun: &mut Begun, run: Run<'_>, name: &str, values: &[Val]) -> Result<Vec<Val>, ExecuteError> {
    let missing = || ExecuteError::Compile(wasmtime::Error::msg(format!("the export `{name}` is missing")));
    let function = begun.instance.handle.get_func(&mut begun.store, name).ok_or_else(missing)?;
    let mut results = vec![Val::I32(0); function.ty(&begun.store).results().len()];
    match function.call(&mut begun.store, values, &mut results) {
        Ok(()) => Ok(results),
        Err(error) => {
            let stop = run.stopped(&the_function(name), "trapped", (&error, begun.store.data()));
            let stop = Stop { function: Some(name.to_string()), ..stop };
            Err(stopped(stop, &mut begun.store))
        }
    }
}

/// Whether the bytes fit there.
fn write_memory(begun: &mut Begun, address: u64, bytes: &[u8]) -> bool {
    let Ok(address) = usize::try_from(address) else { return false };
    match begun.instance.memories.first() {
        Some(Extern::Memory(memory)) => memory.write(&mut begun.store, address, bytes).is_ok(),
        Some(Extern::SharedMemory(memory)) => {
            let (Ok(address), Ok(len)) = (u32::try_from(address), u32::try_from(bytes.len())) else {
                return false;
            };
            let mut memory = GuestMemory::Shared(memory.data());
            memory.copy_from_slice(bytes, GuestPtr::new((address, len))).is_ok()
        }
        _ => false,
    }
}

impl Argument {
    fn is_in_memory(&self) -> bool {
        matches!(self, Argument::List(_) | Argument::Value(Literal::Text(_)))
    }

    fn in_words(&self) -> String {
        match self {
            Argument::Value(Literal::Text(text)) => format!("text of {}", counted(text.len() as u64, "byte")),
            Argument::Value(_) => "value".to_string(),
            Argument::List(elements) => {
                let texts = elements.iter().all(|element| matches!(element, Literal::Text(_)));
                let element = if texts { "text" } else { "number" };
                format!("list of {}", counted(elements.len() as u64, element))
            }
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Value(literal) => literal.fmt(f),
            Argument::List(elements) => write_list(elements, f),
        }
    }
}

/// A number, or null.
fn value(literal: &Literal, ty: ValType) -> Option<Val> {
    match (literal, ty) {
        (Literal::Null, ValType::Ref(ty)) if ty.is_func_ref() => Some(Val::null_func_ref()),
        (Literal::Null, ValType::Ref(ty)) if ty.is_extern_ref() => Some(Val::null_extern_ref()),
        (Literal::Null, ValType::Ref(_)) => None,
        _ => match typed(literal, ty)? {
            Value::Ref(_) => None,
            value => Some(to_val(value)),
        },
    }
}

fn to_val(value: Value) -> Val {
    match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::V128(value) => Val::V128(value.into()),
        Value::Ref(_) => Val::FuncRef(None),
    }
}

/// What an allocator may return.
fn of_val(value: &Val) -> Option<Value> {
    match value {
        Val::I32(value) => Some(Value::I32(*value)),
        Val::I64(value) => Some(Value::I64(*value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{InitCall, InitFunctionError};
    use preinit_core::module::Module;

    fn parsed(text: &str) -> Result<Option<(String, String)>, InitFunctionError> {
        let wasm = wat::parse_str(
            r#"(module (func (export "f")) (func (export "f(x)") (param i32)) (func (export "a: func(b: c) -> d")))"#,
        );
        let module = wasm.unwrap();
        let module = Module::parse(&module).unwrap();
        let call = InitCall::parse(&module, text)?;
        Ok(call.map(|call| {
            let arguments: Vec<String> = call.arguments.iter().map(ToString::to_string).collect();
            (call.export, arguments.join(" "))
        }))
    }

    #[test]
    fn the_longest_name_counts() {
        for (text, export, arguments) in [
            ("f()", "f", ""),
            ("f (1, -2)", "f", "1 -2"),
            ("f(x)(7)", "f(x)", "7"),
            ("a: func(b: c) -> d(\"(\")", "a: func(b: c) -> d", "\"(\""),
            ("f([1, 2], \"a,b\")", "f", "(1, 2) \"a,b\""),
        ] {
            let expected = Some((export.to_string(), arguments.to_string()));
            assert_eq!(parsed(text), Ok(expected), "{text}");
        }
        assert_eq!(parsed("g(1)"), Ok(None));
        for text in ["f(", "f(1", "f(1) 2", "f([1)", "f(1,)"] {
            assert!(matches!(parsed(text), Err(InitFunctionError::Syntax { .. })), "{text}");
        }
    }
}
