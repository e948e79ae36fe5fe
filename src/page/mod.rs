//! A run or an audit as one self-contained page of HTML.

mod call_rows;
mod memory_map;
mod run_page;
mod template;

pub use memory_map::MemoryMap;
pub(crate) use memory_map::{MemoryRange, map_legend, maps_of_evidence, memory_maps};
pub use run_page::refusal_page;
pub(crate) use run_page::run_page;
pub(crate) use template::{Page, Table};
