#!/usr/bin/env python3
"""Freezes the programs of test-programs/wasi at every host call, and runs them on in Wasmtime, with its real clocks.

What a program has printed until it was frozen and what it prints afterwards must be what it prints in one go, with the same exit
code. Usage: run.py --preinit FILE [--only NAME]. Needs wasmtime from PyPI (`pip install wasmtime`).
"""
import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import wasmtime

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "test-programs" / "wasi"
DATA = ROOT / "test-programs" / "data"

# It has files open nearly all the time; tests/it compares what it prints on hosts of all kinds.
NOT_FROZEN = "file_cases"

# Why a program is refused: it has files open, or room for arguments or variables that it does not have yet.
KNOWN = ("descriptors open", "it has room for those of this run")

ARGUMENTS = ["program", "one", "two words"]
ENVIRONMENT = [("WORD", "a=b"), ("EMPTY", ""), ("LAST", "é")]
INPUT = "first line\n42\nlast line\n"


class World:
    """A folder of its own for a program to write to, and files for its streams."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp())
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir()
        self.input = self.folder / "input"
        self.input.write_text(INPUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


def run(wasm, world):
    """What the program prints, by stream, and its exit code."""
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    wasi = wasmtime.WasiConfig()
    wasi.argv, wasi.env = ARGUMENTS, ENVIRONMENT
    wasi.stdin_file = str(world.input)
    wasi.stdout_file, wasi.stderr_file = str(world.folder / "out"), str(world.folder / "err")
    wasi.preopen_dir(str(DATA), "/data")
    wasi.preopen_dir(str(world.scratch), "/scratch")
    store.set_wasi(wasi)
    instance = linker.instantiate(store, wasmtime.Module(engine, wasm))
    code = 0
    try:
        instance.exports(store)["_start"](store)
    except wasmtime.ExitTrap as ended:
        code = ended.code
    except wasmtime.WasmtimeError as error:
        code = str(error)
    del store, instance
    return (world.folder / "out").read_bytes(), (world.folder / "err").read_bytes(), code


def options(world):
    words = ["--allow-wasi", "-f", "_start", "--mapdir", f"/data::{DATA}", "--dir-rw", f"/scratch::{world.scratch}"]
    for argument in ARGUMENTS:
        words += ["--arg", argument]
    for name, value in ENVIRONMENT:
        words += ["--env", f"{name}={value}"]
    return words


def host_calls(preinit, program):
    """The imports that it calls, in order."""
    with World() as world, open(world.input) as stdin:
        ledger = world.folder / "ledger"
        command = [preinit, program, "-o", world.folder / "out.wasm", "--ledger", ledger, *options(world)]
        subprocess.run(command, stdin=stdin, capture_output=True, check=False)
        lines = [json.loads(line) for line in ledger.read_text().splitlines()]
        return [line["import"] for line in lines if "import" in line]


def frozen(preinit, program, trigger):
    """Like `run`, frozen on the way; or why that is refused."""
    with World() as world, open(world.input) as stdin:
        output = world.folder / "frozen.wasm"
        captured = [world.folder / "before-out", world.folder / "before-err"]
        command = [preinit, program, "-o", output, "-q", "--at", trigger, *options(world)]
        command += ["--capture-stdout", captured[0], "--capture-stderr", captured[1]]
        made = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False)
        if made.returncode == 1:
            return None, made.stderr
        if made.returncode != 0:
            raise SystemExit(f"{program.name} at {trigger}: {made.stderr}")
        # What the program has read is read.
        rest = INPUT if "fd_read" not in made.stderr and not was_read(preinit, program, trigger) else ""
        world.input.write_text(rest)
        out, err, code = run(output.read_bytes(), world)
        return (captured[0].read_bytes() + out, captured[1].read_bytes() + err, code), ""


READ = {}


def was_read(preinit, program, trigger):
    """Whether the program reads standard input before the trigger: it reads all of it at once."""
    calls = READ.setdefault(program, host_calls(preinit, program))
    name, number = trigger.rsplit("#", 1)
    seen = 0
    for at, call in enumerate(calls):
        seen += call == name
        if seen == int(number):
            return any(before.endswith(".fd_read") for before in calls[:at]) and program.stem == "stdio"
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preinit", required=True)
    parser.add_argument("--only")
    arguments = parser.parse_args()
    equal = refused = wrong = 0
    for program in sorted(PROGRAMS.glob("*.wasm")):
        if program.stem == NOT_FROZEN or arguments.only and program.stem != arguments.only:
            continue
        with World() as world:
            expected = run(program.read_bytes(), world)
        if expected[2] == 99:
            raise SystemExit(f"{program.stem} fails without being frozen: {expected}")
        seen, counts = Counter(), Counter()
        for call in host_calls(arguments.preinit, program):
            seen[call] += 1
            trigger = f"{call}#{seen[call]}"
            found, why = frozen(arguments.preinit, program, trigger)
            if found is None:
                counts["refused"] += 1
                if not any(known in why for known in KNOWN):
                    wrong += 1
                    print(f"{program.stem} at {trigger} was refused: {why}")
            elif found == expected:
                counts["equal"] += 1
            else:
                counts["different"] += 1
                print(f"{program.stem} at {trigger}: {found} instead of {expected}")
        equal, refused, wrong = equal + counts["equal"], refused + counts["refused"], wrong + counts["different"]
        print(f"{program.stem}: {counts['equal']} equal, {counts['refused']} refused, {counts['different']} different")
    engine = version("wasmtime")
    print(f"wasmtime {engine}: {equal} equal, {refused} refused, {wrong} wrong")
    sys.exit(1 if wrong or not equal else 0)


if __name__ == "__main__":
    main()
