//! The functions of WASI preview 1 and snapshot 0: names, parameters, what each reads and writes in guest memory.

use preinit_core::wasi_version::WasiVersion;
use wasmtime_wasi::p1::{WasiP1Ctx, wasi_snapshot_preview1 as p1};
use wasmtime_wasi::runtime::in_tokio;
use wiggle::GuestMemory;

use super::span::Span;
use crate::host::host_options::ImportName;
use crate::host::host_value::HostValue;

/// A function of WASI. All but `proc_exit` return an errno.
#[derive(Debug)]
pub(in crate::host) struct Function {
    pub(in crate::host) name: &'static str,
    pub(in crate::host) params: &'static [(&'static str, Type)],
    pub(super) reads: &'static [Span],
    /// What is written if the function succeeds. Out pointers come first.
    pub(super) writes: &'static [Span],
    /// `None` for a function that wasmtime-wasi is never asked.
    pub(super) dispatch: Option<Dispatch>,
}

/// Calls wasmtime-wasi.
pub(super) type Dispatch = fn(&mut WasiP1Ctx, &mut GuestMemory<'_>, &[HostValue]) -> wasmtime::Result<i32>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::host) enum Type {
    I32,
    I64,
}

/// The function that a module imports by this name, if WASI has it.
pub(in crate::host) fn function(import: &ImportName) -> Option<&'static Function> {
    let of = |table: &'static [Function]| table.iter().find(|function| function.name == import.name);
    match WasiVersion::of_module(&import.module)? {
        WasiVersion::Preview1 => of(FUNCTIONS),
        WasiVersion::Snapshot0 if import.name == "sock_accept" => None,
        WasiVersion::Snapshot0 => of(SNAPSHOT_0).or_else(|| of(FUNCTIONS)),
    }
}

trait Parameter: Sized {
    fn of(value: &HostValue) -> Option<Self>;
}

impl Parameter for i32 {
    fn of(value: &HostValue) -> Option<Self> {
        if let HostValue::I32(value) = value { Some(*value) } else { None }
    }
}

impl Parameter for i64 {
    fn of(value: &HostValue) -> Option<Self> {
        if let HostValue::I64(value) = value { Some(*value) } else { None }
    }
}

/// The first argument, and the others.
fn next<T: Parameter>(args: &[HostValue]) -> wasmtime::Result<(T, &[HostValue])> {
    let split = args.split_first().and_then(|(value, rest)| Some((T::of(value)?, rest)));
    split.ok_or_else(|| wasmtime::Error::msg("an argument of a WASI call is missing or of the wrong type"))
}

macro_rules! functions {
    ($table:ident: $($answer:ident $name:ident($($param:ident: $ty:ident),*) reads [$($read:expr),*] writes [$($write:expr),*];)*) => {
        pub(in crate::host) static $table: &[Function] = &[$(Function {
            name: stringify!($name),
            params: &[$((stringify!($param), Type::$ty)),*],
            reads: &[$($read),*],
            writes: &[$($write),*],
            dispatch: functions!(@$answer $name $($param)*),
        }),*];
    };
    (@own $name:ident $($param:ident)*) => { None };
    (@sync $name:ident $($param:ident)*) => {
        Some(|ctx, memory, args| {
            $(let ($param, args) = next(args)?;)*
            let _ = args;
            p1::$name(ctx, memory, $($param),*)
        })
    };
    (@asynchronous $name:ident $($param:ident)*) => {
        Some(|ctx, memory, args| {
            $(let ($param, args) = next(args)?;)*
            let _ = args;
            in_tokio(p1::$name(ctx, memory, $($param),*))
        })
    };
}

const fn fixed(at: &'static str, bytes: u32) -> Span {
    Span::Fixed { at, bytes }
}

const fn sized(at: &'static str, len: &'static str) -> Span {
    Span::Array { at, count: len, stride: 1 }
}

const fn iovecs(at: &'static str, count: &'static str) -> Span {
    Span::Array { at, count, stride: 8 }
}

const fn counted(at: &'static str, count_at: &'static str, stride: u32) -> Span {
    Span::Counted { at, count_at, stride }
}

const FDSTAT: u32 = 24;
const FILESTAT: u32 = 64;
const PRESTAT: u32 = 8;
const SUBSCRIPTION: u32 = WasiVersion::Preview1.subscription().size;
pub(super) const EVENT: u32 = 32;

