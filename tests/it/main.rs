//! The integration tests: everything but the command line and the official WebAssembly test suite.

// Its `#[test]` takes the place of the usual one.
#[macro_use]
extern crate preinit_testing;

mod audit;
mod bad_input;
mod cleaning;
mod clock;
mod components;
mod embed;
mod engine_limits;
mod freezing;
mod golden;
mod host_caches;
mod init_time;
mod inspect;
mod interposed;
mod many_functions;
mod mutations;
mod page;
mod preloaded;
mod programs;
mod properties;
mod real_inputs;
mod repository;
mod scrub;
mod scrub_refusals;
mod standard_input;
mod state_file;
mod threads;
mod verify;
mod wasi_programs;
mod wizer;

fn main() -> std::process::ExitCode {
    let made_of_files = golden::trials()
        .into_iter()
        .chain(interposed::trials())
        .chain(components::golden::trials())
        .chain(repository::examples::trials());
    preinit_testing::harness::run(made_of_files.collect())
}
