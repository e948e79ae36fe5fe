#!/usr/bin/env python3
"""Compares preinit with the other pre-initializers on this machine, on real programs, and prints Markdown tables.

    cargo build --release --bin preinit
    python3 benches/compare.py

Build step: the whole process, wall time and peak memory, the tools in turn (A B A B ...), medians. Start-up: from a
compiled module to the first answer, in Wasmtime and V8, of the original, of Wizer's snapshot and of ours, in turn too.
Every snapshot's answers are compared with the original's; a difference is an error.

Peers are used if they are there: `wizer` (the native binary, not npm's wrapper) and `wasmtime` with a `wizer` command
on PATH or in WIZER and WASMTIME, Node 24 on PATH or in NODE, Python's `wasmtime` package in this Python or in
WASMTIME_PYTHON.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

# name: init export, query export
INPUTS = {
    "lua": ("wizer.initialize", "query"),
    "quickjs": ("wizer.initialize", "query"),
    "sqlite": ("wizer.initialize", "query"),
    "rust-regex": ("wizer.initialize", "run"),
    "go": ("wizer.initialize", "query"),
    "cpython": ("wizer.initialize", "query"),
    "zig": ("wizer.initialize", "query"),
    "assemblyscript": ("initialize", "query"),
}
IN_TABLE = ["lua", "quickjs", "sqlite", "rust-regex", "go", "cpython"]
FIND_WASMTIME = "import wasmtime, importlib.metadata as m; print(m.version('wasmtime'))"
ARGUMENTS = [1, 2, 3, 5, 7, 10, 31, 41, 42, 64, 99, 100, 123, 255, 256, 500, 777, 900, 999, 1000, 7, 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--preinit", type=Path, default=target / "release/preinit")
    parser.add_argument("--inputs", type=Path, default=Path(os.environ.get("PREINIT_INPUTS", ROOT / "../shared/inputs")))
    parser.add_argument("--python-lib", type=Path, default=None, help="the standard library of a Python 3.11")
    parser.add_argument("--only", help="inputs, separated by commas")
    parser.add_argument("--runs", type=int, default=9, help="runs of each tool (9)")
    parser.add_argument("--answers", action="store_true", help="compare answers only: no measurements, all inputs")
    parser.add_argument("--keep", type=Path, help="keep the snapshots in this folder")
    parser.add_argument("--json", type=Path, help="write every single measurement to this file")
    options = parser.parse_args()

    library = options.python_lib or python_library()
    names = options.only.split(",") if options.only else list(INPUTS) if options.answers else IN_TABLE
    unknown = [name for name in names if name not in INPUTS]
    if unknown:
        parser.error(f"no such input: {', '.join(unknown)}; there are {', '.join(INPUTS)}")
    if "cpython" in names and library is None:
        names.remove("cpython")
        note("cpython is left out: there is no Python 3.11 here (--python-lib)")
    tools = find_tools(options.preinit)
    engines = find_engines()

    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        builds = {}
        for name in names:
            builds[name] = build(name, options, tools, library, folder)
        startups = {}
        for name in names:
            startups[name] = start_up(name, options, engines, builds[name], library)
    if options.json:
        options.json.write_text(json.dumps({"build": builds, "start": startups}, indent=1, default=str))
    if options.answers:
        print(f"{len(names)} inputs, {', '.join(engines) or 'no engine'}: all answers are equal")
    else:
        print_tables(names, tools, engines, builds, startups, options.runs)


def note(text):
    print(f"compare.py: {text}", file=sys.stderr, flush=True)


def python_library():
    script = "import sys, os; assert sys.version_info[:2] == (3, 11); print(os.path.dirname(os.__file__))"
    for python in ("python3.11", "python3", sys.executable):
        try:
            return Path(subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.strip())
        except (OSError, subprocess.CalledProcessError):
            pass
    return None


def find_tools(preinit):
    """Name: function from (input, output, init, directories) to a command line."""
    if not preinit.exists():
        sys.exit(f"compare.py: there is no {preinit}; `cargo build --release --bin preinit` makes it")

    def like_wizer(binary):
        def command(source, target, init, dirs):
            maps = [f"--mapdir={guest}::{host}" for guest, host in dirs]
            return [binary, "-f", init, "--allow-wasi", *maps, str(source), "-o", str(target)]

        return command

    tools = {"preinit": like_wizer(str(preinit))}
    wizer = os.environ.get("WIZER") or shutil.which("wizer")
    if wizer:
        tools["Wizer " + version(wizer)] = like_wizer(wizer)
    else:
        note("there is no `wizer` on PATH (or set WIZER): nothing to compare with")
    wasmtime = os.environ.get("WASMTIME") or shutil.which("wasmtime")
    # Small builds of the command line have no --help.
    if wasmtime and b"failed to" not in subprocess.run([wasmtime, "wizer"], capture_output=True).stderr:
        def command(source, target, init, dirs):
            maps = [f"--dir={host}::{guest}" for guest, host in dirs]
            options = ["-S", "cli", "-C", "cache=n", "--init-func", init, *maps]
            return [wasmtime, "wizer", *options, "-o", str(target), str(source)]

        tools[f"wasmtime wizer {version(wasmtime)}"] = command
    return tools


def version(binary):
    """Wizer's native binary does not tell; npm's package beside it does."""
    words = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout.split()
    package = Path(binary).resolve().parent / "package.json"
    if len(words) > 1:
        return words[1]
    return json.loads(package.read_text())["version"] if package.exists() else "of unknown version"


def find_engines():
    """Name: the command that runs start-up jobs in it."""
    engines = {}
    python = os.environ.get("WASMTIME_PYTHON", sys.executable)
    found = subprocess.run([python, "-c", FIND_WASMTIME], capture_output=True, text=True)
    if found.returncode == 0:
        engines[f"Wasmtime {found.stdout.strip()}"] = [python, str(HERE / "startup_wasmtime.py")]
    else:
        note("Wasmtime is left out: this Python has no package `wasmtime` (or set WASMTIME_PYTHON)")
    node = os.environ.get("NODE") or shutil.which("node")
    found = node and subprocess.run([node, "-p", "process.versions.v8"], capture_output=True, text=True).stdout.strip()
    if found and int(found.split(".")[0]) >= 13:
        engines["V8 " + ".".join(found.split(".")[:2])] = [node, "--no-warnings", str(HERE / "startup_v8.mjs")]
    else:
        note(f"V8 is left out: it takes Node 24 or later (found V8 {found or 'none'}; or set NODE)")
    return engines


def build(name, options, tools, library, folder):
    """Per tool, the measurements and the snapshot's path; the tools take turns."""
    source = options.inputs / f"{name}.wasm"
    dirs = [("/lib/python3.11", library)] if name == "cpython" else []
    results = {tool: {"wall": [], "processor": [], "peak": [], "file": None} for tool in tools}
    for run in range(1 if options.answers else options.runs + 1):
        for tool, command in tools.items():
            target = folder / f"{name}.{tool.split()[0]}.wasm"
            target.unlink(missing_ok=True)
            measured = measure(command(source, target, INPUTS[name][0], dirs))
            results[tool]["file"] = str(target)
            # The first run warms the file cache.
            if run > 0:
                for what, value in measured.items():
                    results[tool][what].append(value)
    for tool, result in results.items():
        result["size"], result["packed"] = os.path.getsize(result["file"]), packed_size(result["file"])
    return results


