//! What an attacker must not be able to do, one promise a test.
//!
//! | file | promises |
//! |---|---|
//! | `cache_directory` | nothing is used or removed that preinit has not made |
//! | `cache_lists` | an access control list by which others could have put it there counts too |
//! | `cache_owner` | nothing is run that somebody else could have put into a cache |
//! | `cache_reach` | a module that writes files cannot write into a cache |
//! | `compared` | what differs takes no memory of its own |
//! | `components` | how a component is nested costs nothing but an error |
//! | `debugging` | what names and debugging information are made of, a trap and an audit take little |
//! | `frozen_calls` | what calls in progress hold is bounded like memories |
//! | `heap_values` | secrets in objects are found like those in memories |
//! | `instances` | what an engine has for each of very many instances counts like memories |
//! | `memory` | what a module makes the host keep in memory is bounded |
//! | `output_escape` | outputs go where they were asked for, whatever the module does meanwhile |
//! | `output_mode` | a replaced file gives nobody rights; the ledger is for its owner alone |
//! | `huge_requests` | what is said to be very large is an error on a machine that has less |
//! | `input_links` | what is read is what was named, whatever links the module has left |
//! | `output_places` | no output is lost because another one, a stream or an input has the same place |
//! | `embedded_files` | what is embedded is bounded, and what is taken out stays in its directory |
//! | `interruption` | an interrupted run leaves no temporary files, a killed one none for long |
//! | `process_memory` | the process as a whole takes no more memory than it may |
//! | `page` | a page of HTML runs nothing of the module |
//! | `prepared_code` | machine code is not taken from where others could have put it |
//! | `result_reuse` | a kept snapshot is used only where init would see the same |
//! | `scanned` | a memory full of what is searched for costs no more than another one |
//! | `shared_memories` | what shared memories grow by counts like that of others |
//! | `tasks` | the call stacks of a component's tasks count like memories |
//! | `terminal` | a terminal gets what init prints as it is only where that was asked for |
//! | `untrusted` | `--untrusted` gives a module little |
//! | `values` | messages do not tell what init was given |
//! | `verdict_references` | the verifier does not vouch for references that only look the same, nor for imports that were one |
//! | `verdict_sections` | the verifier does not vouch for custom sections that a run time acts upon |
//! | `verdicts` | the verifier vouches only for what it compared or made itself, and hides no assumption |

mod cache_directory;
#[cfg(target_os = "linux")]
mod cache_lists;
#[cfg(unix)]
mod cache_owner;
mod cache_reach;
#[cfg(target_os = "linux")]
mod compared;
mod components;
#[cfg(target_os = "linux")]
mod debugging;
#[cfg(target_os = "linux")]
mod embedded_files;
#[cfg(target_os = "linux")]
mod frozen_calls;
mod heap_values;
#[cfg(target_os = "linux")]
mod huge_requests;
#[cfg(unix)]
mod input_links;
#[cfg(target_os = "linux")]
mod instances;
#[cfg(unix)]
mod interruption;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(unix)]
mod output_escape;
#[cfg(unix)]
mod output_mode;
#[cfg(unix)]
mod output_places;
mod page;
mod prepared_code;
#[cfg(target_os = "linux")]
mod process_memory;
mod result_reuse;
#[cfg(target_os = "linux")]
mod scanned;
#[cfg(target_os = "linux")]
mod shared_memories;
#[cfg(target_os = "linux")]
mod tasks;
mod terminal;
mod untrusted;
mod values;
mod verdict_references;
mod verdict_sections;
mod verdicts;

use crate::{Place, done, stderr};

/// Whether the code of `in.wasm` came from the cache.
fn from_cache(place: &Place, cache: &str) -> bool {
    let output = place.run(["in.wasm", "-o", "out.wasm", "-v", "--no-opt", "--cache-dir", cache]);
    done(&output);
    stderr(&output).contains(", from the cache")
}

/// Whether the snapshot of `in.wasm` was one that was kept.
fn from_results(place: &Place, cache: &str, line: &str) -> bool {
    let line = format!("in.wasm -o out.wasm -v --no-opt --cache-dir {cache} --result-cache {line}");
    let output = place.line(&line);
    done(&output);
    stderr(&output).contains("an earlier run made it")
}
