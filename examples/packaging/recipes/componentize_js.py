"""ComponentizeJS with preinit in the place of Wizer."""

import components
import in_v8
import in_wasmtime
from expectations import expect

ROW = {
    "runtime": "JavaScript: ComponentizeJS",
    "page": "componentize-js.md",
    "package": "npm `@bytecodealliance/componentize-js`, `lodash-es`",
    "how": "`preinit` as its `wizerBin`; before is its own Wizer's",
    "directory": "no",
}
QUICK = False
CALLS = [["find", "w7"]]
ANSWERS = ['{"id":3753,"name":"w7","sizes":{"0":1667,"1":1667,"2":1666}}']


def run(session):
    folder = session.follow()
    session.run([in_v8.node(), "make.mjs", "own.wasm"])
    files = [folder / "own.wasm", folder / "app.wasm"]
    for file in files:
        expect(f"ComponentizeJS, {file.name}", components.answers(file, CALLS), ANSWERS)
    session.sizes(*files)
    if session.measuring:
        session.start(in_wasmtime.NAME, *components.startup(files, CALLS))
