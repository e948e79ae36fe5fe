//! What compilers and linkers leave recognizable in a module: names, static data, who calls whom, where the stack is.

mod address_map;
mod call_graph;
mod libc_functions;
mod named;
mod program;
mod static_data;

pub(crate) use address_map::{AddressMap, ShadowStack, stack_pointer_of};
pub(crate) use call_graph::CallGraph;
pub(crate) use libc_functions::LibcFunctions;
pub(crate) use named::{function_named, wasi_import};
pub(crate) use program::Program;
pub(crate) use static_data::{StaticBytes, input_image, static_data};
