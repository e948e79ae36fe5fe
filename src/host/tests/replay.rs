//! A replayed run sees what the recorded one saw, and touches nothing.

use std::fs;

use super::{FD_READ, Guest, O_CREAT, allow, iovec, replay};
use crate::host::{
    Access, Class, Clock, Denied, Directory, GuestExit, HostOptions, ImportCalled, ImportName, Output,
    Random, ReplayDiverged, Stdin, WasiOptions,
};

/// Everything that could touch the outside.
fn session(guest: &mut Guest) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    guest.ok("fd_readdir", &[3, 1024, 4096, 0, 8]);
    let used = guest.read_u32(8) as usize;
    seen.push(guest.read(1024, used));
    let file = guest.open(3, "file", 0, FD_READ).unwrap();
    seen.push(guest.read_fd(file, 100));
    guest.ok("fd_filestat_get", &[file, 64]);
    seen.push(guest.read(64, 64));
    seen.push(guest.read_fd(0, 4));
    guest.ok("random_get", &[100, 16]);
    seen.push(guest.read(100, 16));
    guest.ok("clock_time_get", &[0, 0, 64]);
    seen.push(guest.read(64, 8));
    let output = guest.open(3, "output", O_CREAT, super::FD_WRITE).unwrap();
    assert_eq!(guest.write_fd(output, b"to a file"), 0);
    assert_eq!(guest.write_fd(1, b"to standard output"), 0);
    assert_eq!(guest.open(3, "missing", 0, FD_READ), Err(44));
    seen
}

#[test]
fn a_replay_touches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "contents").unwrap();
    let dirs = vec![Directory { guest: "/".into(), host: dir.path().to_owned(), access: Access::ReadWrite }];
    let options = allow(WasiOptions {
        dirs,
        stdin: Stdin::Bytes(b"input".to_vec()),
        stdout: Output::Capture,
        clock: Clock::Real,
        random: Random::Os,
        ..WasiOptions::default()
    });
    let mut guest = Guest::wasi(&options);
    let seen = session(&mut guest);
    assert_eq!(guest.store.data().stdout(), b"to standard output");
    let ledger = guest.ledger().clone();
    assert_eq!(ledger.unreplayed(), None);
    dir.close().unwrap();
    // Other options do not matter: everything comes from the recording.
    let options = replay(&allow(WasiOptions::default()), &mut guest);

    let mut guest = Guest::wasi(&options);
    assert_eq!(guest.ledger().unreplayed(), Some(ledger.len()));
    assert_eq!(session(&mut guest), seen);
    assert_eq!(guest.ledger().unreplayed(), Some(0));
    assert_eq!(*guest.ledger(), ledger);
    assert_eq!(guest.store.data().stdout(), b"", "output is not repeated");
    let past = guest.wasi_call("sched_yield", &[]).unwrap_err();
    let diverged: &ReplayDiverged = past.downcast_ref().unwrap();
    assert_eq!((diverged.index, &diverged.recorded), (ledger.len(), &None));
}

/// Records `recorded` and replays `replayed`; the difference.
fn diverge(recorded: impl FnOnce(&mut Guest), replayed: impl FnOnce(&mut Guest) -> i64) -> ReplayDiverged {
    diverged(&printing(), recorded, replayed)
}

fn printing() -> HostOptions {
    allow(WasiOptions { stdout: Output::Discard, ..WasiOptions::default() })
}

fn diverged(
    options: &HostOptions,
    recorded: impl FnOnce(&mut Guest),
    replayed: impl FnOnce(&mut Guest) -> i64,
) -> ReplayDiverged {
    let mut guest = Guest::wasi(options);
    recorded(&mut guest);
    let mut guest = Guest::wasi(&replay(options, &mut guest));
    let len = replayed(&mut guest);
    let error = guest.wasi_call("fd_write", &[1, 0, len, 8]).unwrap_err();
    error.downcast_ref::<ReplayDiverged>().unwrap_or_else(|| panic!("{error:?}")).clone()
}

fn write(guest: &mut Guest, bytes: &[u8]) -> i64 {
    guest.write(256, bytes);
    guest.write(0, &iovec(256, bytes.len()));
    1
}

#[test]
fn a_difference_shows_both_calls() {
    let other_call = diverge(|guest| guest.ok("random_get", &[0, 5]), |guest| write(guest, b"hi"));
    assert_eq!(
        other_call.to_string(),
        "host call 0 of the replayed run differs: it called wasi_snapshot_preview1.fd_write(1, 0, 1, 8) with \
         8 bytes at 0x0, 2 bytes at 0x100, but the \
         recording has wasi_snapshot_preview1.random_get(0, 5)"
    );
    let other_args = diverge(|guest| assert_eq!(guest.write_fd(1, b"hi"), 0), |_| 0);
    assert!(other_args.recorded.unwrap().contains("(1, 0, 1, 8)"));
    assert!(other_args.called.contains("(1, 0, 0, 8)"));
}

