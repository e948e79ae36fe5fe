#!/usr/bin/env python3
"""Compares preinit with the other pre-initializers on this machine, on real programs.

    cargo build --release --bin preinit
    cargo bench --no-run --bench startup_wasmi --bench startup_wasmtime
    python3 benches/compare.py [--write]     # --write keeps the figures, and makes docs/benchmarks.md from them
    python3 benches/compare.py --ruby FILE   # with the 17 MB that benches/ruby.py makes

Build step: the whole process, wall time and peak memory, the tools in turn (A B A B ...), medians; cold is without any
cache, warm with one that an earlier run has filled. Start-up: from a compiled module to the first answer, in Wasmtime, V8
and wasmi, of the original, of the peers' snapshots and of ours in both layouts, rows of starts in turn. Every snapshot's
answers are compared with the original's; a difference is an error. Ratios are medians of the ratios of single rounds.

Peers are used if they are there: `wizer` (the native binary, not npm's wrapper), `wasmtime` with a `wizer` command,
binaryen's `wasm-ctor-eval` and `wasm-opt` on PATH or in WIZER, WASMTIME, WASM_CTOR_EVAL, WASM_OPT (either may be several
words, such as `node wasm-opt`), Node 24 on PATH or in NODE, Python's `wasmtime` package in this Python or in
WASMTIME_PYTHON.
"""

import argparse
import json
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import figures
import tables

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
    "ruby": ("wizer.initialize", "query"),
}
IN_TABLE = ["lua", "quickjs", "sqlite", "rust-regex", "go", "cpython"]
FIND_WASMTIME = "import wasmtime, importlib.metadata as m; print(m.version('wasmtime'))"
# Seconds that binaryen gets for one module.
PATIENCE = 300
# What modules use, which binaryen does not find out.
FEATURES = [f"--enable-{name}" for name in (
    "bulk-memory", "bulk-memory-opt", "sign-ext", "mutable-globals", "nontrapping-float-to-int", "reference-types", "multivalue",
    "simd", "multimemory")]
