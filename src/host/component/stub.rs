//! What stubs of a component's imports answer.

use super::ComponentHost;
use super::imports::Unprovided;
use wasmtime::StoreContextMut;
use wasmtime::component::{Resource, Type, Val};

/// There is nothing of the type that could be made up.
pub(super) struct NoAnswer;

/// The emptiest value of a type: zero, `false`, no elements, `none`, `ok`, the first case. A resource is one of those that nobody
/// provides.
pub(super) fn answer(ty: &Type, store: &mut StoreContextMut<'_, ComponentHost>) -> Result<Val, NoAnswer> {
    let mut fields = |types: Vec<Type>| -> Result<Vec<Val>, NoAnswer> {
        types.iter().map(|ty| answer(ty, store)).collect()
    };
    Ok(match ty {
        Type::Bool => Val::Bool(false),
        Type::S8 => Val::S8(0),
        Type::U8 => Val::U8(0),
        Type::S16 => Val::S16(0),
        Type::U16 => Val::U16(0),
        Type::S32 => Val::S32(0),
        Type::U32 => Val::U32(0),
        Type::S64 => Val::S64(0),
        Type::U64 => Val::U64(0),
        Type::Float32 => Val::Float32(0.0),
        Type::Float64 => Val::Float64(0.0),
        Type::Char => Val::Char('\0'),
        Type::String => Val::String(String::new()),
        Type::List(_) => Val::List(Vec::new()),
        Type::Map(_) => Val::Map(Vec::new()),
        Type::FixedLengthList(list) => {
            Val::FixedLengthList(fields(vec![list.ty(); list.len() as usize])?)
        }
        Type::Record(record) => {
            let names: Vec<String> = record.fields().map(|field| field.name.to_string()).collect();
            let values = fields(record.fields().map(|field| field.ty).collect())?;
            Val::Record(names.into_iter().zip(values).collect())
        }
        Type::Tuple(tuple) => Val::Tuple(fields(tuple.types().collect())?),
        Type::Variant(variant) => {
            let case = variant.cases().next().ok_or(NoAnswer)?;
            Val::Variant(case.name.to_string(), payload(case.ty, store)?)
        }
        Type::Enum(cases) => Val::Enum(cases.names().next().ok_or(NoAnswer)?.to_string()),
        Type::Option(_) => Val::Option(None),
        Type::Result(result) => Val::Result(Ok(payload(result.ok(), store)?)),
        Type::Flags(_) => Val::Flags(Vec::new()),
        Type::Own(_) => {
            let made = Resource::<Unprovided>::new_own(0).try_into_resource_any(store);
            Val::Resource(made.map_err(|_| NoAnswer)?)
        }
        Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => return Err(NoAnswer),
    })
}

fn payload(
    ty: Option<Type>,
    store: &mut StoreContextMut<'_, ComponentHost>,
) -> Result<Option<Box<Val>>, NoAnswer> {
    ty.map(|ty| answer(&ty, store).map(Box::new)).transpose()
}
