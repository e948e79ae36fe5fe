//! No output is lost because another one, a standard stream or an input has the same place, by whatever name.

use crate::{Place, code, done, failed, stderr};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Output};

/// Runs a line in a shell, which opens files for it.
fn shell(place: &Place, line: &str, redirections: &str) -> Output {
    let text = format!("'{}' {line} {redirections}", env!("CARGO_BIN_EXE_preinit"));
    Command::new("sh").arg("-c").arg(text).current_dir(place.path()).output().unwrap()
}

const RUN: &str = "in.wasm -f init --no-cache -q";

#[test]
fn two_outputs_of_one_place_are_refused() {
    let place = Place::new();
    symlink("target", place.join("link")).unwrap();
    symlink("link", place.join("again")).unwrap();
    symlink("/dev/stdout", place.join("to-stdout")).unwrap();
    symlink("to-stdout", place.join("again-to-stdout")).unwrap();
    assert!(Command::new("mkfifo").arg(place.join("pipe")).status().unwrap().success());
    for outputs in [
        "-o target --report link",
        "-o link --report again",
        "-o out --report target --ledger again",
        "-o - --report /dev/stdout",
        "-o - --report /dev/fd/1",
        "-o - --report /proc/self/fd/1",
        "-o - --ledger to-stdout",
        "-o again-to-stdout --ledger /proc/thread-self/fd/1",
        "-o out --report /dev/stderr --ledger /dev/fd/2",
        "-o out --capture-stdout /dev/stderr --capture-stderr /proc/self/fd/2",
    ] {
        failed(&place.line(&format!("{RUN} {outputs} --allow-wasi")), 2, "two outputs go to");
    }
    // Both streams are one pipe, or one file.
    for redirections in ["2>&1 | cat; exit 2", ">> log 2>&1"] {
        let output = shell(&place, &format!("{RUN} -o - --report /dev/stderr"), redirections);
        assert_eq!(code(&output), 2);
        let said = [output.stdout, fs::read(place.join("log")).unwrap_or_default()].concat();
        assert!(String::from_utf8(said).unwrap().contains("two outputs go to"));
    }
    failed(&shell(&place, &format!("{RUN} -o out --report /dev/fd/3"), "3> out"), 2, "two outputs go to");
    failed(
        &shell(&place, &format!("{RUN} -o /dev/fd/3 --report /dev/fd/4"), "3> out 4>&3"),
        2,
        "two outputs go to",
    );
    // A device takes any number.
    done(&place.line(&format!("{RUN} -o /dev/null --report /dev/null --ledger /dev/null")));
}

/// Replaced, it would no more be where the stream goes.
#[test]
fn no_file_is_replaced_that_a_stream_goes_to() {
    let place = Place::new();
    symlink("log", place.join("link")).unwrap();
    for (outputs, redirections, stream) in [
        ("-o out --report log", ">> log 2> said", "standard output"),
        ("-o log", ">> log 2> said", "standard output"),
        ("-o out --ledger link", ">> log 2> said", "standard output"),
        ("-o out --report log", "2>> log", "standard error"),
    ] {
        fs::write(place.join("log"), "before\n").unwrap();
        let output = shell(&place, &format!("{RUN} {outputs}"), redirections);
        assert_eq!(code(&output), 2);
        let log = String::from_utf8(place.read("log")).unwrap();
        let said = if redirections.contains("said") {
            String::from_utf8(place.read("said")).unwrap()
        } else {
            log.clone()
        };
        assert!(said.contains(&format!("{stream} goes there too, and would be lost")), "{outputs}: {said}");
        assert!(log.starts_with("before\n") && !place.join("out").exists(), "{outputs}");
    }
}

/// What is read from there would be gone, and stays for whoever goes on reading it.
#[test]
fn no_file_is_replaced_that_standard_input_comes_from() {
    let place = Place::new();
    symlink("notes", place.join("link")).unwrap();
    fs::hard_link(place.join("in.wasm"), place.join("notes")).unwrap();
    let module = place.read("in.wasm");
    for outputs in ["-o notes", "-o link", "-o out --report notes", "-o in.wasm", "-o out --ledger in.wasm"] {
        for input in ["-", "in.wasm"] {
            let line = format!("{} {outputs}", RUN.replacen("in.wasm", input, 1));
            let output = shell(&place, &line, "< notes");
            assert_eq!(code(&output), 2, "{line}");
            let said = stderr(&output);
            assert!(
                said.contains("standard input comes from there, and would be lost")
                    || said.contains("is the input"),
                "{line}: {said}"
            );
            assert!(place.read("notes") == module && !place.join("out").exists(), "{line}");
        }
    }
    done(&shell(&place, &format!("{RUN} -o out"), "< notes"));
}

