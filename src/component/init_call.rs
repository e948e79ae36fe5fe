//! Which functions of a component initialize it, what they are given, and which of their results are success.

use super::ComponentRunError;
#[cfg(feature = "component-calls")]
use crate::bounded_text::BoundedText;
use crate::engine::CompiledComponent;
use crate::execute::{InitResult, Stop, StopCause, Trace, the_function};
use crate::options::Options;
#[cfg(feature = "component-calls")]
use crate::wording::shortened;
use preinit_core::printable::Name;
#[cfg(feature = "component-calls")]
use std::fmt::{self, Write};
#[cfg(feature = "component-calls")]
use wasmtime::component::Type;
use wasmtime::component::Val;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
#[cfg(feature = "component-calls")]
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
#[cfg(feature = "component-calls")]
use wasmtime::component::wasm_wave::wasm::DisplayType;
#[cfg(feature = "component-calls")]
use wasmtime::component::wasm_wave::writer::Writer;

/// Stands between the names of an exported instance and a function of it.
pub const OF_INSTANCE: char = '#';

/// The export of component-init's own macro.
pub(crate) const COMPONENT_INIT: &str = "component-init";

/// The one that is looked for last.
const LAST_DEFAULT: &str = "preinit";

/// Bytes of types and values that a message has.
#[cfg(feature = "component-calls")]
const SHOWN: usize = 1000;

/// Whether an instance of this name is what a command of WASI 0.2 exports.
pub(crate) fn is_run(instance: &str) -> bool {
    instance == "wasi:cli/run" || instance.starts_with("wasi:cli/run@0.2.")
}

/// A function that the component exports, by itself or in an instance.
pub struct ExportedFunction {
    pub instance: Option<String>,
    pub function: String,
    ty: ComponentFunc,
}

/// A call of an init function.
pub struct InitCall {
    pub instance: Option<String>,
    pub function: String,
    pub arguments: Vec<Val>,
    pub results: usize,
}

impl ExportedFunction {
    /// All that the component exports; those of instances in instances are out of reach.
    pub fn all(compiled: &CompiledComponent) -> Vec<ExportedFunction> {
        let mut functions = Vec::new();
        for (name, item) in compiled.component.component_type().exports(&compiled.engine) {
            match item.ty {
                ComponentItem::ComponentFunc(ty) => {
                    functions.push(ExportedFunction { instance: None, function: name.to_string(), ty })
                }
                ComponentItem::ComponentInstance(instance) => {
                    for (function, item) in instance.exports(&compiled.engine) {
                        let ComponentItem::ComponentFunc(ty) = item.ty else { continue };
                        functions.push(ExportedFunction {
                            instance: Some(name.to_string()),
                            function: function.to_string(),
                            ty,
                        });
                    }
                }
                _ => {}
            }
        }
        functions
    }

    /// `function`, or `instance#function`.
    pub fn name(&self) -> String {
        named(self.instance.as_deref(), &self.function)
    }

    /// Whether it has no parameters.
    #[cfg(feature = "verify")]
    pub fn takes_nothing(&self) -> bool {
        self.ty.params().len() == 0
    }

    /// Whether `name` means it. WIT's own form of `ns:package/interface@1.0.0#function` is
    /// `ns:package/interface.function@1.0.0`.
    fn is_named(&self, name: &str) -> bool {
        let Some(instance) = &self.instance else { return self.function == name };
        let as_item = match instance.split_once('@') {
            Some((instance, version)) => format!("{instance}.{}@{version}", self.function),
            None => format!("{instance}.{}", self.function),
        };
        name == self.name() || name == as_item
    }

    /// Whether it is that of a command of WASI 0.2.
    fn is_command(&self) -> bool {
        self.function == "run" && self.instance.as_deref().is_some_and(is_run)
    }

    /// A call with arguments as they are written: `(1, "text")`; `None` if none are.
    fn call(&self, written: Option<&str>) -> Result<InitCall, ComponentRunError> {
        let arguments = match written {
            None if self.ty.params().len() == 0 => Vec::new(),
            None => return Err(self.not_given("it is given nothing".to_string())),
            Some(written) => self.arguments(written)?,
        };
        Ok(InitCall {
            instance: self.instance.clone(),
            function: self.function.clone(),
            arguments,
            results: self.ty.results().len(),
        })
    }

