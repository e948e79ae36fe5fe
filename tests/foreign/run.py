#!/usr/bin/env python3
"""Runs the modules that other projects test themselves with: run.py SOURCE CHECKOUT [--preinit FILE] [--show KIND]

    git clone --depth 1 https://github.com/WebAssembly/binaryen
    python3 tests/foreign/run.py ctor-eval binaryen

Their licenses keep them out of this repository. Each module is snapshot with `--verify` after the functions that its own test
calls, or after each of its exports that needs no arguments. What came out is counted by kind, and is in docs/verify.md. It ends
with 1 if a snapshot was made that is not the original after init, or the command crashed.
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCES = {
    "ctor-eval": ["test/ctor-eval", "test/lit/ctor-eval"],
    "wizer": ["tests"],
    "wazero": [
        "cmd/wazero/testdata", "imports/wasi_snapshot_preview1/testdata", "internal/integration_test/engine/testdata",
        "internal/integration_test/fs/testdata", "internal/integration_test/fuzzcases/testdata", "testdata",
    ],
    "wasm3": ["test/regression", "test/lang", "test/wasi", "test/fuzz/corpus"],
}

# In this order; the first whose words are in the message counts.
KINDS = [
    ("equal", "", 0),
    ("WRONG", "it is not the module after init", 1),
    ("not verified", "it could not be verified", None),
    ("does not parse or is invalid", "(at offset|expected|unknown|is not a WebAssembly module|malformed|invalid|type mismatch|nested)", 2),
    ("init trapped or threw", "(trapped|threw|exception|stack exhausted)", 1),
    ("init called what is not there", "(provides|did not fit|incompatible|cannot stub)", None),
    ("over a limit", "(time limit|did not finish|limit is|more fuel|room for)", None),
    ("no function without arguments", "(candidates|no exported function|takes|init function)", None),
    ("the state cannot be written", "(cannot be written|cannot re-encode|holds values)", 1),
    ("the engine does not have the proposal", "(not enabled|not supported|unsupported|proposal)", None),
    ("refused otherwise", "", 1),
    ("could not", "", 2),
]


def modules(path):
    """The modules in a file: of text, each form `(module …)` at the top; of Rust, those in raw strings."""
    if path.suffix == ".wasm":
        return [path.read_bytes()]
    text = path.read_text(errors="replace")
    if path.suffix == ".rs":
        return [part.encode() for part in re.findall(r'r#"(.*?)"#', text, re.S) if "(module" in part]
    text = re.sub(r"\(;.*?;\)", "", text, flags=re.S)
    text = "\n".join(line.split(";;")[0] for line in text.splitlines())
    found, depth, start = [], 0, 0
    for at, character in enumerate(re.sub(r'"(\\.|[^"\\])*"', lambda s: "s" * len(s.group()), text)):
        if character == "(":
            start = at if depth == 0 else start
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                found.append(text[start : at + 1].encode())
    return [module for module in found if module.startswith(b"(module")]


def called(path):
    """The functions that the module's own test calls."""
    ctors = path.with_name(path.name + ".ctors")
    if ctors.exists():
        return ctors.read_text().strip().split(",")
    if path.suffix == ".wast" and path.parent.name == "ctor-eval":
        named = re.search(r"--ctors=(\S+)", path.read_text())
        return named.group(1).split(",") if named else ["test1", "test2", "test3"]
    return []


def run(preinit, folder, module, functions):
    """The kind and the message of one run."""
    name = "in.wasm" if module.startswith(b"\0asm") else "in.wat"
    (folder / name).write_bytes(module)
    command = [preinit, name, "-o", "out.wasm", "--verify", "--stub-all", "--allow-wasi", "--inherit-stdio=false"]
    command += ["--init-result", "any", "--timeout", "20s", "--no-cache"]
    for function in functions:
        command += ["-f", function]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    for kind, words, code in KINDS:
        if code in (None, done.returncode) and re.search(words, done.stderr) and (code == 0) == (done.returncode == 0):
            return kind, done.stderr
    return "CRASHED", f"{done.returncode}: {done.stderr}"


def runs(preinit, folder, module, functions):
    """What comes out with the functions of the test, with those of them that there are, or with any."""
    kind, message = run(preinit, folder, module, functions)
    candidates = re.findall(r"`([^`]+)`", message.partition("candidates are")[2].partition(";")[0])
    if "no exported function" not in message and "none of the default" not in message:
        return [(kind, message)]
    there = [function for function in functions if function in candidates]
    if there:
        return [run(preinit, folder, module, there)]
    return [run(preinit, folder, module, [function]) for function in candidates] or [(kind, message)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", choices=SOURCES)
    parser.add_argument("checkout", type=pathlib.Path)
    parser.add_argument("--preinit", default="target/debug/preinit")
    parser.add_argument("--show", help="print the messages of this kind")
    args = parser.parse_args()
    preinit = str(pathlib.Path(args.preinit).resolve())
    counts, files = collections.Counter(), 0
    for part in SOURCES[args.source]:
        paths = sorted(path for path in (args.checkout / part).rglob("*") if path.suffix in (".wat", ".wast", ".wasm", ".rs"))
        # A binary beside its own text is the same module.
        for path in (path for path in paths if path.suffix != ".wasm" or path.with_suffix(".wat") not in paths):
            found = modules(path)
            files += bool(found)
            for module in found:
                with tempfile.TemporaryDirectory() as folder:
                    for kind, message in runs(preinit, pathlib.Path(folder), module, called(path)):
                        counts[kind] += 1
                        if kind in (args.show, "WRONG", "CRASHED"):
                            print(f"{path}: {kind}: {message.strip()[:300]}")
    if not files:
        sys.exit(f"there is no module of {args.source} in {args.checkout}")
    for kind, count in counts.most_common():
        print(f"{count:6}  {kind}")
    print(f"{sum(counts.values()):6}  runs of modules in {files} files")
    sys.exit(bool(counts["WRONG"] or counts["CRASHED"]))


if __name__ == "__main__":
    main()
