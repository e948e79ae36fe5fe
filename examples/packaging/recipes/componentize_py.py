"""A Python component: that of componentize-py before it initializes it, initialized by preinit."""

import components
import in_wasmtime
from expectations import expect

ROW = {
    "runtime": "CPython 3.14, component",
    "page": "componentize-py.md",
    "package": "PyPI `componentize-py`",
    "how": "its component before its own init, and `exports#init`",
    "directory": "no",
}
QUICK = True
CALLS = [["greet", "lang7"], ["prepare"]]
ANSWERS = ['{"name": "lang7", "greeting": "greeting 5398"}', None]


def run(session):
    folder = session.follow()
    app = "examples/packaging/componentize-py"
    tool = [folder / "venv/bin/componentize-py", "-d", f"{app}/wit", "-w", "greeter", "componentize", "-p", app, "app"]
    session.run([*tool, "-o", "own.wasm"])
    options = ["--allow-wasi", "--init-func", "prepare", "--keep-init-func", "--quiet", "--no-cache", "--timeout", "30m"]
    session.run([session.preinit, "own.wasm", "-o", "warm.wasm", *options])
    for name in ("own", "app", "warm"):
        expect(f"componentize-py, {name}.wasm", components.answers(folder / f"{name}.wasm", CALLS), ANSWERS)
    session.sizes(folder / "before.wasm", folder / "app.wasm")
    if session.measuring:
        # The component before init cannot answer: the tool's own snapshot is what ours is compared with.
        files = [folder / f"{name}.wasm" for name in ("own", "app", "warm")]
        own, ours, warm = components.startup(files, CALLS[:1])
        session.start(in_wasmtime.NAME, own, ours)
        session.result["warmed up, ms"] = warm
