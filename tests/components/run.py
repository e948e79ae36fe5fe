#!/usr/bin/env python3
"""Takes snapshots of components of real toolchains and compares their answers in Wasmtime and, by way of jco, in V8.

    python3 tests/components/run.py --preinit target/debug/preinit --inputs ../shared/inputs [--only lua,qjs-async] [--no-v8]

Commands are frozen in the middle, and print the same. The inputs are in the folder `components` of --inputs; MANIFEST.md there says how each was made. One is made here, by npm's
componentize-js. Needs PyPI's wasmtime 50 in the
Python that WASMTIME_PYTHON names; it and jco come from npm into --work, at fixed versions. The answers that are expected are those of
the original after init.

Ends with 0 if all answers are right, 1 if not, and 3 if what was compared is right, but something could not be had.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import time

import cases

PACKAGES = {
    "@bytecodealliance/componentize-js": "0.23.0",
    "@bytecodealliance/jco": "1.35.0",
    "@bytecodealliance/preview2-shim": "0.26.1",
    "node": "24.21.0",
}

# What preinit says if it was built without the feature for it.
NO_CALLS = "there is no support for arguments of init functions in components"


class Session:
    """One run over the inputs."""

    def __init__(self, arguments):
        self.here = pathlib.Path(__file__).resolve().parent
        root = self.here.parents[1]
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
        self.preinit = arguments.preinit.resolve()
        self.inputs = arguments.inputs.resolve() / "components"
        self.work = (arguments.work or target / "components").resolve()
        self.work.mkdir(parents=True, exist_ok=True)
        self.python = os.environ.get("WASMTIME_PYTHON", sys.executable)
        self.v8 = not arguments.no_v8
        self.jco = None
        self.wrong = 0
        self.missing = []
        self.programs = root / "test-programs"

    def install(self):
        """Gets jco and Node; without them nothing is compared in V8."""
        if not self.v8:
            return
        if shutil.which("npm") is None:
            self.missing.append("no answers compared in V8: npm is not here")
            return
        (self.work / "package.json").write_text(json.dumps({"private": True, "type": "module", "dependencies": PACKAGES}))
        command = ["npm", "install", "--no-fund", "--no-audit", "--loglevel=error", "--prefer-offline"]
        done = subprocess.run(command, cwd=self.work, text=True, capture_output=True)
        if done.returncode != 0:
            self.missing.append(f"no answers compared in V8: npm could not install jco: {done.stderr.strip()}")
            return
        self.jco = self.work / "node_modules/.bin/jco"
        self.node = self.work / "node_modules/.bin/node"

    def unpack(self, case):
        """The directories that init reads, as options."""
        if "archive" not in case:
            return []
        folder = self.work / case["name"]
        if not folder.exists():
            with tarfile.open(self.inputs / case["archive"]) as archive:
                archive.extractall(folder, filter="data")
        roots = [path for path in folder.rglob("*") if path.is_dir() and path.name in case["directories"]]
        found = {path.name: path for path in sorted(roots, key=lambda path: -len(path.parts))}
        return [option for name in case["directories"] for option in ("--dir", f"{found[name]}::{name}")]

    def snapshot(self, case):
        """The snapshot's file, or None if preinit did not make it as expected."""
        out = self.work / f"{case['name']}.wasm"
        out.unlink(missing_ok=True)
        source = self.source(case)
        if source is None:
            return None
        command = [self.preinit, source, "-o", out, *self.unpack(case), *self.options(case)]
        begin = time.monotonic()
        done = subprocess.run(command, cwd=self.inputs, text=True, capture_output=True)
        seconds = time.monotonic() - begin
        refused = case.get("refused")
        if refused is not None:
            fits = done.returncode == 1 and refused in done.stderr and not out.exists()
            self.say(case, "refused", fits, done.stderr.strip())
            return None
        if NO_CALLS in done.stderr:
            self.missing.append(f"{case['name']}: preinit was built without the feature `component-calls`")
            return None
        self.say(case, f"made in {seconds:.1f} s", done.returncode == 0, done.stderr.strip())
        return out if done.returncode == 0 else None

    def source(self, case):
        """The component; None if it cannot be made here."""
        if "component" in case:
            return self.programs / case["component"]
        if "made" not in case:
            return self.inputs / case["file"]
        if self.jco is None:
            self.missing.append(f"{case['name']}: npm's packages are not here, and without them it is not made")
            return None
        component = self.work / f"{case['name']}.before.wasm"
        if not component.exists():
            command = [self.node, self.here / case["made"], component]
            done = subprocess.run(command, cwd=self.work, text=True, capture_output=True)
            if done.returncode != 0:
                self.say(case, "made by its tool", False, done.stderr.strip())
                return None
        return component

    def options(self, case):
        """The init function and the rest of the command line."""
        init = case.get("init", "wizer-initialize")
        for name, file in case.get("texts", {}).items():
            init = init.replace(name, json.dumps((self.inputs / file).read_text(), ensure_ascii=False))
        return ["--allow-wasi", "--inherit-stdio", "false", "--timeout", "10m", "-f", init, *case.get("options", [])]

    def say(self, case, what, fits, detail=""):
        if not fits:
            self.wrong += 1
            print(f"WRONG {case['name']}: {what}\n{detail}", flush=True)
        else:
            print(f"ok    {case['name']}: {what}", flush=True)

    def compare(self, case, wasm):
        calls = json.dumps(case["calls"])
        expected = [answer for _, _, answer in case["calls"]]
        command = [self.python, self.here / "answers_wasmtime.py", wasm, calls]
        self.answers(case, "Wasmtime", command, expected)
        if self.jco is None:
            return
        folder = self.work / f"{case['name']}-js"
        shutil.rmtree(folder, ignore_errors=True)
        transpile = [self.node, self.jco, "transpile", wasm, "-o", folder, "--name", "it", "--no-typescript", "-q"]
        done = subprocess.run(transpile, cwd=self.work, text=True, capture_output=True)
        if done.returncode != 0:
            self.say(case, "transpiled", False, done.stderr.strip())
            return
        command = [self.node, *case.get("node", []), self.here / "answers_v8.mjs", folder / "it.js", calls]
        self.answers(case, "V8", command, expected)

    def command(self, case):
        """Freezes a command, and compares what it prints with what the original prints."""
        original = self.made_command(case)
        if original is None:
            return
        frozen = self.work / f"{case['name']}.wasm"
        frozen.unlink(missing_ok=True)
        made = [self.preinit, original, "-o", frozen, "--allow-wasi", "--inherit-stdio", "false", "--at", case["at"]]
        done = subprocess.run(made, text=True, capture_output=True)
        self.say(case, f"frozen at {case['at']}", done.returncode == 0, done.stderr.strip())
        if done.returncode != 0:
            return
        engines = {"Wasmtime": [self.python, self.here / "command_wasmtime.py"]}
        if self.jco is not None:
            engines["V8"] = [self.node, self.jco, "run"]
        printed = lambda command, wasm: subprocess.run(
            [*command, wasm], cwd=self.work, input=case["stdin"], text=True, capture_output=True
        )
        expected = printed(engines["Wasmtime"], original)
        if expected.stdout == "":
            self.say(case, "the original prints something", False, expected.stderr.strip())
        for engine, command in engines.items():
            found = printed(command, frozen)
            what = f"{found.stdout!r}, not {expected.stdout!r}\n{found.stderr.strip()}"
            self.say(case, f"prints the same in {engine}", found.stdout == expected.stdout, what)

    def made_command(self, case):
        """The command as a component; None if it cannot be made here."""
        if "component" in case:
            return self.programs / case["component"]
        if self.jco is None:
            self.missing.append(f"{case['name']}: npm's packages are not here, and without them it is not made")
            return None
        core = self.programs / case["core"] if "core" in case else self.work / f"{case['name']}.core.wasm"
        if "go" in case:
            if shutil.which("go") is None:
                self.missing.append(f"{case['name']}: Go is not here")
                return None
            target = {**os.environ, "GOOS": "wasip1", "GOARCH": "wasm"}
            made = ["go", "build", "-o", core, "."]
            done = subprocess.run(made, cwd=self.programs / case["go"], env=target, text=True, capture_output=True)
            if done.returncode != 0:
                self.say(case, "made by Go", False, done.stderr.strip())
                return None
            core.write_bytes(with_more_memory(core.read_bytes()))
        original = self.work / f"{case['name']}.before.wasm"
        made = [self.node, self.jco, "new", core, "--wasi-command", "-o", original]
        done = subprocess.run(made, cwd=self.work, text=True, capture_output=True)
        if done.returncode != 0:
            self.say(case, "made a component", False, done.stderr.strip())
            return None
        return original

    def answers(self, case, where, command, expected):
        done = subprocess.run(command, cwd=self.work, text=True, capture_output=True)
        try:
            found = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            found = None
        self.say(case, f"answers in {where}", found == expected, f"{found}, not {expected}\n{done.stderr.strip()}")

    def finish(self):
        for what in self.missing:
            print(f"NOT CHECKED: {what}")
        sys.exit(1 if self.wrong else 3 if self.missing else 0)


