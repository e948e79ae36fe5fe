#!/usr/bin/env python3
"""Gets the component that componentize-py makes before it initializes it, and the directories that its init reads.

    before.py OUT DIRS componentize-py ... componentize ... APP -o FILE

componentize-py has no option for it: it links the component in memory, and gives it to a Wasmtime in the same process. So this runs
it, looks for the component in the memory of that process as Linux shows it, and ends it then, before it has compiled anything.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HEADER = b"\0asm\x0d\0\x01\0"
# CPython alone is larger.
SMALLEST, LARGEST = 5 << 20, 1 << 30
LAST_SECTION = 12
# What the component exports, and what the tool adds to it before it runs it.
INIT, ADDED = b"exports#init", b"component-init"
PATIENCE = 300


def component_at(memory, at):
    """The component that begins there, as far as its sections go on."""
    end = at + len(HEADER)
    while end < len(memory) and memory[end] <= LAST_SECTION:
        size = shift = 0
        place = end + 1
        while place < len(memory):
            byte = memory[place]
            size |= (byte & 127) << shift
            shift, place = shift + 7, place + 1
            if byte < 128:
                break
        if not size or place + size > len(memory):
            break
        end = place + size
    return memory[at:end]


def mappings(process):
    """Readable memory of a process that is no file."""
    for line in pathlib.Path(f"/proc/{process}/maps").read_text().splitlines():
        found = re.match(r"([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ 0 ?", line)
        if found:
            start, end = (int(number, 16) for number in found.groups())
            if SMALLEST <= end - start <= LARGEST:
                yield start, end


def search(process):
    """The component in the memory of a process, or nothing."""
    best = b""
    with open(f"/proc/{process}/mem", "rb") as file:
        for start, end in mappings(process):
            try:
                file.seek(start)
                memory = file.read(end - start)
            except OSError:
                continue
            at = memory.find(HEADER)
            while at >= 0:
                component = component_at(memory, at)
                if len(component) >= SMALLEST and INIT in component and ADDED not in component:
                    best = max(best, component, key=len)
                at = memory.find(HEADER, at + 1)
    return best


def name_of(directory):
    """What init finds a directory as that componentize-py has made."""
    if (directory / "os.py").exists():
        return "python"
    return "bundled" if (directory / "componentize_py_types.py").exists() else "world"


def main():
    out, directories, *command = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "TMPDIR": scratch}
        process = subprocess.Popen(command, env=environment)
        try:
            known = 0
            end = time.monotonic() + PATIENCE
            while True:
                if process.poll() is not None or time.monotonic() > end:
                    sys.exit("before.py: componentize-py has ended, or no component was found in its memory")
                began = time.monotonic()
                os.kill(process.pid, signal.SIGSTOP)
                component = search(process.pid)
                # It is whole when it does not grow any more.
                if component and len(component) == known:
                    break
                known = len(component)
                os.kill(process.pid, signal.SIGCONT)
                # On a busy machine it must come forward between two searches.
                time.sleep(max(0.2, 2 * (time.monotonic() - began)))
            pathlib.Path(out).write_bytes(component)
            for made in pathlib.Path(scratch).iterdir():
                shutil.copytree(made, pathlib.Path(directories) / name_of(made))
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
