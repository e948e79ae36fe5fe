//! Values of the component model as plain data.

use std::fmt::{self, Write};

use crate::bounded_text::BoundedText;
use preinit_core::printable::Printable;
use wasmtime::component::{ResourceAny, Val};

/// An argument or a result of a component's host call. Floats are bits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ComponentValue {
    /// `bool`
    Bool(bool),
    /// `s8`
    S8(i8),
    /// `u8`
    U8(u8),
    /// `s16`
    S16(i16),
    /// `u16`
    U16(u16),
    /// `s32`
    S32(i32),
    /// `u32`
    U32(u32),
    /// `s64`
    S64(i64),
    /// `u64`
    U64(u64),
    /// `f32`
    Float32(u32),
    /// `f64`
    Float64(u64),
    /// `char`
    Char(char),
    /// `string`
    Text(String),
    /// `list<u8>`
    Bytes(Vec<u8>),
    /// `list` of anything else, and a map as pairs.
    List(Vec<ComponentValue>),
    /// `record`
    Record(Vec<(String, ComponentValue)>),
    /// `tuple`
    Tuple(Vec<ComponentValue>),
    /// `variant`
    Variant(String, Option<Box<ComponentValue>>),
    /// `enum`
    Enum(String),
    /// `option`
    Option(Option<Box<ComponentValue>>),
    /// `result`
    Result(Result<Option<Box<ComponentValue>>, Option<Box<ComponentValue>>>),
    /// `flags`: those that are set.
    Flags(Vec<String>),
    /// A resource: what kind it is, and its number in the order in which they were made.
    Resource(Handle),
    /// A stream, a future or an error context.
    Asynchronous,
}

/// A resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    /// Its type, as far as it is known.
    pub kind: &'static str,
    /// The number of resources that were made before it.
    pub number: u32,
}

impl ComponentValue {
    /// Shows every handle in it.
    #[cfg(feature = "verify")]
    pub(crate) fn each_handle(&mut self, see: &mut dyn FnMut(&mut Handle)) {
        match self {
            Self::Resource(handle) => see(handle),
            Self::List(values) | Self::Tuple(values) => {
                values.iter_mut().for_each(|value| value.each_handle(see));
            }
            Self::Record(fields) => fields.iter_mut().for_each(|(_, value)| value.each_handle(see)),
            Self::Variant(_, Some(value))
            | Self::Option(Some(value))
            | Self::Result(Ok(Some(value)) | Err(Some(value))) => value.each_handle(see),
            _ => {}
        }
    }

    /// The value as data; `resource` says which resource one is.
    ///
    /// # Errors
    /// Those of `resource`.
    pub(crate) fn of(
        value: &Val,
        resource: &mut dyn FnMut(ResourceAny) -> wasmtime::Result<Handle>,
    ) -> wasmtime::Result<Self> {
        let mut all = |values: &[Val]| -> wasmtime::Result<Vec<Self>> {
            values.iter().map(|value| Self::of(value, resource)).collect()
        };
        Ok(match value {
            Val::Bool(value) => Self::Bool(*value),
            Val::S8(value) => Self::S8(*value),
            Val::U8(value) => Self::U8(*value),
            Val::S16(value) => Self::S16(*value),
            Val::U16(value) => Self::U16(*value),
            Val::S32(value) => Self::S32(*value),
            Val::U32(value) => Self::U32(*value),
            Val::S64(value) => Self::S64(*value),
            Val::U64(value) => Self::U64(*value),
            Val::Float32(value) => Self::Float32(value.to_bits()),
            Val::Float64(value) => Self::Float64(value.to_bits()),
            Val::Char(value) => Self::Char(*value),
            Val::String(text) => Self::Text(text.clone()),
            Val::List(values) | Val::FixedLengthList(values) => match bytes(values) {
                Some(bytes) => Self::Bytes(bytes),
                None => Self::List(all(values)?),
            },
            Val::Map(pairs) => {
                let pair = |(key, value): &(Val, Val)| {
                    let key = Self::of(key, resource)?;
                    Ok(Self::Tuple(vec![key, Self::of(value, resource)?]))
                };
                Self::List(pairs.iter().map(pair).collect::<wasmtime::Result<_>>()?)
            }
            Val::Record(fields) => {
                let field = |(name, value): &(String, Val)| Ok((name.clone(), Self::of(value, resource)?));
                Self::Record(fields.iter().map(field).collect::<wasmtime::Result<_>>()?)
            }
            Val::Tuple(values) => Self::Tuple(all(values)?),
            Val::Variant(name, value) => Self::Variant(name.clone(), boxed(value, resource)?),
            Val::Enum(name) => Self::Enum(name.clone()),
            Val::Option(value) => Self::Option(boxed(value, resource)?),
            Val::Result(Ok(value)) => Self::Result(Ok(boxed(value, resource)?)),
            Val::Result(Err(value)) => Self::Result(Err(boxed(value, resource)?)),
            Val::Flags(names) => Self::Flags(names.clone()),
            Val::Resource(any) => Self::Resource(resource(*any)?),
            Val::Future(_) | Val::Stream(_) | Val::ErrorContext(_) => Self::Asynchronous,
        })
    }