/// What an earlier process has written stays, and what is written besides.
#[test]
fn descriptors_are_written_to_and_not_opened_anew() {
    let place = Place::new();
    symlink("/dev/fd/1", place.join("link")).unwrap();
    for (path, redirection) in [
        ("/dev/stdout", ">> log"),
        ("/dev/fd/1", ">> log"),
        ("/proc/self/fd/1", ">> log"),
        ("link", ">> log"),
        ("/dev/stderr", "2>> log"),
        ("/proc/self/fd/2", "2>> log"),
        ("/dev/fd/3", "3>> log"),
        ("/proc/self/fd/3", "3>> log"),
    ] {
        fs::write(place.join("log"), "before\n").unwrap();
        let output = shell(&place, &format!("{RUN} -o out --report {path}"), redirection);
        assert_eq!(code(&output), 0, "{path}: {}", stderr(&output));
        let log = String::from_utf8(place.read("log")).unwrap();
        let report = log.strip_prefix("before\n").unwrap_or_else(|| panic!("{path}: {log}"));
        assert!(serde_json::from_str::<serde_json::Value>(report).is_ok(), "{path}: {report}");
    }
    failed(&place.line(&format!("{RUN} -o out --report /dev/fd/77")), 2, "cannot write `/dev/fd/77`");
}

/// Two names of one file become two files.
#[test]
fn outputs_with_several_names_are_each_written() {
    let place = Place::new();
    place.write("out", "old");
    fs::hard_link(place.join("out"), place.join("report")).unwrap();
    fs::hard_link(place.join("out"), place.join("other")).unwrap();
    done(&place.line(&format!("{RUN} -o out --report report")));
    assert!(place.read("out").starts_with(b"\0asm") && place.read("report").starts_with(b"{"));
    assert_eq!(place.read("other"), b"old");
}

#[test]
fn no_output_takes_the_place_of_an_input() {
    let place = Place::new();
    place.write("lib.wat", "(module)");
    place.write("script", "get");
    place.write("input", "x");
    place.write(
        "jobs.json",
        r#"{"module": "in.wasm", "options": ["--allow-wasi", "-f", "init"],
        "jobs": [{"output": "made", "stdin": "input", "options": ["--report", "input"]}]}"#,
    );
    place.write("other.json", r#"{"module": "in.wasm", "options": ["--allow-wasi", "-f", "init"],
        "jobs": [{"output": "./input", "stdin": "input"}, {"output": "in.wasm"}, {"output": "other.json"}, {"output": "made"}]}"#);
    for (name, options) in [
        ("stdin.json", r#"["--stdin", "input"]}, {"output": "input""#),
        ("preload.json", r#"["--preload", "e=lib.wat"]}, {"output": "lib.wat""#),
    ] {
        let jobs = format!(r#"{{"output": "made", "options": {options}}}"#);
        let text = format!(
            r#"{{"module": "in.wasm", "options": ["--allow-wasi", "-f", "init"], "jobs": [{jobs}]}}"#
        );
        place.write(name, text);
    }
    done(&place.line("in.wasm -f init -o out.wasm"));
    done(&place.line("prepare in.wasm -o code"));
    done(&place.line("probe in.wasm -o probed.wasm --state-schema state.json"));
    symlink("lib.wat", place.join("link")).unwrap();
    let before: Vec<(String, Vec<u8>)> =
        place.files().into_iter().map(|name| (name.clone(), place.read(&name))).collect();
    for line in [
        "in.wasm -f init -o new --report in.wasm",
        "in.wasm -f init -o lib.wat --preload e=lib.wat",
        "in.wasm -f init -o new --report ./lib.wat --preload e=lib.wat",
        "in.wasm -f init -o new --ledger lib.wat --preload e=link",
        "in.wasm -f init -o new --report input --embed /e::input",
        "in.wasm -f init -o code --prepared code",
        "audit in.wasm -f init --report lib.wat --preload e=lib.wat",
        "audit in.wasm -f init --ledger in.wasm",
        "verify in.wasm out.wasm -f init --report in.wasm",
        "verify in.wasm out.wasm -f init --report out.wasm",
        "verify in.wasm out.wasm -f init --script script --report script",
        "verify in.wasm out.wasm -f init --run-stdin input --report input",
        "verify in.wasm out.wasm -f init --preload e=lib.wat --report link",
        "encode in.wasm --state state.json -o state.json",
        "probe in.wasm -o in.wasm --state-schema new",
        "probe in.wasm -o ./in.wasm --state-schema new",
        "probe lib.wat -o link --state-schema new",
        "probe in.wasm -o new --state-schema in.wasm",
        "batch jobs.json --report jobs.json",
        "batch jobs.json --report in.wasm",
        "batch jobs.json --report input",
        "batch jobs.json",
        "batch other.json",
        "batch stdin.json",
        "batch preload.json",
        "batch jobs.json --report lib.wat -- --preload e=lib.wat",
    ] {
        let output = place.line(line);
        assert_eq!(code(&output), 2, "{line}: {}", stderr(&output));
        assert!(stderr(&output).contains(", and would be replaced"), "{line}: {}", stderr(&output));
        let _ = fs::remove_file(place.join("made"));
        for (name, bytes) in &before {
            assert!(place.read(name) == *bytes, "{line}: {name}");
        }
        assert!(!place.join("new").exists(), "{line}");
    }
    // The snapshot may replace its module.
    done(&place.line("in.wasm -f init -o in.wasm"));
}
