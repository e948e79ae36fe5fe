#!/usr/bin/env python3
"""Times what looks at a snapshot: `preinit audit` and `preinit verify`, beside the plain run whose code they use.

    cargo build --release --bin preinit
    python3 benches/checks.py [--runs 5] [--only lua,cpython] [--write]

With the caches as an earlier run of each has left them; the three commands in turn, whole processes, medians. *Of a plain run* is the
median of the ratios of single rounds. The audit of a module whose init reads clocks or randomness runs init more often than that of
others. `--write` keeps the figures.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import figures
from compare import INPUTS, ROOT, python_library
from everyday import NAMES


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--preinit", type=Path, default=target / "release/preinit")
    parser.add_argument("--inputs", type=Path, default=Path(os.environ.get("PREINIT_INPUTS", ROOT / "../shared/inputs")))
    parser.add_argument("--only", help="inputs, separated by commas")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write the figures into the page")
    options = parser.parse_args()
    rows = {}
    for name in options.only.split(",") if options.only else NAMES:
        rows[name] = measure(name, options)
        print(name, rows[name], flush=True)
    if options.write:
        figures.save("checks", {"machine": figures.machine(), "runs": options.runs, "rows": rows})


def measure(name, options):
    """Command: its seconds, its processor time, and how many times that of a plain run."""
    source = options.inputs / f"{name}.wasm"
    init = INPUTS.get(name, ("wizer.initialize",))[0]
    dirs = [("/lib/python3.11", python_library())] if name == "cpython" else []
    maps = [f"--mapdir={guest}::{host}" for guest, host in dirs]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        home, output = Path(scratch) / "home", Path(scratch) / "out.wasm"
        (home / ".cache").mkdir(parents=True, mode=0o700)
        environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "XDG_CONFIG_HOME": str(home)}
        asked = ["--allow-wasi", "-f", init, *maps]
        commands = {
            "plain": [str(source), "-o", str(output), *asked],
            "audit": ["audit", str(source), *asked],
            "verify": ["verify", str(source), str(output), *asked],
        }

        def run(command):
            before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            done = subprocess.run([str(options.preinit), *commands[command]], env=environment, capture_output=True)
            elapsed, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
            # An audit that finds something ends with 1.
            if done.returncode not in ([0, 1] if command == "audit" else [0]):
                sys.exit(f"checks.py: {command} of {name}: {done.stderr.decode(errors='replace')[-2000:]}")
            return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

        for _ in range(2):
            run("plain")
        time.sleep(6)
        for command in ("audit", "verify"):
            run(command)
        rounds = [{command: run(command) for command in commands} for _ in range(options.runs)]
    return {
        command: {
            "seconds": statistics.median(measured[command][0] for measured in rounds),
            "processor": statistics.median(measured[command][1] for measured in rounds),
            "of_plain": statistics.median(measured[command][0] / measured["plain"][0] for measured in rounds),
        }
        for command in commands
    }


if __name__ == "__main__":
    main()
