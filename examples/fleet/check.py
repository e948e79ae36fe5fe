#!/usr/bin/env python3
"""Compares the snapshots of a fleet with those of `preinit batch`, and kills a worker in the middle.

    PREINIT=target/debug/preinit python3 examples/fleet/check.py MODULE.wasm
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
JOBS = 12


def main():
    module = Path(sys.argv[1]).resolve()
    preinit = str(Path(os.environ.get("PREINIT", "preinit")).resolve()) if os.sep in os.environ.get("PREINIT", "") else os.environ.get("PREINIT", "preinit")
    environment = {**os.environ, "PREINIT": preinit}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name in ("batch", "fleet"):
            (folder / name).mkdir()
            jobs = []
            for number in range(JOBS):
                (folder / f"{number}.in").write_text(f"input {number:04}\n")
                jobs.append({"output": str(folder / name / f"{number}.wasm"), "stdin": str(folder / f"{number}.in")})
            words = ["--allow-wasi", "--env", "MODE=fleet"]
            (folder / f"{name}.json").write_text(json.dumps({"module": str(module), "options": words, "jobs": jobs}))
        subprocess.run([preinit, "prepare", str(module), "-o", str(folder / "prepared")], check=True)
        subprocess.run([preinit, "batch", str(folder / "batch.json")], check=True)
        fleet = [sys.executable, str(HERE / "fleet.py"), str(folder / "fleet.json"), "--prepared", str(folder / "prepared")]
        running = subprocess.Popen(fleet, env=environment, stdout=subprocess.PIPE, text=True)
        killed = None
        for line in running.stdout:
            print(line, end="")
            fields = line.split()
            # The worker of the first snapshot is very likely at another one now.
            if killed is None and len(fields) == 4 and ":" in fields[2]:
                killed = int(fields[2].rsplit(":", 1)[1])
                os.kill(killed, signal.SIGKILL)
        if running.wait() != 0 or killed is None:
            sys.exit("the fleet has failed")
        for number in range(JOBS):
            left, right = (folder / name / f"{number}.wasm" for name in ("batch", "fleet"))
            if left.read_bytes() != right.read_bytes():
                sys.exit(f"job {number} differs")
    print(f"{JOBS} snapshots are those of `preinit batch`, although a worker was killed")


if __name__ == "__main__":
    main()
