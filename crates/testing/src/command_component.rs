//! Components as toolchains make them of core modules.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER as COMMAND,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as REACTOR,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A program for WASI preview 1 as a command for preview 2: it exports `wasi:cli/run`.
pub fn command(core: &[u8]) -> Vec<u8> {
    let encoder = ComponentEncoder::default().validate(true).module(core).unwrap();
    encoder.adapter(NAME, COMMAND).unwrap().encode().unwrap()
}

/// A core module as a component with the world that is the only one in `wit`; what it imports of preview 1 is the adapter's.
pub fn reactor(core: &[u8], wit: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("world.wit", wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut core = core.to_vec();
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().validate(true).module(&core).unwrap();
    encoder.adapter(NAME, REACTOR).unwrap().encode().unwrap()
}
