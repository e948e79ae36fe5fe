"""Assemblies as .NET's build packs them for a browser, made such that Mono's compiler reads them: readable.py OUT FILE.wasm ...

Only for references: a field that is a reference, which that compiler does not know, becomes a pointer.
"""

import struct
import sys
from pathlib import Path

TEXT_AT, ALIGNMENT, PAGE = 0x400, 0x200, 0x2000
DATA = 11


def number(bytes_, at):
    value = shift = 0
    while True:
        byte = bytes_[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def packed(module):
    """The second of the passive data segments of a module; None for a module that is no assembly."""
    at = 8
    while at < len(module):
        kind = module[at]
        size, at = number(module, at + 1)
        if kind == DATA:
            count, at = number(module, at)
            found = []
            for _ in range(count):
                if module[at] != 1:
                    return None
                length, at = number(module, at + 1)
                found.append(module[at : at + length])
                at += length
            return found[1] if len(found) == 2 and found[1][:4] == b"WbIL" else None
        at += size
    return None


def assembly(content):
    """The file that a Windows linker would have written."""
    count, header, header_size = struct.unpack_from("<8xH2xII", content, 0)
    sections = [struct.unpack_from("<IIII", content, 28 + 16 * index) for index in range(count)]
    head = bytearray(TEXT_AT)
    head[:2] = b"MZ"
    struct.pack_into("<I", head, 0x3C, 0x80)
    head[0x80:0x84] = b"PE\0\0"
    struct.pack_into("<HHIIIHH", head, 0x84, 0x14C, count, 0, 0, 0, 224, 0x2102)
    struct.pack_into("<HBBIIIIII", head, 0x98, 0x10B, 48, 0, 0, 0, 0, 0, PAGE, 0)
    size = max(address + (length + PAGE) // PAGE * PAGE for length, address, _, _ in sections)
    fixed = (0x400000, PAGE, ALIGNMENT, 4, 0, 0, 0, 4, 0, 0, size, TEXT_AT, 0, 3, 0x8540, 1 << 20, 4096, 1 << 20, 4096, 0, 16)
    struct.pack_into("<IIIHHHHHHIIIIHHIIIIII", head, 0xB4, *fixed)
    struct.pack_into("<II", head, 0xF8 + 14 * 8, header, header_size)
    body = bytearray()
    for index, (length, address, stored, start) in enumerate(sections):
        padded = (stored + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        place = (b".text", length, address, padded, TEXT_AT + len(body), 0, 0, 0, 0, 0x60000020)
        struct.pack_into("<8sIIIIIIHHI", head, 0x178 + 40 * index, *place)
        body += content[start : start + stored] + bytes(padded - stored)
    return bytes(head + body)


out = Path(sys.argv[1])
for name in sys.argv[2:]:
    content = packed(Path(name).read_bytes())
    if content is not None:
        # A signature of four bytes: a field, a reference to the type's first parameter.
        written = assembly(content).replace(b"\4\6\x10\x13\0", b"\4\6\x0f\x13\0")
        (out / f"{Path(name).stem}.dll").write_bytes(written)
