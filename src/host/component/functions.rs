//! All functions of WASI 0.2 that this host has, and those of 0.3. Functions of 0.3 that are asynchronous answer at once, but for
//! those that wait.

use super::call::{Answer, Function, Guest, Provided};
use super::link::{Interface, Version};
use super::{cli, clocks, directories, filesystem, paths, poll, preview3, random, sockets, stat, streams};

type Functions = &'static [(&'static str, Function)];

/// The functions by interface, without versions.
const INTERFACES: &[(&str, Functions)] = &[
    (
        "wasi:cli/environment",
        &[
            ("get-environment", cli::environment),
            ("get-arguments", cli::arguments),
            ("initial-cwd", cli::nothing),
        ],
    ),
    ("wasi:cli/exit", &[("exit", cli::exit), ("exit-with-code", cli::exit_with_code)]),
    ("wasi:cli/stdin", &[("get-stdin", cli::stdin)]),
    ("wasi:cli/stdout", &[("get-stdout", cli::stdout)]),
    ("wasi:cli/stderr", &[("get-stderr", cli::stderr)]),
    ("wasi:cli/terminal-input", &[]),
    ("wasi:cli/terminal-output", &[]),
    ("wasi:cli/terminal-stdin", &[("get-terminal-stdin", cli::nothing)]),
    ("wasi:cli/terminal-stdout", &[("get-terminal-stdout", cli::nothing)]),
    ("wasi:cli/terminal-stderr", &[("get-terminal-stderr", cli::nothing)]),
    (
        "wasi:clocks/monotonic-clock",
        &[
            ("now", clocks::monotonic_now),
            ("resolution", clocks::monotonic_resolution),
            ("subscribe-instant", clocks::subscribe_instant),
            ("subscribe-duration", clocks::subscribe_duration),
        ],
    ),
    ("wasi:clocks/wall-clock", &[("now", clocks::wall_now), ("resolution", clocks::wall_resolution)]),
    ("wasi:random/random", &[("get-random-bytes", random::bytes), ("get-random-u64", random::long)]),
    (
        "wasi:random/insecure",
        &[("get-insecure-random-bytes", random::bytes), ("get-insecure-random-u64", random::long)],
    ),
    ("wasi:random/insecure-seed", &[("insecure-seed", random::seed)]),
    ("wasi:io/error", &[("[method]error.to-debug-string", streams::debug_string)]),
    (
        "wasi:io/poll",
        &[
            ("[method]pollable.ready", poll::ready),
            ("[method]pollable.block", poll::block),
            ("poll", poll::poll),
        ],
    ),
    (
        "wasi:io/streams",
        &[
            ("[method]input-stream.read", streams::read),
            ("[method]input-stream.blocking-read", streams::read),
            ("[method]input-stream.skip", streams::skip),
            ("[method]input-stream.blocking-skip", streams::skip),
            ("[method]input-stream.subscribe", poll::subscribe),
            ("[method]output-stream.check-write", streams::check_write),
            ("[method]output-stream.write", streams::write),
            ("[method]output-stream.blocking-write-and-flush", streams::write),
            ("[method]output-stream.flush", streams::flush),
            ("[method]output-stream.blocking-flush", streams::flush),
            ("[method]output-stream.subscribe", poll::subscribe),
            ("[method]output-stream.write-zeroes", streams::write_zeroes),
            ("[method]output-stream.blocking-write-zeroes-and-flush", streams::write_zeroes),
            ("[method]output-stream.splice", streams::splice),
            ("[method]output-stream.blocking-splice", streams::splice),
        ],
    ),
    ("wasi:filesystem/preopens", &[("get-directories", directories::preopened)]),
    (
        "wasi:filesystem/types",
        &[
            ("[method]descriptor.read-via-stream", filesystem::read_via_stream),
            ("[method]descriptor.write-via-stream", filesystem::write_via_stream),
            ("[method]descriptor.append-via-stream", filesystem::append_via_stream),
            ("[method]descriptor.advise", filesystem::advise),
            ("[method]descriptor.sync-data", filesystem::sync_data),
            ("[method]descriptor.get-flags", filesystem::flags),
            ("[method]descriptor.get-type", stat::filetype),
            ("[method]descriptor.set-size", filesystem::set_size),
            ("[method]descriptor.set-times", stat::set_times),
            ("[method]descriptor.read", filesystem::read),
            ("[method]descriptor.write", filesystem::write),
            ("[method]descriptor.read-directory", directories::read_directory),
            ("[method]descriptor.sync", filesystem::sync),
            ("[method]descriptor.create-directory-at", paths::create_directory),
            ("[method]descriptor.stat", stat::stat),
            ("[method]descriptor.stat-at", stat::stat_at),
            ("[method]descriptor.set-times-at", stat::set_times_at),
            ("[method]descriptor.link-at", paths::link),
            ("[method]descriptor.open-at", paths::open),
            ("[method]descriptor.readlink-at", paths::read_link),
            ("[method]descriptor.remove-directory-at", paths::remove_directory),
            ("[method]descriptor.rename-at", paths::rename),
            ("[method]descriptor.symlink-at", paths::symbolic_link),
            ("[method]descriptor.unlink-file-at", paths::unlink_file),
            ("[method]descriptor.is-same-object", stat::is_same_object),
            ("[method]descriptor.metadata-hash", stat::metadata_hash),
            ("[method]descriptor.metadata-hash-at", stat::metadata_hash_at),
            ("[method]directory-entry-stream.read-directory-entry", directories::read_entry),
            ("filesystem-error-code", filesystem::error_code),
        ],
    ),
    ("wasi:sockets/network", &[("network-error-code", cli::nothing)]),
    ("wasi:sockets/instance-network", &[("instance-network", sockets::network)]),
    ("wasi:sockets/tcp", &[]),
    ("wasi:sockets/udp", &[]),
    ("wasi:sockets/tcp-create-socket", &[("create-tcp-socket", sockets::denied)]),
    ("wasi:sockets/udp-create-socket", &[("create-udp-socket", sockets::denied)]),
    ("wasi:sockets/ip-name-lookup", &[("resolve-addresses", sockets::unresolved)]),
];