    #[cfg(feature = "component-calls")]
    fn arguments(&self, written: &str) -> Result<Vec<Val>, ComponentRunError> {
        let types: Vec<Type> = self.ty.params().map(|(_, ty)| ty).collect();
        // The name of the function does not matter, and need not be one of WAVE.
        let call = format!("f{written}");
        let parsed = UntypedFuncCall::parse(&call).and_then(|call| call.to_wasm_params(&types));
        parsed.map_err(|error| {
            let at = call.get(error.span()).filter(|at| !at.trim().is_empty());
            let at = at.map_or_else(String::new, |at| format!(" at `{}`", shortened(at)));
            let detail = error.detail().map_or_else(String::new, |detail| format!(": {detail}"));
            self.not_given(format!("{}{detail}{at}", error.kind()))
        })
    }

    #[cfg(not(feature = "component-calls"))]
    fn arguments(&self, _: &str) -> Result<Vec<Val>, ComponentRunError> {
        Err(ComponentRunError::Option("arguments of init functions"))
    }

    fn not_given(&self, why: String) -> ComponentRunError {
        let takes = match self.ty.params().len() {
            0 => "nothing".to_string(),
            _ => self.params(),
        };
        ComponentRunError::Arguments { name: self.name().as_str().into(), takes, why }
    }

    /// The parameters, as far as a message can show them.
    #[cfg(feature = "component-calls")]
    fn params(&self) -> String {
        let mut text = BoundedText::new(SHOWN);
        let mut write = || {
            for (index, (name, ty)) in self.ty.params().enumerate() {
                write!(text, "{}{name}: {}", if index == 0 { "(" } else { ", " }, DisplayType(&ty))?;
            }
            text.write_str(")")
        };
        // An error is that it is full.
        let _: fmt::Result = write();
        text.beginning()
    }

    #[cfg(not(feature = "component-calls"))]
    fn params(&self) -> String {
        let params: Vec<&str> = self.ty.params().map(|(name, _)| name).collect();
        format!("({})", params.join(", "))
    }
}

impl InitCall {
    /// `function`, or `instance#function`.
    pub fn name(&self) -> String {
        named(self.instance.as_deref(), &self.function)
    }

    /// Whether these results are success. A `result` says so itself; anything else is compared with `expected`.
    pub fn check(&self, results: &[Val], expected: InitResult) -> Result<(), ComponentRunError> {
        for result in results {
            match result {
                Val::Result(Ok(_)) => {}
                Val::Result(Err(error)) => {
                    let error = match error.as_deref() {
                        Some(Val::String(text)) => text.clone(),
                        Some(error) => shown(error),
                        None => "it says no more".to_string(),
                    };
                    return Err(ComponentRunError::Failed { name: self.name().as_str().into(), error });
                }
                _ => {
                    let InitResult::Number(expected) = expected else { continue };
                    if number(result) != Some(expected as f64) || is_other(result, expected) {
                        return Err(self.no_success(result));
                    }
                }
            }
        }
        Ok(())
    }

    fn no_success(&self, result: &Val) -> ComponentRunError {
        let number = number(result).filter(|number| number.fract() == 0.0 && number.abs() < 1e15);
        ComponentRunError::Stopped(Box::new(Stop {
            stage: format!("{} returned {}", the_function(&self.name()), shown(result)),
            function: Some(self.name()),
            cause: StopCause::Result(number.map(|number| number as i64)),
            trace: Trace::default(),
        }))
    }
}

fn named(instance: Option<&str>, function: &str) -> String {
    match instance {
        Some(instance) => format!("{instance}{OF_INSTANCE}{function}"),
        None => function.to_string(),
    }
}

/// In WAVE; handles have no form there.
#[cfg(feature = "component-calls")]
fn shown(value: &Val) -> String {
    let text = match value {
        Val::Resource(_) | Val::Future(_) | Val::Stream(_) | Val::ErrorContext(_) => "a handle".to_string(),
        value => {
            let mut text = BoundedText::new(SHOWN);
            // An error is that it is full.
            let _ = Writer::new(&mut text).write_value(value);
            text.beginning()
        }
    };
    shortened(&text).into_owned()
}

