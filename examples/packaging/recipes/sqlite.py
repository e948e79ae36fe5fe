"""A C program that answers from a prepared SQLite database, frozen with the database open."""

from expectations import expect
from programs import Program

ROW = {
    "runtime": "SQLite, in C",
    "page": "sqlite.md",
    "package": "crate `libsqlite3-sys`",
    "how": "the database embedded, frozen with it open",
    "directory": "no",
}
QUICK = True


def run(session):
    folder = session.follow()
    session.advises(folder / "products.wasm", "--allow-wasi --at stdin")
    queries = "bace\nzuzuz\nx\n"
    before = Program(folder / "products.wasm", stdin=queries, dirs={"/data": folder / "data"})
    answer = session.compare(before, Program(folder / "app.wasm", stdin=queries))
    lines = [
        "bace: 292 products, the cheapest for 0 in City 6",
        "zuzuz: 23 products, the cheapest for 2 in City 4",
        "x: 0 products, the cheapest for 0 in no city",
    ]
    expect("sqlite", (answer.out.splitlines(), answer.code), (lines, 0))
