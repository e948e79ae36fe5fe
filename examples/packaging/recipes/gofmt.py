"""Go's formatter, made by TinyGo, with its constructors run."""

from expectations import expect
from programs import Program

ROW = {
    "runtime": "gofmt",
    "page": "tools.md#gofmt",
    "package": "npm `@wasm-fmt/gofmt`",
    "how": "constructors run",
    "directory": "no",
}
QUICK = True
SOURCE = "package main\nfunc main(){x:=1\n_=x}"


def calls(at):
    """Formats the source; the results that count begin at this place."""
    yield from [["alloc", len(SOURCE)], {"write": SOURCE, "at": at}, ["format"], ["output_ptr"], ["output_len"]]
    yield {"read": at + 3, "length": at + 4}


def run(session):
    folder = session.follow()
    before = Program(folder / "node_modules/@wasm-fmt/gofmt/gofmt.wasm", calls=[["_initialize"], *calls(1)])
    session.advises(before.file, "-f _initialize")
    after = Program(folder / "app.wasm", calls=[*calls(0)])
    found, expected = (session.answer(program).results[-1] for program in (after, before))
    expect("gofmt", (found, expected), ("package main\n\nfunc main() {\n\tx := 1\n\t_ = x\n}\n",) * 2)
    session.measure(before, after)
