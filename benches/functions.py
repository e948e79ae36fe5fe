#!/usr/bin/env python3
"""Writes a module of many functions, all of them in a table that init turns around: functions.py COUNT FILE

    python3 benches/functions.py 200000 functions.wasm
    /usr/bin/time -v target/release/preinit functions.wasm --no-cache -o out.wasm

With `--measure PREINIT` it says what that takes: seconds and the peak of memory. `--still` has an init that leaves the table as it is:
Wizer refuses to change one. With it, `--wizer FILE` (any number) measures that, too, in turn.
"""

import argparse
import os
import subprocess
import tempfile
import time


def leb(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value):
    out = bytearray()
    while not -64 <= value < 64:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def section(number, entries, count=None):
    contents = leb(len(entries) if count is None else count) + b"".join(entries)
    return bytes([number]) + leb(len(contents)) + contents


def body(code, local_types=b"\0"):
    contents = local_types + code + b"\x0b"
    return leb(len(contents)) + contents


def module(count, is_still):
    """Functions 0 to count - 1 answer differently; then `preinit` and `query(i32) -> i32`."""
    types = [b"\x60\0\x01\x7f", b"\x60\0\0", b"\x60\x01\x7f\x01\x7f"]
    functions = [b"\0"] * count + [b"\1", b"\2"]
    code = []
    for n in range(count):
        code.append(body(b"\x41" + signed(n) + b"\x41" + signed(n % 977) + b"\x6c\x41\x07\x73"))
    size = signed(count)
    # Swaps slot i with slot count - 1 - i.
    turned = (
        b"\x41\0\x21\0\x03\x40"
        + b"\x20\0\x25\0\x21\1"
        + b"\x20\0\x41" + size + b"\x41\1\x6b\x20\0\x6b\x25\0\x26\0"
        + b"\x41" + size + b"\x41\1\x6b\x20\0\x6b\x20\1\x26\0"
        + b"\x20\0\x41\1\x6a\x22\0\x41" + signed(count // 2) + b"\x49\x0d\0\x0b"
    )
    code.append(body(b"" if is_still else turned, b"\2\1\x7f\1\x70"))
    code.append(body(b"\x20\0\x11\0\0"))
    names = [(b"preinit", count), (b"query", count + 1)]
    exports = [leb(len(name)) + name + b"\0" + leb(index) for name, index in names]
    items = b"\0\x41\0\x0b" + leb(count) + b"".join(map(leb, range(count)))
    return (
        b"\0asm\1\0\0\0"
        + section(1, types)
        + section(3, functions)
        + section(4, [b"\x70\0" + leb(count)])
        + section(7, exports)
        + section(9, [items])
        + section(10, code)
    )


def measure(commands, wasm):
    """Tool: its options. Each gets the module and an output."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "functions.wasm")
        with open(file, "wb") as out:
            out.write(wasm)
        for tool, options in commands:
            started = time.perf_counter()
            process = subprocess.Popen([tool, file, *options, "-o", os.path.join(folder, "out.wasm")])
            _, status, usage = os.wait4(process.pid, 0)
            if os.waitstatus_to_exitcode(status) != 0:
                raise SystemExit(f"functions.py: {tool} failed")
            print(f"{tool}: {time.perf_counter() - started:.1f} s, {usage.ru_maxrss / 1024:.0f} MiB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int)
    parser.add_argument("file", nargs="?")
    parser.add_argument("--still", action="store_true", help="init leaves the table as it is")
    parser.add_argument("--measure", metavar="PREINIT")
    parser.add_argument("--wizer", metavar="FILE", action="append", default=[])
    arguments = parser.parse_args()
    wasm = module(arguments.count, arguments.still)
    if arguments.file:
        with open(arguments.file, "wb") as out:
            out.write(wasm)
    if arguments.measure:
        wizers = [(wizer, ["-f", "preinit"]) for wizer in arguments.wizer]
        measure([(arguments.measure, ["--no-cache", "-q"]), *wizers], wasm)


if __name__ == "__main__":
    main()
