//! Arguments, environment, clocks, randomness, standard streams, exit.

use std::time::{Duration, Instant};

use super::{Guest, allow, iovec, wrappers};
use crate::host::{Class, Clock, Denied, GuestExit, Output, Random, Stdin, WasiOptions};

const HOUR: u64 = 3_600_000_000_000;

/// The `subscription` to a clock.
fn sleep(clock: u32, nanoseconds: u64, absolute: bool) -> Vec<u8> {
    let mut bytes = 7u64.to_le_bytes().to_vec();
    bytes.extend(0u64.to_le_bytes());
    bytes.extend(u64::from(clock).to_le_bytes());
    bytes.extend(nanoseconds.to_le_bytes());
    bytes.extend(0u64.to_le_bytes());
    bytes.extend(u64::from(absolute).to_le_bytes());
    bytes
}

/// The `subscription` to a descriptor; `tag` 1 reads, 2 writes.
fn ready(tag: u8, fd: u32) -> Vec<u8> {
    let mut bytes = 9u64.to_le_bytes().to_vec();
    bytes.extend(u64::from(tag).to_le_bytes());
    bytes.extend(u64::from(fd).to_le_bytes());
    bytes.resize(48, 0);
    bytes
}

fn now(guest: &mut Guest, clock: i64) -> u64 {
    guest.ok("clock_time_get", &[clock, 0, 64]);
    guest.read_u64(64)
}

fn random(options: WasiOptions, digest: [u8; 32]) -> [Vec<u8>; 2] {
    let mut guest = Guest::wasi_with_digest(&allow(options), digest);
    [(); 2].map(|()| {
        guest.ok("random_get", &[100, 16]);
        guest.read(100, 16)
    })
}

#[test]
fn arguments_and_environment_are_as_given_and_empty_by_default() {
    let mut guest = Guest::wasi(&allow(WasiOptions::default()));
    for name in ["args_sizes_get", "environ_sizes_get"] {
        guest.write(0, &[0xff; 8]);
        guest.ok(name, &[0, 4]);
        assert_eq!(guest.read_u64(0), 0, "{name}");
    }
    let args = vec!["prog".to_owned(), "é".to_owned()];
    let env = vec![("K".to_owned(), "V=W".to_owned())];
    let mut guest = Guest::wasi(&allow(WasiOptions { args, env, ..WasiOptions::default() }));
    guest.ok("args_sizes_get", &[0, 4]);
    assert_eq!((guest.read_u32(0), guest.read_u32(4)), (2, 8));
    guest.ok("args_get", &[0, 64]);
    assert_eq!((guest.read_u32(0), guest.read_u32(4)), (64, 69));
    assert_eq!(guest.read(64, 8), "prog\0é\0".as_bytes());
    guest.ok("environ_sizes_get", &[0, 4]);
    assert_eq!((guest.read_u32(0), guest.read_u32(4)), (1, 6));
    guest.ok("environ_get", &[0, 64]);
    assert_eq!(guest.read(64, 6), b"K=V=W\0");
    let written: usize = guest.ledger().entries().map(|entry| entry.writes.len()).sum();
    assert_eq!(written, 8, "two regions a call");
}

#[test]
fn a_fixed_clock_starts_where_it_is_told() {
    let clock = Clock::Fixed(1_234_000_000_000);
    let mut guest = Guest::wasi(&allow(WasiOptions { clock, ..WasiOptions::default() }));
    assert_eq!(now(&mut guest, 0), 1_234_000_000_000);
    let monotonic = now(&mut guest, 1);
    assert!(now(&mut guest, 1) > monotonic);
    assert!(now(&mut guest, 0) > 1_234_000_000_000);
    guest.ok("clock_res_get", &[0, 64]);
    assert!(guest.read_u64(64) > 0);
    assert_eq!(guest.wasi_call("clock_time_get", &[2, 0, 64]).unwrap(), 8, "no process clock");
    assert_eq!(guest.wasi_call("clock_time_get", &[99, 0, 64]).unwrap(), 28);
}

