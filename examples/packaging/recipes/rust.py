"""A program in Rust that has compiled its rules, frozen where it reads its input."""

import debian_rust
from expectations import expect
from programs import Program

ROW = {
    "runtime": "Rust",
    "page": "rust.md",
    "package": "Rust's compiler",
    "how": "rules embedded, frozen where it reads its input",
    "directory": "no",
}
QUICK = False
LINES = "Ada Lovelace paid €12.50 on 2026-11-30\nabc\nhttps://a.b/c x@y.org 10.0.0.1\n"


def run(session):
    with debian_rust.where_it_is_needed(session.folder.parent / "debian-rust"):
        folder = session.follow()
    wasm = folder / "target/wasm32-wasip1/release/classify.wasm"
    session.advises(wasm, "--allow-wasi --at stdin")
    before = Program(wasm, stdin=LINES, dirs={"/rules": folder / "examples/packaging/rust/rules"})
    answer = session.compare(before, Program(folder / "app.wasm", stdin=LINES))
    found = [line.rsplit(": ", 1)[1] for line in answer.out.splitlines()]
    expect("rust", found, ["date, money, name", "nothing", "IPv4 address, e-mail address, web address, version"])
    expect("rust's exit code", answer.code, 0)
