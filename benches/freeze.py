#!/usr/bin/env python3
"""Freezes real commands in the middle, feeds the frozen ones ten scripts each, and measures what it gains.

    cargo build --release --bin preinit
    test-programs/commands/build.sh /tmp/commands
    python3 benches/freeze.py --commands /tmp/commands [--write]     # --write keeps the figures

Each command is frozen where it first reads standard input, after real work. Every script of
test-programs/commands/scripts is then given to the original and to the frozen module, in Wasmtime and in V8; standard
output, standard error and exit codes must be equal, and those of the original the same twice. Start-up is from a compiled
module to the end of a script that writes one line and exits: rounds of one start of the original and ten of the frozen
module; medians of the rounds' medians. The ratio is that of processor time, which other work on the machine distorts
less. The exit code is 1 if anything differs.

Engines: Python's `wasmtime` package in this Python or in WASMTIME_PYTHON, Node 24 on PATH or in NODE.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import figures
import tables
from compare import find_engines, measure, median

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SCRIPTS = ROOT / "test-programs/commands/scripts"

# name: module, command line, what it has done when it reads, a script that writes a line and exits, scripts' folder.
COMMANDS = {
    "CPython": (
        "python.wasm",
        ["python", "-c", "import json, re, sys, collections, dataclasses; exec(sys.stdin.read())"],
        "imported `json`, `re`, `collections`, `dataclasses`",
        "import os\nos.write(1, b'ready\\n')\nos._exit(0)\n",
        "python",
    ),
    "QuickJS": (
        "qjs.wasm",
        ["qjs", "--std", "-I", "/app/bundle.js", "-e", "std.evalScript(std.in.readAsString())"],
        "loaded lodash and acorn, 0.8 MB of source",
        "console.log('ready'); std.exit(0);\n",
        "quickjs",
    ),
    "Lua": (
        "lua.wasm",
        ["lua", "-e", "package.path='/app/?.lua'", "-l", "library", "-"],
        "loaded a library that indexed 20,000 words",
        "io.write('ready\\n') os.exit(0)\n",
        "lua",
    ),
    "Go": (
        "words.wasm",
        ["words"],
        "indexed 20,000 words, compiled regexps and a template, started goroutines",
        "greet ready\nexit 0\n",
        "go",
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--preinit", type=Path, default=target / "release/preinit")
    parser.add_argument("--commands", type=Path, required=True, help="where test-programs/commands/build.sh put its output")
    parser.add_argument("--only", help="commands, separated by commas")
    parser.add_argument("--runs", type=int, default=5, help="runs of preinit for each command (5)")
    parser.add_argument("--seconds", type=float, default=6, help="seconds of start-ups in each engine (6)")
    parser.add_argument("--originals", action="store_true", help="do not freeze: only show what the originals do")
    parser.add_argument("--answers", action="store_true", help="freeze and compare only: no measurements")
    parser.add_argument("--keep", type=Path, help="keep the frozen modules and all outputs in this folder")
    parser.add_argument("--write", action="store_true", help="keep the figures in figures.json and make docs/benchmarks.md")
    options = parser.parse_args()

    names = options.only.split(",") if options.only else list(COMMANDS)
    unknown = [name for name in names if name not in COMMANDS]
    if unknown:
        parser.error(f"no such command: {', '.join(unknown)}; there are {', '.join(COMMANDS)}")
    # The runners stand beside those of compare.py.
    engines = {
        engine: [*command[:-1], command[-1].replace("startup_", "freeze_")]
        for engine, command in find_engines(target).items()
        if len(command) > 1
    }
    if not engines:
        sys.exit("freeze.py: there is no engine to run anything in")
    if not options.originals and not options.preinit.exists():
        sys.exit(f"freeze.py: there is no {options.preinit}; `cargo build --release --bin preinit` makes it")

    rows, compared, differences = {}, 0, []
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            folder = (options.keep or Path(scratch)).resolve() / name
            folder.mkdir(parents=True, exist_ok=True)
            modules = {"original": options.commands.resolve() / COMMANDS[name][0]}
            frozen = None
            if options.originals:
                # Shows what differs from run to run by itself.
                modules["again"] = modules["original"]
            else:
                frozen = freeze(name, options, folder / "frozen.wasm")
                modules["frozen"] = folder / "frozen.wasm"
            rows[name] = {"frozen": frozen, "size": {m: os.path.getsize(f) for m, f in modules.items()}, "ms": {}}
            for engine, command in engines.items():
                results = run(name, command, modules, folder / engine.split()[0], options)
                rows[name]["ms"][engine] = {module: result["ms"] for module, result in results.items()}
                found, scripts = differences_of(name, engine, results, folder / engine.split()[0], options.originals)
                differences += found
                compared += scripts
            print(f"{name}: done", file=sys.stderr, flush=True)
    for difference in differences:
        print(f"DIFFERENT: {difference}", file=sys.stderr)
    print(f"{compared} runs of scripts compared, {len(differences)} differ", file=sys.stderr)
    if options.originals or options.answers or differences:
        sys.exit(1 if differences else 0)
    measured = {"machine": figures.machine(), "runs": options.runs, "compared": compared}
    measured["commands"] = {name: summary(name, row) for name, row in rows.items()}
    if options.write:
        figures.save("freeze", measured)
    else:
        print(tables.frozen(measured))


def freeze(name, options, output):
    """Measurements of preinit freezing the command where it first reads standard input, without and with a cache."""
    module, argv, *_ = COMMANDS[name]
    command = [str(options.preinit), str(options.commands / module), "-o", str(output), "--allow-wasi", "--at", "stdin"]
    command += [f"--mapdir=/app::{options.commands / 'app'}"]
    for argument in argv:
        command += ["--arg", argument]
    if options.answers:
        measure([*command, "--no-cache"])
        return None
    frozen = {}
    for kind, cache in (("warm", ["--cache-dir", str(output.parent / "cache")]), ("cold", ["--no-cache"])):
        # The first run warms the cache, and that of files.
        runs = [measure([*command, *cache]) for _ in range(options.runs + 1)][1:]
        frozen[kind] = {what: median([run[what] for run in runs]) for what in runs[0]}
    return frozen


def run(name, command, modules, folder, options):
    """Per module, the exit code of each script and, by rounds, wall and processor milliseconds to start; the outputs are left in the folder."""
    folder.mkdir(exist_ok=True)
    first = folder / "first"
    first.write_text(COMMANDS[name][3])
    outputs = {
        module: [[str(folder / f"{module}.{script.stem}.{kind}") for kind in ("out", "err")] for script in scripts(name)]
        for module in modules
    }
    job = {
        "modules": {module: str(file) for module, file in modules.items()},
        "argv": COMMANDS[name][1],
        "dirs": {"/app": str(options.commands / "app")},
        "scripts": [str(script) for script in scripts(name)],
        "outputs": outputs,
        "first": str(first),
        "first_output": str(folder / "first.out"),
        # In a round the original goes first, once: it works so much longer.
        "starts": {module: 10 if module == "frozen" else 1 for module in modules},
        "seconds": 0 if options.originals or options.answers else options.seconds,
    }
    done = subprocess.run([*command, json.dumps(job)], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"freeze.py: {name} failed with {command[-1]}")
    return json.loads(done.stdout)


def scripts(name):
    found = sorted((SCRIPTS / COMMANDS[name][4]).iterdir())
    assert found, f"no scripts for {name}"
    return found


def differences_of(name, engine, results, folder, show):
    """What differs between the two modules, and how many scripts were compared."""
    original, other = results
    found = []
    for at, script in enumerate(scripts(name)):
        codes = [results[module]["codes"][at] for module in results]
        if codes[0] != codes[1]:
            found.append(f"{name} {script.name} in {engine}: exit {codes[0]} became {codes[1]}")
        sizes = []
        for kind in ("out", "err"):
            texts = [(folder / f"{module}.{script.stem}.{kind}").read_bytes() for module in results]
            sizes.append(len(texts[0]))
            if texts[0] != texts[1]:
                where = next((i for i, (a, b) in enumerate(zip(*texts)) if a != b), min(map(len, texts)))
                parts = [text[max(0, where - 40) : where + 80] for text in texts]
                found.append(f"{name} {script.name} in {engine}, std{kind} from byte {where}: {parts[0]!r} became {parts[1]!r}")
        if show:
            print(f"{name} {script.name} in {engine}: exit {codes[0]}, {sizes[0]} and {sizes[1]} bytes", file=sys.stderr)
    return found, len(scripts(name))


def summary(name, row):
    """One command's figures, as medians."""
    frozen = {kind: {"wall": round(run["wall"], 2), "processor": round(run["processor"], 2)} for kind, run in row["frozen"].items()}
    frozen["cold"]["mib"] = round(row["frozen"]["cold"]["peak"])
    summed = {"having": COMMANDS[name][2], "cold": frozen["cold"], "warm": frozen["warm"]}
    summed["mb"] = [round(row["size"][module] / 1e6, 2) for module in ("original", "frozen")]
    summed["ms"] = {}
    for engine, times in row["ms"].items():
        wall, processor = (
            {module: [median([start[at] for start in starts]) for starts in rounds] for module, rounds in times.items()}
            for at in (0, 1)
        )
        factor = median([before / after for before, after in zip(processor["original"], processor["frozen"])])
        original, after = round(median(wall["original"]), 2), round(median(wall["frozen"]), 3)
        summed["ms"][engine] = {"original": original, "frozen": after, "factor": round(factor)}
    return summed


if __name__ == "__main__":
    main()
