//! Texts that are compared word by word.

use super::{Place, code, done, stderr, stdout};
use insta::assert_snapshot;

#[test]
fn help() {
    let place = Place::new();
    for (line, name) in [
        ("-h", "help_short"),
        ("--help", "help_long"),
        ("verify --help", "help_verify"),
        ("audit --help", "help_audit"),
        ("probe --help", "help_probe"),
        ("encode --help", "help_encode"),
        ("batch --help", "help_batch"),
        ("prepare --help", "help_prepare"),
    ] {
        let output = place.line(line);
        done(&output);
        let text: Vec<_> = output.stdout.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
        assert_snapshot!(name, String::from_utf8(text.join(&b'\n')).unwrap());
    }
}

#[test]
fn version() {
    for option in ["-V", "--version"] {
        let output = Place::new().line(option);
        done(&output);
        let engine = locked_version("wasmtime");
        assert_eq!(stdout(&output), format!("preinit {} (wasmtime {engine})\n", env!("CARGO_PKG_VERSION")));
    }
}

/// The version of a dependency in Cargo.lock.
fn locked_version(name: &str) -> String {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap();
    let (_, package) = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).unwrap();
    package[..package.find('"').unwrap()].to_owned()
}

#[test]
fn usage_errors() {
    let place = Place::new();
    let mut text = String::new();
    for line in [
        "--unknown in.wasm",
        "--wasm-unknown in.wasm",
        "in.wasm another.wasm",
        "-o",
        "-f",
        "-q -v in.wasm",
        "-o a -o b in.wasm",
        "--keep-init-func=maybe in.wasm",
        "--wasm-simd=maybe in.wasm",
        "--allow-wasi=maybe in.wasm",
        "--keep-init-func --keep-init-func=false in.wasm",
        "-r _start in.wasm",
        "-r a=b -r a=c in.wasm -o out.wasm",
        "-r a=b -r c=b in.wasm -o out.wasm",
        "--preload env in.wasm",
        "--preload env= in.wasm",
        "--env =x in.wasm",
        "--dir= in.wasm",
        "--mapdir /lib in.wasm",
        "--mapdir ::lib in.wasm",
        "--dir-rw lib:: in.wasm",
        "--clock noon in.wasm",
        "--clock fixed:noon in.wasm",
        "--random 7 in.wasm",
        "--random seed:x in.wasm",
        "--file-times none in.wasm",
        "--timeout soon in.wasm",
        "--timeout=-1s in.wasm",
        "--max-memory lots in.wasm",
        "--max-memory 99999999TiB in.wasm",
        "--fuel 0 in.wasm",
        "--fuel much in.wasm",
        "in.wasm --report -",
        "completions",
        "completions tcsh",
        "man page",
        "-o man man man",
    ] {
        let output = place.line(line);
        let message = stderr(&output);
        assert_eq!((code(&output), stdout(&output).as_str()), (2, ""), "{line}: {message}");
        text.push_str(&format!("$ preinit {line}\n{message}\n"));
    }
    assert_snapshot!(text);
}
