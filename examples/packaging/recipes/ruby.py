"""Ruby 3.4 as a reactor, booted, with an application and a gem loaded."""

from expectations import expect, expect_lines
from programs import Program

ROW = {
    "runtime": "Ruby 3.4",
    "page": "ruby.md",
    "package": "npm `@ruby/3.4-wasm-wasi`, a gem",
    "how": "files embedded, initialized as a reactor with a `_start`; or [under RubyVM](../ruby-vm.md)",
    "directory": "no",
}
QUICK = True


def run(session):
    folder = session.follow()
    app = folder / "app.wasm"
    before = Program(
        folder / "ruby.wasm", stdin="World\nMoon\n", dirs={"/app": folder / "examples/packaging/ruby/app", "/gems": folder / "gems"},
        calls=[["_initialize"], ["wizer.initialize"], ["_start"]],
    )
    answer = session.compare(before, Program(app, stdin=before.stdin))
    expect("ruby", (answer.out, answer.err, answer.code), ("Hello, World: 25\nHello, Moon: 16\n", "", 0))
    expect("ruby's exit code", session.answer(Program(app)).code, 3)
    failed = session.answer(Program(app, stdin="a1"))
    expect("ruby's exit code after an exception", failed.code, 1)
    expect_lines("ruby's error", failed.err, ["/app/greet.rb:12:in 'Greet.greeting': a1 is no name (ArgumentError)"])