#[test]
fn a_sleep_advances_the_clock_and_returns_at_once() {
    let started = Instant::now();
    let mut guest = Guest::wasi(&allow(WasiOptions::default()));
    for (clock, absolute) in [(0, false), (1, false), (0, true), (1, true)] {
        let before = now(&mut guest, i64::from(clock));
        let timeout = if absolute { before + HOUR } else { HOUR };
        guest.write(128, &sleep(clock, timeout, absolute));
        guest.ok("poll_oneoff", &[128, 256, 1, 64]);
        assert_eq!(guest.read_u32(64), 1);
        assert_eq!(guest.read_u64(256), 7, "userdata");
        assert_eq!(guest.read(264, 3), [0, 0, 0], "no error, a clock event");
        let after = now(&mut guest, i64::from(clock));
        assert!((HOUR..HOUR + HOUR / 60).contains(&(after - before)), "{clock} {absolute}: {before} {after}");
    }
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn only_the_earliest_of_several_sleeps_is_over() {
    let mut guest = Guest::wasi(&allow(WasiOptions::default()));
    let before = now(&mut guest, 1);
    guest.write(128, &sleep(1, 2 * HOUR, false));
    guest.write(176, &sleep(0, HOUR, false));
    guest.ok("poll_oneoff", &[128, 256, 2, 64]);
    assert_eq!(guest.read_u32(64), 1);
    assert!(now(&mut guest, 1) - before < 2 * HOUR);
}

#[test]
fn a_ready_descriptor_keeps_the_clock_from_moving() {
    let mut guest = Guest::wasi(&allow(WasiOptions::default()));
    let before = now(&mut guest, 1);
    guest.write(128, &sleep(1, HOUR, false));
    guest.write(176, &ready(1, 0));
    guest.write(224, &ready(2, 1));
    guest.ok("poll_oneoff", &[128, 512, 3, 64]);
    assert_eq!(guest.read_u32(64), 2, "both descriptors, not the clock");
    assert_eq!((guest.read(522, 1), guest.read(554, 1)), (vec![1], vec![2]));
    assert!(now(&mut guest, 1) - before < HOUR);
    guest.write(128, &ready(1, 1));
    assert_eq!(
        guest.wasi_call("poll_oneoff", &[128, 512, 1, 64]).unwrap(),
        8,
        "standard output is not readable"
    );
    assert_eq!(guest.wasi_call("poll_oneoff", &[128, 512, 0, 64]).unwrap(), 28);
}

#[test]
fn a_real_clock_sleeps() {
    let mut guest = Guest::wasi(&allow(WasiOptions { clock: Clock::Real, ..WasiOptions::default() }));
    let started = Instant::now();
    guest.write(128, &sleep(1, 30_000_000, false));
    guest.ok("poll_oneoff", &[128, 256, 1, 64]);
    assert!(started.elapsed() >= Duration::from_millis(30));
    assert!(now(&mut guest, 0) > 1_700_000_000_000_000_000, "later than 2023");
    assert!(guest.ledger().used_real_clock());
}

#[test]
fn denied_sources_end_the_run() {
    let options = allow(WasiOptions { clock: Clock::Deny, random: Random::Deny, ..WasiOptions::default() });
    let mut guest = Guest::wasi(&options);
    guest.write(128, &sleep(1, 1, false));
    for (name, args, class, what) in [
        ("clock_time_get", &[0, 0, 64][..], Class::Clock, "the time"),
        ("poll_oneoff", &[128, 256, 1, 64], Class::Clock, "the time"),
        ("random_get", &[64, 8], Class::Random, "random bytes"),
    ] {
        let error = guest.wasi_call(name, args).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Denied { class, what: what.into() }), "{name}");
    }
    guest.ok("clock_res_get", &[0, 64]);
}

#[test]
fn random_bytes_follow_their_policy() {
    let module = || WasiOptions::default();
    let [first, second] = random(module(), [1; 32]);
    assert_ne!(first, second);
    assert_eq!([first.clone(), second], random(module(), [1; 32]));
    assert_ne!(first, random(module(), [2; 32])[0], "another module");
    let seed = |seed| WasiOptions { random: Random::Seed(seed), ..WasiOptions::default() };
    assert_eq!(random(seed(1), [1; 32]), random(seed(1), [2; 32]));
    assert_ne!(random(seed(1), [1; 32]), random(seed(2), [1; 32]));
    let os = || WasiOptions { random: Random::Os, ..WasiOptions::default() };
    assert_ne!(random(os(), [1; 32]), random(os(), [1; 32]));
}

#[test]
fn standard_input_is_what_the_options_say() {
    let stdin = Stdin::Bytes(b"hello".to_vec());
    let mut guest = Guest::wasi(&allow(WasiOptions { stdin, ..WasiOptions::default() }));
    assert_eq!(guest.read_fd(0, 3), b"hel");
    assert_eq!(guest.read_fd(0, 3), b"lo");
    assert_eq!(guest.read_fd(0, 3), b"");
    let mut guest = Guest::wasi(&allow(WasiOptions::default()));
    assert_eq!(guest.read_fd(0, 3), b"");
    assert_eq!(guest.write_fd(0, b"x"), 8);
}

#[test]
fn output_is_captured_and_follows_renumbered_descriptors() {
    let (stdout, stderr) = (Output::Capture, Output::Capture);
    let mut guest = Guest::wasi(&allow(WasiOptions { stdout, stderr, ..WasiOptions::default() }));
    assert_eq!(guest.write_fd(1, b"out"), 0);
    assert_eq!(guest.write_fd(2, b"err"), 0);
    guest.ok("fd_renumber", &[1, 2]);
    assert_eq!(guest.write_fd(2, b"put"), 0);
    assert_eq!(guest.write_fd(1, b"gone"), 8);
    assert_eq!((guest.store.data().stdout(), guest.store.data().stderr()), (&b"output"[..], &b"err"[..]));
    guest.ok("fd_close", &[2]);
    assert_eq!(guest.write_fd(2, b"gone"), 8);
}

