//! Slips of whoever types: names that do not exist, files that are no modules.

use super::{Place, code, done, failed, stderr};

const IMPORTS: &str = r#"(module (import "env" "log" (func $f (param i32))) (import "my.lib" "a.b" (func $g))
    (func (export "init") (call $f (i32.const 1)) (call $g)) (func (export "resume")))"#;

#[test]
fn names_that_nothing_has_are_errors_with_the_nearest_name() {
    let place = Place::new();
    place.write("in.wat", IMPORTS);
    place.write("lib.wat", r#"(module (import "inner" "x" (func)) (func (export "a.b")))"#);
    for (line, text) in [
        ("--stub env.logg --stub my.lib.a.b", "the module has no import `env.logg`; did you mean `env.log`?"),
        ("--stub env.log --stub my.lib.a", "did you mean `my.lib.a.b`?"),
        ("--stub something.else --stub-all", "the module has no import `something.else`\n"),
        ("--stub-all --preload mylib=lib.wat", "no import from `mylib`; did you mean `my.lib`?"),
        ("--stub-all --policy clok=deny", "did you mean `clock`?"),
        ("--stub-all -f ini", "did you mean `init`?"),
        ("--stub-all --at export:resum", "did you mean `resume`?"),
        ("--stub-all --at env.lgo", "did you mean `env.log`?"),
    ] {
        let line = format!("{line}{} -o out.wasm in.wat", if line.contains("-f ") { "" } else { " -f init" });
        failed(&place.line(&line), 2, text);
        if !line.contains("--at") {
            assert_eq!(code(&place.line(&format!("audit {}", line.replace("-o out.wasm", "")))), 2, "{line}");
        }
    }
    done(&place.line("--stub env.log --stub my.lib.a.b -f init -o out.wasm in.wat"));
    // The import of a module that provides imports counts.
    done(&place.line("--stub env.log --preload my.lib=lib.wat --stub inner.x -f init -o out.wasm in.wat"));
    failed(&place.line("verify in.wat out.wasm -f init --stub env.logg"), 2, "did you mean `env.log`?");
}

#[test]
fn a_renaming_of_what_is_not_there_is_a_warning() {
    let place = Place::new();
    place.write("in.wat", IMPORTS);
    done(&place.line("--stub-all -f init -o expected.wasm in.wat"));
    for (line, text) in [
        (
            "-r _start=resum",
            "warning: export `resum` is not renamed to `_start`: there is no export `resum`; did you mean `resume`?\n",
        ),
        (
            "-r resume=other",
            "warning: export `other` is not renamed to `resume`: there is no export `other`\n",
        ),
    ] {
        let output = place.line(&format!("{line} --stub-all -f init -o out.wasm in.wat"));
        done(&output);
        assert_eq!(stderr(&output), text);
        assert_eq!(place.read("out.wasm"), place.read("expected.wasm"), "{line}");
        let verified = place.line(&format!("verify {line} --stub-all -f init in.wat out.wasm"));
        done(&verified);
        assert_eq!(stderr(&verified), text);
        let audited = place.line(&format!("audit {line} --stub-all -f init in.wat"));
        done(&audited);
        assert_eq!(stderr(&audited), text);
        let strict = format!("{line} --strict --stub-all -f init -o out.wasm in.wat");
        assert_eq!(code(&place.line(&strict)), 1);
    }
}

#[test]
fn a_command_misspelt() {
    let place = Place::new();
    for (line, text) in [
        ("verfy in.wasm out.wasm", "there is neither a command nor a file `verfy`; did you mean `verify`?"),
        ("adit in.wasm", "did you mean `audit`?"),
        ("wizr in.wasm", "did you mean `wizer`?"),
    ] {
        failed(&place.line(line), 2, text);
    }
    failed(&place.line("aplication"), 2, "cannot read `aplication`");
}

#[test]
fn what_is_no_module_is_named() {
    let place = Place::new();
    for (bytes, text) in [
        (&b"\x1f\x8b\x08\0"[..], "it is compressed by gzip; decompress it first"),
        (b"\x7fELF\x02\x01", "it is a program or library for Linux (ELF)"),
        (b"MZ\x90\0", "it is a program or library for Windows (PE)"),
        (b"import fs from 'fs';\n", "it is JavaScript"),
        (b"<!DOCTYPE html>", "it is a page of HTML"),
    ] {
        place.write("file", bytes);
        failed(&place.line("file -o out.wasm"), 2, text);
        failed(&place.line("audit file"), 2, text);
        failed(&place.line("verify file in.wasm"), 2, text);
    }
    let output = place.line_with_stdin("", b"");
    failed(&output, 2, "no INPUT is given, and standard input is empty\n\nUsage: preinit");
}

#[test]
fn a_missing_directory_is_found_before_compiling() {
    let place = Place::new();
    // The module is not even read.
    for option in
        ["--dir nowhere", "--mapdir /x::nowhere", "--dir-ro nowhere", "--dir-rw nowhere", "--dir in.wasm"]
    {
        failed(
            &place.line(&format!("--allow-wasi {option} no-such-module.wasm")),
            2,
            "cannot open directory",
        );
    }
}
