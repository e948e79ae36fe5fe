//! What the ledger records, and the questions that it answers.

use std::fs;

use super::{FD_READ, Guest, O_DIRECTORY, allow, replay, wrappers};
use crate::host::{
    Access, DescriptorKind, Directory, FileTimes, HostOptions, HostValue, ImportName, Ledger, LedgerHash,
    Output, Random, Stdin, WasiOptions,
};

fn json(ledger: &Ledger) -> String {
    json_with(ledger, LedgerHash::Plain)
}

fn json_with(ledger: &Ledger, hash: LedgerHash) -> String {
    let mut out = Vec::new();
    ledger.write_json_lines(&mut out, hash).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn two_runs_in_different_places_make_the_same_ledger() {
    let [first, second] = [["a", "b", "c"], ["c", "a", "b"]].map(|names| {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let dirs =
            vec![Directory { guest: "/".into(), host: dir.path().to_owned(), access: Access::ReadOnly }];
        let options = WasiOptions { dirs, file_times: FileTimes::Fixed, ..WasiOptions::default() };
        let mut guest = Guest::wasi(&allow(options));
        guest.ok("fd_prestat_get", &[3, 64]);
        guest.ok("fd_prestat_dir_name", &[3, 72, 1]);
        guest.ok("fd_readdir", &[3, 1024, 50, 0, 8]);
        guest.ok("fd_readdir", &[3, 1024, 4096, 2, 8]);
        for name in ["c", "b", "a"] {
            let file = guest.open(3, name, 0, FD_READ).unwrap();
            guest.ok("fd_filestat_get", &[file, 64]);
            assert_eq!(guest.read_fd(file, 10), name.as_bytes());
        }
        guest.ok("random_get", &[64, 8]);
        guest.ok("clock_time_get", &[0, 0, 64]);
        guest.store.data_mut().take_ledger()
    });
    assert_eq!(first.first_difference(&second), None);
    assert_eq!(first, second);
    assert_eq!(json(&first), json(&second));
}

#[test]
fn json_lines_give_hashes_instead_of_bytes() {
    let stdin = Stdin::Bytes(b"secret".to_vec());
    let options = WasiOptions { stdin, stdout: Output::Discard, ..WasiOptions::default() };
    let options = HostOptions { ledger_backtraces: true, ..allow(options) };
    let mut guest = Guest::wasi(&options);
    guest.read_fd(0, 16);
    assert_eq!(
        json(guest.ledger()),
        concat!(
            r#"{"ledger":1,"hashes":"plain","clock":"fixed:946684800000000000","random":"module","preopens":[],"unrecorded":[]}"#,
            "\n",
            r#"{"call":0,"import":"wasi_snapshot_preview1.fd_read","args":["#,
            r#"{"name":"fd","type":"i32","value":"0"},{"name":"iovs","type":"i32","value":"0"},"#,
            r#"{"name":"iovs_len","type":"i32","value":"1"},{"name":"nread","type":"i32","value":"8"}],"#,
            r#""results":[{"type":"i32","value":"0"}],"#,
            r#""reads":[{"address":0,"length":8,"#,
            r#""sha256":"8a064baf155bfed0c73657ef1bc3ce08eb3fc337960b843c09299a879f02087b"}],"#,
            r#""writes":[{"address":8,"length":4,"#,
            r#""sha256":"7aa8ca4a02506da9133d8f889678b76f716ce45d02e22fdb7b70a15e56a0eff8"},"#,
            r#"{"address":256,"length":6,"#,
            r#""sha256":"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}],"#,
            r#""backtrace":["call_fd_read"]}"#,
            "\n"
        )
    );
}

/// A short secret could be found from its plain hash.
#[test]
fn salted_hashes_say_nothing_about_the_bytes() {
    for secret in ["", "7", "1234", "secret"] {
        let stdin = Stdin::Bytes(secret.as_bytes().to_vec());
        let options = WasiOptions { stdin, stdout: Output::Discard, ..WasiOptions::default() };
        let mut guest = Guest::wasi(&allow(options));
        guest.read_fd(0, 16);
        let plain = json(guest.ledger());
        let salted = [(); 2].map(|()| json_with(guest.ledger(), LedgerHash::Salted));
        assert_ne!(salted[0], salted[1], "every file has a salt of its own");
        for line in &salted {
            assert!(line.contains(r#""hashes":"salted""#) && !line.contains(r#""sha256""#), "{line}");
        }
        // All else is the same.
        let without_hashes = |text: &str| {
            let mut parts = text.split(r#"sha256":""#);
            let first = parts.next().unwrap_or_default().to_owned();
            parts.fold(first, |text, part| text + &part[64..])
        };
        let expected = without_hashes(&plain).replace(r#""hashes":"plain""#, r#""hashes":"salted""#);
        assert_eq!(without_hashes(&salted[0]).replace("hmac_", ""), expected);
    }
}

#[test]
fn equal_bytes_have_equal_salted_hashes_in_one_file() {
    let stdin = Stdin::Bytes(b"abab".to_vec());
    let options = WasiOptions { stdin, stdout: Output::Discard, ..WasiOptions::default() };
    let mut guest = Guest::wasi(&allow(options));
    let read: Vec<_> = (0..2).map(|_| guest.read_fd(0, 2)).collect();
    assert_eq!(read, [b"ab", b"ab"]);
    let text = json_with(guest.ledger(), LedgerHash::Salted);
    let calls: Vec<_> = text.lines().skip(1).map(|line| line.split_once(',').unwrap().1).collect();
    assert_eq!(calls[0], calls[1]);
}

#[test]
fn it_counts_calls_and_random_bytes() {
    let mut guest = Guest::wasi(&allow(WasiOptions { random: Random::Os, ..WasiOptions::default() }));
    assert!(!guest.ledger().used_os_randomness() && !guest.ledger().used_clock());
    guest.ok("random_get", &[64, 8]);
    guest.ok("random_get", &[64, 3]);
    assert!(guest.wasi_call("random_get", &[-1, 3]).is_err());
    guest.ok("clock_time_get", &[0, 0, 64]);
    let ledger = guest.ledger();
    assert_eq!(ledger.random_bytes(), 11, "the call that trapped got none");
    assert!(ledger.used_os_randomness() && ledger.used_clock() && !ledger.used_real_clock());
    let counts: Vec<_> = ledger.counts().into_iter().map(|count| (count.import.name, count.calls)).collect();
    assert_eq!(counts, [("clock_time_get".to_owned(), 1), ("random_get".to_owned(), 3)]);
}

#[test]
fn it_knows_what_is_still_open() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    fs::write(dir.path().join("sub/file"), "0123456789").unwrap();
    let dirs = ["/", "/again"].map(|guest| Directory {
        guest: guest.into(),
        host: dir.path().to_owned(),
        access: Access::ReadOnly,
    });
    let mut guest = Guest::wasi(&allow(WasiOptions { dirs: dirs.into(), ..WasiOptions::default() }));
    guest.ok("fd_prestat_get", &[4, 64]);
    assert!(!guest.ledger().preopens_exhausted());
    assert_eq!(guest.wasi_call("fd_prestat_get", &[5, 64]).unwrap(), 8);
    let sub = guest.open(3, "sub", O_DIRECTORY, FD_READ).unwrap();
    let undeclared = guest.open(3, "sub", 0, FD_READ).unwrap();
    let closed = guest.open(sub, "file", 0, FD_READ).unwrap();
    let file = guest.open(sub, "file", 0, FD_READ).unwrap();
    guest.read_fd(file, 4);
    guest.read_fd(closed, 4);
    guest.ok("fd_seek", &[closed, -1, 2, 64]);
    guest.ok("fd_renumber", &[closed, 0]);
    guest.ok("fd_fdstat_get", &[undeclared, 64]);
    guest.ok("fd_close", &[2]);
    let descriptors = guest.ledger().descriptors();
    let open: Vec<_> =
        descriptors.iter().map(|(fd, open)| (fd, open.kind, &*open.path, open.position)).collect();
    use DescriptorKind::{File, Preopen, Stdout};
    assert_eq!(
        open,
        [
            (0, File, "/sub/file", Some(9)),
            (1, Stdout, "", None),
            (3, Preopen, "/", None),
            (4, Preopen, "/again", None),
            (sub as u32, DescriptorKind::Directory, "/sub", None),
            (undeclared as u32, DescriptorKind::Directory, "/sub", None),
            (file as u32, File, "/sub/file", Some(4)),
        ]
    );
    let inputs: Vec<_> =
        guest.ledger().inputs().into_iter().map(|input| (input.path, input.region.bytes.clone())).collect();
    assert_eq!(inputs, [(); 2].map(|()| (Some("/sub/file".to_owned()), b"0123".to_vec())));
    assert_eq!(guest.ledger().preopens_seen(), ["/again"]);
    assert!(guest.ledger().preopens_exhausted());
}

/// Descriptor 0 may be a file, and standard input may have another number.
#[test]
fn standard_input_is_known_by_what_the_descriptor_is() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "from the file").unwrap();
    let dirs = vec![Directory { guest: "/".into(), host: dir.path().to_owned(), access: Access::ReadOnly }];
    let stdin = Stdin::Bytes(b"from outside".to_vec());
    let options = allow(WasiOptions { dirs, stdin, ..WasiOptions::default() });
    let fd_read = ImportName::new("wasi_snapshot_preview1", "fd_read");
    let fd_pread = ImportName::new("wasi_snapshot_preview1", "fd_pread");

    let mut guest = Guest::wasi(&options);
    assert!(guest.store.data().reads_stdin(&fd_read, 0) && !guest.store.data().reads_stdin(&fd_pread, 0));
    let file = guest.open(3, "file", 0, FD_READ).unwrap();
    guest.ok("fd_renumber", &[file, 0]);
    assert!(!guest.store.data().reads_stdin(&fd_read, 0));
    assert_eq!(guest.read_fd(0, 4), b"from");
    assert!(!guest.ledger().reads_stdin() && guest.ledger().stdin().is_empty());
    assert_eq!(guest.ledger().inputs()[0].path.as_deref(), Some("/file"));

    let mut guest = Guest::wasi(&options);
    let file = guest.open(3, "file", 0, FD_READ).unwrap();
    guest.ok("fd_renumber", &[0, file]);
    assert!(guest.store.data().reads_stdin(&fd_read, file as u32));
    assert_eq!(guest.read_fd(file, 4), b"from");
    assert!(guest.ledger().reads_stdin());
    assert_eq!(guest.ledger().stdin(), b"from");
    assert_eq!(guest.ledger().inputs()[0].path, None);

    // The same is known in a replay.
    let recorded = replay(&options, &mut guest);
    let mut guest = Guest::wasi(&recorded);
    let file = guest.open(3, "file", 0, FD_READ).unwrap();
    guest.ok("fd_renumber", &[0, file]);
    assert!(guest.store.data().reads_stdin(&fd_read, file as u32));
}

/// Where the read overwrites the very array that named its buffer.
#[test]
fn a_read_over_its_own_iovec_is_recorded_right() {
    let options = allow(WasiOptions { stdin: Stdin::Bytes(vec![7; 16]), ..WasiOptions::default() });
    let mut guest = Guest::wasi(&options);
    guest.write(0, &super::iovec(0, 16));
    guest.ok("fd_read", &[0, 0, 1, 64]);
    let writes = &guest.ledger().entries().next().unwrap().writes;
    let written: Vec<_> = writes.iter().map(|region| (region.address, region.bytes.clone())).collect();
    assert_eq!(written, [(64, vec![16, 0, 0, 0]), (0, vec![7; 16])]);
}

#[test]
fn arguments_of_every_type_are_kept() {
    let wat = "(module (import \"a\" \"f\" (func $f (param i32 i64 f32 f64 v128 externref funcref)))
        (elem declare func $init)
        (func $init (export \"init\") (call $f (i32.const -1) (i64.const -2) (f32.const -0)
            (f64.const nan:0x123) (v128.const i64x2 1 2) (ref.null extern) (ref.func $init))))";
    let mut guest = Guest::start(wat, &HostOptions { stub_all: true, ..HostOptions::default() }).unwrap();
    guest.call("init", &[]).unwrap();
    let call = &guest.ledger().entries().next().unwrap().call;
    assert_eq!(
        call.args,
        [
            HostValue::I32(-1),
            HostValue::I64(-2),
            HostValue::F32(0x8000_0000),
            HostValue::F64(0x7ff0_0000_0000_0123),
            HostValue::V128((2 << 64) + 1),
            HostValue::Null,
            HostValue::Reference,
        ]
    );
    let wat = wrappers("");
    assert!(wat.contains("path_open"), "the wrappers cover the table");
}