# Of the modules in a round of start-ups, each by chance.
ORDERS = 64
ARGUMENTS = [1, 2, 3, 5, 7, 10, 31, 41, 42, 64, 99, 100, 123, 255, 256, 500, 777, 900, 999, 1000, 7, 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--preinit", type=Path, default=target / "release/preinit")
    parser.add_argument("--inputs", type=Path, default=Path(os.environ.get("PREINIT_INPUTS", ROOT / "../shared/inputs")))
    parser.add_argument("--python-lib", type=Path, default=None, help="the standard library of a Python 3.11")
    parser.add_argument("--ruby", type=Path, default=os.environ.get("RUBY_WASM"), help="what ruby.py made (RUBY_WASM)")
    parser.add_argument("--only", help="inputs, separated by commas")
    parser.add_argument("--runs", type=int, default=9, help="runs of each tool (9)")
    parser.add_argument("--answers", action="store_true", help="compare answers only: no measurements, all inputs")
    parser.add_argument("--write", action="store_true", help="keep the figures in figures.json and make docs/benchmarks.md")
    parser.add_argument("--seconds", type=float, default=4, help="for the start-ups of one input in one engine (4)")
    parser.add_argument("--keep", type=Path, help="keep the snapshots in this folder")
    parser.add_argument("--json", type=Path, help="write every single measurement to this file")
    options = parser.parse_args()

    library = options.python_lib or python_library()
    names = list(INPUTS) if options.answers else [*IN_TABLE, "ruby"]
    if not options.ruby:
        names.remove("ruby")
    names = options.only.split(",") if options.only else names
    unknown = [name for name in names if name not in INPUTS]
    if unknown:
        parser.error(f"no such input: {', '.join(unknown)}; there are {', '.join(INPUTS)}")
    if "ruby" in names and not options.ruby:
        parser.error("--ruby says where ruby.wasm is")
    if "cpython" in names and library is None:
        names.remove("cpython")
        note("cpython is left out: there is no Python 3.11 here (--python-lib)")
    engines = find_engines(target)

    with tempfile.TemporaryDirectory() as scratch:
        tools = find_tools(options.preinit, Path(scratch))
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        builds = {}
        for name in names:
            builds[name] = build(name, options, tools, library, folder)
        startups = {"sizes": {name: os.path.getsize(path_of(name, options)) for name in names}}
        for name in names:
            startups[name] = start_up(name, options, engines, builds[name], library)
    if options.json:
        options.json.write_text(json.dumps({"build": builds, "start": startups}, indent=1, default=str))
    if options.answers:
        print(f"{len(names)} inputs, {', '.join(engines) or 'no engine'}: all answers are equal")
    else:
        compared = summary(names, tools, engines, builds, startups, options.runs)
        compared["evaluated"], compared["stripped"] = evaluated(names, options), stripped(names, options, library)
        if options.write:
            figures.save("compare", compared)
        else:
            parts = [tables.build, tables.sizes, tables.startup, tables.evaluated, tables.stripped]
            print("\n\n".join(part(compared) for part in parts))


def path_of(name, options):
    return options.ruby if name == "ruby" else options.inputs / f"{name}.wasm"


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


def find_tools(preinit, scratch):
    """Name: function from (input, output, init, directories) to a command line. The first is ours, cold."""
    if not preinit.exists():
        sys.exit(f"compare.py: there is no {preinit}; `cargo build --release --bin preinit` makes it")

    def like_wizer(binary, *options):
        def command(source, target, init, dirs):
            maps = [f"--mapdir={guest}::{host}" for guest, host in dirs]
            return [binary, *options, "-f", init, "--allow-wasi", *maps, str(source), "-o", str(target)]

        return command

    ours = str(preinit)
    tools = {
        "preinit": like_wizer(ours, "--no-cache"),
        "preinit, warm": like_wizer(ours, "--cache-dir", str(scratch / "cache")),
        "preinit --opt, warm": like_wizer(ours, "--opt", "--cache-dir", str(scratch / "cache")),
        "preinit, mappable": like_wizer(ours, "--no-cache", "--layout", "mappable"),
    }
    wizer = os.environ.get("WIZER") or shutil.which("wizer")
    if wizer:
        tools["Wizer " + version(wizer)] = like_wizer(wizer)
    else:
        note("there is no `wizer` on PATH (or set WIZER): nothing to compare with")
    wasmtime = os.environ.get("WASMTIME") or shutil.which("wasmtime")
    # Small builds of the command line have no --help.
    if wasmtime and b"failed to" not in subprocess.run([wasmtime, "wizer"], capture_output=True).stderr:
        config = scratch / "wasmtime.toml"
        config.write_text(f'[cache]\ndirectory = "{scratch / "wasmtime-cache"}"\n')

        def wasmtime_wizer(cache):
            def command(source, target, init, dirs):
                maps = [f"--dir={host}::{guest}" for guest, host in dirs]
                options = ["-S", "cli", "-C", cache, "--init-func", init, *maps]
                return [wasmtime, "wizer", *options, "-o", str(target), str(source)]

            return command

        name = f"wasmtime wizer {version(wasmtime)}"
        tools[name] = wasmtime_wizer("cache=n")
        tools[f"{name}, warm"] = wasmtime_wizer(f"cache-config={config}")
    return tools


def version(binary):
    """Wizer's native binary does not know; npm's package beside it does."""
    words = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout.split()
    package = Path(binary).resolve().parent / "package.json"
    if len(words) > 1:
        return words[1]
    return json.loads(package.read_text())["version"] if package.exists() else "of unknown version"


def find_engines(target):
    """Name: the command that runs start-up jobs in it."""
    engines = {}
    python = os.environ.get("WASMTIME_PYTHON", sys.executable)
    found = subprocess.run([python, "-c", FIND_WASMTIME], capture_output=True, text=True)
    if found.returncode == 0:
        engines[f"Wasmtime {found.stdout.strip()} from Python"] = [python, str(HERE / "startup_wasmtime.py")]
    else:
        note("Wasmtime is left out: this Python has no package `wasmtime` (or set WASMTIME_PYTHON)")
    node = os.environ.get("NODE") or shutil.which("node")
    found = node and subprocess.run([node, "-p", "process.versions.v8"], capture_output=True, text=True).stdout.strip()
    if found and int(found.split(".")[0]) >= 13:
        engines["V8 " + ".".join(found.split(".")[:2])] = [node, "--no-warnings", str(HERE / "startup_v8.mjs")]
    else:
        note(f"V8 is left out: it takes Node 24 or later (found V8 {found or 'none'}; or set NODE)")
    for bench, engine in (("startup_wasmtime", "Wasmtime 48 from Rust"), ("startup_wasmi", "wasmi 2")):
        built = [path for path in (target / "release/deps").glob(f"{bench}-*") if os.access(path, os.X_OK) and not path.suffix]
        if built:
            engines[engine] = [str(max(built, key=os.path.getmtime))]
        else:
            note(f"{engine} is left out: `cargo bench --no-run --bench {bench}` builds it")
    return engines


def build(name, options, tools, library, folder):
    """Per tool, the measurements and the snapshot's path; the tools take turns."""
    source = path_of(name, options)
    dirs = [("/lib/python3.11", library)] if name == "cpython" else []
    results = {tool: {"wall": [], "processor": [], "peak": [], "file": None} for tool in tools}
    for run in range(1 if options.answers else options.runs + 1):
        for tool, command in tools.items():
            target = folder / f"{name}.{tool.replace(' ', '-').replace(',', '')}.wasm"
            target.unlink(missing_ok=True)
            measured = measure(command(source, target, INPUTS[name][0], dirs))
            results[tool]["file"] = str(target)
            # The first run warms the file cache.
            if run > 0:
                for what, value in measured.items():
                    results[tool][what].append(value)
    for tool, result in results.items():
        if not tool.endswith("warm") and not options.answers:
            result["size"], result["packed"] = os.path.getsize(result["file"]), packed_sizes(result["file"])
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


def packed_sizes(path):
    """Bytes by compression; Node has brotli and zstd, Python of today neither."""
    node = os.environ.get("NODE") or shutil.which("node")
    script = """const zlib = require("zlib"), bytes = require("fs").readFileSync(process.argv[1]);
        console.log(JSON.stringify({brotli: zlib.brotliCompressSync(bytes, {params: {[zlib.constants.BROTLI_PARAM_QUALITY]: 6}}).length,
            zstd: zlib.zstdCompressSync(bytes, {params: {[zlib.constants.ZSTD_c_compressionLevel]: 9}}).length}))"""
    done = subprocess.run([node, "-e", script, str(path)], capture_output=True, text=True) if node else None
    if done and done.returncode == 0:
        return json.loads(done.stdout)
    return {"gzip": len(zlib.compress(Path(path).read_bytes(), 9))}


def start_up(name, options, engines, built, library):
    """Per engine and module, milliseconds; checks all answers."""
    init, query = INPUTS[name]
    modules = {"original": {"file": str(path_of(name, options)), "calls": ["_initialize", init]}}
    # A warm cache makes the same snapshot.
    for tool, result in built.items():
        if not tool.endswith("warm"):
            modules[tool] = {"file": result["file"], "calls": []}
    names = [module for module in modules if module != "original"]
    job = {
        "modules": modules,
        # The original works much longer: among the snapshots it would slow down whichever comes after it.
        "phases": [[["original"]], [random.Random(number).sample(names, len(names)) for number in range(ORDERS)]],
        "query": query,
        "arguments": ARGUMENTS,
        "dirs": {"/lib/python3.11": str(library)} if name == "cpython" else {},
        "seconds": 0 if options.answers else options.seconds,
    }
    results, expected = {}, None
    for engine, command in engines.items():
        if engine.startswith("wasmi"):
            # It has no WASI, which an original needs for init.
            del modules["original"], job["phases"][0]
        done = subprocess.run([*command, json.dumps(job)], stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"compare.py: {name} failed in {engine}")
        results[engine] = json.loads(done.stdout)
        # The engines before answer for the original in wasmi.
        expected = results[engine].get("original", {}).get("answers", expected)
        for tool, result in results[engine].items():
            if result["answers"] != expected:
                sys.exit(f"compare.py: {name}, snapshot of {tool} in {engine}:\n{result['answers']}\nis not\n{expected}")
    return results


def summary(names, tools, engines, builds, startups, runs):
    """Everything measured, as medians."""
    tools = [tool for tool in tools if tool != "preinit, mappable"]
    cold = [tool for tool in tools if not tool.startswith("preinit") and not tool.endswith("warm")]
    ours = {True: [tool for tool in tools if tool.startswith("preinit") and tool.endswith("warm")], False: ["preinit"]}
    made = ["preinit", "preinit, mappable", *cold]
    result = {"machine": figures.machine(), "runs": runs, "build": {}, "sizes": {}, "start": {}}
    for name in names:
        built, row = builds[name], {}
        for tool in tools:
            wall, peak = built[tool]["wall"], built[tool]["peak"]
            row[tool] = {"seconds": round(median(wall), 3), "mib": round(median(peak)), "against": {}}
            for other in [] if tool.startswith("preinit") else ours[tool.endswith("warm")]:
                time = median([theirs / own for own, theirs in zip(built[other]["wall"], wall)])
                memory = median(peak) / median(built[other]["peak"])
                row[tool]["against"][other] = {"time": round(time, 1), "memory": round(memory, 1)}
        result["build"][name] = row
        result["sizes"][name] = {"original": {"mb": round(startups["sizes"][name] / 1e6, 2)}}
        for tool in made:
            packed = {packing: round(size / 1e6, 2) for packing, size in built[tool]["packed"].items()}
            result["sizes"][name][tool] = {"mb": round(built[tool]["size"] / 1e6, 2), "packed": packed}
    for engine in engines:
        result["start"][engine] = {name: starts(startups[name][engine], made, cold) for name in names}
    return result


def starts(measured, made, peers):
    """Medians of one program's start-ups in one engine; there is none of an original that the engine cannot run."""
    row = {"original": {"ms": round(median(measured["original"]["ms"]), 2)} if "original" in measured else None}
    for tool in made:
        row[tool] = {"ms": round(median(measured[tool]["ms"]), 3)}
        for ours in ["preinit", "preinit, mappable"] if tool in peers else []:
            factors = [theirs / own for own, theirs in zip(measured[ours]["ms"], measured[tool]["ms"])]
            row[tool].setdefault("against", {})[ours] = round(median(factors), 2)
    return row


def evaluated(names, options):
    """What wasm-ctor-eval makes of the inputs, in words: it runs init as long as nothing is imported."""
    tool = os.environ.get("WASM_CTOR_EVAL") or shutil.which("wasm-ctor-eval")
    if not tool:
        note("there is no `wasm-ctor-eval` on PATH (or set WASM_CTOR_EVAL)")
        return {}
    words = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in [*names, "zig", "assemblyscript"]:
            init, query = INPUTS[name]
            target = Path(folder, "out.wasm")
            command = [*shlex.split(tool), *FEATURES, f"--ctors={init}", f"--kept-exports={query}", str(path_of(name, options)), "-o", str(target)]
            started = time.perf_counter()
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                words[name] = f"not within {PATIENCE} s"
                continue
            output = done.stdout + done.stderr
            if done.returncode == 0 and "success" in output and "partial" not in output:
                words[name] = f"evaluated in {time.perf_counter() - started:.1f} s, {target.stat().st_size / 1e6:.2f} MB"
            else:
                reason = next((line.split("...")[-1].strip() for line in output.splitlines() if "stopping" in line or "fail" in line or "rror" in line), "nothing evaluated")
                words[name] = f"stops ({reason[:60]})"
    return words


def stripped(names, options, library):
    """Bytes that --strip-init takes out, and what wasm-opt makes of the same snapshot."""
    optimizer = os.environ.get("WASM_OPT") or shutil.which("wasm-opt")
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            snapshot, target, report = Path(folder, "a.wasm"), Path(folder, "b.wasm"), Path(folder, "report.json")
            dirs = [f"--mapdir=/lib/python3.11::{library}"] if name == "cpython" else []
            command = [str(options.preinit), "-q", "--no-cache", "-f", INPUTS[name][0], "--allow-wasi", *dirs]
            command.append(str(path_of(name, options)))
            measure([*command, "-o", str(snapshot)])
            measure([*command, "--strip-init", "--report", str(report), "-o", str(target)])
            took = json.loads(report.read_text())["stripped"]
            rows[name] = {"snapshot": snapshot.stat().st_size, "stripped": target.stat().st_size}
            rows[name] |= {key: took[key] for key in ("functions", "functions_before", "code_bytes")}
            rows[name]["wasm_opt"] = optimized(optimizer, snapshot, target) if optimizer else "–"
    return rows


def optimized(optimizer, snapshot, target):
    """Bytes that wasm-opt leaves, or why there are none."""
    arguments = [*FEATURES, "-Oz", "--remove-unused-module-elements"]
    command = [*shlex.split(optimizer), *arguments, str(snapshot), "-o", str(target)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"not within {PATIENCE} s"
    return target.stat().st_size if done.returncode == 0 else "fails"


def median(values):
    return statistics.median(values)


if __name__ == "__main__":
    main()
