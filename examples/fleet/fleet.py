#!/usr/bin/env python3
"""Makes the snapshots of a `jobs.json` of `preinit batch` on a Ray cluster.

    pip install ray preinit
    preinit prepare engine.wasm -o engine.prepared
    python3 fleet.py jobs.json --prepared engine.prepared            # a cluster of its own on this machine
    python3 fleet.py jobs.json --prepared engine.prepared --address auto

The module is compiled once, on a machine of the same kind as the workers. The workers need `preinit` (or PREINIT) and nothing
else: module, code and inputs travel to them, snapshots travel back, and are written here. A task whose worker dies is run
again elsewhere.
"""

import argparse
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ray


@ray.remote(num_cpus=1, max_retries=5)
def snapshot(module, prepared, options, stdin):
    """The snapshot, or None and what preinit said; where, and in which time."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "in.wasm").write_bytes(module)
        (folder / "in.prepared").write_bytes(prepared)
        words = [os.environ.get("PREINIT", "preinit"), str(folder / "in.wasm"), "-o", str(folder / "out.wasm")]
        words += ["--prepared", str(folder / "in.prepared"), *options]
        done = subprocess.run(words, input=stdin, capture_output=True)
        wasm = (folder / "out.wasm").read_bytes() if done.returncode == 0 else None
    message = done.stderr.decode(errors="replace").strip()
    return wasm, message, f"{socket.gethostname()}:{os.getpid()}", time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", type=Path)
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--address", help="of a cluster that is there; by default one is started here")
    parser.add_argument("--workers", type=int, default=2, help="of the cluster that is started here (2)")
    options = parser.parse_args()
    batch = json.loads(options.jobs.read_text())
    if options.address:
        ray.init(address=options.address, log_to_driver=False)
    else:
        ray.init(num_cpus=options.workers, include_dashboard=False, log_to_driver=False)
    # Once to each machine, however many jobs there are.
    module = ray.put(Path(batch["module"]).read_bytes())
    prepared = ray.put(options.prepared.read_bytes())
    running = {}
    for job in batch["jobs"]:
        stdin = Path(job["stdin"]).read_bytes() if "stdin" in job else b""
        words = [*batch.get("options", []), *job.get("options", [])]
        running[snapshot.remote(module, prepared, words, stdin)] = job
    failed = 0
    print(f"{'output':40} {'seconds':>8}  {'worker':28} SHA-256")
    while running:
        [finished], _ = ray.wait(list(running), num_returns=1)
        output = Path(running.pop(finished)["output"])
        wasm, message, worker, seconds = ray.get(finished)
        if wasm is None:
            failed += 1
            print(f"{output!s:40} {seconds:8.3f}  {worker:28} {message}")
            continue
        # Under another name until all of it is there.
        unfinished = output.with_name(f".{output.name}.unfinished")
        unfinished.write_bytes(wasm)
        unfinished.replace(output)
        print(f"{output!s:40} {seconds:8.3f}  {worker:28} {hashlib.sha256(wasm).hexdigest()}", flush=True)
    ray.shutdown()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