functions! { FUNCTIONS:
    own args_get(argv: I32, argv_buf: I32) reads [] writes [Span::Arguments];
    own args_sizes_get(count: I32, size: I32) reads [] writes [fixed("count", 4), fixed("size", 4)];
    own environ_get(environ: I32, environ_buf: I32) reads [] writes [Span::Environment];
    own environ_sizes_get(count: I32, size: I32) reads [] writes [fixed("count", 4), fixed("size", 4)];
    own clock_res_get(id: I32, resolution: I32) reads [] writes [fixed("resolution", 8)];
    own clock_time_get(id: I32, precision: I64, time: I32) reads [] writes [fixed("time", 8)];
    asynchronous fd_advise(fd: I32, offset: I64, len: I64, advice: I32) reads [] writes [];
    sync fd_allocate(fd: I32, offset: I64, len: I64) reads [] writes [];
    asynchronous fd_close(fd: I32) reads [] writes [];
    asynchronous fd_datasync(fd: I32) reads [] writes [];
    asynchronous fd_fdstat_get(fd: I32, stat: I32) reads [] writes [fixed("stat", FDSTAT)];
    sync fd_fdstat_set_flags(fd: I32, flags: I32) reads [] writes [];
    sync fd_fdstat_set_rights(fd: I32, base: I64, inheriting: I64) reads [] writes [];
    asynchronous fd_filestat_get(fd: I32, stat: I32) reads [] writes [fixed("stat", FILESTAT)];
    asynchronous fd_filestat_set_size(fd: I32, size: I64) reads [] writes [];
    asynchronous fd_filestat_set_times(fd: I32, atim: I64, mtim: I64, fst_flags: I32) reads [] writes [];
    asynchronous fd_pread(fd: I32, iovs: I32, iovs_len: I32, offset: I64, nread: I32)
        reads [iovecs("iovs", "iovs_len")] writes [fixed("nread", 4), Span::Filled { count_at: "nread" }];
    sync fd_prestat_get(fd: I32, stat: I32) reads [] writes [fixed("stat", PRESTAT)];
    sync fd_prestat_dir_name(fd: I32, path: I32, path_len: I32) reads [] writes [Span::PreopenName];
    asynchronous fd_pwrite(fd: I32, iovs: I32, iovs_len: I32, offset: I64, nwritten: I32)
        reads [iovecs("iovs", "iovs_len"), Span::Buffer] writes [fixed("nwritten", 4)];
    asynchronous fd_read(fd: I32, iovs: I32, iovs_len: I32, nread: I32)
        reads [iovecs("iovs", "iovs_len")] writes [fixed("nread", 4), Span::Filled { count_at: "nread" }];
    asynchronous fd_readdir(fd: I32, buf: I32, buf_len: I32, cookie: I64, used: I32)
        reads [] writes [fixed("used", 4), counted("buf", "used", 1)];
    asynchronous fd_renumber(fd: I32, to: I32) reads [] writes [];
    asynchronous fd_seek(fd: I32, offset: I64, whence: I32, position: I32) reads [] writes [fixed("position", 8)];
    asynchronous fd_sync(fd: I32) reads [] writes [];
    sync fd_tell(fd: I32, position: I32) reads [] writes [fixed("position", 8)];
    asynchronous fd_write(fd: I32, iovs: I32, iovs_len: I32, nwritten: I32)
        reads [iovecs("iovs", "iovs_len"), Span::Buffer] writes [fixed("nwritten", 4)];
    asynchronous path_create_directory(fd: I32, path: I32, path_len: I32)
        reads [sized("path", "path_len")] writes [];
    asynchronous path_filestat_get(fd: I32, flags: I32, path: I32, path_len: I32, stat: I32)
        reads [sized("path", "path_len")] writes [fixed("stat", FILESTAT)];
    asynchronous path_filestat_set_times(
        fd: I32, flags: I32, path: I32, path_len: I32, atim: I64, mtim: I64, fst_flags: I32
    ) reads [sized("path", "path_len")] writes [];
    asynchronous path_link(
        old_fd: I32, old_flags: I32, old_path: I32, old_path_len: I32, new_fd: I32, new_path: I32, new_path_len: I32
    ) reads [sized("old_path", "old_path_len"), sized("new_path", "new_path_len")] writes [];
    asynchronous path_open(
        fd: I32, dirflags: I32, path: I32, path_len: I32, oflags: I32, base: I64, inheriting: I64, fdflags: I32,
        opened: I32
    ) reads [sized("path", "path_len")] writes [fixed("opened", 4)];
    asynchronous path_readlink(fd: I32, path: I32, path_len: I32, buf: I32, buf_len: I32, used: I32)
        reads [sized("path", "path_len")] writes [fixed("used", 4), counted("buf", "used", 1)];
    asynchronous path_remove_directory(fd: I32, path: I32, path_len: I32)
        reads [sized("path", "path_len")] writes [];
    asynchronous path_rename(
        fd: I32, old_path: I32, old_path_len: I32, new_fd: I32, new_path: I32, new_path_len: I32
    ) reads [sized("old_path", "old_path_len"), sized("new_path", "new_path_len")] writes [];
    asynchronous path_symlink(old_path: I32, old_path_len: I32, fd: I32, new_path: I32, new_path_len: I32)
        reads [sized("old_path", "old_path_len"), sized("new_path", "new_path_len")] writes [];
    asynchronous path_unlink_file(fd: I32, path: I32, path_len: I32)
        reads [sized("path", "path_len")] writes [];
    own poll_oneoff(subscriptions: I32, events: I32, nsubscriptions: I32, nevents: I32)
        reads [Span::Array { at: "subscriptions", count: "nsubscriptions", stride: SUBSCRIPTION }]
        writes [fixed("nevents", 4), counted("events", "nevents", EVENT)];
    own proc_exit(code: I32) reads [] writes [];
    sync proc_raise(signal: I32) reads [] writes [];
    own random_get(buf: I32, buf_len: I32) reads [] writes [sized("buf", "buf_len")];
    sync sched_yield() reads [] writes [];
    sync sock_accept(fd: I32, flags: I32, accepted: I32) reads [] writes [fixed("accepted", 4)];
    sync sock_recv(fd: I32, iovs: I32, iovs_len: I32, flags: I32, nread: I32, out_flags: I32)
        reads [iovecs("iovs", "iovs_len")]
        writes [fixed("nread", 4), fixed("out_flags", 2), Span::Filled { count_at: "nread" }];
    sync sock_send(fd: I32, iovs: I32, iovs_len: I32, flags: I32, nwritten: I32)
        reads [iovecs("iovs", "iovs_len"), Span::Buffer] writes [fixed("nwritten", 4)];
    sync sock_shutdown(fd: I32, how: I32) reads [] writes [];
}