/// The same of WASI 0.3.
const INTERFACES_OF_0_3: &[(&str, Functions)] = &[
    ("wasi:cli/types", &[]),
    (
        "wasi:cli/environment",
        &[
            ("get-environment", cli::environment),
            ("get-arguments", cli::arguments),
            ("get-initial-cwd", cli::nothing),
        ],
    ),
    ("wasi:cli/exit", &[("exit", cli::exit), ("exit-with-code", cli::exit_with_code)]),
    ("wasi:cli/stdin", &[("read-via-stream", preview3::stdin)]),
    ("wasi:cli/stdout", &[("write-via-stream", preview3::stdout)]),
    ("wasi:cli/stderr", &[("write-via-stream", preview3::stderr)]),
    ("wasi:cli/terminal-input", &[]),
    ("wasi:cli/terminal-output", &[]),
    ("wasi:cli/terminal-stdin", &[("get-terminal-stdin", cli::nothing)]),
    ("wasi:cli/terminal-stdout", &[("get-terminal-stdout", cli::nothing)]),
    ("wasi:cli/terminal-stderr", &[("get-terminal-stderr", cli::nothing)]),
    ("wasi:clocks/types", &[]),
    (
        "wasi:clocks/monotonic-clock",
        &[
            ("now", clocks::monotonic_now),
            ("get-resolution", clocks::monotonic_resolution),
            ("wait-until", preview3::wait_until),
            ("wait-for", preview3::wait_for),
        ],
    ),
    ("wasi:clocks/system-clock", &[("now", clocks::wall_now), ("get-resolution", clocks::system_resolution)]),
    ("wasi:random/random", &[("get-random-bytes", random::bytes), ("get-random-u64", random::long)]),
    (
        "wasi:random/insecure",
        &[("get-insecure-random-bytes", random::bytes), ("get-insecure-random-u64", random::long)],
    ),
    ("wasi:random/insecure-seed", &[("get-insecure-seed", random::seed)]),
    ("wasi:filesystem/preopens", &[("get-directories", directories::preopened)]),
    (
        "wasi:filesystem/types",
        &[
            ("[method]descriptor.read-via-stream", preview3::read_via_stream),
            ("[method]descriptor.write-via-stream", preview3::write_via_stream),
            ("[method]descriptor.append-via-stream", preview3::append_via_stream),
            ("[method]descriptor.advise", filesystem::advise),
            ("[method]descriptor.sync-data", filesystem::sync_data),
            ("[method]descriptor.get-flags", filesystem::flags),
            ("[method]descriptor.get-type", stat::filetype),
            ("[method]descriptor.set-size", filesystem::set_size),
            ("[method]descriptor.set-times", stat::set_times),
            ("[method]descriptor.read-directory", preview3::read_directory),
            ("[method]descriptor.sync", filesystem::sync),
            ("[method]descriptor.create-directory-at", paths::create_directory),
            ("[method]descriptor.stat", stat::stat),
            ("[method]descriptor.stat-at", stat::stat_at),
            ("[method]descriptor.set-times-at", stat::set_times_at),
            ("[method]descriptor.link-at", paths::link),
            ("[method]descriptor.open-at", paths::open),
            ("[method]descriptor.readlink-at", paths::read_link),
            ("[method]descriptor.remove-directory-at", paths::remove_directory),
            ("[method]descriptor.rename-at", paths::rename),
            ("[method]descriptor.symlink-at", paths::symbolic_link),
            ("[method]descriptor.unlink-file-at", paths::unlink_file),
            ("[method]descriptor.is-same-object", stat::is_same_object),
            ("[method]descriptor.metadata-hash", stat::metadata_hash),
            ("[method]descriptor.metadata-hash-at", stat::metadata_hash_at),
        ],
    ),
    // Nobody gets a socket whose methods could be called.
    (
        "wasi:sockets/types",
        &[("[static]tcp-socket.create", sockets::denied), ("[static]udp-socket.create", sockets::denied)],
    ),
    ("wasi:sockets/ip-name-lookup", &[("resolve-addresses", sockets::unresolved)]),
];

/// All functions of an interface; `None` if this host does not have it.
fn functions(interface: &Interface<'_>) -> Option<Functions> {
    let all = match interface.version {
        Version::Two => INTERFACES,
        Version::Three => INTERFACES_OF_0_3,
    };
    all.iter().find(|(known, _)| *known == interface.plain).map(|(_, functions)| *functions)
}

/// A function of an interface; `None` if there is none.
pub(super) fn function(interface: &Interface<'_>, name: &str) -> Option<Provided> {
    let function =
        functions(interface)?.iter().find(|(known, _)| *known == name).map(|(_, function)| *function);
    function.map(|function| Provided { function, version: interface.version })
}

/// Whether this host has the interface.
pub(super) fn has_interface(interface: &Interface<'_>) -> bool {
    functions(interface).is_some()
}

/// How it is answered that the guest drops a resource.
pub(super) const DROP: Provided = Provided { function: drop, version: Version::Two };

fn drop(guest: &mut Guest<'_>) -> Answer {
    let number = guest.handle(0)?;
    guest.forget(number)?;
    Ok(None)
}