    /// The engine's value; `resource` makes a resource.
    ///
    /// # Errors
    /// Those of `resource`, and for what cannot be made from data.
    pub(crate) fn to_val(
        &self,
        resource: &mut dyn FnMut(Handle) -> wasmtime::Result<ResourceAny>,
    ) -> wasmtime::Result<Val> {
        let mut inner = |value: &Option<Box<Self>>| -> wasmtime::Result<Option<Box<Val>>> {
            value.as_deref().map(|value| value.to_val(resource).map(Box::new)).transpose()
        };
        Ok(match self {
            Self::Bool(value) => Val::Bool(*value),
            Self::S8(value) => Val::S8(*value),
            Self::U8(value) => Val::U8(*value),
            Self::S16(value) => Val::S16(*value),
            Self::U16(value) => Val::U16(*value),
            Self::S32(value) => Val::S32(*value),
            Self::U32(value) => Val::U32(*value),
            Self::S64(value) => Val::S64(*value),
            Self::U64(value) => Val::U64(*value),
            Self::Float32(bits) => Val::Float32(f32::from_bits(*bits)),
            Self::Float64(bits) => Val::Float64(f64::from_bits(*bits)),
            Self::Char(value) => Val::Char(*value),
            Self::Text(text) => Val::String(text.clone()),
            Self::Bytes(bytes) => Val::List(bytes.iter().map(|byte| Val::U8(*byte)).collect()),
            Self::Variant(name, value) => Val::Variant(name.clone(), inner(value)?),
            Self::Enum(name) => Val::Enum(name.clone()),
            Self::Option(value) => Val::Option(inner(value)?),
            Self::Result(Ok(value)) => Val::Result(Ok(inner(value)?)),
            Self::Result(Err(value)) => Val::Result(Err(inner(value)?)),
            Self::Flags(names) => Val::Flags(names.clone()),
            Self::List(values) => {
                Val::List(values.iter().map(|value| value.to_val(resource)).collect::<wasmtime::Result<_>>()?)
            }
            Self::Tuple(values) => Val::Tuple(
                values.iter().map(|value| value.to_val(resource)).collect::<wasmtime::Result<_>>()?,
            ),
            Self::Record(fields) => {
                let field = |(name, value): &(String, Self)| Ok((name.clone(), value.to_val(resource)?));
                Val::Record(fields.iter().map(field).collect::<wasmtime::Result<_>>()?)
            }
            Self::Resource(handle) => Val::Resource(resource(*handle)?),
            Self::Asynchronous => wasmtime::bail!("a stream or a future cannot be made from data"),
        })
    }

    /// The host memory that it takes, in bytes, roughly.
    pub(super) fn cost(&self) -> u64 {
        let all = |values: &[Self]| values.iter().map(Self::cost).sum();
        // Names are texts of their own in each value.
        let named = |name: &String| (size_of::<String>() + name.len()) as u64;
        let inner = |value: &Option<Box<Self>>| value.as_deref().map_or(0, Self::cost);
        let within = match self {
            Self::Text(text) | Self::Enum(text) => text.len() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::List(values) | Self::Tuple(values) => all(values),
            Self::Record(fields) => fields.iter().map(|(name, value)| named(name) + value.cost()).sum(),
            Self::Variant(name, value) => name.len() as u64 + inner(value),
            Self::Option(value) | Self::Result(Ok(value) | Err(value)) => inner(value),
            Self::Flags(names) => names.iter().map(named).sum(),
            _ => 0,
        };
        size_of::<Self>() as u64 + within
    }
}

