//! Strings of JavaScript: what a browser answers for imports of `wasm:js-string` and for imported string constants, so that modules that
//! need them can run init here. A string is a value of the host, and in a snapshot what makes it again ([`preinit_core::js_string`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use preinit_core::js_string::MODULE;
use wasmtime::{
    ArrayRef, AsContext, Caller, Extern, ExternRef, ExternType, Func, FuncType, Global, HeapType, Mutability,
    Rooted, Store, Trap, Val, ValType,
};

use super::HostState;
use super::error::{HostError, MemoryLimit};
use super::host_options::ImportName;

/// Where compilers import string constants from, each by its contents.
const CONSTANTS: &str = "'";

/// The longest string of V8, in code units.
const LONGEST: usize = (1 << 29) - 24;

/// So many bytes of strings may be made before it is looked for such that nobody has any more.
const COLLECTED_AFTER: u64 = 64 << 20;

/// A string, as code units.
pub struct JsString {
    units: Arc<[u16]>,
    strings: Strings,
}

impl JsString {
    /// The string that a value of the host is.
    pub fn units(value: Rooted<ExternRef>, store: impl AsContext) -> wasmtime::Result<Option<Arc<[u16]>>> {
        let data = value.data(&store)?;
        Ok(data.and_then(|data| data.downcast_ref::<JsString>()).map(|string| Arc::clone(&string.units)))
    }
}

impl Drop for JsString {
    fn drop(&mut self) {
        self.strings.live.fetch_sub(bytes(&self.units), Ordering::Relaxed);
    }
}

fn bytes(units: &[u16]) -> u64 {
    2 * units.len() as u64
}

/// What all strings of a run take.
#[derive(Clone, Default)]
pub(super) struct Strings {
    live: Arc<AtomicU64>,
    /// What was live when it was last looked.
    kept: Arc<AtomicU64>,
}

impl Strings {
    /// A string constant, or a function; `None` for other imports.
    pub fn provide(
        &self,
        store: &mut Store<HostState>,
        import: &ImportName,
        ty: &ExternType,
    ) -> Result<Option<Extern>, HostError> {
        match ty {
            ExternType::Global(ty) if import.module == CONSTANTS && is_constant(ty) => {
                let engine = |source| HostError::Engine { action: "make a string", source };
                let units: Vec<u16> = import.name.encode_utf16().collect();
                self.live.fetch_add(bytes(&units), Ordering::Relaxed);
                let string = JsString { units: units.into(), strings: self.clone() };
                let value = ExternRef::new(&mut *store, string).map_err(engine)?;
                Ok(Some(Global::new(store, ty.clone(), value.into()).map_err(engine)?.into()))
            }
            ExternType::Func(ty) if import.module == MODULE => {
                let builtin = BUILTINS.iter().find(|builtin| builtin.name == import.name && builtin.is(ty));
                Ok(builtin.map(|builtin| {
                    let (strings, answer) = (self.clone(), builtin.answer);
                    let function = Func::new(
                        store,
                        ty.clone(),
                        move |caller: Caller<'_, HostState>, params, results| {
                            let call = Call { caller, params, strings: &strings };
                            results[0] = answer(call)?;
                            Ok(())
                        },
                    );
                    function.into()
                }))
            }
            _ => Ok(None),
        }
    }

    fn make(&self, caller: &mut Caller<'_, HostState>, units: &[u16]) -> wasmtime::Result<Val> {
        if units.len() > LONGEST {
            return Err(wasmtime::Error::msg("a string would be longer than JavaScript allows"));
        }
        let live = self.live.fetch_add(bytes(units), Ordering::Relaxed) + bytes(units);
        // The engine knows nothing of what a value of the host takes.
        let string = JsString { units: units.into(), strings: self.clone() };
        let value = ExternRef::new(&mut *caller, string)?;
        if live > self.kept.load(Ordering::Relaxed).saturating_add(COLLECTED_AFTER) {
            caller.gc(None)?;
            let live = self.live.load(Ordering::Relaxed);
            self.kept.store(live, Ordering::Relaxed);
            let limit = caller.data().limiter.limit();
            if live > limit {
                return Err(MemoryLimit { wanted: live, limit }.into());
            }
        }
        Ok(value.into())
    }
}

