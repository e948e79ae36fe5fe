#!/usr/bin/env python3
"""Times many snapshots of one engine: the scripts of a platform's users, each evaluated by init.

    cargo build --release --bin preinit
    python3 benches/batch.py quickjs=FILE.wasm [starlingmonkey=FILE.wasm] [--scripts 1000] [--sample 25] [--write]

`test-programs/commands/build.sh` makes quickjs-engine.wasm, which evaluates its standard input; StarlingMonkey's engine is
`lib/starlingmonkey_embedding.wasm` of npm's @bytecodealliance/componentize-js, which evaluates the file that its standard input names.
`preinit batch` makes all snapshots; a loop of each command makes a sample, with caches that an earlier run has filled. Peers are those
of WIZERS and WASMTIME, as in everyday.py. Figures are per second of processor time, which is what a platform pays, and per second
on this machine. Snapshots of the sample must be the same from batch and from the loop.
"""

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import figures
import tables
from everyday import find_tools

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("engines", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--preinit", type=Path, default=target / "release/preinit")
    parser.add_argument("--scripts", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=25, help="snapshots that a loop makes (25)")
    parser.add_argument("--write", action="store_true", help="write the figures into the page")
    options = parser.parse_args()
    engines = {}
    for engine in options.engines:
        name, _, file = engine.partition("=")
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            engines[name] = measure(name, Path(file).resolve(), Path(scratch), options)
    measured = {"machine": figures.machine(), "engines": engines}
    print(tables.batch(measured))
    if options.write:
        figures.save("batch", measured)


def script(number):
    """A program of a user: a table that init builds, and a function that looks things up in it."""
    return f"""
const table = new Map();
for (let index = 0; index < {1000 + number}; index++)
    table.set(`key ${{index}}`, {{ square: index * index + {number}, text: "x".repeat(index % 17) }});
const pattern = /^key (\\d+)$/;
function answer(index) {{
    const key = `key ${{index}}`;
    return pattern.test(key) ? table.get(key).square : -1;
}}
globalThis.answer = answer;
"""


def measure(name, engine, scratch, options):
    """Tool: snapshots, processor time and time of all of them, and the digests of the sample."""
    scripts, inputs = scratch / "scripts", scratch / "inputs"
    scripts.mkdir()
    inputs.mkdir()
    by_name = name.startswith("starlingmonkey")
    for number in range(options.scripts):
        (scripts / f"{number:04}.js").write_text(script(number))
        (inputs / f"{number:04}").write_text(f" {number:04}.js\n" if by_name else script(number))
    init = "wizer-initialize" if by_name else "wizer.initialize"
    directories = [(".", ".")] if by_name else []
    ways = {}
    for tool, command in find_tools(options.preinit).items():
        home = scratch / f"home of {tool}"
        environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "XDG_CONFIG_HOME": str(home)}
        (home / ".cache").mkdir(parents=True, mode=0o700)

        def one(number):
            output = scratch / "one.wasm"
            arguments = command(engine, output, init, directories)
            if arguments[1] == "wizer" and by_name:
                # Its component's imports, which init does not call; the others take them as they are.
                arguments[2:2] = ["-W", "unknown-imports-trap=y"]
            with open(inputs / f"{number:04}", "rb") as program:
                run(arguments, scripts, environment, program)
            return hashlib.sha256(output.read_bytes()).hexdigest()

        one(0)
        one(0)
        time.sleep(6)
        ways[f"a loop of {tool}"], digests = timed(options.sample, lambda: [one(number) for number in range(options.sample)])
        if tool == "preinit":
            ways["preinit batch"], of_batch = batch(engine, scratch, init, directories, environment, options)
            if of_batch != digests:
                sys.exit("batch.py: batch and the loop wrote different snapshots")
    return ways


def batch(engine, scratch, init, directories, environment, options):
    outputs = scratch / "outputs"
    maps = [f"--mapdir={guest}::{host}" for guest, host in directories]
    each = ["batch", "--each", str(scratch / "inputs"), "--into", str(outputs), str(engine)]
    arguments = [str(options.preinit), *each, "--", "--allow-wasi", "-f", init, *maps]

    def all_of_them():
        run(arguments, scratch / "scripts", environment, subprocess.DEVNULL)
        files = sorted(outputs.iterdir())
        if len(files) != options.scripts:
            sys.exit(f"batch.py: {len(files)} snapshots of {options.scripts}")
        return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files[: options.sample]]

    return timed(options.scripts, all_of_them)


def run(arguments, folder, environment, program):
    done = subprocess.run(arguments, cwd=folder, env=environment, stdin=program, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"batch.py: {' '.join(map(str, arguments))}: {done.stderr.decode(errors='replace')[-2000:]}")


def timed(count, work):
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    digests = work()
    elapsed, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"snapshots": count, "processor": processor, "elapsed": elapsed}, digests


if __name__ == "__main__":
    main()
