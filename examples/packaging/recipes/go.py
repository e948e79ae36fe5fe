"""A server in Go, frozen after it has loaded its templates."""

import shutil

from expectations import Missing, expect, expect_lines
from programs import Program

ROW = {
    "runtime": "Go",
    "page": "go.md",
    "package": "Go's compiler",
    "how": "templates embedded, frozen where it waits for requests",
    "directory": "no",
}
QUICK = True
REQUESTS = """{"page": "greeting", "data": {"title": "a<b", "name": "</script>"}}
{"page": "list", "data": {"title": "x", "items": ["a b", "<c>"]}}
{"page": "none"}
"""


def run(session):
    if not shutil.which("go"):
        raise Missing("Go")
    folder = session.follow()
    session.advises(folder / "pages.wasm", "--allow-wasi --at stdin")
    before = Program(folder / "pages.wasm", stdin=REQUESTS, dirs={"/templates": folder / "examples/packaging/go/templates"})
    answer = session.compare(before, Program(folder / "app.wasm", stdin=REQUESTS))
    expect_lines("go", answer.out, ["<title>A&lt;B</title>", 'href="/item?name=a%20b"', "404 none"])
    expect("go's exit code", answer.code, 0)
