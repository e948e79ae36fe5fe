//! Components.

mod adapter_handles;
mod audit;
mod cleaning;
mod clocks;
mod closed_descriptors;
mod embedded;
mod freezing;
mod freezing_refusals;
mod generated;
pub mod golden;
mod handles;
mod host;
#[cfg(feature = "component-calls")]
mod preview3;
#[cfg(feature = "component-calls")]
mod real;
pub mod running;
mod scripts;
mod shown_values;
mod tree;
mod verify;
mod verify_clocks;
mod verify_custom_sections;
mod verify_frozen;
mod verify_handles;
mod verify_worlds;