const FILESTAT_0: u32 = 56;
const SUBSCRIPTION_0: u32 = WasiVersion::Snapshot0.subscription().size;

// Those of snapshot 0 that read or write records of another length.
functions! { SNAPSHOT_0:
    asynchronous fd_filestat_get(fd: I32, stat: I32) reads [] writes [fixed("stat", FILESTAT_0)];
    asynchronous path_filestat_get(fd: I32, flags: I32, path: I32, path_len: I32, stat: I32)
        reads [sized("path", "path_len")] writes [fixed("stat", FILESTAT_0)];
    own poll_oneoff(subscriptions: I32, events: I32, nsubscriptions: I32, nevents: I32)
        reads [Span::Array { at: "subscriptions", count: "nsubscriptions", stride: SUBSCRIPTION_0 }]
        writes [fixed("nevents", 4), counted("events", "nevents", EVENT)];
}

#[cfg(test)]
mod tests {
    use wasmtime::{Engine, ExternType, Linker, Store, ValType};

    use super::*;

    /// The types of wasmtime-wasi's own definitions are the reference.
    fn is_as_defined(version: WasiVersion, expected_number: usize, add: fn(&mut Linker<WasiP1Ctx>)) {
        let engine = Engine::default();
        let mut linker = Linker::new(&engine);
        add(&mut linker);
        let mut store = Store::new(&engine, wasmtime_wasi::WasiCtx::builder().build_p1());
        let definitions: Vec<_> = linker
            .iter(&mut store)
            .map(|(module, name, item)| (ImportName::new(module, name), item))
            .collect();
        assert_eq!(definitions.len(), expected_number);
        for (name, item) in definitions {
            assert_eq!(name.module, version.module());
            let ExternType::Func(expected) = item.ty(&store) else { panic!("{name} is no function") };
            let expected: Vec<String> = expected.params().map(|ty| ty.to_string()).collect();
            let function = function(&name).unwrap_or_else(|| panic!("{name} is missing"));
            let params = function.params.iter().map(|(_, ty)| match ty {
                Type::I32 => ValType::I32.to_string(),
                Type::I64 => ValType::I64.to_string(),
            });
            assert_eq!(params.collect::<Vec<_>>(), expected, "{name}");
        }
    }

    #[test]
    fn the_table_is_wasi_preview_1() {
        is_as_defined(WasiVersion::Preview1, FUNCTIONS.len(), |linker| {
            wasmtime_wasi::p1::add_to_linker_sync(linker, |ctx| ctx).unwrap();
        });
    }

    #[test]
    fn the_table_is_wasi_snapshot_0() {
        is_as_defined(WasiVersion::Snapshot0, FUNCTIONS.len() - 1, |linker| {
            wasmtime_wasi::p0::add_to_linker_sync(linker, |ctx| ctx).unwrap();
        });
        assert!(function(&ImportName::new(WasiVersion::Snapshot0.module(), "sock_accept")).is_none());
    }

    #[test]
    fn spans_name_parameters() {
        for function in FUNCTIONS.iter().chain(SNAPSHOT_0) {
            for span in function.reads.iter().chain(function.writes) {
                for name in span.names() {
                    let found = function.params.iter().any(|(param, _)| *param == name);
                    assert!(found, "{} has no parameter {name}", function.name);
                }
            }
        }
    }
}