fn is_constant(ty: &wasmtime::GlobalType) -> bool {
    let is_external = |ty: &wasmtime::RefType| matches!(ty.heap_type(), HeapType::Extern);
    ty.mutability() == Mutability::Const && ty.content().as_ref().is_some_and(is_external)
}

/// A parameter or result of a builtin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ty {
    I32,
    /// `externref`, or non-null where it is a result.
    Extern,
    /// An array of mutable `i16`.
    Array,
}

impl Ty {
    fn is(self, ty: &ValType) -> bool {
        match (self, ty) {
            (Ty::I32, ValType::I32) => true,
            (Ty::Extern, ValType::Ref(ty)) => matches!(ty.heap_type(), HeapType::Extern),
            (Ty::Array, ValType::Ref(ty)) => matches!(ty.heap_type(), HeapType::ConcreteArray(_)),
            _ => false,
        }
    }
}

struct Builtin {
    name: &'static str,
    params: &'static [Ty],
    result: Ty,
    answer: fn(Call<'_, '_>) -> wasmtime::Result<Val>,
}

impl Builtin {
    fn is(&self, ty: &FuncType) -> bool {
        let params = ty.params().len() == self.params.len()
            && ty.params().zip(self.params).all(|(found, wanted)| wanted.is(&found));
        params && ty.results().len() == 1 && ty.results().all(|found| self.result.is(&found))
    }
}

/// A call of a builtin.
struct Call<'c, 'v> {
    caller: Caller<'c, HostState>,
    params: &'v [Val],
    strings: &'v Strings,
}

/// What browsers trap with where a value is no string.
fn no_string() -> wasmtime::Error {
    wasmtime::Error::from(Trap::CastFailure)
}

impl Call<'_, '_> {
    fn i32(&self, at: usize) -> u32 {
        self.params.get(at).and_then(Val::i32).unwrap_or_default() as u32
    }

