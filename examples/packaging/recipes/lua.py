"""Lua with a program of several modules, frozen where it reads its input."""

from expectations import expect
from programs import Program

ROW = {
    "runtime": "Lua 5.4",
    "page": "lua.md",
    "package": "crate `lua-src`",
    "how": "files embedded, frozen where it reads its input",
    "directory": "no",
}
QUICK = True


def run(session):
    folder = session.follow()
    session.advises(folder / "lua.wasm", "--allow-wasi --at stdin")
    lines = "1 + 2\n99 * 1001\nmax(2 ^ 10, 7)\nfoo(\n"
    dirs = {"/app": folder / "examples/packaging/lua/app"}
    before = Program(folder / "lua.wasm", ["lua", "/app/main.lua"], lines, dirs=dirs)
    answer = session.compare(before, Program(folder / "app.wasm", stdin=lines))
    expected = "1 + 2 = three\n99 * 1001 = ninety-nine thousand ninety-nine\nmax(2 ^ 10, 7) = one thousand twenty-four\n"
    expected += "error: input:1: unexpected symbol near <eof>\n"
    expect("lua", (answer.out, answer.code), (expected, 0))
