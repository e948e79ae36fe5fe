//! Components as toolchains make them of core modules.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER as ADAPTER,
};
use wit_component::ComponentEncoder;

/// A program for WASI preview 1 as a command for preview 2: it exports `wasi:cli/run`.
pub fn command(core: &[u8]) -> Vec<u8> {
    let encoder = ComponentEncoder::default().validate(true).module(core).unwrap();
    encoder.adapter(NAME, ADAPTER).unwrap().encode().unwrap()
}
