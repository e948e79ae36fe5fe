"""Programs in V8, in a process of Node 24."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from expectations import Different, Missing
from programs import Answer

NAME = "V8"
SCRIPT = Path(__file__).with_name("in_v8.mjs")


def node():
    """The command of Node 24 or later."""
    command = os.environ.get("NODE") or shutil.which("node")
    version = command and subprocess.run([command, "--version"], text=True, capture_output=True, check=True).stdout
    if not version or int(version.strip().lstrip("v").split(".")[0]) < 24:
        raise Missing("Node 24 (npm's `node`), on PATH or in NODE")
    return command


def run(programs, seconds=0):
    """The answers of programs, and the milliseconds of each of their starts, which are made in turns for so many seconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as job:
        json.dump({"programs": [program.as_data() for program in programs], "seconds": seconds}, job)
        job.flush()
        done = subprocess.run([node(), "--no-warnings", str(SCRIPT), job.name], text=True, capture_output=True)
    if done.returncode != 0:
        raise Different(f"V8: {done.stderr.strip()[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return [Answer(**answer) for answer in found["answers"]], found["times"]
