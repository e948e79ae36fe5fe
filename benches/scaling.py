#!/usr/bin/env python3
"""What preinit takes for states of extreme sizes: the whole process, wall time and peak memory, against copying as many
bytes in memory.

    cargo build --release --bin preinit
    python3 benches/scaling.py [--write]     # --write keeps the figures
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import figures
import tables

ROOT = Path(__file__).resolve().parent.parent
MIB = 1 << 20


def memory(size, stride, run, memory64=False):
    """Init writes `run` bytes every `stride` bytes; a trailing page keeps the last write inside."""
    ty, wrap = ("i64 ", "") if memory64 else ("", "i32.wrap_i64 ")
    at = f"({wrap}(local.get $at))" if wrap else "(local.get $at)"
    length = f"({'i64' if memory64 else 'i32'}.const {run})"
    return f"""(module (memory (export "memory") {ty}{size >> 16})
      (func (export "preinit") (local $at i64)
        (loop $next
          (memory.fill {at} (i32.const 7) {length})
          (local.set $at (i64.add (local.get $at) (i64.const {stride})))
          (br_if $next (i64.le_u (i64.add (local.get $at) (i64.const {run})) (i64.const {size}))))))"""


def table(size):
    return f"""(module (table {size} funcref) (elem declare func $f) (func $f)
      (func (export "preinit") (local $at i32)
        (loop $next
          (table.set (local.get $at) (ref.func $f))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $at) (i32.const {size}))))))"""


# what, text, options, bytes that have to be copied at least, unit and number of units
CASES = [
    ("an empty module", '(module (func (export "preinit")))', [], 0, None),
    ("64 MiB of memory, dense", memory(64 * MIB, 65536, 65536), [], 64 * MIB, ("MiB", 64)),
    ("256 MiB of memory, dense", memory(256 * MIB, 65536, 65536), [], 256 * MIB, ("MiB", 256)),
    ("1 GiB of memory, dense", memory(1024 * MIB, 65536, 65536), [], 1024 * MIB, ("MiB", 1024)),
    ("256 MiB, a page in two", memory(256 * MIB, 8192, 4096), [], 128 * MIB, ("MiB", 256)),
    ("256 MiB, a page in 16", memory(256 * MIB, 65536, 4096), [], 16 * MIB, ("MiB", 256)),
    ("1 GiB, a page in 8 MiB", memory(1024 * MIB, 8 * MIB, 4096), [], MIB // 2, ("MiB", 1024)),
    ("4 GiB less a page, a page in 8 MiB", memory(4096 * MIB - 65536, 8 * MIB, 4096), [], 2 * MIB, ("MiB", 4096)),
    ("64-bit memory of 8 GiB, a page in 8 MiB", memory(8192 * MIB, 8 * MIB, 4096, True), ["--max-memory", "16GiB"],
     4 * MIB, ("MiB", 8192)),
    ("10,000 islands of a byte", memory(16 * MIB, 1600, 1), ["--layout", "compact"], 0, ("segment", 10_000)),
    ("100,000 islands of a byte", memory(16 * MIB, 160, 1), ["--layout", "compact"], 0, ("segment", 100_000)),
    ("the same, at most 10,000 segments", memory(16 * MIB, 160, 1), [], 0, ("island", 100_000)),
    ("150,000 islands of a byte in 586 MiB", memory(586 * MIB, 4096, 1), [], 0, ("island", 150_016)),
    ("the same, compact", memory(586 * MIB, 4096, 1), ["--layout", "compact"], 0, ("island", 150_016)),
    ("a table of 100,000", table(100_000), [], 0, ("element", 100_000)),
    ("a table of 1,000,000", table(1_000_000), [], 0, ("element", 1_000_000)),
]


def measure(command):
    started = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"scaling.py: {' '.join(command)} ended with {process.returncode}")
    return wall, usage.ru_maxrss / 1024


def memcpy(size):
    """Seconds to copy so many bytes to memory that was never touched, as an output's is. In a process of its own, whose
    peak of memory its children would otherwise start with."""
    script = (
        "import sys, time\nsource, times = b'1' * int(sys.argv[1]), []\n"
        "for _ in range(3):\n"
        "    started = time.perf_counter(); copy = bytearray(source); times.append(time.perf_counter() - started)\n"
        "    del copy\n"
        "print(min(times))"
    )
    return float(subprocess.run([sys.executable, "-c", script, str(size)], check=True, capture_output=True).stdout)


def scaled(seconds, peak, units):
    if units is None:
        return "–", "–"
    unit, number = units
    time, room = seconds / number, peak * MIB / number
    time = f"{time * 1e3:.2f} ms" if time >= 1e-3 else f"{time * 1e6:.2f} µs" if time >= 1e-7 else f"{time * 1e9:.0f} ns"
    room = f"{room / MIB:.2f} MiB" if room >= MIB else f"{room / 1024:.1f} KiB" if room >= 1024 else f"{room:.0f} B"
    return f"{time} per {unit}", f"{room} per {unit}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--preinit", type=Path, default=target / "release/preinit")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="keep the figures in figures.json and make docs/benchmarks.md")
    options = parser.parse_args()
    rows = []
    empty = None
    with tempfile.TemporaryDirectory() as folder:
        for what, text, extra, copied, units in CASES:
            source, output = Path(folder, "in.wat"), Path(folder, "out.wasm")
            source.write_text(text)
            command = [str(options.preinit), "-q", "--no-cache", *extra, str(source), "-o", str(output)]
            runs = [measure(command) for _ in range(options.runs)]
            wall = statistics.median(wall for wall, _ in runs)
            peak = statistics.median(peak for _, peak in runs)
            empty = empty or (wall, peak)
            by_time, by_memory = scaled(max(wall - empty[0], 0), max(peak - empty[1], 0), units)
            copies = round((wall - empty[0]) / memcpy(copied), 1) if copied >= 16 * MIB else None
            rows.append({"state": what, "seconds": round(wall, 3), "mib": round(peak), "time_by_unit": by_time,
                         "memory_by_unit": by_memory, "memcpy": copies})
            print(f"scaling.py: {what}: {wall:.3f} s", file=sys.stderr, flush=True)
    measured = {"machine": figures.machine(), "runs": options.runs, "rows": rows}
    if options.write:
        figures.save("scaling", measured)
    else:
        print(tables.scaling(measured))


if __name__ == "__main__":
    main()