#[cfg(not(feature = "component-calls"))]
fn shown(value: &Val) -> String {
    number(value).map_or_else(|| "a value".to_string(), |number| number.to_string())
}

/// The number that a result is; nothing, `false` and `none` are 0.
fn number(value: &Val) -> Option<f64> {
    Some(match value {
        Val::Bool(value) => f64::from(u8::from(*value)),
        Val::S8(value) => f64::from(*value),
        Val::U8(value) => f64::from(*value),
        Val::S16(value) => f64::from(*value),
        Val::U16(value) => f64::from(*value),
        Val::S32(value) => f64::from(*value),
        Val::U32(value) => f64::from(*value),
        Val::S64(value) => *value as f64,
        Val::U64(value) => *value as f64,
        Val::Float32(value) => f64::from(*value),
        Val::Float64(value) => *value,
        Val::Option(None) => 0.0,
        _ => return None,
    })
}

/// Whether an integer that is too large for a float is another one than `expected`.
fn is_other(value: &Val, expected: i64) -> bool {
    match value {
        Val::S64(value) => *value != expected,
        Val::U64(value) => i64::try_from(*value) != Ok(expected),
        _ => false,
    }
}

/// The calls that initialize the component, in order.
pub fn init_calls(
    options: &Options,
    compiled: &CompiledComponent,
) -> Result<Vec<InitCall>, ComponentRunError> {
    let exported = ExportedFunction::all(compiled);
    if !options.init_functions.is_empty() {
        return options.init_functions.iter().map(|text| named_call(&exported, text)).collect();
    }
    // What is frozen is a command, if it is one.
    let command = exported.iter().find(|function| function.is_command());
    if let Some(command) = command.filter(|_| options.at.is_some()) {
        return Ok(vec![command.call(None)?]);
    }
    let mut names = options.default_init_functions.clone();
    if let Some(last) = names.iter().position(|name| name == LAST_DEFAULT) {
        names.insert(last, COMPONENT_INIT.to_string());
    }
    let found = names.iter().find_map(|name| exported.iter().find(|function| function.name() == *name));
    match found {
        Some(function) => Ok(vec![function.call(None)?]),
        None => {
            let names = names.iter().map(|name| name.as_str().into()).collect();
            Err(ComponentRunError::NoInit { names, exports: listed(&exported) })
        }
    }
}

/// A name, and arguments in parentheses. A name may hold parentheses itself, so the longest one counts.
fn named_call(exported: &[ExportedFunction], text: &str) -> Result<InitCall, ComponentRunError> {
    let find = |name: &str| exported.iter().find(|function| function.is_named(name));
    if let Some(function) = find(text) {
        return function.call(None);
    }
    for (at, _) in text.match_indices('(').collect::<Vec<_>>().into_iter().rev() {
        if let Some(function) = find(text[..at].trim_end()) {
            return function.call(Some(&text[at..]));
        }
    }
    let name = text.split_once('(').map_or(text, |(name, _)| name).trim_end();
    Err(ComponentRunError::MissingInit { name: name.into(), exports: listed(exported) })
}

fn listed(exported: &[ExportedFunction]) -> Vec<Name> {
    exported.iter().map(|function| function.name().as_str().into()).collect()
}

/// The exports that the component has for nothing but init: functions that were called, and instances of which all
/// functions were called, and that have nothing else. The one that resumes a frozen component is for more.
pub fn only_for_init(
    (called, resumes): (&[InitCall], Option<&InitCall>),
    compiled: &CompiledComponent,
) -> Vec<String> {
    let is_called = |instance: Option<&str>, function: &str| {
        let is_it = |call: &InitCall| call.instance.as_deref() == instance && call.function == function;
        called.iter().any(is_it) && !resumes.is_some_and(is_it)
    };
    let ty = compiled.component.component_type();
    let exports = ty.exports(&compiled.engine).filter(|(name, item)| match &item.ty {
        ComponentItem::ComponentFunc(_) => is_called(None, name),
        ComponentItem::ComponentInstance(instance) => {
            let mut items = instance.exports(&compiled.engine).peekable();
            items.peek().is_some()
                && items.all(|(function, item)| {
                    matches!(item.ty, ComponentItem::ComponentFunc(_)) && is_called(Some(name), function)
                })
        }
        _ => false,
    });
    exports.map(|(name, _)| name.to_string()).collect()
}