#[test]
fn bytes_that_differ_are_shown_only_if_asked_for() {
    for show_values in [false, true] {
        let bytes = diverged(
            &HostOptions { show_values, ..printing() },
            |guest| assert_eq!(guest.write_fd(1, b"ho"), 0),
            |guest| write(guest, b"hi"),
        );
        let (recorded, called) = (bytes.recorded.unwrap(), bytes.called);
        assert_eq!(recorded.contains("\"ho\"") && called.contains("\"hi\""), show_values, "{called}");
        assert_eq!(called.ends_with(", with another byte at 0x101"), !show_values, "{called}");
        assert!(recorded.contains("2 bytes at 0x100"), "{recorded}");
    }
}

#[test]
fn a_difference_far_inside_a_buffer_is_located() {
    let recorded = [b'x'; 200];
    let mut replayed = recorded;
    replayed[150] = b'y';
    let diverged =
        diverge(|guest| assert_eq!(guest.write_fd(1, &recorded), 0), |guest| write(guest, &replayed));
    assert!(diverged.called.ends_with("with another byte at 0x196"), "{diverged}");
}

#[test]
fn an_incomplete_replay_says_so() {
    let options = allow(WasiOptions::default());
    let mut guest = Guest::wasi(&options);
    guest.ok("sched_yield", &[]);
    guest.ok("sched_yield", &[]);
    let full = guest.ledger().clone();
    let mut guest = Guest::wasi(&replay(&options, &mut guest));
    guest.ok("sched_yield", &[]);
    assert_eq!(guest.ledger().unreplayed(), Some(1));
    assert_eq!(guest.ledger().first_difference(&full), Some(1));
}

const ENDINGS: &str = "(module
    (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))
    (import \"wasi_snapshot_preview1\" \"clock_time_get\" (func $clock (param i32 i64 i32) (result i32)))
    (import \"wasi_snapshot_preview1\" \"random_get\" (func $random (param i32 i32) (result i32)))
    (import \"env\" \"missing\" (func $missing))
    (import \"env\" \"stub\" (func $stub (param f64 externref) (result i32 f64 externref)))
    (memory (export \"memory\") 1)
    (func (export \"exit\") (call $exit (i32.const 3)))
    (func (export \"clock\") (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 0))))
    (func (export \"trap\") (drop (call $random (i32.const 0x10000) (i32.const 1))))
    (func (export \"missing\") (call $missing))
    (func (export \"stub\") (call $stub (f64.const 1.5) (ref.null extern)) drop drop drop))";

#[test]
fn every_way_to_end_is_replayed() {
    let options = HostOptions {
        stubs: vec![ImportName::new("env", "stub")],
        ..allow(WasiOptions { clock: Clock::Deny, ..WasiOptions::default() })
    };
    let session = |guest: &mut Guest| {
        guest.call("stub", &[]).unwrap();
        ["exit", "clock", "missing", "trap"].map(|name| guest.call(name, &[]).unwrap_err())
    };
    let mut guest = Guest::start(ENDINGS, &options).unwrap();
    let recorded = session(&mut guest);
    let mut guest = Guest::start(ENDINGS, &replay(&options, &mut guest)).unwrap();
    let replayed = session(&mut guest);
    assert_eq!(guest.ledger().unreplayed(), Some(0));
    for [exit, clock, missing, _] in [&recorded, &replayed] {
        assert_eq!(exit.downcast_ref(), Some(&GuestExit { code: 3 }));
        assert_eq!(clock.downcast_ref(), Some(&Denied { class: Class::Clock, what: "the time".into() }));
        let expected = ImportCalled { import: ImportName::new("env", "missing") };
        assert_eq!(missing.downcast_ref(), Some(&expected));
    }
    let [recorded, replayed] = [recorded, replayed].map(|errors| errors[3].root_cause().to_string());
    assert!(recorded.contains("out of bounds"), "{recorded}");
    assert!(replayed.contains(&recorded), "{replayed}");
}

#[test]
fn a_replay_can_add_backtraces() {
    let options = allow(WasiOptions::default());
    let mut guest = Guest::wasi(&options);
    guest.ok("sched_yield", &[]);
    let recorded = guest.ledger().clone();
    let options = HostOptions { ledger_backtraces: true, ..replay(&options, &mut guest) };
    let mut guest = Guest::wasi(&options);
    guest.ok("sched_yield", &[]);
    let entry = guest.ledger().entries().next().unwrap();
    assert_eq!(entry.call.backtrace.as_deref(), Some(&["call_sched_yield".to_owned()][..]));
    assert_eq!(*guest.ledger(), recorded, "backtraces do not count");
}