    /// `None` for null.
    fn string_or_null(&self, at: usize) -> wasmtime::Result<Option<Arc<[u16]>>> {
        match self.params.get(at) {
            Some(Val::ExternRef(Some(value))) => {
                JsString::units(*value, &self.caller)?.ok_or_else(no_string).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn string(&self, at: usize) -> wasmtime::Result<Arc<[u16]>> {
        self.string_or_null(at)?.ok_or_else(no_string)
    }

    fn array(&mut self, at: usize) -> wasmtime::Result<Rooted<ArrayRef>> {
        match self.params.get(at) {
            Some(Val::AnyRef(Some(array))) => array.unwrap_array(&self.caller),
            _ => Err(Trap::NullReference.into()),
        }
    }

    fn make(&mut self, units: &[u16]) -> wasmtime::Result<Val> {
        self.strings.make(&mut self.caller, units)
    }
}

const BUILTINS: [Builtin; 13] = [
    Builtin { name: "cast", params: &[Ty::Extern], result: Ty::Extern, answer: cast },
    Builtin { name: "test", params: &[Ty::Extern], result: Ty::I32, answer: test },
    Builtin {
        name: "fromCharCodeArray",
        params: &[Ty::Array, Ty::I32, Ty::I32],
        result: Ty::Extern,
        answer: from_char_code_array,
    },
    Builtin {
        name: "intoCharCodeArray",
        params: &[Ty::Extern, Ty::Array, Ty::I32],
        result: Ty::I32,
        answer: into_char_code_array,
    },
    Builtin { name: "fromCharCode", params: &[Ty::I32], result: Ty::Extern, answer: from_char_code },
    Builtin { name: "fromCodePoint", params: &[Ty::I32], result: Ty::Extern, answer: from_code_point },
    Builtin { name: "charCodeAt", params: &[Ty::Extern, Ty::I32], result: Ty::I32, answer: char_code_at },
    Builtin { name: "codePointAt", params: &[Ty::Extern, Ty::I32], result: Ty::I32, answer: code_point_at },
    Builtin { name: "length", params: &[Ty::Extern], result: Ty::I32, answer: length },
    Builtin { name: "concat", params: &[Ty::Extern, Ty::Extern], result: Ty::Extern, answer: concat },
    Builtin {
        name: "substring",
        params: &[Ty::Extern, Ty::I32, Ty::I32],
        result: Ty::Extern,
        answer: substring,
    },
    Builtin { name: "equals", params: &[Ty::Extern, Ty::Extern], result: Ty::I32, answer: equals },
    Builtin { name: "compare", params: &[Ty::Extern, Ty::Extern], result: Ty::I32, answer: compare },
];

fn cast(call: Call<'_, '_>) -> wasmtime::Result<Val> {
    call.string(0)?;
    Ok(call.params[0])
}

fn test(call: Call<'_, '_>) -> wasmtime::Result<Val> {
    Ok(Val::I32(i32::from(call.string(0).is_ok())))
}

fn from_char_code_array(mut call: Call<'_, '_>) -> wasmtime::Result<Val> {
    let array = call.array(0)?;
    let (start, end) = (call.i32(1), call.i32(2));
    if start > end || end > array.len(&call.caller)? {
        return Err(Trap::ArrayOutOfBounds.into());
    }
    let unit = |index| Ok(array.get(&mut call.caller, index)?.i32().unwrap_or_default() as u16);
    let units: Vec<u16> = (start..end).map(unit).collect::<wasmtime::Result<_>>()?;
    call.make(&units)
}

fn into_char_code_array(mut call: Call<'_, '_>) -> wasmtime::Result<Val> {
    let units = call.string(0)?;
    let (array, start) = (call.array(1)?, call.i32(2));
    let length = array.len(&call.caller)?;
    if u64::from(start) + units.len() as u64 > u64::from(length) {
        return Err(Trap::ArrayOutOfBounds.into());
    }
    for (index, &unit) in (start..).zip(&*units) {
        array.set(&mut call.caller, index, Val::I32(i32::from(unit)))?;
    }
    Ok(Val::I32(units.len() as i32))
}

fn from_char_code(mut call: Call<'_, '_>) -> wasmtime::Result<Val> {
    let unit = call.i32(0) as u16;
    call.make(&[unit])
}

fn from_code_point(mut call: Call<'_, '_>) -> wasmtime::Result<Val> {
    let point = call.i32(0);
    match (u16::try_from(point), char::from_u32(point)) {
        // Halves of surrogate pairs are code points of JavaScript.
        (Ok(unit), _) => call.make(&[unit]),
        (Err(_), Some(point)) => call.make(point.encode_utf16(&mut [0; 2])),
        (Err(_), None) => Err(wasmtime::Error::msg(format!("{point:#x} is no code point"))),
    }
}

fn char_code_at(call: Call<'_, '_>) -> wasmtime::Result<Val> {
    let units = call.string(0)?;
    let unit = units.get(call.i32(1) as usize).ok_or(Trap::StringOutOfBounds)?;
    Ok(Val::I32(i32::from(*unit)))
}

fn code_point_at(call: Call<'_, '_>) -> wasmtime::Result<Val> {
    let units = call.string(0)?;
    let rest = units.get(call.i32(1) as usize..).unwrap_or_default();
    let first = *rest.first().ok_or(Trap::StringOutOfBounds)?;
    let point = char::decode_utf16(rest.iter().copied()).next();
    Ok(Val::I32(point.and_then(Result::ok).map_or(i32::from(first), |point| u32::from(point) as i32)))
}

fn length(call: Call<'_, '_>) -> wasmtime::Result<Val> {
    Ok(Val::I32(call.string(0)?.len() as i32))
}

fn concat(mut call: Call<'_, '_>) -> wasmtime::Result<Val> {
    let joined = [call.string(0)?, call.string(1)?].concat();
    call.make(&joined)
}

fn substring(mut call: Call<'_, '_>) -> wasmtime::Result<Val> {
    let units = call.string(0)?;
    let (start, end) = (call.i32(1) as usize, (call.i32(2) as usize).min(units.len()));
    call.make(units.get(start..end).unwrap_or_default())
}

fn equals(call: Call<'_, '_>) -> wasmtime::Result<Val> {
    Ok(Val::I32(i32::from(call.string_or_null(0)? == call.string_or_null(1)?)))
}

fn compare(call: Call<'_, '_>) -> wasmtime::Result<Val> {
    Ok(Val::I32(call.string(0)?.cmp(&call.string(1)?) as i32))
}
