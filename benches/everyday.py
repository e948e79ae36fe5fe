#!/usr/bin/env python3
"""Times the build step as people have it all day: the second run and later ones, default options, default caches.

    cargo build --release --bin preinit
    python3 benches/everyday.py [--runs 9] [--only lua,quickjs] [--ruby FILE] [--json FILE] [--write]

All tools run in turn (A B C A B C ...); the figures are medians of whole processes, and medians of the ratios of single
rounds. Every tool has a home of its own, whose caches its first run fills; a pause follows, in which preinit's process of low
priority compiles for the next run. *cold* is with an empty home each time. Peers are those of WIZERS (paths of native binaries of
Wizer, separated by colons) and WASMTIME (a `wasmtime` with the command `wizer`). `--write` puts the figures into the page, with the
share of every stage in an everyday run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import figures
from compare import INPUTS, ROOT, python_library, version

NAMES = ["lua", "quickjs", "sqlite", "rust-regex", "go", "cpython", "zig", "swift", "assemblyscript"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--preinit", type=Path, default=target / "release/preinit")
    parser.add_argument("--inputs", type=Path, default=Path(os.environ.get("PREINIT_INPUTS", ROOT / "../shared/inputs")))
    parser.add_argument("--only", help="inputs, separated by commas")
    parser.add_argument("--ruby", type=Path, default=os.environ.get("RUBY_WASM"), help="what ruby.py made (RUBY_WASM)")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--pause", type=float, default=6, help="seconds after the first run (6)")
    parser.add_argument("--json", type=Path, help="write every single measurement to this file")
    parser.add_argument("--write", action="store_true", help="write the figures into the page")
    options = parser.parse_args()
    tools = find_tools(options.preinit)
    names = options.only.split(",") if options.only else [*NAMES, *(["ruby"] if options.ruby else [])]
    everything, stages = {}, {}
    for kind in ("everyday", "cold"):
        print(f"| {kind}, ms | " + " | ".join(tools) + " | preinit / best peer |")
        print("|---" * (len(tools) + 2) + "|")
        for name in names:
            times, stages_of = measure(name, kind, tools, options)
            stages.setdefault(name, stages_of)
            everything.setdefault(name, {})[kind] = times
            print(row(name, times), flush=True)
        print()
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1))
    if options.write:
        times = {
            kind: {name: summary(of_name[kind]) for name, of_name in everything.items()} for kind in ("everyday", "cold")
        }
        figures.save("everyday", {"machine": figures.machine(), "runs": options.runs, **times, "stages": stages})


def summary(times):
    """Medians in milliseconds, and what preinit takes of the time of each peer: the medians of single rounds."""
    ours, *peers = times.values()
    ratios = [statistics.median(a / b for a, b in zip(ours, peer)) for peer in peers]
    return {"ms": {tool: statistics.median(of_tool) for tool, of_tool in times.items()}, "of": dict(zip(list(times)[1:], ratios))}


def find_tools(preinit):
    """Name: function from (input, output, init, directories) to a command line."""

    def like_wizer(binary):
        def command(source, output, init, dirs):
            maps = [f"--mapdir={guest}::{host}" for guest, host in dirs]
            return [str(binary), "-f", init, "--allow-wasi", *maps, str(source), "-o", str(output)]

        return command

    tools = {"preinit": like_wizer(preinit)}
    wizers = [path for path in os.environ.get("WIZERS", os.environ.get("WIZER", "")).split(":") if path]
    tools.update({f"Wizer {version(path)}": like_wizer(path) for path in wizers})
    wasmtime = os.environ.get("WASMTIME")
    if wasmtime:

        def wasmtime_wizer(source, output, init, dirs):
            maps = [f"--dir={host}::{guest}" for guest, host in dirs]
            return [wasmtime, "wizer", "-S", "cli", "-C", "cache=y", "--init-func", init, *maps, "-o", str(output), str(source)]

        tools[f"wasmtime wizer {version(wasmtime)}"] = wasmtime_wizer
    if len(tools) == 1:
        print("everyday.py: no peer is in WIZERS or WASMTIME", file=sys.stderr)
    return tools


def measure(name, kind, tools, options):
    """Tool: its times in milliseconds, in turn with those of the others; and the stages of preinit's in milliseconds."""
    init = INPUTS.get(name, ("wizer.initialize",))[0]
    dirs = [("/lib/python3.11", python_library())] if name == "cpython" else []
    source = options.ruby if name == "ruby" else options.inputs / f"{name}.wasm"
    times = {tool: [] for tool in tools}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        homes = {tool: Path(scratch) / f"home{at}" for at, tool in enumerate(tools)}

        def run(tool, home, *more):
            home.mkdir(exist_ok=True, mode=0o700)
            output = Path(scratch) / "out.wasm"
            environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "XDG_CONFIG_HOME": str(home)}
            (home / ".cache").mkdir(exist_ok=True, mode=0o700)
            started = time.perf_counter()
            done = subprocess.run([*tools[tool](source, output, init, dirs), *more], env=environment, capture_output=True)
            elapsed = (time.perf_counter() - started) * 1e3
            if done.returncode != 0:
                sys.exit(f"everyday.py: {tool} on {name}: {done.stderr.decode(errors='replace')}")
            return elapsed

        if kind == "everyday":
            for tool, home in homes.items():
                run(tool, home)
                run(tool, home)
            time.sleep(options.pause)
            # Where the optimized code is not there yet, the row is not that of an everyday run.
            report = Path(scratch) / "tier.json"
            run("preinit", homes["preinit"], f"--report={report}")
            made = json.loads(report.read_text())
            print(f"{name}: {made['compiler']} ({made['compiler_choice']})", file=sys.stderr)
        for number in range(options.runs):
            for tool, home in homes.items():
                fresh = home if kind == "everyday" else Path(f"{home}-{number}")
                times[tool].append(run(tool, fresh))
        return times, stages_of_runs(run, homes["preinit"], Path(scratch) / "report.json", options.runs)


def stages_of_runs(run, home, report, runs):
    """Medians; *process* is what the whole process takes besides: its start, reading, the cache's directory, writing, its end."""
    each = []
    for _ in range(runs):
        elapsed = run("preinit", home, f"--report={report}")
        timings = {stage: seconds * 1e3 for stage, seconds in json.loads(report.read_text())["timings"].items()}
        each.append({**timings, "process": elapsed - timings["total"]})
    return {stage: statistics.median(timings[stage] for timings in each) for stage in each[0]}


def row(name, times):
    cells = [f"{statistics.median(of_tool):.0f}" for of_tool in times.values()]
    ours, *peers = times.values()
    ratios = [statistics.median(a / b for a, b in zip(ours, peer)) for peer in peers]
    return f"| {name} | " + " | ".join(cells) + f" | {max(ratios):.2f} |" if ratios else f"| {name} | {cells[0]} | |"


if __name__ == "__main__":
    main()