def with_more_memory(wasm, pages=1024):
    """A core module of Go's whose memory has more pages at the start.

    Go's runtime takes it that nobody else lets the memory grow. The adapter does so at its first call, and Go's heap would go over what it
    has there, in the original too. With more pages at the start they are far apart.
    """

    def number(at):
        value = shift = 0
        while True:
            value |= (wasm[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if wasm[at - 1] < 0x80:
                return value, at

    def encoded(value):
        return bytes([value & 0x7F | 0x80]) + encoded(value >> 7) if value > 0x7F else bytes([value])

    at = 8
    while at < len(wasm):
        section = at
        size, at = number(at + 1)
        if wasm[section] == 5:
            # One memory, without a maximum.
            assert wasm[at : at + 2] == b"\x01\x00"
            content = wasm[at : at + 2] + encoded(number(at + 2)[0] + pages)
            return wasm[:section] + b"\x05" + encoded(len(content)) + content + wasm[at + size :]
        at += size
    raise ValueError("there is no memory")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preinit", required=True, type=pathlib.Path)
    parser.add_argument("--inputs", required=True, type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, help="default: components in the target directory")
    parser.add_argument("--only", help="comma-separated names")
    parser.add_argument("--no-v8", action="store_true")
    arguments = parser.parse_args()
    session = Session(arguments)
    session.install()
    wanted = arguments.only.split(",") if arguments.only else [case["name"] for case in cases.CASES + cases.COMMANDS]
    for case in cases.CASES:
        if case["name"] not in wanted:
            continue
        wasm = session.snapshot(case)
        if wasm is not None:
            session.compare(case, wasm)
    for case in cases.COMMANDS:
        if case["name"] in wanted:
            session.command(case)
    session.finish()


if __name__ == "__main__":
    main()
