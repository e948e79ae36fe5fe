//! Whether a component uses what belongs to concurrent tasks: asynchronous functions, streams, futures, and their builtins.

use super::ComponentError;
use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentDefinedType, ComponentType, ComponentTypeDeclaration,
    InstanceTypeDeclaration, Parser, Payload, PrimitiveValType,
};

/// Looks at everything that stands in a component, also in components in it.
pub fn is_concurrent(bytes: &[u8]) -> Result<bool, ComponentError> {
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ComponentCanonicalSection(functions) => {
                for function in functions {
                    if is_task_function(&function?) {
                        return Ok(true);
                    }
                }
            }
            Payload::ComponentTypeSection(types) => {
                for ty in types {
                    if is_task_type(&ty?) {
                        return Ok(true);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(false)
}

/// Whether core modules in a component can take handles without a call of the host: resources of its own, and what belongs to tasks.
pub fn makes_handles(bytes: &[u8]) -> Result<bool, ComponentError> {
    for payload in Parser::new(0).parse_all(bytes) {
        if let Payload::ComponentCanonicalSection(functions) = payload? {
            for function in functions {
                if matches!(function?, CanonicalFunction::ResourceNew { .. }) {
                    return Ok(true);
                }
            }
        }
    }
    is_concurrent(bytes)
}

/// Whether core modules in a component can start threads, whose handles have numbers of their own.
pub fn starts_threads(bytes: &[u8]) -> Result<bool, ComponentError> {
    for payload in Parser::new(0).parse_all(bytes) {
        if let Payload::ComponentCanonicalSection(functions) = payload? {
            for function in functions {
                let starts = matches!(
                    function?,
                    CanonicalFunction::ThreadNewIndirect { .. }
                        | CanonicalFunction::ThreadSpawnRef { .. }
                        | CanonicalFunction::ThreadSpawnIndirect { .. }
                );
                if starts {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// Whether core modules in a component can have calls of it wait (`backpressure.inc`).
pub fn uses_backpressure(bytes: &[u8]) -> Result<bool, ComponentError> {
    for payload in Parser::new(0).parse_all(bytes) {
        if let Payload::ComponentCanonicalSection(functions) = payload? {
            for function in functions {
                if matches!(
                    function?,
                    CanonicalFunction::BackpressureInc | CanonicalFunction::BackpressureDec
                ) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

fn is_task_function(function: &CanonicalFunction) -> bool {
    let of_task = |option: &CanonicalOption| matches!(option, CanonicalOption::Async);
    match function {
        CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => {
            options.iter().any(of_task)
        }
        CanonicalFunction::ResourceNew { .. }
        | CanonicalFunction::ResourceDrop { .. }
        | CanonicalFunction::ResourceRep { .. } => false,
        _ => true,
    }
}

fn is_task_type(ty: &ComponentType<'_>) -> bool {
    match ty {
        ComponentType::Defined(ty) => matches!(
            ty,
            ComponentDefinedType::Future(_)
                | ComponentDefinedType::Stream(_)
                | ComponentDefinedType::Primitive(PrimitiveValType::ErrorContext)
        ),
        ComponentType::Func(ty) => ty.async_,
        ComponentType::Component(declarations) => declarations.iter().any(|declaration| match declaration {
            ComponentTypeDeclaration::Type(ty) => is_task_type(ty),
            _ => false,
        }),
        ComponentType::Instance(declarations) => declarations.iter().any(|declaration| match declaration {
            InstanceTypeDeclaration::Type(ty) => is_task_type(ty),
            _ => false,
        }),
        ComponentType::Resource { .. } => false,
    }
}