/// A list of bytes, if it is one.
fn bytes(values: &[Val]) -> Option<Vec<u8>> {
    let byte = |value: &Val| if let Val::U8(byte) = value { Some(*byte) } else { None };
    if values.is_empty() { None } else { values.iter().map(byte).collect() }
}

fn boxed(
    value: &Option<Box<Val>>,
    resource: &mut dyn FnMut(ResourceAny) -> wasmtime::Result<Handle>,
) -> wasmtime::Result<Option<Box<ComponentValue>>> {
    value.as_deref().map(|value| ComponentValue::of(value, resource).map(Box::new)).transpose()
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} {}>", self.kind, self.number)
    }
}

/// Bytes of a value that are shown: a type of a few bytes can have very many fields, and long names.
const SHOWN: usize = 4096;

/// Of a text, characters; of a list of bytes, bytes.
const SHOWN_OF_TEXT: usize = 40;

/// As WAVE has it, but for floats by their bits, resources in angle brackets, and long texts and values cut off.
impl fmt::Display for ComponentValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = BoundedText::new(SHOWN);
        // An error is that it is full.
        let _: fmt::Result = self.write(&mut text);
        f.write_str(&text.beginning())
    }
}

impl ComponentValue {
    fn write(&self, out: &mut BoundedText) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(out, "{value}"),
            Self::S8(value) => write!(out, "{value}"),
            Self::U8(value) => write!(out, "{value}"),
            Self::S16(value) => write!(out, "{value}"),
            Self::U16(value) => write!(out, "{value}"),
            Self::S32(value) => write!(out, "{value}"),
            Self::U32(value) => write!(out, "{value}"),
            Self::S64(value) => write!(out, "{value}"),
            Self::U64(value) => write!(out, "{value}"),
            Self::Float32(bits) => write!(out, "{bits:#010x}"),
            Self::Float64(bits) => write!(out, "{bits:#018x}"),
            Self::Char(value) => write!(out, "{value:?}"),
            Self::Text(text) => {
                let cut: String = text.chars().take(SHOWN_OF_TEXT).collect();
                let more = if cut.len() < text.len() { "…" } else { "" };
                write!(out, "\"{}\"{more}", Printable(&cut))
            }
            Self::Bytes(bytes) => {
                let more = if bytes.len() > SHOWN_OF_TEXT { "…" } else { "" };
                write!(out, "\"{}\"{more}", bytes[..bytes.len().min(SHOWN_OF_TEXT)].escape_ascii())
            }
            Self::List(values) => listed(out, ["[", "]"], values, |out, value| value.write(out)),
            Self::Tuple(values) => listed(out, ["(", ")"], values, |out, value| value.write(out)),
            Self::Record(fields) => listed(out, ["{", "}"], fields, |out, (name, value)| {
                write!(out, "{}: ", Printable(name))?;
                value.write(out)
            }),
            Self::Variant(name, value) => case(out, name, value),
            Self::Enum(name) => out.write_str(name),
            Self::Option(None) => out.write_str("none"),
            Self::Option(value) => case(out, "some", value),
            Self::Result(Ok(value)) => case(out, "ok", value),
            Self::Result(Err(value)) => case(out, "err", value),
            Self::Flags(names) => listed(out, ["{", "}"], names, |out, name| out.write_str(name)),
            Self::Resource(handle) => write!(out, "{handle}"),
            Self::Asynchronous => out.write_str("<stream>"),
        }
    }
}

fn case(out: &mut BoundedText, name: &str, value: &Option<Box<ComponentValue>>) -> fmt::Result {
    out.write_str(name)?;
    let Some(value) = value else { return Ok(()) };
    out.write_str("(")?;
    value.write(out)?;
    out.write_str(")")
}

fn listed<T>(
    out: &mut BoundedText,
    [open, close]: [&str; 2],
    items: &[T],
    mut write: impl FnMut(&mut BoundedText, &T) -> fmt::Result,
) -> fmt::Result {
    out.write_str(open)?;
    for (index, item) in items.iter().enumerate() {
        out.write_str(if index == 0 { "" } else { ", " })?;
        write(out, item)?;
    }
    out.write_str(close)
}