#[test]
fn the_first_buffer_that_is_not_empty_is_written() {
    let mut guest = Guest::wasi(&allow(WasiOptions { stdout: Output::Capture, ..WasiOptions::default() }));
    guest.write(64, b"abcdef");
    guest.write(0, &[iovec(1 << 30, 0), iovec(66, 3), iovec(64, 6)].concat());
    guest.ok("fd_write", &[1, 0, 3, 32]);
    assert_eq!(guest.read_u32(32), 3);
    assert_eq!(guest.store.data().stdout(), b"cde");
    let [entry] = &guest.ledger().entries().collect::<Vec<_>>()[..] else { panic!("one call") };
    let read: Vec<_> = entry.call.reads.iter().map(|region| (region.address, region.bytes.len())).collect();
    assert_eq!(read, [(0, 24), (66, 3)]);
    guest.write(0, &iovec(1 << 30, 5));
    assert!(guest.wasi_call("fd_write", &[1, 0, 1, 32]).is_err(), "a buffer out of bounds");
    assert!(guest.wasi_call("fd_write", &[1, 1 << 20, 1, 32]).is_err(), "the array out of bounds");
    guest.write(0, &[0; 128]);
    assert!(guest.wasi_call("fd_read", &[0, 0, 1 << 30, 32]).is_err(), "the array too long");
    guest.ok("fd_write", &[1, 0, 1, 32]);
    assert_eq!(guest.read_u32(32), 0);
}

#[test]
fn standard_streams_look_the_same_everywhere() {
    let mut guest = Guest::wasi(&allow(WasiOptions::default()));
    for fd in 0..3 {
        guest.write(64, &[0xff; 64]);
        guest.ok("fd_fdstat_get", &[fd, 64]);
        assert_eq!(guest.read(64, 1), [0], "of unknown type, so no terminal");
        guest.write(64, &[0; 64]);
        guest.ok("fd_filestat_get", &[fd, 64]);
        assert_eq!(guest.read(64, 64), [0; 64]);
    }
}

#[test]
fn exit_codes_are_errors() {
    for code in [0, 1, 125, 126, 255, 0xffff_ffff] {
        let mut guest = Guest::wasi(&allow(WasiOptions::default()));
        let error = guest.wasi_call("proc_exit", &[i64::from(code)]).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&GuestExit { code }));
    }
}

#[test]
fn a_guest_with_shared_memory_is_served() {
    let wat = wrappers("(memory (export \"memory\") 1 1 shared)");
    let fields = "(data (i32.const 256) \"shared!\")
        (func (export \"init\") (result i32)
            (i32.store (i32.const 0) (i32.const 256))
            (i32.store (i32.const 4) (i32.const 7))
            (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (drop (call $random_get (i32.const 16) (i32.const 4)))
            (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 24)))
            (i32.load (i32.const 16)))";
    let wat = wat.strip_suffix(')').unwrap().to_owned() + fields + ")";
    let options = allow(WasiOptions { stdout: Output::Capture, ..WasiOptions::default() });
    let mut guest = Guest::start(&wat, &options).unwrap();
    let random = guest.call("init", &[]).unwrap();
    assert_eq!(guest.store.data().stdout(), b"shared!");
    let expected = self::random(WasiOptions::default(), [0; 32])[0][..4].to_vec();
    assert_eq!(random.to_le_bytes().to_vec(), expected);
    let options = super::replay(&options, &mut guest);
    let mut guest = Guest::start(&wat, &options).unwrap();
    assert_eq!(guest.call("init", &[]).unwrap(), random);
    assert_eq!(guest.ledger().unreplayed(), Some(0));
}

#[test]
fn a_guest_without_memory_traps_where_it_needs_one() {
    let wat = "(module
        (import \"wasi_snapshot_preview1\" \"random_get\" (func $random (param i32 i32) (result i32)))
        (import \"wasi_snapshot_preview1\" \"sched_yield\" (func $yield (result i32)))
        (func (export \"yield\") (result i32) call $yield)
        (func (export \"random\") (result i32) (call $random (i32.const 0) (i32.const 1))))";
    let mut guest = Guest::start(wat, &allow(WasiOptions::default())).unwrap();
    assert_eq!(guest.call("yield", &[]).unwrap(), 0);
    let error = guest.call("random", &[]).unwrap_err();
    assert!(format!("{error:?}").contains("the caller exports no memory named `memory`"), "{error:?}");
}
