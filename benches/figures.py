"""The measured figures: `figures.json`, which the measuring scripts write, and which tables and pictures are made from.

Each script owns one key of the file. `python3 benches/page.py` makes docs/benchmarks.md and the pictures anew from it.
"""

import json
import os
from pathlib import Path

FILE = Path(__file__).resolve().parent / "figures.json"
WIDTH = 140


def load():
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def save(key, data):
    """Replaces what one script has measured, and the pages that show it."""
    import page

    everything = load()
    everything[key] = data
    FILE.write_text(dump(everything) + "\n")
    page.write(everything)


def dump(value, depth=0):
    """JSON with every object and list that fits on a line on one, so that a change of a figure is a line in a diff."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or depth + len(line) <= WIDTH:
        return line
    indent = " " * (depth + 1)
    if isinstance(value, dict):
        entries = [f"{json.dumps(key, ensure_ascii=False)}: {dump(entry, depth + 1)}" for key, entry in value.items()]
        begin, end = "{}"
    else:
        entries = [dump(entry, depth + 1) for entry in value]
        begin, end = "[]"
    return begin + "\n" + ",\n".join(indent + entry for entry in entries) + "\n" + " " * depth + end


def machine():
    model = "unknown processor"
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as info:
            models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
            model = models[0] if models else model
    system = os.uname()
    return f"{os.cpu_count()} processors of {model}, {system.sysname} {system.release.split('-')[0]} {system.machine}"
