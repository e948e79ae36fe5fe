"""Drops from a WebAssembly file the debugging sections that naming variables does not need: slim.py FILE..."""
import sys

KEPT = {".debug_info", ".debug_abbrev", ".debug_line", ".debug_str", ".debug_addr", ".debug_str_offsets"}


def number(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


for path in sys.argv[1:]:
    data = open(path, "rb").read()
    out, at = data[:8], 8
    while at < len(data):
        size, start = number(data, at + 1)
        section = data[at : start + size]
        name = ""
        if data[at] == 0:
            length, begin = number(data, start)
            name = data[begin : begin + length].decode()
        if not name.startswith(".debug_") or name in KEPT:
            out += section
        at = start + size
    open(path, "wb").write(out)