def measure(command):
    """Seconds, seconds of all processors, and peak MiB of a process that must succeed."""
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            sys.exit(f"compare.py: {' '.join(command)}\n{errors.read().decode(errors='replace')}")
    peak = usage.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)
    return {"wall": wall, "processor": usage.ru_utime + usage.ru_stime, "peak": peak}


def packed_size(path):
    return len(zlib.compress(Path(path).read_bytes(), 9))


def start_up(name, options, engines, built, library):
    """Per engine and module, milliseconds; checks all answers."""
    init, query = INPUTS[name]
    modules = {"original": {"file": str(options.inputs / f"{name}.wasm"), "calls": ["_initialize", init]}}
    for tool, result in built.items():
        modules[tool] = {"file": result["file"], "calls": []}
    job = {
        "modules": modules,
        "query": query,
        "arguments": ARGUMENTS,
        "dirs": {"/lib/python3.11": str(library)} if name == "cpython" else {},
        "seconds": 0 if options.answers else 4,
    }
    results = {}
    for engine, command in engines.items():
        done = subprocess.run([*command, json.dumps(job)], stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"compare.py: {name} failed in {engine}")
        results[engine] = json.loads(done.stdout)
        expected = results[engine]["original"]["answers"]
        for tool, result in results[engine].items():
            if result["answers"] != expected:
                sys.exit(f"compare.py: {name}, snapshot of {tool} in {engine}:\n{result['answers']}\nis not\n{expected}")
    return results


def print_tables(names, tools, engines, builds, startups, runs):
    peers = [tool for tool in tools if tool != "preinit"]
    print(f"{machine()}; every snapshot's answers compared with the original's.\n\nThe build step, medians of {runs} runs: wall time, peak memory, size of the snapshot (gzip'd).\n")
    print("| input | " + " | ".join(tools) + " | " + " | ".join(f"against {peer}" for peer in peers) + " |")
    print("|---|" + "---|" * (len(tools) + len(peers)))
    for name in names:
        cells, ours = [], builds[name]["preinit"]
        for tool in tools:
            result = builds[name][tool]
            cells.append(
                f"{median(result['wall']):.3f} s, {median(result['peak']):.0f} MiB, "
                f"{result['size'] / 1e6:.2f} MB ({result['packed'] / 1e6:.2f})"
            )
        for peer in peers:
            theirs = builds[name][peer]
            ratios = [b / a for a, b in zip(ours["wall"], theirs["wall"])]
            cells.append(
                f"{median(ratios):.1f}x faster, {median(theirs['peak']) / median(ours['peak']):.1f}x less memory, "
                f"{100 * (ours['size'] / theirs['size'] - 1):+.2f} % size"
            )
        print(f"| {name} | " + " | ".join(cells) + " |")
    for engine in engines:
        print(f"\nStart to first answer in {engine}, ms, code compiled beforehand:\n")
        print("| input | original | " + " | ".join(f"snapshot of {tool}" for tool in tools) + " | preinit's, against the original |")
        print("|---|---|" + "---|" * (len(tools) + 1))
        for name in names:
            result = startups[name][engine]
            times = {module: median(result[module]["ms"]) for module in result}
            cells = [f"{times['original']:.2f}"] + [f"{times[tool]:.3f}" for tool in tools]
            print(f"| {name} | " + " | ".join(cells) + f" | {times['original'] / times['preinit']:.0f}x |")


def median(values):
    return statistics.median(values)


def machine():
    model = "unknown processor"
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as info:
            models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
            model = models[0] if models else model
    system = os.uname()
    return f"{os.cpu_count()} cores of {model}, {system.sysname} {system.release.split('-')[0]} {system.machine}"


if __name__ == "__main__":
    main()
